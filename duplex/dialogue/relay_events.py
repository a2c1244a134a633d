"""What the fast path and the slow one tell each other; nothing of it leaves the session but `Prefix`."""

from __future__ import annotations

from dataclasses import dataclass

from duplex.graph.event import Event
from duplex.llm.drafts import Draft, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted(Event):
    """What the answer to these words of the turn would begin with, None for nothing that may be said yet."""

    turn: int
    words: str
    draft: Draft | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyEnd(Event):
    """P(the user has finished | what the quick recogniser heard), 0..1, before the final words of this attempt."""

    attempt: int
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearse(Event):
    """These words may be said soon: make their audio, when nothing else is to be done."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed(Event):
    """The audio of these words is there, `seconds` of it; what was made for it if it is new."""

    text: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix(Event):
    """The reply of this attempt begins with these words, whatever the slow path finds."""

    attempt: int
    text: str
    source: Source
