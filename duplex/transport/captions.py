"""What both sides say, as lines to read: while it is said, and as it stands in the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from duplex.dialogue.events import (
    AgentError,
    Commit,
    Discarded,
    Heard,
    PlayoutEnded,
    PlayoutStarted,
    Resumed,
    Transcript,
    TurnStarted,
)
from duplex.dialogue.history import NO_ATTEMPT, History, Turn
from duplex.graph.event import Event, to_seconds

_TURNS = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was said.

    Attributes:
        t: when it began, in seconds since the session began.
        who: `user`, `agent`, or `error` for something that failed.
        text: the words.
        interrupted: the agent was cut off after them.
        final: they will not change, unless a user who paused goes on: the line then comes again, longer.
    """

    t: float
    who: Literal["user", "agent", "error"]
    text: str
    interrupted: bool = False
    final: bool = True


class Captions:
    """Fed with a session's events; `lines` is what was said so far, in the order in which it was."""

    def __init__(self) -> None:
        self._history = History(_TURNS)
        self._onset = 0
        """Of the user's turn, in ticks."""
        self._begun: dict[int, int] = {}
        """When the user's words and the agent's reply to them began, in ticks, by attempt."""
        self._replied: dict[int, int] = {}
        self._lines: list[tuple[Turn | None, Line]] = []

    @property
    def lines(self) -> list[Line]:
        """The final lines."""
        return [line for _, line in self._lines]

    def on(self, event: Event) -> Line | None:
        """Take an event; the line that it makes or changes, if it does."""
        match event:
            case TurnStarted():
                self._onset = event.onset
            case Commit() if event.reason != "resumption":
                self._begun[event.attempt] = event.t if event.reason == "typed" else self._onset
            case PlayoutStarted():
                self._replied[event.attempt] = event.t + event.delay
            case Transcript(final=False):
                return self._line(self._onset, "user", event.text, final=False)
            case Discarded() | Commit(reason="resumption"):
                self._history.on(event)
                return self._line(self._onset, "user", "", final=False)
            case Heard():
                return self._line(self._replied.get(event.attempt, event.t), "agent", event.text, final=False)
            case AgentError():
                line = self._line(event.t, "error", event.message)
                self._lines.append((None, line))
                return line
            case _:
                pass
        return self._remember(event)

    def _remember(self, event: Event) -> Line | None:
        """Follow the history, which knows what counts as said."""
        self._history.on(event)
        turns = self._history.turns
        if isinstance(event, Resumed):
            self._lines = [entry for entry in self._lines if entry[0] is None or entry[0] in turns]
        if isinstance(event, PlayoutEnded) and turns and (line := self._longer(turns[-1])) is not None:
            return line
        if len(turns) <= sum(turn is not None for turn, _ in self._lines):
            return None
        turn = turns[-1]
        line = self._said(turn, event.t)
        self._lines.append((turn, line))
        return line

    def _longer(self, turn: Turn) -> Line | None:
        """A line of the agent's that was cut off for nothing, with what came of it; None where it is another one."""
        for at in range(len(self._lines) - 1, -1, -1):
            before, line = self._lines[at]
            if before is not None and (before.role, before.attempt) == ("agent", turn.attempt):
                line = replace(line, text=turn.text, interrupted=turn.interrupted)
                self._lines[at] = (turn, line)
                return line if before != turn else None
        return None

    def _said(self, turn: Turn, now: int) -> Line:
        starts = self._begun if turn.role == "user" else self._replied
        t = now if turn.attempt == NO_ATTEMPT else starts.get(turn.attempt, now)
        who: Literal["user", "agent"] = "user" if turn.role == "user" else "agent"
        return Line(to_seconds(t), who, turn.text, turn.interrupted)

    @staticmethod
    def _line(t: int, who: Literal["user", "agent", "error"], text: str, final: bool = True) -> Line:
        return Line(to_seconds(t), who, text, final=final)
