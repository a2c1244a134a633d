"""Arguments in recognised words: values by spelling and sound, numbers, patterns, and what people take back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_rag.tools.numbers import digits, in_words, numbers
from tools_rag.tools.session import current_session, put_in
from tools_rag.tools.spoken import Listener
from tools_rag.tools.templates import filled, plain
from tools_rag.tools.wanted import Cues

PIZZA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "pizza": {"enum": ["margherita", "funghi", "quattro formaggi", "diavola"]},
        "size": {"enum": ["small", "regular", "large", "twelve inch"]},
        "crust": {"enum": ["thin crust", "regular crust", "stuffed crust"]},
        "cheese": {"enum": ["cheese", "a lot of cheese", "vegan cheese", "a lot of vegan cheese"]},
        "pieces": {"type": "integer", "minimum": 1, "maximum": 20},
        "code": {"type": "string", "pattern": "^[0-9]{4}$"},
        "gift_wrap": {"type": "boolean"},
    },
}
LISTENER = Listener(PIZZA)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("A large Margherita, please.", {"size": "large", "pizza": "margherita"}),
        ("margarita, thin crust", {"pizza": "margherita", "crust": "thin crust"}),
        ("two fungi", {"pizza": "funghi", "pieces": 2}),
        ("a quatro formagi", {"pizza": "quattro formaggi"}),
        ("regular diavola", {"size": "regular", "pizza": "diavola"}),
        ("regular regular crust diavola", {"size": "regular", "crust": "regular crust", "pizza": "diavola"}),
        ("a 12 inch funghi", {"size": "twelve inch", "pizza": "funghi"}),
        ("12-inch", {"size": "twelve inch"}),
        ("stuffed", {"crust": "stuffed crust"}),
        ("with a lot of vegan cheese", {"cheese": "a lot of vegan cheese"}),
        ("with vegan", {"cheese": "vegan cheese"}),
        ("no cheese", {"cheese": None}),
        ("without the cheese", {"cheese": None}),
        ("with cheese, actually no cheese", {"cheese": None}),
        ("with vegan cheese. Oh, without the cheese.", {"cheese": None}),
        ("vegan cheese instead of cheese", {"cheese": "vegan cheese"}),
        ("a small no large funghi", {"size": "large", "pizza": "funghi"}),
        ("a small, no, large funghi", {"size": "large", "pizza": "funghi"}),
        ("a large one, not a small one", {"size": "large"}),
        ("small instead of large", {"size": "small"}),
        ("funghi. Actually, make that a diavola.", {"pizza": "diavola"}),
        ("three, no, four pieces of funghi", {"pieces": 4, "pizza": "funghi"}),
        ("forty pieces", {}),
        ("my code is four two oh 7", {"code": "4207", "pieces": None}),
        ("gift wrapped", {}),
        ("with gift wrap", {"gift_wrap": True}),
        ("no gift wrap", {"gift_wrap": False}),
        ("what time is it", {}),
        ("", {}),
    ],
)
def test_what_is_found(said: str, found: dict[str, Any]) -> None:
    got = LISTENER.find(said)
    if "code" in found:  # its digits may also count pieces, which nobody asked for
        assert got["code"] == found["code"]
    else:
        assert got == found


@given(
    st.permutations(["pizza", "size", "crust"]),
    st.sampled_from(PIZZA["properties"]["pizza"]["enum"]),
    st.sampled_from(PIZZA["properties"]["size"]["enum"]),
    st.sampled_from(PIZZA["properties"]["crust"]["enum"]),
)
def test_every_value_is_found_wherever_it_stands(order: list[str], pizza: str, size: str, crust: str) -> None:
    values = {"pizza": pizza, "size": size, "crust": crust}
    assert LISTENER.find(", ".join(values[name] for name in order)) == values


@given(st.text(max_size=400))
def test_whatever_is_said_values_are_the_schemas(said: str) -> None:
    for name, value in LISTENER.find(said).items():
        allowed = PIZZA["properties"][name].get("enum")
        assert value is None or allowed is None or value in allowed


@given(st.integers(0, 999))
def test_numbers_are_found_as_they_are_said(number: int) -> None:
    assert numbers(in_words(number)) == [(float(number), 0, len(in_words(number)))]


def test_numbers_in_a_row_are_apart_and_digits_together() -> None:
    assert [value for value, _, _ in numbers(["four", "five", "and", "two", "dozen"])] == [4, 5, 24]
    assert digits(["order", "one", "two", "7"]) == "order 127"


def test_a_number_that_was_asked_for_may_be_misheard() -> None:
    assert LISTENER.find("Up tin, no, at elevens.", "pieces") == {"pieces": 11}
    assert LISTENER.find("eight for Mary", "pieces") == {"pieces": 8}
    assert LISTENER.find("at elevens") == {}


def test_a_tool_is_meant_by_phrases_values_and_words_and_no_write_by_a_question() -> None:
    cues = Cues("order_pizza", "Order a pizza to take away.", ["can I have"], write=True)
    assert cues.score("Can I have a funghi?", 1) >= 2
    assert cues.score("I'd like to order a pizza", 0) >= 2
    assert cues.score("What is on a funghi pizza?", 1) < 2
    assert cues.score("How deep is the lake?", 0) == 0


def test_templates_put_in_plain_words_and_run_nothing() -> None:
    assert filled("{a.b}, {size} {drink}[ with {milk}].", {"a": {"b": 1}, "drink": "tea"}) == "1, tea."
    assert filled("{x.__class__} {x}!", {"x": "so"}) == "So!"
    assert plain("a\n\x07<b>*c*</b> {d}") == "a b c /b d"
    assert len(plain("word " * 500)) <= 300


def test_a_sessions_variables_cannot_leave_their_place() -> None:
    token = current_session.set({"room": "a/../b?x=1\r\nX: y"})
    try:
        assert put_in("http://h/{session.room}/{session.no}", encoded=True) == (
            "http://h/a%2F..%2Fb%3Fx%3D1%0D%0AX%3A%20y/"
        )
        assert put_in("{session.room}", encoded=False) == "a/../b?x=1X: y"
    finally:
        current_session.reset(token)
