"""What may be said before an answer is known, and how the answer goes on from it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.llm.continuing import continued
from duplex.llm.drafts import (
    MAX_WORDS,
    Evidence,
    Writing,
    permitted,
    plain,
    quoted,
    subject,
    topic,
)
from duplex.llm.types import Token

PASSAGE = "Lake Baikal is a lake in Siberia. The lake is old."


@pytest.mark.parametrize(
    ("text", "spoken", "prefix"),
    [
        ("The deepest lake in the world is Lake Baikal.", "What is the deepest lake in the world", "The deepest lake"),
        ("Lake Baikal is 1,642 metres deep.", "How deep is Lake Baikal", "Lake Baikal"),
        ("Lake Baikal holds more water than any.", "How much water has Lake Bikal", "Lake Baikal holds more water"),
        ("The Angara leaves Lake Baikal.", "Which river leaves Lake Baikal", ""),  # a name that nobody spoke
        ("More than three hundred rivers.", "How many rivers are there", ""),  # a number, and nothing before it
        ("Yes, it freezes in winter.", "Does it freeze", ""),
        ("The lake does not freeze.", "Does the lake freeze", "The lake"),
        ("The lake doesn't freeze.", "Does the lake freeze", "The lake"),
        ("It is.", "Is it", ""),  # no content
        ("The water of the Dead Sea is salty.", "Why is the Dead Sea salty", "The water"),  # no name is cut in two
        ("The water is salty. It has always been.", "Why is the water salty", "The water is salty"),
        ("", "Why", ""),
    ],
)  # fmt: skip
def test_a_prefix_holds_no_guess_at_a_fact(text: str, spoken: str, prefix: str) -> None:
    assert permitted(text, spoken) == prefix


@given(st.text(alphabet="aAbn1' .,", max_size=60), st.text(alphabet="aAbn1' .,", max_size=60))
def test_a_prefix_is_short_begins_the_draft_and_has_no_digit(text: str, spoken: str) -> None:
    prefix = permitted(text, spoken)
    assert len(prefix.split()) <= MAX_WORDS
    assert not any(letter.isdigit() for letter in prefix)
    assert " ".join(text.split()).startswith(prefix)


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("How many rivers run into Lake Baikal?", "Lake Baikal"),
        ("Why is the Dead Sea so salty?", "the Dead Sea"),
        ("Is Lake Como deeper than Lake Garda", "Lake Garda"),
        ("Which lake is the deepest?", ""),
        ("Who built Chillon' castle?", "Chillon"),
        ("", ""),
    ],
)
def test_the_subject_is_the_last_name(question: str, about: str) -> None:
    assert topic(question) == about


def test_a_subject_must_be_in_the_passage_and_be_a_name() -> None:
    known = Evidence(0.8, 0.3)
    found = subject("How old is Lake Baikal?", "Lake Baikal", PASSAGE, known)
    assert found is not None
    assert (found.text, found.source, found.evidence) == ("Lake Baikal", "topic", known)
    assert subject("How many rivers run into Lake", "Lake Baikal", PASSAGE, known) is None  # it goes on
    assert subject("How old is the dead Sea?", "The Dead Sea", "The Dead Sea is old.", known) is None
    assert subject("Which has most fish, Lake", "On lakes", "A lake has fish.", known) is None
    assert subject("How old is Lake Garda?", "Lake Baikal", PASSAGE, known) is None
    found = subject("Who saw Lake Baikal from Europe?", "Lake Baikal", PASSAGE, known)
    assert found is not None
    assert found.text == "Lake Baikal", "the last name that the passage has"


def test_a_sentence_that_will_be_quoted_begins_as_it_stands() -> None:
    found = quoted("The water is dark because of peat.", "Why is the water dark?", Evidence())
    assert found is not None
    assert found.text == "The water is dark because"
    assert quoted("Olkhon is an island.", "What is the largest island", Evidence()) is None


@pytest.mark.parametrize(
    ("begun", "answer", "rest", "how"),
    [
        ("Lake Baikal is", "Lake Baikal is 1,642 metres deep.", "1,642 metres deep.", "follows"),
        ("lake baikal is", "Lake Baikal is deep.", "deep.", "follows"),
        ("As for Lake Baikal,", "The lake is deep.", "the lake is deep.", "follows"),
        ("As for Lake Baikal,", "Olkhon is the largest.", "Olkhon is the largest.", "follows"),
        ("Well,", "I'm sorry, I don't know that.", "I'm sorry, I don't know that.", "follows"),
        ("On Lake Baikal:", "It is deep.", "it is deep.", "follows"),
        ("As for Lake Baikal,", "Lake Baikal is deep.", "it is deep.", "follows"),
        ("The Dead Sea, then:", "The Dead Sea's water is salty.", "its water is salty.", "follows"),
        ("On Mary Shelley:", "Mary Shelley was a writer.", "Mary Shelley was a writer.", "follows"),
        (
            "About Lake Baikal:",
            "Lake Baikal, in Siberia, is deep.",
            "Lake Baikal, in Siberia, is deep.",
            "follows",
        ),
        ("On Lake Como:", "Lake Como in Italy is deep.", "Lake Como in Italy is deep.", "follows"),
        ("About Lake Baikal:", "Lake Garda is not.", "Lake Garda is not.", "follows"),
        ("The island", "I'm sorry, I don't know that.", "— no, I'm sorry, I don't know that.", "repair"),
        ("The largest island is", "island is Olkhon.", "Olkhon.", "overlap"),
        ("The largest island", "Olkhon is an island.", "— sorry. Olkhon is an island.", "repair"),
        ("You're welcome.", "You're welcome.", "", "follows"),
    ],
)
def test_the_answer_goes_on_from_what_was_said(begun: str, answer: str, rest: str, how: str) -> None:
    found = continued(begun, answer, lambda: "— sorry.")
    assert (found.text, found.how) == (rest, how)


@given(
    st.lists(st.sampled_from(["the", "lake", "is", "deep", "old"]), min_size=1, max_size=9), st.integers(1, 5)
)
def test_a_prefix_and_what_follows_it_are_the_answer(words: list[str], size: int) -> None:
    answer = " ".join(words)
    begun = " ".join(words[:size])
    found = continued(begun, answer)
    assert found.how == "follows"
    assert f"{begun} {found.text}".strip() == answer


def test_a_model_is_as_sure_of_a_word_as_of_its_least_sure_token() -> None:
    writing = Writing()
    tops = ((" Lake", 0.9), (" Bai", 0.5), ("kal", 0.99), (" is", 0.7))
    for text, p in tops:
        top = ((text, math.log(p)), ("x", math.log(1 - p)))
        assert not writing.add(Token(text, math.log(p), top))
    assert [round(math.exp(each.logprob), 2) for each in writing.sureness] == [0.9, 0.5, 0.7]
    assert writing.sureness[1].margin == pytest.approx(0.0)
    assert writing.add(Token(" deep.", -0.1))  # a sentence's end


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert [plain(word) for word in ("Lake’s,", "“Baikal”", "—")] == ["lake's", "baikal", ""]
