import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.guards import is_guessed, is_made_up, kept_of_loop
from asr.types import Word


def said(text: str, silent_from: int | None = None) -> list[Word]:
    """Words a quarter of a second apart; those from `silent_from` on have no audio of their own."""
    words, at = [], 0.0
    for index, piece in enumerate(text.split()):
        length = 0.0 if silent_from is not None and index >= silent_from else 0.25
        words.append(Word(piece, at, at + length))
        at += length
    return words


@pytest.mark.parametrize(
    ("text", "silent_from", "kept"),
    [
        ("press 3 to hear the message", None, 6),
        ("press 3 to hear the message Press 3 to hear", 6, 6),
        ("press 3 to hear the message Press", 6, 6),
        ("to be or not to be", None, 6),  # said twice, with audio for both
        ("no no no", None, 3),
        ("no no no no no no", 3, 3),
        ("the the the the the the the the the the the the", None, 8),
        ("I know it I know it I know it I know it I know it", None, 9),
        ("ring beep beep beep beep be", 3, 3),  # the length limit cut the last word
        ("well. Well, WELL", 1, 1),  # case and punctuation do not matter
        ("hello", None, 1),
        ("", None, 0),
    ],
)
def test_loops_are_cut_to_what_the_audio_has_words_for(text: str, silent_from: int | None, kept: int) -> None:
    assert kept_of_loop(said(text, silent_from)) == kept


@given(st.lists(st.sampled_from("abc"), max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
def test_a_cut_leaves_a_prefix_and_cuts_nothing_further(letters: list[str], voiced: list[bool]) -> None:
    words = [
        Word(letter, at, at + 0.3 * has)
        for at, (letter, has) in enumerate(zip(letters, voiced, strict=False))
    ]
    kept = kept_of_loop(words)
    assert 0 <= kept <= len(words)
    assert bool(kept) == bool(words)


@given(st.lists(st.integers(0, 10**6), unique=True, max_size=30))
def test_nothing_is_cut_where_nothing_repeats(numbers: list[int]) -> None:
    assert kept_of_loop([Word(str(number), 0, 0) for number in numbers if number > 9]) == len(
        [number for number in numbers if number > 9]
    ) or any(str(a).startswith(str(b)) for a in numbers for b in numbers if a != b)


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "looped", "made_up"),
    [
        (0.99, -1.31, False, True),  # "you" on digital silence
        (0.78, -1.91, False, True),  # "I'm going to the bathroom." on brown noise
        (0.72, -0.08, False, False),  # a clear prompt that the model doubts
        (0.07, -0.79, False, False),  # "No."
        (0.05, -1.50, False, False),  # mumbled, but speech
        (0.74, -0.57, True, True),
        (0.01, -0.10, True, False),
    ],
)
def test_made_up_text(no_speech: float, log_probability: float, looped: bool, made_up: bool) -> None:
    assert is_made_up(no_speech, log_probability, looped) == made_up


@pytest.mark.parametrize(
    ("likely", "guessed"), [((0.03, 0.1), True), ((0.03, 0.49), False), ((0.12,), False), ((0.1,), True)]
)
def test_words_of_which_none_is_likely_are_guessed(likely: tuple[float, ...], guessed: bool) -> None:
    assert is_guessed([Word("Onega", 0.0, 0.5, p) for p in likely]) is guessed
