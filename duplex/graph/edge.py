"""What connects two ports: a bounded queue that says what happens when it is full.

Latency in a media pipeline grows wherever something waits without a bound: after one stall, every later
frame is late. So an edge is bounded in length and, where its events lose their worth with time, in age: a
reader that comes back after a stall finds only what is still worth hearing, and every drop is counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Final

import anyio

from duplex.graph.event import TICKS, Event, to_ticks


class Overflow(Enum):
    """What happens to an event that comes to a full edge."""

    BLOCK = "block"
    """The sender waits: for what must not be lost."""
    DROP_OLDEST = "drop oldest"
    """The event that has waited longest goes: for media."""
    KEEP_LATEST = "keep latest"
    """Only the newest event is kept: for states, where each replaces the one before."""


@dataclass(frozen=True, slots=True)
class EdgeStatistics:
    """One edge's counts since it was made. Ages are the time spent waiting in the edge, in 48 kHz ticks.

    Attributes:
        depth: events waiting now.
        max_depth: the most that ever waited.
        sent: events that were sent into the edge.
        received: events that its reader took.
        dropped: events lost to a full edge, to the age bound, or because the reader had ended.
        oldest_age: how long the first event in the queue has waited.
        max_age: the longest that any received event had waited.
    """

    depth: int
    max_depth: int
    sent: int
    received: int
    dropped: int
    oldest_age: int
    max_age: int


def loop_time() -> float:
    """The running event loop's time in seconds, the cheapest clock there is: edges read it twice an event."""
    return asyncio.get_running_loop().time()


def nothing() -> None:
    """Wakes no one: what an edge calls while it has no reader."""


class Edge:
    """A bounded queue between two ports, with one reader. Its sender and its reader live on one event loop.

    Args:
        name: what it connects, for messages and statistics.
        capacity: the most events that wait; KEEP_LATEST holds one whatever is given.
        overflow: what happens when it is full.
        max_age: events that have waited longer than this, in ticks, are dropped; None for no such bound.
        feedback: this edge is the delay that breaks a cycle. It does not keep its reader's input open.
        only: carry just these types of event; empty for all.
        time: the loop's time in seconds.

    Raises:
        ValueError: a capacity below 1, or a bound on age where events must not be lost.
    """

    def __init__(
        self,
        name: str,
        *,
        capacity: int = 64,
        overflow: Overflow = Overflow.BLOCK,
        max_age: int | None = None,
        feedback: bool = False,
        only: tuple[type[Event], ...] = (),
        time: Callable[[], float] = loop_time,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"{name}: capacity must be at least 1, not {capacity}")
        if max_age is not None and (max_age < 0 or overflow is Overflow.BLOCK):
            raise ValueError(f"{name}: a maximum age is not negative, and only for an edge that may drop")
        self.name: Final = name
        self.capacity: Final = 1 if overflow is Overflow.KEEP_LATEST else capacity
        self.overflow: Final = overflow
        self.feedback: Final = feedback
        self.only: Final = only
        self.order: Callable[[], int] = count().__next__
        """Numbers arrivals; the edges of one input share it, so that the input can keep their order."""
        self.wake: Callable[[], None] = nothing
        """Tells the reader that there is something to read, or that there will be nothing more."""
        self.watch: Callable[[Edge, Event], None] | None = None
        """Sees every event that is sent into the edge."""
        self.closed = False
        """True once the sender has ended; what waits can still be read."""
        self._blocks: Final = overflow is Overflow.BLOCK
        self._bound = None if max_age is None else max_age / TICKS
        self._time = time
        self._queue: deque[tuple[int, float, Event]] = deque()
        self._abandoned = False
        self._senders: deque[asyncio.Future[None]] = deque()
        self._sent = self._received = self._dropped = self._deepest = 0
        self._longest = 0.0

    def __repr__(self) -> str:
        return f"<Edge {self.name}: {len(self._queue)} of {self.capacity}, {self.overflow.value}>"

    @property
    def head(self) -> int | None:
        """The arrival number of the event that would be read next; None when there is none."""
        return self._queue[0][0] if self._queue else None

    @property
    def blocked(self) -> bool:
        """Whether a sender has to wait."""
        return self._blocks and len(self._queue) >= self.capacity and not self._abandoned

    def carries(self, event: Event) -> bool:
        """Whether events of this type go through the edge at all."""
        return not self.only or isinstance(event, self.only)

    def push(self, event: Event) -> None:
        """Send `event`, making room as the edge declares.

        Raises:
            anyio.WouldBlock: the edge is full and may not drop.
        """
        if self.only and not self.carries(event):
            return
        queue = self._queue
        full = len(queue) >= self.capacity
        if full and self.blocked:
            raise anyio.WouldBlock
        self._sent += 1
        if self.watch is not None:
            self.watch(self, event)
        if self._abandoned:
            self._dropped += 1
            return
        if full:
            queue.popleft()
            self._dropped += 1
        now = self._time()
        if self._bound is not None:
            self._expire(now - self._bound)
        queue.append((self.order(), now, event))
        if len(queue) > self._deepest:
            self._deepest = len(queue)
        self.wake()

    async def room(self) -> None:
        """Wait until the reader has taken something. Senders are woken in the order they came."""
        waiter = asyncio.get_running_loop().create_future()
        self._senders.append(waiter)
        try:
            await waiter
        except BaseException:
            if not waiter.cancelled():  # woken and cancelled at once: the room is the next sender's
                self._admit()
            raise
        finally:
            if waiter in self._senders:
                self._senders.remove(waiter)

    def pop(self) -> Event | None:
        """Take the event that has waited longest and is not too old; None when there is none."""
        queue = self._queue
        now = self._time()
        if self._bound is not None:
            self._expire(now - self._bound)
        if not queue:
            return None
        _, since, event = queue.popleft()
        self._received += 1
        if now - since > self._longest:
            self._longest = now - since
        if self._senders:
            self._admit()
        return event

    def close(self) -> None:
        """The sender has ended."""
        self.closed = True
        self.wake()

    def abandon(self) -> None:
        """The reader has ended: what waits and what still comes is dropped, and no sender waits any more."""
        self._abandoned = True
        self._dropped += len(self._queue)
        self._queue.clear()
        while self._senders:
            self._admit()

    def statistics(self) -> EdgeStatistics:
        """The counts so far."""
        oldest = self._time() - self._queue[0][1] if self._queue else 0.0
        return EdgeStatistics(
            depth=len(self._queue),
            max_depth=self._deepest,
            sent=self._sent,
            received=self._received,
            dropped=self._dropped,
            oldest_age=to_ticks(oldest),
            max_age=to_ticks(self._longest),
        )

    def _expire(self, since: float) -> None:
        """Drop what came before `since`."""
        queue = self._queue
        while queue and queue[0][1] < since:
            queue.popleft()
            self._dropped += 1

    def _admit(self) -> None:
        """Let the next waiting sender try again."""
        while self._senders:
            waiter = self._senders.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
