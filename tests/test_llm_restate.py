"""Questions turned round."""

from __future__ import annotations

import pytest

from duplex.llm.drafts import Evidence, turned
from duplex.llm.restate import restated


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("What is the deepest lake in the world?", "The deepest lake in the world is"),
        ("What's the largest island of Lake Toba?", "The largest island of Lake Toba is"),
        ("Who was the first European to see it?", "The first European to see it was"),
        ("which countries share Lake Victoria", "The countries that share Lake Victoria"),
        ("Which river leaves Lake Baikal?", "The river that leaves Lake Baikal"),
        ("Which lake is the deepest?", ""),
        ("What kind of seal lives there?", ""),
        ("What river does it feed?", ""),
        ("What is the?", ""),
        ("How deep is it?", ""),
        ("", ""),
    ],
)
def test_the_beginning_of_an_answer(question: str, begins: str) -> None:
    assert restated(question) == begins


def test_of_it_at_most_five_words_are_said_and_no_number() -> None:
    found = turned("What is the deepest lake in the world?", Evidence(0.9, 0.5))
    assert found is not None
    assert (found.text, found.source) == ("The deepest lake", "restated")
    assert turned("Who was the first European to see it?", Evidence()) is None
    assert turned("How deep is it?", Evidence()) is None
