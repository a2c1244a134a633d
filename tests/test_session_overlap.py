"""Talking over the agent with real models in virtual time: what it then knows, and what it makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from duplex.agent.answering import Sentence
from duplex.dialogue.events import Commit, PlayoutEnded, Yield
from duplex.dialogue.history import History, Turn
from duplex.nodes.answerer import SameForAll
from tests.test_session import Pcm, notes, silence, talk

pytestmark = pytest.mark.models
__all__ = ["notes"]

ANSWER = (
    "The shop is open on Monday from nine to five, and the workshop beside it opens an hour later than that."
)


class Diary(SameForAll):
    """Says one long sentence, and keeps what it was asked and what it knew then."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []

    async def prepare(self, text: str, history: History) -> None: ...

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence]:
        self.asked.append((text, history.turns))
        yield Sentence(ANSWER if len(self.asked) == 1 else "On Tuesday it is closed.")


def test_a_correction_is_a_new_turn_that_knows_what_was_heard(
    notes: Path, voice: Callable[[str], Pcm]
) -> None:
    diary = Diary()
    user = [
        silence(0.5),
        voice("When is the shop open on Monday?"),
        silence(3.2),
        voice("No, I meant Tuesday."),
    ]
    came = talk(notes, "", np.concatenate([*user, silence(5)]), diary)
    (cut,) = (event for event in came.of(Yield) if isinstance(event, Yield))
    assert cut.keep
    first, heard, correction, second = came.history
    assert (first.role, correction.role, second.role) == ("user", "user", "agent")
    assert heard.interrupted
    assert ANSWER.startswith(heard.text)
    assert 3 <= len(heard.text.split()) < len(ANSWER.split())
    text, known = diary.asked[-1]
    assert "tuesday" in text.lower()
    assert known[1] == heard, "what was heard, and not what was written"
    assert second.text == "On Tuesday it is closed."
    ended = [event.heard for event in came.of(PlayoutEnded) if isinstance(event, PlayoutEnded)]
    assert ended == [heard.text, second.text]


def test_a_yes_to_what_is_asked_is_answered_though_the_agent_still_speaks(
    notes: Path, voice: Callable[[str], Pcm]
) -> None:
    """The greeting asks something; who agrees before its end has answered, and it is not said to its end."""
    diary = Diary()
    greeting = (
        "Welcome to the tea house. Shall I tell you today when the shop and the workshop beside it are open?"
    )
    user = np.concatenate([silence(3.2), voice("Yes, please."), silence(6)])
    came = talk(notes, f"greeting: {greeting}\n", user, diary)
    assert [event.asked for event in came.of(Yield) if isinstance(event, Yield)] == [True]
    assert [text.lower().startswith("yes") for text, _ in diary.asked] == [True]
    reasons = [event.reason for event in came.of(Commit) if isinstance(event, Commit)]
    assert "resumption" not in reasons
