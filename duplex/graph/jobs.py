"""What runs in a lane: a call, or an iterator taken item by item.

A job is touched from two threads, with a clear border: `step` runs where the computing is, everything else on the
event loop. What `step` makes is handed over as a `Report`, which the loop then delivers.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Generic, TypeVar

from duplex.graph.clock import perf_seconds

T = TypeVar("T")

_FRAME = 0.02
"""Seconds of audio that are worked on at a time."""


class Priority(IntEnum):
    """How urgent a heavy job is: what stands first goes first."""

    END = 0
    """Whether the user has finished: everything waits for it."""
    FINAL = 1
    """The final recognition of a turn."""
    LLM = 2
    SYNTHESIS = 3
    PARTIAL = 4
    """Recognition while the user still speaks."""
    SPECULATION = 5
    """What may turn out to be unneeded."""


@dataclass(slots=True)
class JobStatistics:
    """What the jobs of one name have cost so far. Times are in seconds, virtual ones in virtual time.

    Attributes:
        n: jobs that ran; of an iterator, its items.
        cancelled: jobs that were cancelled while they waited or ran.
        failed: jobs that raised.
        wait: time between asking and starting, summed; `max_wait` the longest.
        run: time computing, summed; `max_run` the longest.
        late: jobs that were done more than a frame of 20 ms after they were asked for.
    """

    n: int = 0
    cancelled: int = 0
    failed: int = 0
    wait: float = 0.0
    max_wait: float = 0.0
    run: float = 0.0
    max_run: float = 0.0
    late: int = 0

    def add(self, wait: float, run: float) -> None:
        """Count one piece of work."""
        self.n += 1
        self.late += wait + run > _FRAME
        self.wait += wait
        self.max_wait = max(self.max_wait, wait)
        self.run += run
        self.max_run = max(self.max_run, run)


@dataclass(frozen=True, slots=True)
class Report:
    """What one step came to.

    Attributes:
        value: its result, if it has one.
        error: what it raised.
        last: nothing more will come from this job.
        free: it is but the end of a stream: neither counted nor charged.
        took: wall seconds that it took to make, where that was not in this step.
    """

    value: Any = None
    error: BaseException | None = None
    last: bool = True
    free: bool = False
    took: float | None = None


class Job(ABC):
    """Work that waits for a worker or has one.

    Attributes:
        name: what it is counted and charged as.
        priority: the smaller, the more urgent.
        order: its place among jobs of equal priority; it keeps it when it gives way between items.
        since: when it began to wait, in the pool's seconds.
        cancelled: nobody wants its results any more.
    """

    def __init__(self, name: str, priority: int) -> None:
        self.name = name
        self.priority = priority
        self.order = -1
        self.since = 0.0
        self.cancelled = False
        self.loop = asyncio.get_running_loop()

    def __lt__(self, other: Job) -> bool:
        return (self.priority, self.order) < (other.priority, other.order)

    @property
    def to_clean(self) -> bool:
        """Whether a cancelled job still needs a worker, to close what it had opened."""
        return False

    @abstractmethod
    def step(self) -> Report:
        """Compute, up to the next result. Never raises."""

    @abstractmethod
    def deliver(self, report: Report) -> None:
        """Hand a step's report to whoever waits; on the event loop."""


class Call(Job, Generic[T]):
    """One call, one result."""

    def __init__(self, name: str, priority: int, call: Callable[[], T]) -> None:
        super().__init__(name, priority)
        self.result: asyncio.Future[T] = self.loop.create_future()
        self._call = call

    def step(self) -> Report:
        """Make the call."""
        try:
            return Report(value=self._call())
        except BaseException as error:  # delivered to the caller, whatever it is
            return Report(error=error)

    def deliver(self, report: Report) -> None:
        """Resolve the caller's future, unless the caller has gone."""
        if self.result.done():
            return
        if report.error is None:
            self.result.set_result(report.value)
        else:
            self.result.set_exception(_raisable(report.error))


class Stream(Job, Generic[T]):
    """An iterator, taken item by item. It makes at most `ahead` items before one is taken."""

    def __init__(self, name: str, priority: int, items: Iterable[T], ahead: int) -> None:
        super().__init__(name, priority)
        self.ahead = ahead
        self.unread = 0
        """Items made and not taken; guarded by the pool's lock."""
        self.resting = False
        """Whether it waits for its reader; guarded by the pool's lock."""
        self._items = items
        self._iterator: Iterator[T] | None = None
        self._reports: deque[Report] = deque()
        self._reader: asyncio.Future[None] | None = None

    @property
    def to_clean(self) -> bool:
        """An iterator that was begun has to be closed where it ran."""
        return self._iterator is not None

    def step(self) -> Report:
        """Take the next item, or close the iterator once nobody wants more."""
        try:
            if self.cancelled:
                self._close()
                return Report(free=True)
            if self._iterator is None:
                self._iterator = iter(self._items)
            return Report(value=next(self._iterator), last=False)
        except StopIteration:
            return Report(free=True)
        except BaseException as error:  # delivered to the reader, whatever it is
            return Report(error=error)

    def deliver(self, report: Report) -> None:
        """Queue a report for the reader."""
        self._reports.append(report)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def next(self) -> Report:
        """Wait for the next report."""
        while not self._reports:
            self._reader = self.loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._reports.popleft()

    def _close(self) -> None:
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()


class Recorded(Stream[T]):
    """A stream whose items are made elsewhere whether or not one asks for them, as virtual time has to take it.

    Its first step takes all of them, while the clock stands still, and notes what each took; every step then gives
    one. So none is made for nothing while the worker does something else, nor beside another job.
    """

    def __init__(self, name: str, priority: int, items: Iterable[T], ahead: int) -> None:
        super().__init__(name, priority, items, ahead)
        self._made: deque[Report] = deque()

    def step(self) -> Report:
        """Give the next item."""
        if self.cancelled:
            return super().step()
        if not self._made:
            self._make()
        return self._made.popleft()

    def _make(self) -> None:
        last = False
        while not last:
            start = perf_seconds()
            report = super().step()
            self._made.append(replace(report, took=perf_seconds() - start))
            last = report.last


def _raisable(error: BaseException) -> BaseException:
    """A future refuses StopIteration, which would end the generator that awaits it."""
    if isinstance(error, StopIteration):
        wrapped = RuntimeError("a job raised StopIteration")
        wrapped.__cause__ = error
        return wrapped
    return error
