"""Words as evidence: what counts as the same word, a number, a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.llm.words import content, covered_words, names, same, sentences, stem, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two hundred and five lakes", ["205", "lakes"]),
        ("nineteen thirty one", ["1931"]),
        ("eighteen ninety-four", ["1894"]),
        ("twenty twenty six", ["2026"]),
        ("1,840 metres", ["1840", "metres"]),
        ("three thousand two hundred", ["3200"]),
        ("two thousand and three", ["2003"]),
        ("one two three", ["1", "2", "3"]),
        ("bread and seven eggs", ["bread", "and", "7", "eggs"]),
        ("the lake’s depth", ["the", "lake", "depth"]),
        ("", []),
    ],
)
def test_numbers_become_digits(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        ("eruption", "erupted", True),
        ("leaves", "leave", True),
        ("baked", "bake", True),
        ("bikal", "baikal", True),
        ("sorvick", "sorvik", True),
        ("wechly", "wetchley", True),
        ("tittycaca", "titicaca", True),
        ("tanganica", "tanganyika", True),
        ("seven", "eleven", False),
        ("lake", "like", False),
        ("deep", "deer", False),
        ("printer", "printed", False),
        ("huron", "heron", False),
        ("214", "241", False),
        ("7", "seven", False),
    ],
)
def test_sameness_tolerates_inflection_and_misspelt_names(a: str, b: str, alike: bool) -> None:
    assert same(a, b) is alike
    assert same(b, a) is alike


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Mr. Smith met Dr. Jones. He was 5. The end.",
            ["Mr. Smith met Dr. Jones.", "He was 5.", "The end."],
        ),
        ("It is 3.5 metres. Really?", ["It is 3.5 metres.", "Really?"]),
        ("No full stop", ["No full stop"]),
        ("  ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_content_and_names() -> None:
    assert content("Please tell me how long the lake is") == ["lake"]
    assert names("How deep is Lake Como in Italy?") == ["lake", "como", "italy"]
    assert names("Where is it?") == []


def test_words_written_apart_are_covered() -> None:
    assert covered_words(["lark", "spur"], ["larkspur"]) == {"lark", "spur"}
    assert covered_words(["inkwell"], ["ink", "well"]) == {"inkwell"}
    assert covered_words(["price"], ["costs"]) == {"price"}


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    for word in words(text):
        assert word
        assert same(word, word)
        assert stem(word)
    assert " ".join(sentences(text)).split() == text.split()
