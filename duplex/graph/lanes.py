"""Where work runs: on the event loop, on the frame thread, or in the heavy queue.

The GIL is not what delays media, oversubscribed threads are: engines that each bring a pool of their own take
longer and hold up the loop. So there are three lanes for the whole process, however many sessions share it. The
loop does media and machines. The frame thread does what every frame needs and takes well under a frame. All the
rest waits in one queue, the most urgent first, for cores - 1 workers; engines use one thread each. There are two
workers at least: a job that runs cannot be stopped, and with one worker whether the user has finished would wait for
every guess at a word and every sentence that is being spoken. numpy's BLAS is held to one thread too: its others spin
while they wait for work, which took an eighth of a replay's CPU seconds.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Self, TypeVar, TypeVarTuple

import anyio

from duplex.graph.jobs import Call, JobStatistics, Priority, Recorded, Stream
from duplex.graph.pool import LanesClosed, Pool, ThreadPool, VirtualPool
from duplex.graph.virtual import VirtualLoop, virtual_loop

T = TypeVar("T")
Args = TypeVarTuple("Args")

FRAME = -1
"""The frame lane's priority: above all heavy ones, where virtual time has a single worker for both."""


class Lanes:
    """The frame thread and the heavy workers of a process. Make one and share it.

    In virtual time its jobs are charged to the loop's N virtual workers: one is the frame lane's and the others
    are the heavy ones, or, if N is 1, both share it. A job there must not wait for the event loop, which stands
    still while it runs.

    Args:
        heavy_workers: how many heavy jobs run at a time; by default one less than there are cores, at least 2.

    Raises:
        ValueError: fewer than one worker.
    """

    def __init__(self, heavy_workers: int | None = None) -> None:
        if heavy_workers is not None and heavy_workers < 1:
            raise ValueError(f"the heavy lane needs at least one worker, not {heavy_workers}")
        self._wanted = heavy_workers
        self._statistics: defaultdict[str, JobStatistics] = defaultdict(JobStatistics)
        self._pools: tuple[Pool, Pool] | None = None
        self._virtual: VirtualLoop | None = None
        """The loop the pools were made for, where it is a virtual one."""
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def frame(self, fn: Callable[[*Args], T], *args: *Args, name: str | None = None) -> T:
        """Run `fn(*args)` on the frame thread, in the order of the calls. See `heavy` for the rest."""
        return await self._call(0, FRAME, partial(fn, *args), name or _name(fn))

    async def heavy(
        self, priority: Priority, fn: Callable[[*Args], T], *args: *Args, name: str | None = None
    ) -> T:
        """Run `fn(*args)` in the heavy lane and return its result, or raise what it raised.

        When the waiting task is cancelled, a job that waits is removed at once; one that runs keeps its worker
        until it is done, and its result is dropped.

        Args:
            priority: how urgent it is; jobs of one priority run in the order of the calls.
            fn: synchronous, and happy on any thread.
            args: its arguments.
            name: what it is counted and charged as; by default the function's own name.

        Raises:
            LanesClosed: the lanes are closed, or were closed before it ran.
            LookupError: in virtual time, the table of fixed costs does not name it.
        """
        return await self._call(1, priority, partial(fn, *args), name or _name(fn))

    async def heavy_iter(
        self, priority: Priority, items: Iterable[T], *, name: str, ahead: int = 32, runs_on: bool = False
    ) -> AsyncGenerator[T, None]:
        """Take `items` one by one in the heavy lane, and yield each as it is made.

        Between items the worker goes to a more urgent job if one waits. Closing the generator, or cancelling the
        task that reads it, ends the work at the next item and closes `items` (if it has `close`) in the lane.

        Args:
            priority: how urgent the items are.
            items: best a generator, whose body then runs in the lane from its first line to its last.
            name: what each item is counted and charged as.
            ahead: the most items that are made before one is taken.
            runs_on: they are made by a thread of their own that does not pause between two. Virtual time takes such
                items all at once, and charges each what it took; it must then be possible to make all of them
                without the event loop.

        Raises:
            LanesClosed: the lanes are closed, or were closed before all was made.
            LookupError: in virtual time, the table of fixed costs does not name it.
        """
        pool = self._pool(1)
        kind: type[Stream[T]] = Recorded if runs_on and self._virtual is not None else Stream
        stream = kind(name, priority, items, ahead)
        pool.submit(stream)
        last = False
        try:
            while True:
                report = await stream.next()
                if last := report.last:
                    if report.error is not None:
                        raise report.error
                    return
                pool.took(stream)
                yield report.value
        finally:
            if not last:
                pool.cancel(stream)

    @property
    def crowded(self) -> bool:
        """The heavy workers are all busy and more work waits: what may turn out to be unneeded is best left."""
        return self._pools is not None and self._pools[1].crowded

    def statistics(self) -> dict[str, JobStatistics]:
        """What the jobs cost so far, by name."""
        return dict(self._statistics)

    async def aclose(self, grace: float = 2.0) -> None:
        """Take no more work, fail what waits, and give what runs `grace` seconds to end.

        A job that takes longer is left behind on its thread, which does not keep the process from ending.
        """
        self._closed = True
        if self._pools is None:
            return
        for pool in self._pools:
            pool.close()
        with anyio.move_on_after(grace):
            while any(pool.busy for pool in self._pools):  # noqa: ASYNC110 - threads set no anyio.Event
                await anyio.sleep(0.005)

    async def _call(self, lane: int, priority: int, fn: Callable[[], T], name: str) -> T:
        pool = self._pool(lane)
        call = Call(name, priority, fn)
        pool.submit(call)
        try:
            return await call.result
        finally:
            if call.result.cancelled():
                pool.cancel(call)

    def _pool(self, lane: int) -> Pool:
        if self._closed:
            raise LanesClosed("the lanes are closed")
        loop = virtual_loop()
        if self._pools is None or loop is not self._virtual:
            for pool in self._pools or ():
                pool.close()
            self._pools, self._virtual = self._start(loop), loop
        return self._pools[lane]

    def _start(self, loop: VirtualLoop | None) -> tuple[Pool, Pool]:
        if loop is None:
            heavy = self._wanted or max(2, (os.cpu_count() or 2) - 1)
            return ThreadPool("frame", 1, self._statistics), ThreadPool("heavy", heavy, self._statistics)
        free = loop.compute.workers - 1
        if free == 0:
            shared = VirtualPool(loop, 1, self._statistics)
            return shared, shared
        heavy = min(self._wanted or free, free)
        return VirtualPool(loop, 1, self._statistics), VirtualPool(loop, heavy, self._statistics)


def _name(fn: Callable[..., object]) -> str:
    return getattr(fn, "__qualname__", type(fn).__name__)
