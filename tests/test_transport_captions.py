"""Events to the lines that people read."""

from __future__ import annotations

import pytest

from duplex.dialogue.events import (
    AgentError,
    Commit,
    Discarded,
    Duck,
    Heard,
    Noted,
    PlayoutEnded,
    PlayoutStarted,
    Resumed,
    Transcript,
    TurnStarted,
    TypedText,
    Yield,
)
from duplex.graph import TICKS, Event
from duplex.transport.captions import Captions, Line

S = TICKS


def began(turn: int, at: float) -> Event:
    return TurnStarted(t=round((at + 0.2) * S), turn=turn, onset=round(at * S))


def partial(text: str) -> Event:
    return Transcript(t=0, turn=1, text=text)


def final(attempt: int, text: str) -> Event:
    return Transcript(t=2 * S, turn=1, text=text, final=True, attempt=attempt)


def commit(attempt: int, reason: str = "words", text: str = "") -> Event:
    return Commit(t=3 * S, attempt=attempt, turn=1, end=0, reason=reason, text=text)


GREETING = [
    commit(0, "greeting", "Hello there."),
    PlayoutStarted(t=S, attempt=0),
    PlayoutEnded(t=2 * S, attempt=0, heard="Hello there."),
]


@pytest.mark.parametrize(
    ("events", "lines"),
    [
        (GREETING, [Line(1, "agent", "Hello there.")]),
        ([began(1, 1), final(1, "How deep?"), commit(1)], [Line(1, "user", "How deep?")]),
        ([began(1, 1), commit(1, "timeout"), final(1, "How deep?")], [Line(1, "user", "How deep?")]),
        ([began(1, 1), final(1, " "), commit(1)], []),
        ([TypedText(t=S, text="Typed"), commit(1, "typed")], [Line(3, "user", "Typed")]),
        ([Noted(t=S, text="For later")], [Line(1, "user", "For later")]),
        ([Duck(t=0, attempt=1), began(1, 1), Discarded(t=S, attempt=1, turn=1)], []),
        ([AgentError(t=S, message="no answer")], [Line(1, "error", "no answer")]),
        (
            [
                *(began(1, 1), final(1, "And?"), commit(1), PlayoutStarted(t=4 * S, attempt=1, delay=S // 2)),
                *(
                    Yield(t=5 * S, attempt=1),
                    PlayoutEnded(t=5 * S, attempt=1, heard="It is", interrupted=True),
                ),
            ],
            [Line(1, "user", "And?"), Line(4.5, "agent", "It is", interrupted=True)],
        ),
        (
            [
                *(began(1, 1), final(1, "And?"), commit(1), PlayoutStarted(t=4 * S, attempt=1)),
                PlayoutEnded(t=5 * S, attempt=1, heard="It is", interrupted=True),
                *(began(2, 5), final(2, ""), commit(2, "resumption"), PlayoutStarted(t=7 * S, attempt=2)),
                PlayoutEnded(t=8 * S, attempt=2, heard="deep."),
            ],
            [Line(1, "user", "And?"), Line(4, "agent", "It is deep.")],
        ),
        (
            [
                began(1, 1),
                final(1, "How deep"),
                commit(1),
                Resumed(t=4 * S, attempt=1),
                final(2, "How deep is it?"),
            ],
            [],
        ),
        (
            [
                *(began(1, 1), final(1, "How deep"), commit(1), Resumed(t=4 * S, attempt=1)),
                *(AgentError(t=4 * S, message="oh"), final(2, "How deep is it?"), commit(2)),
            ],
            [Line(4, "error", "oh"), Line(1, "user", "How deep is it?")],
        ),
        (
            [*(x for n in (1, 2) for x in (began(n, n), final(n, "Yes."), commit(n)))],
            [Line(1, "user", "Yes."), Line(2, "user", "Yes.")],
        ),
    ],
)
def test_what_was_said(events: list[Event], lines: list[Line]) -> None:
    captions = Captions()
    told = [line for event in events if (line := captions.on(event)) and line.final]
    assert captions.lines == lines
    assert [line for line in told if line in lines] == lines, "each was told when it was said"


def test_words_are_shown_while_they_are_said() -> None:
    captions = Captions()
    events = [
        *(began(1, 1), partial("How"), partial("How deep"), Discarded(t=S, attempt=1, turn=1)),
        *(PlayoutStarted(t=4 * S, attempt=2), Heard(t=5 * S, attempt=2, text="It is")),
    ]
    assert [captions.on(event) for event in events] == [
        None,
        Line(1, "user", "How", final=False),
        Line(1, "user", "How deep", final=False),
        Line(1, "user", "", final=False),
        None,
        Line(4, "agent", "It is", final=False),
    ]
    assert captions.lines == []
