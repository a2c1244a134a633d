"""What flows through the graph: a value with a time.

Time is counted in samples wherever audio flows, so there is one unit: 48 kHz ticks since the session began.
A replay that is fed the same samples sees the same times, whatever the machine was doing meanwhile.

Timers live here too, because to a state machine a timeout is an input like any other: it asks for one
(`SetTimer`), and time passing comes back as an event (`TimerFired`).
"""

from __future__ import annotations

from dataclasses import dataclass

TICKS = 48_000
"""Ticks in a second: 20 ms are 960, 80 ms are 3,840."""


def to_ticks(seconds: float) -> int:
    """The nearest whole tick to `seconds`."""
    return round(seconds * TICKS)


def to_seconds(ticks: int) -> float:
    """`ticks` as seconds, for people and for interfaces that want them."""
    return ticks / TICKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Subclasses are frozen dataclasses too: `@dataclass(frozen=True, slots=True, kw_only=True)`.

    Attributes:
        t: when, in 48 kHz ticks since the session began.
    """

    t: int

    @property
    def seconds(self) -> float:
        """`t` in seconds."""
        return self.t / TICKS


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(Event):
    """A timer that a machine had set has run out; `t` is the time it was set for.

    Attributes:
        id: the name the timer was set under.
    """

    id: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Ask for `TimerFired(id=id, t=at)`. Setting a timer again under the same name moves it.

    Attributes:
        id: any name; it is the machine's own.
        at: when, in ticks; a time that has passed fires at once.
    """

    id: str
    at: int


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget a timer. One that is not set, or has fired, is no error.

    Attributes:
        id: the name it was set under.
    """

    id: str
