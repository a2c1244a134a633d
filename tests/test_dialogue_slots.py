"""Tools by voice as tables: which is meant, what is asked, when it is called; and that no write comes twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.dialogue.consent import answer_of, free_answer, without_cancelled
from duplex.dialogue.slots import Again, Cancel, Pass, Say, SpokenTool, Task, Use, advance
from tools_rag.tools.spoken import Listener
from tools_rag.tools.wanted import Cues


def tool(name: str, description: str, effect: Any, confirm: str, /, **arguments: Any) -> SpokenTool:
    required = [each for each in arguments if not each.endswith("_")]
    properties = {each.rstrip("_"): schema for each, schema in arguments.items()}
    schema = {"type": "object", "properties": properties, "required": required}
    questions = {each: f"{each}?" for each in properties}
    cues = Cues(name, description, ("can I have", "I'd like"), effect == "write")
    return SpokenTool(name, schema, effect, confirm, questions, Listener(schema), cues)


DRINK = {"enum": ["latte", "mocha", "tea"]}
SIZE = {"enum": ["small", "medium", "large"]}
ORDER = tool(
    "order", "Order a drink.", "write", "{size} {drink}?", drink=DRINK, size=SIZE, milk_={"enum": ["milk"]}
)
STOCK = tool("look_up_weather", "The weather in a city.", "read", "", city={"enum": ["Turku", "Oulu"]})
BADGE = tool("badge", "Print a visitor badge.", "write", "For {visitor}?", visitor={"type": "string"})
LIGHT = tool("switch_light", "Switch the light.", "write", "", unit={"const": "hall"}, to={"enum": ["on"]})
BOOK = tool("book", "Book a table.", "write", "", people={"type": "integer"}, name={"type": "string"})
TOOLS = [ORDER, STOCK, BOOK, BADGE, LIGHT]


def played(*said: str, after: int = 0) -> list[str]:
    """What each turn comes to; the caller hears something between two."""
    state, out = Task(), []
    for place, text in enumerate(said):
        state, act = advance(TOOLS, state, text, after + place)
        match act:
            case Say(text=asked):
                out.append(asked)
            case Use(tool=name, values=values, intent=intent):
                out.append(f"{name} {intent} {' '.join(sorted(map(str, values.values())))}")
            case _:
                out.append(type(act).__name__)
    return out


@pytest.mark.parametrize(
    ("said", "acts"),
    [
        (["Can I have a large latte?", "Yes."], ["Large latte?", "order 1 large latte"]),
        (["Can I have a latte?", "Large.", "Yes"], ["size?", "Large latte?", "order 1 large latte"]),
        (
            ["Can I have a large latte?", "No, make that a small.", "OK"],
            ["Large latte?", "Small latte?", "order 1 latte small"],
        ),
        (
            ["Can I have a large latte?", "Yes, but a mocha", "yep"],
            ["Large latte?", "Large mocha?", "order 1 large mocha"],
        ),
        (
            ["Can I have a large latte?", "No.", "A mocha", "Yes"],
            ["Large latte?", "What should I change?", "Large mocha?", "order 1 large mocha"],
        ),
        (
            ["Can I have a large tea?", "Wait, is there milk in it?", "Okay, then yes."],
            ["Large tea?", "Pass", "order 1 large tea"],
        ),
        (
            ["Can I have a large tea?", "What about milk?", "Yes."],
            ["Large tea?", "Large tea?", "order 1 large milk tea"],
        ),
        (["Can I have a large tea?", "No. No, that's fine."], ["Large tea?", "order 1 large tea"]),
        (
            ["I'd like a visitor badge.", "For Mary Stone.", "No, for Mary Stein.", "Yes."],
            ["visitor?", "For Mary Stone?", "For Mary Stein?", "badge 1 Mary Stein"],
        ),
        (
            ["I'd like a visitor badge.", "For Mary Stone.", "No, that's wrong.", "Yes."],
            ["visitor?", "For Mary Stone?", "What should I change?", "For Mary Stone?"],
        ),
        (["Can I have a large, no, a small latte?", "Yes."], ["Small latte?", "order 1 latte small"]),
        (["Can I have a large latte?", "Never mind.", "Yes."], ["Large latte?", "Cancel", "Pass"]),
        (["I'd like a large latte. Oh, actually, forget it, we have some."], ["Cancel"]),
        (
            ["Can I have a large latte, forget it, a small mocha?", "Yes"],
            ["Small mocha?", "order 1 mocha small"],
        ),
        (["Switch the light, please."], ["switch_light 1 hall on"]),
        (["How deep is the lake?"], ["Pass"]),
        (["What is a latte?"], ["Pass"]),
        (["Never forget to smile."], ["Pass"]),
        (["What is the weather in Turku?"], ["look_up_weather 0 Turku"]),
        (["What is the weather?", "Oulu"], ["city?", "look_up_weather 0 Oulu"]),
        (["Can I have a latte?", "How is the weather in Oulu?"], ["size?", "look_up_weather 0 Oulu"]),
        (["Book a table for four.", "It's for Mary Brown."], ["name?", "book 1 4 Mary Brown"]),
        (
            ["Can I have a tea?", "How deep is it?", "Large", "Yes"],
            ["size?", "Pass", "Large tea?", "order 1 large tea"],
        ),
        (
            ["Can I have a large tea?", "Yes", "Can I have a small tea?", "Yes"],
            ["Large tea?", "order 1 large tea", "Small tea?", "order 2 small tea"],
        ),
    ],
)
def test_conversations(said: list[str], acts: list[str]) -> None:
    assert played(*said) == acts


def test_the_question_comes_again_after_an_answer_to_another() -> None:
    state, _ = advance(TOOLS, Task(), "Can I have a tea?")
    assert advance(TOOLS, state, "How deep is the lake?", 1)[1] == Pass("size?")


def test_an_answer_that_is_not_understood_is_asked_for_again_but_not_for_ever() -> None:
    again = "Sorry, I didn't get that. size?"
    assert played("Can I have a tea?", "Eel.", "Eel!", "Eel!", "Eel") == [
        "size?",
        again,
        again,
        "Cancel",
        "Pass",
    ]


def test_the_same_turn_again_is_not_done_again() -> None:
    """A caller goes on before anything of the answer was heard: the whole turn comes again."""
    free = [tool("order", "Order a drink.", "write", "", drink=DRINK)]
    done, first = advance(free, Task(), "I'd like a tea", after=4)
    assert isinstance(first, Use)
    assert isinstance(advance(free, done, "I'd like a tea please", after=4)[1], Again)
    _, other = advance(free, done, "I'd like a tea, no, a mocha", after=4)
    assert isinstance(other, Say)  # something else was already done, so that a yes is needed
    assert isinstance(advance(free, done, "I'd like a tea", after=5)[1], Use)


def test_the_yes_that_comes_again_is_not_a_second_yes() -> None:
    state, _ = advance(TOOLS, Task(), "Can I have a large tea?", 0)
    done, act = advance(TOOLS, state, "Yes", 1)
    assert isinstance(act, Use)
    assert isinstance(advance(TOOLS, done, "Yes please", 1)[1], Again)
    assert isinstance(advance(TOOLS, done, "Yes please", 2)[1], Pass)


SAID = st.sampled_from(
    [
        "Can I have a latte?",
        "large",
        "small",
        "yes",
        "no",
        "never mind",
        "a mocha",
        "Turku",
        "four",
        "What is tea?",
    ]
)


@given(st.lists(st.tuples(SAID, st.booleans()), max_size=12))
def test_no_intent_is_used_twice_and_none_without_a_yes(turns: list[tuple[str, bool]]) -> None:
    """Whatever is said, and whether or not the caller heard something in between."""
    state, heard, used = Task(), 0, []
    for text, hears in turns:
        before = state
        state, act = advance(TOOLS, state, text, heard)
        heard += hears
        if isinstance(act, Use) and act.tool == "order":
            assert before.confirming
            assert answer_of(text) == "yes"
            used.append(act.intent)
        assert not (isinstance(act, Cancel) and state.tool)
    assert len(set(used)) == len(used)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("yes", "yes"), ("Yeah, that's right.", "yes"), ("um, sure", "yes"), ("No, that's fine", "yes"), ("nope", "no"),
        ("no. No, that's fine", "yes"), ("no, no, no", "no"),
        ("not quite", "no"), ("No, make it large", "no"), ("yesterday", None), ("nobody", None), ("a large one", None),
    ],
)  # fmt: skip
def test_yes_and_no(said: str, means: str | None) -> None:
    assert answer_of(said) == means


def test_what_is_taken_back_and_what_only_sounds_like_it() -> None:
    assert without_cancelled("two bags, cancel that")[1]
    assert without_cancelled("I changed my mind")[1]
    assert not without_cancelled("can I cancel a booking for Monday")[1]
    assert not without_cancelled("don't forget to add milk")[1]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Uh, it's for Mary Brown, please.", "Mary Brown"),
        ("Lee", "Lee"),
        ("What name?", None),
        (" please.", None),
    ],
)
def test_free_answers(said: str, name: str | None) -> None:
    assert free_answer(said, 80) == name
