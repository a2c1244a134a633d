import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.agreement import LocalAgreement
from asr.types import Word


def words(text: str, start: float = 0.0) -> list[Word]:
    return [Word(piece, start + at, start + at + 1) for at, piece in enumerate(text.split())]


@pytest.mark.parametrize(
    ("hypotheses", "text", "stable"),
    [
        (["what"], "what", ""),
        (["what", "what is"], "what is", "what"),
        (["What,", "what is"], "what is", "what"),  # case and punctuation are no disagreement
        (["what is", "what was the"], "what was the", "what"),
        (["what is the", "what is the", "what is the lake"], "what is the lake", "what is the"),
        (["a b", "a b", "x b c", "x b c d"], "a b c d", "a b c"),  # a stable word is not rewritten
        (
            ["black list", "black list", "blacklist is", "blacklist is on"],
            "black list is on",
            "black list is",
        ),
        (["a b c", "a b c", "a b", "a b c d"], "a b c d", "a b c"),  # one too short reading loses nothing
        (["a b", "a b", "", "a b c"], "a b c", "a b"),
        (["no", "no no", "no no no"], "no no no", "no no"),  # repeated words count
    ],
)
def test_two_agreeing_hypotheses_make_words_stable(hypotheses: list[str], text: str, stable: str) -> None:
    agreement = LocalAgreement()
    for hypothesis in hypotheses:
        belief = agreement.update(words(hypothesis))
    assert (belief.text, belief.stable_text) == (text, stable)


def test_a_word_at_the_very_end_of_the_audio_waits() -> None:
    agreement = LocalAgreement()
    agreement.update(words("a b"), until=1.5)
    assert agreement.update(words("a b"), until=1.5).stable_text == "a"
    assert agreement.update(words("a b"), until=2.5).stable_text == "a b"


def test_trimmed_words_stay_said_but_are_not_looked_for() -> None:
    agreement = LocalAgreement()
    agreement.update(words("a b c"))
    agreement.update(words("a b c d"))
    assert agreement.trim(before=2.5) == 2.0  # "b" ends there, "c" at 3
    belief = agreement.update(words("c d", start=2.0))
    assert (belief.text, belief.stable_text) == ("a b c d", "a b c d")
    assert agreement.trim(before=0.0) == 2.0


def test_words_whose_audio_must_go_are_settled() -> None:
    agreement = LocalAgreement()
    agreement.update(words("a b c"))
    agreement.settle(before=2.0)
    assert agreement.hypothesis.stable_text == "a b"
    assert agreement.update(words("c d", start=2.0)).text == "a b c d"


@given(
    st.lists(
        st.one_of(st.lists(st.sampled_from(["a", "b", "c"]), max_size=6), st.floats(0, 6)),
        max_size=20,
    )
)
def test_what_is_stable_is_never_taken_back(steps: list[list[str] | float]) -> None:
    agreement = LocalAgreement()
    before = agreement.hypothesis
    for step in steps:
        if isinstance(step, float):
            agreement.trim(step)
        else:
            agreement.update(words(" ".join(step)), until=5.0)
        belief = agreement.hypothesis
        assert before.stable <= belief.stable <= len(belief.words)
        assert belief.words[: before.stable] == before.words[: before.stable]
        before = belief
