"""Words over the agent's speech that are somebody else's, and those that never are."""

from __future__ import annotations

from random import Random

import pytest

from duplex.core.data.grammar import expand, families
from duplex.core.data.lexicon import Split, lexicon
from duplex.dialogue.addressee import calls, for_another, names_in
from duplex.dialogue.overlap import says_nothing

TO_ANOTHER = [
    "Oliver, your bath is running.",
    "Daddy, look what I made!",
    "I can't talk now, Chris, I'm on the phone.",
    "Would you let the cat in, please, Rachel?",
    "Sweetheart, where are my glasses?",
    "The soup is getting cold, everybody.",
    "Keep the volume down, boys, I'm on a call.",
    "Give that back to your brother.",
    "Alex can you get the door?",
    "Mind your head.",
    "Set the table, will you, Nick?",
    "Here's Jim with the sport.",
    "We'll be back after these messages.",
]
TO_THE_AGENT = [
    "Sarah Miller.",
    "It's Emma, with two Ms.",
    "My name is Peter, not Paul.",
    "No, Peter.",
    "It's Miller, Sarah.",
    "Is Michael working on Friday?",
    "Can you tell my mum that I called?",
    "I'd love that.",
    "The window seat, please.",
    "Does the kitchen have a dishwasher?",
    "The heating in my room is broken.",
    "Put me down for two seats.",
    "Close my account, please.",
    "Turn off the lights in the kitchen.",
    "Who put the Nile perch into Lake Victoria?",
    "What did you say about the cat?",
    "I was talking to somebody else, sorry, go on.",
    "Stop, that's enough.",
    "Be quiet now.",
    "Hang on, let me find a pen.",
    "Two coffees to go, please.",
    "What time do you close, darling?",
    "Could you make that two, love?",
    "Tea with lemon, honey.",
    "Put it on the table outside, please.",
    "Set the table for four.",
    "Play the news at nine.",
    "Tom can't come.",
    "Is the food ready?",
    "",
]


@pytest.mark.parametrize("text", TO_ANOTHER)
def test_talk_to_somebody_else_asks_for_no_answer(text: str) -> None:
    assert for_another(text)
    assert says_nothing(text, over_speech=True)
    assert not says_nothing(text, over_speech=False), "who is heard in the agent's silence is answered"
    assert not says_nothing(text, over_speech=True, asked=True), "it may be the answer"


@pytest.mark.parametrize("text", TO_THE_AGENT)
def test_what_is_said_to_the_agent_is_never_taken_for_talk_to_another(text: str) -> None:
    assert not for_another(text)


def test_whoever_calls_the_agent_speaks_to_it() -> None:
    own = names_in("emma This is Emma from the tea house.")
    assert for_another("Emma, come here a moment.")
    assert not for_another("Emma, wait a moment.", own)
    assert calls("Emma can you")
    assert not calls("Emma can you", own)


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("Tom", False),
        ("Tom dinner's", True),
        ("Tom is", False),
        ("Tom will pay", False),
        ("James Bond please", False),
    ],
)
def test_a_name_alone_calls_nobody_yet(text: str, called: bool) -> None:
    assert calls(text) is called


def test_of_what_the_cores_dialogues_say_to_the_agent_nothing_is_lost() -> None:
    """A split that the signs were not set on: none of the sentences to the agent; half of the talk to others, though
    its names have no commas."""
    aside: list[str] = []
    spoken: list[str] = []
    rng, words = Random(5), lexicon(Split.test)
    for family in families(Split.test):
        for template in family.user:
            texts = [expand(template, words, rng).text.capitalize() for _ in range(8)]
            (aside if family.kind == "side" else spoken).extend(texts)
    assert len(spoken) > 400
    assert not [text for text in spoken if for_another(text)]
    assert sum(map(for_another, aside)) >= 0.4 * len(aside)
