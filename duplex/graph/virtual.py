"""Virtual time: an event loop whose clock jumps to the next timer when nothing else can happen.

A replay then takes as long as its computing takes and sees the times that a live call would have seen: whatever
asks the loop for the time (anyio's sleeps, timeouts, deadlines) asks this clock. Three things take time:

- **Waiting** costs nothing: the clock jumps.
- **Jobs in the lanes** (`duplex.graph.lanes`) hold the clock while they run, and are then charged to one of N
  virtual workers: their wall time (`measured`, one job at a time, so that none disturbs the measure of another),
  a fixed table (`fixed`: exact and repeatable), or nothing (`zero`).
- **The world outside**, that is real sockets and plain thread calls: in `measured` mode the clock goes at wall
  speed while any is under way; in the other modes it is held and nothing is charged, since no table knows it.

A socket counts as outside while somebody waits on it and its peer is not on this very loop. One that stays
silent for `patience` seconds counts as idle until it is waited for anew. What the loop cannot see, as datagrams,
pipes and threads of one's own, is declared with `outside()`.

The loop follows the idea of `looptime`, which does not charge what runs outside.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from queue import SimpleQueue
from typing import Any, Literal, TypeVar, TypeVarTuple

import anyio
from anyio.to_thread import current_default_thread_limiter
from threadpoolctl import threadpool_limits

from duplex.graph.clock import perf_seconds
from duplex.graph.selector import VirtualSelector, VirtualTimeError

__all__ = ["Compute", "Mode", "VirtualLoop", "VirtualTimeError", "outside", "run_virtual", "virtual_loop"]

T = TypeVar("T")
Args = TypeVarTuple("Args")

Mode = Literal["measured", "fixed", "zero"]


class Compute:
    """What jobs cost, and the one thread on which they run, one at a time.

    Args:
        mode: `measured` charges wall time, `fixed` the table, `zero` nothing.
        costs: seconds by job name, for `fixed`; a stream of items is charged for each item.
        workers: virtual workers, that is how many jobs may overlap in virtual time; three are the frame lane and the
            two heavy workers that a machine with two cores has.

    Raises:
        ValueError: no worker, or a table that the mode does not use or lacks.
    """

    def __init__(
        self, mode: Mode = "measured", costs: Mapping[str, float] | None = None, workers: int = 3
    ) -> None:
        if workers < 1:
            raise ValueError(f"virtual time needs at least one worker, not {workers}")
        if (mode == "fixed") != (costs is not None):
            raise ValueError(
                f"a table of costs belongs to compute mode 'fixed' and to no other (mode {mode!r})"
            )
        self.mode: Mode = mode
        self.workers = workers
        self._costs = costs or {}
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._done: SimpleQueue[float] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._wall = 0.0

    def price(self, name: str) -> float | None:
        """What a job costs in seconds, or None where only running it tells.

        Raises:
            LookupError: the table of fixed costs does not name it.
        """
        if self.mode == "measured":
            return None
        if self.mode == "zero":
            return 0.0
        if name not in self._costs:
            raise LookupError(
                f"no fixed cost for the job {name!r}; known are: {', '.join(sorted(self._costs))}"
            )
        return self._costs[name]

    def wall(self) -> float:
        """Wall seconds that jobs took so far, in every mode."""
        return self._wall

    def execute(self, job: Callable[[], None]) -> float:
        """Run `job`, which must not raise, while the clock stands still; its wall seconds."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="duplex-virtual", daemon=True)
            self._thread.start()
        start = perf_seconds()
        self._jobs.put(job)
        took = self._done.get()
        self._wall += perf_seconds() - start
        return took

    def close(self) -> None:
        """End the thread."""
        self._jobs.put(None)

    def _work(self) -> None:
        threadpool_limits(1, user_api="blas")  # of the whole process, for good
        while (job := self._jobs.get()) is not None:
            start = perf_seconds()
            job()
            self._done.put(perf_seconds() - start)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, from 0. See the module for what takes how long.

    Args:
        compute: what jobs in the lanes cost.
        patience: wall seconds after which a silent connection counts as idle, and after which a loop where every
            task waits for nothing gives up.
    """

    def __init__(self, compute: Compute | None = None, *, patience: float = 10.0) -> None:
        self.compute = compute or Compute()
        self._clock = VirtualSelector(self.compute.mode == "measured", patience)
        super().__init__(self._clock)
        self._clock.calls = self._calls_under_way
        self._clock.due = self._next_timer
        self._clock.worked = self.compute.wall
        self._unseen = 0
        self._limiter: anyio.CapacityLimiter | None = None

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._clock.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Args], T], *args: *Args
    ) -> asyncio.Future[T]:
        """As on any loop; the call counts as under way until its result is in."""
        future = super().run_in_executor(executor, func, *args)
        self._unseen += 1
        future.add_done_callback(self._executor_call_done)
        return future

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Something is under way that the loop cannot see."""
        self._unseen += 1
        try:
            yield
        finally:
            self._unseen -= 1

    def watch(self, limiter: anyio.CapacityLimiter) -> None:
        """Count what holds a token of `limiter` as a thread call under way."""
        self._limiter = limiter

    def close(self) -> None:
        """Close the loop and end its compute thread."""
        super().close()
        self.compute.close()

    def _executor_call_done(self, future: asyncio.Future[Any]) -> None:
        self._unseen -= 1

    def _calls_under_way(self) -> int:
        return self._unseen + (self._limiter.borrowed_tokens if self._limiter else 0)

    def _next_timer(self) -> float | None:
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # no public way to ask
        when = timers[0].when() if timers else math.inf  # where a task sleeps forever
        return None if when == math.inf else when


def virtual_loop() -> VirtualLoop | None:
    """The running event loop if its time is virtual, else None."""
    loop = asyncio.get_running_loop()
    return loop if isinstance(loop, VirtualLoop) else None


def outside() -> AbstractContextManager[None]:
    """While this is open, something is under way that virtual time cannot see for itself: a thread of one's own,
    a child process, a datagram. On a real loop it does nothing.

        with outside():
            await reply
    """
    loop = virtual_loop()
    return nullcontext() if loop is None else loop.outside()


def run_virtual(
    main: Callable[[], Awaitable[T]],
    *,
    compute: Mode = "measured",
    costs: Mapping[str, float] | None = None,
    workers: int = 3,
    patience: float = 10.0,
) -> T:
    """`anyio.run(main)` in virtual time.

    Args:
        main: the coroutine function to run.
        compute: what jobs cost: their wall time (`measured`), a table (`fixed`) or nothing (`zero`).
        costs: the table for `fixed`: seconds by job name.
        workers: virtual workers that jobs may occupy at a time, both lanes together.
        patience: wall seconds to wait for a connection that is silent, or for anything at all.

    Raises:
        VirtualTimeError: every task waits for something that cannot come.
        ValueError: no worker, or a table that does not fit the mode.
    """
    costing = Compute(compute, costs, workers)

    async def watched() -> T:
        if (loop := virtual_loop()) is not None:
            loop.watch(current_default_thread_limiter())
        return await main()

    def factory() -> VirtualLoop:
        return VirtualLoop(costing, patience=patience)

    return anyio.run(watched, backend_options={"loop_factory": factory})
