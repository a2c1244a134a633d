"""What becomes of a call as its connections come and go: pure, with time passed in.

    WAITING ── through ──► CARRIED ◄── through, or heard again ──► PARKED ── 30 s ──► ENDED
                              │          silence, or lost                              ▲
                              └──────────── a goodbye, or the call is hung up ─────────┘

A call has at most one connection that carries it and one that is on its way to take over. The old one carries on
until the new one is through, so a caller who changes networks loses nothing, and an offer that leads nowhere
harms nothing. While a call is parked its session goes on, but nothing is pulled from it and nothing is pushed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    """Whether somebody is on the line."""

    WAITING = auto()
    CARRIED = auto()
    PARKED = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Offered:
    """A connection was answered and is on its way; a later offer replaces an earlier one."""

    id: str


@dataclass(frozen=True, slots=True)
class Through:
    """A connection is up."""

    id: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing has come over a connection for so long that the caller cannot be there."""

    id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A quiet connection is alive after all."""

    id: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A connection is over; `left` if its caller said goodbye."""

    id: str
    left: bool


@dataclass(frozen=True, slots=True)
class Due:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is to end, by its caller, its session or the server; `reason` is fit for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Bind:
    """Let this connection alone carry the call."""

    id: str


@dataclass(frozen=True, slots=True)
class Park:
    """Let no connection carry the call."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close this connection without a word; the call goes on."""

    id: str


@dataclass(frozen=True, slots=True)
class End:
    """End the call."""

    reason: str


Input = Offered | Through | Quiet | Heard | Gone | Due | HungUp
Action = Bind | Park | Close | End


class Link:
    """`on(t, input) -> actions`; see the module's picture. Times are in seconds on any clock."""

    def __init__(self, hold: float = 30.0) -> None:
        """`hold`: seconds for which a call outlives its connection."""
        self.state = State.WAITING
        self._hold = hold
        self._current: str | None = None
        self._next: str | None = None
        self._expires = 0.0

    def on(self, t: float, event: Input) -> list[Action]:
        """What to do about `event` at `t` seconds; nothing once the call has ended."""
        if self.state is State.ENDED:
            return []
        match event:
            case Offered(id):
                replaced, self._next = self._next, id
                return [Close(replaced)] if replaced else []
            case Through(id):
                return self._through(id)
            case Quiet(id) if id == self._current and self.state is State.CARRIED:
                return self._park(t)
            case Heard(id) if id == self._current and self.state is State.PARKED:
                return self._bind(id)
            case Gone(id, left):
                return self._gone(t, id, left)
            case Due():
                return self._expire(t)
            case HungUp(reason):
                return self._end(reason)
        return []

    def _through(self, id: str) -> list[Action]:
        if id != self._next:
            return []
        old, self._current, self._next = self._current, id, None
        return [*self._bind(id), *([Close(old)] if old else [])]

    def _gone(self, t: float, id: str, left: bool) -> list[Action]:
        if id == self._next:
            self._next = None
            return self._end("the caller never got through") if self._current is None else self._expire(t)
        if id != self._current:
            return []
        # A client that goes over to a new connection says goodbye on the old one.
        if left and self._next is None:
            return self._end("the caller left")
        return self._park(t) if self.state is State.CARRIED else []

    def _bind(self, id: str) -> list[Action]:
        self.state = State.CARRIED
        return [Bind(id)]

    def _park(self, t: float) -> list[Action]:
        self.state = State.PARKED
        self._expires = t + self._hold
        return [Park()]

    def _expire(self, t: float) -> list[Action]:
        """An offer that came in time may still get through; its own limit ends the wait for it."""
        late = self.state is State.PARKED and self._next is None and t >= self._expires
        return self._end("the caller did not come back") if late else []

    def _end(self, reason: str) -> list[Action]:
        self.state = State.ENDED
        return [End(reason)]


class Pulse:
    """`beat(t, packets) -> whether the caller still seems to be there`, asked a few times a second.

    A client sends 50 audio packets a second, or at least a ping; when such a one falls silent, it is gone long
    before ICE notices (its consent expires after 30 s). One that never was regular is left to ICE.
    """

    SILENCE = 2.0
    """Seconds without a packet from a regular client: two of its pings and all its audio."""
    GAP = 1.5
    """Seconds: a longer gap than between two pings."""
    STEADY = 3.0
    """Seconds without a long gap that make a client a regular one."""
    RATE, RATED = 10.0, 1.5
    """Packets a second that do it sooner, and for how many seconds; reports and checks alone are fewer."""

    def __init__(self, t: float) -> None:
        self._asked = self._since = t
        self._seen: deque[tuple[float, int]] = deque([(t, 0)])

    def beat(self, t: float, packets: int) -> bool:
        """`packets`: how many have come since the connection was made."""
        asleep, self._asked = t - self._asked, t
        if asleep > self.GAP:
            # It was we who stood still: what has come meanwhile is not read yet.
            self._since += asleep
            self._seen = deque((at + asleep, count) for at, count in self._seen)
        last, count = self._seen[-1]
        if packets > count:
            if t - last > self.GAP:
                self._since = t
                self._seen.clear()
            self._seen.append((t, packets))
            while len(self._seen) > 1 and t - self._seen[1][0] >= self.RATED:
                self._seen.popleft()
            return True
        return t - last <= self.SILENCE or not self._regular(last, count)

    def _regular(self, last: float, count: int) -> bool:
        first, before = self._seen[0]
        rated = last - first >= self.RATED and count - before >= self.RATE * (last - first)
        return rated or last - self._since >= self.STEADY
