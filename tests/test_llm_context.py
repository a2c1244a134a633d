"""Follow-up questions and small talk, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.llm import Message
from duplex.llm.context import contextualise, topic_of
from duplex.llm.smalltalk import small_talk

BRIDGE = [("How old is Wetchley Bridge?", "It was opened in 1931.")]
DEEPEST = [("Which is the deepest lake in the world?", "The deepest lake is Lake Baikal in Siberia.")]
COMO = [("How deep is Lake Como?", "It is 410 metres deep.")]
TICKET = [("How much does a ticket cost?", "It costs nine pounds.")]
SEA = [("Tell me about the Caspian Sea.", "The Caspian Sea is the largest lake.")]
GREETED = [*DEEPEST, ("Hello", "Hello! What would you like to know?")]


def turns(pairs: list[tuple[str, str]]) -> list[Message]:
    return [m for user, agent in pairs for m in (Message("user", user), Message("assistant", agent))]


@pytest.mark.parametrize(
    ("question", "before", "expected"),
    [
        ("And how long is it?", BRIDGE, "How long is Wetchley Bridge?"),
        ("What are its arches made of?", BRIDGE, "What are Wetchley Bridge's arches made of?"),
        ("How long?", BRIDGE, "How long, Wetchley Bridge?"),
        ("How deep is it?", DEEPEST, "How deep is Lake Baikal?"),
        ("What fish live there?", DEEPEST, "What fish live at Lake Baikal?"),
        ("In Europe?", DEEPEST, "Which is the deepest lake in the world in Europe?"),
        ("And how deep is it?", GREETED, "How deep is Lake Baikal?"),
        ("What about Lake Garda?", COMO, "How deep is Lake Garda?"),
        ("And for children?", TICKET, "How much does a ticket cost for children?"),
        ("Is it salty?", SEA, "Is the Caspian Sea salty?"),
        # What stands alone stays as it is.
        ("How deep is Lake Ladoga?", DEEPEST, "How deep is Lake Ladoga?"),
        ("Who designed the Golden Gate?", BRIDGE, "Who designed the Golden Gate?"),
        ("What time is it?", BRIDGE, "What time is it?"),
        ("Why is it so hard to sink in the Dead Sea?", COMO, "Why is it so hard to sink in the Dead Sea?"),
        ("What do they call the rocks by Lake Garda?", COMO, "What do they call the rocks by Lake Garda?"),
        ("Does Lake Garda have its own ferry?", COMO, "Does Lake Garda have its own ferry?"),
        ("Is it connected to Lake Garda?", COMO, "Is Lake Como connected to Lake Garda?"),
        ("How long does it take to bake the bread?", BRIDGE, "How long does it take to bake the bread?"),
        ("How deep is it?", [], "How deep is it?"),
    ],
)
def test_follow_ups(question: str, before: list[tuple[str, str]], expected: str) -> None:
    assert contextualise(question, turns(before)) == expected


def test_topic_is_the_answer_of_a_which_question_and_the_subject_of_others() -> None:
    assert topic_of(turns(DEEPEST)) == "Lake Baikal"
    assert topic_of(turns(COMO)) == "Lake Como"
    assert topic_of([]) is None


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Hello.", "Hello!"),
        ("Hi there!", "Hello!"),
        ("Thank you very much!", "You're welcome."),
        ("Okay, thanks. Bye!", "Goodbye!"),
        ("No, that's all. Thank you.", "Goodbye!"),
        ("How are you?", "I'm well"),
        ("Can you hear me?", "Hello!"),
        ("Hello, how deep is the lake?", None),
        ("Thank you, and how deep is it?", None),
        ("What is a high lake?", None),
        ("", None),
    ],
)
def test_small_talk_is_the_whole_utterance_or_nothing(text: str, reply: str | None) -> None:
    said = small_talk(text)
    assert (said is None) if reply is None else (said is not None and said.startswith(reply))


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_any_conversation_is_taken(question: str, user: str, agent: str) -> None:
    contextualise(question, turns([(user, agent)]))
    small_talk(question)


@pytest.mark.parametrize(
    ("asked", "corrected", "means"),
    [
        (
            "What time does the library open on Monday?",
            "No, I meant Tuesday.",
            "What time does the library open on Tuesday?",
        ),
        (
            "What time does the library open on Monday?",
            "Sorry, I mean on Tuesday",
            "What time does the library open on Tuesday?",
        ),
        (
            "What time does the library open on Monday?",
            "No, sorry, I meant the museum.",
            "What time does the museum open on Monday?",
        ),
        ("How deep is Lake Como?", "I meant Lake Garda.", "How deep is Lake Garda?"),
        ("Is a table for two free?", "No, I meant three.", "Is a table for three free?"),
        ("Do trains go on Monday and on Friday?", "I meant Sunday.", "I meant Sunday."),
        ("How deep is it?", "I mean well.", "I mean well."),
    ],
)
def test_a_correction_is_the_last_question_with_what_was_wrong_replaced(
    asked: str, corrected: str, means: str
) -> None:
    """Said over the agent, it follows an answer of which only the beginning was heard."""
    history = [Message("user", asked), Message("assistant", "On")]
    assert contextualise(corrected, history) == means
