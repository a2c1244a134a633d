"""Workers and the jobs that wait for them, most urgent first; on real threads, or in virtual time.

Both kinds share the queue and its rules: first in, first out within a priority; a stream gives its worker to a
more urgent job between two items and keeps its own place; a cancelled job leaves the queue at once, or, if it
runs, keeps its worker busy until it is done, since no thread can be stopped from outside.
"""

from __future__ import annotations

import contextlib
import heapq
import threading
from abc import ABC, abstractmethod
from collections import defaultdict
from functools import partial
from itertools import count
from typing import Any

from threadpoolctl import threadpool_limits

from duplex.graph.clock import perf_seconds
from duplex.graph.jobs import Job, JobStatistics, Report, Stream
from duplex.graph.virtual import VirtualLoop


class LanesClosed(RuntimeError):
    """Work was asked of lanes that are closed, or were closed before it could run."""


class Pool(ABC):
    """A priority queue of jobs and the workers that take them.

    Attributes:
        size: how many jobs run at a time.
        busy: how many run now.
        statistics: by job name.
    """

    def __init__(self, size: int, statistics: defaultdict[str, JobStatistics]) -> None:
        self.size = size
        self.busy = 0
        self.statistics = statistics
        self._lock = threading.Condition()
        self._waiting: list[Job] = []
        self._streams: set[Stream[Any]] = set()
        """Streams that somebody reads."""
        self._number = count()
        self._closed = False

    @property
    def crowded(self) -> bool:
        """Every worker is busy, and a job waits for one."""
        with self._lock:
            return self.busy >= self.size and bool(self._waiting)

    def submit(self, job: Job) -> None:
        """Let a job wait for a worker.

        Raises:
            LanesClosed: no more work is taken.
        """
        with self._lock:
            if self._closed:
                raise LanesClosed(f"the lanes are closed: {job.name!r} cannot run")
            if isinstance(job, Stream):
                self._streams.add(job)
            self._push(job)

    def cancel(self, job: Job) -> None:
        """Nobody waits for this job any more: drop it, abandon it if it runs, and close a stream that had begun."""
        with self._lock:
            if not job.cancelled:
                self.statistics[job.name].cancelled += 1
                self._drop(job)

    def took(self, stream: Stream[Any]) -> None:
        """A stream's reader has taken an item; a stream that rested goes on once half of its items are gone."""
        with self._lock:
            stream.unread -= 1
            if stream.resting and stream.unread <= stream.ahead // 2:
                stream.resting = False
                self._push(stream)

    def close(self) -> None:
        """Take no more work, fail what waits, and let the workers end when what runs is done."""
        with self._lock:
            self._closed = True
            ended = {*self._waiting, *self._streams}
            for job in ended:
                self._drop(job)
            self._lock.notify_all()
        for job in ended:
            job.deliver(Report(error=LanesClosed(f"the lanes were closed before {job.name!r} was done")))

    def _drop(self, job: Job) -> None:
        """Take a job out of the queue, or let a stream that had begun wait for its closing; the lock is held."""
        job.cancelled = True
        waits = job in self._waiting
        if waits and not job.to_clean:
            self._waiting.remove(job)
            heapq.heapify(self._waiting)
        if isinstance(job, Stream):
            self._streams.discard(job)
            if job.resting:
                job.resting = False
                self._push(job)

    def _push(self, job: Job) -> None:
        """Queue a job; the lock is held."""
        if job.order < 0:
            job.order = next(self._number)
        job.since = self._now()
        heapq.heappush(self._waiting, job)
        self._wake()

    def _settle(self, job: Job, report: Report, wait: float, run: float) -> bool:
        """Count a step that is done. Whether the job keeps its worker for another; the lock is held."""
        statistics = self.statistics[job.name]
        if not report.free:
            statistics.add(wait, run)
        if report.error is not None:
            statistics.failed += 1
        if not isinstance(job, Stream):
            return False
        if report.last:
            self._streams.discard(job)
            return False
        job.unread += 1
        if job.unread >= job.ahead and not job.cancelled:
            job.resting = True
            return False
        if self._waiting and self._waiting[0].priority < job.priority:
            self._push(job)
            return False
        job.since = self._now()
        return True

    @abstractmethod
    def _now(self) -> float:
        """The time that waiting and running are counted in, in seconds."""

    @abstractmethod
    def _wake(self) -> None:
        """A job waits; the lock is held."""


class ThreadPool(Pool):
    """Workers that are threads, started when first needed.

    They are daemons: a job that hangs in native code must not keep the process from ending.
    """

    def __init__(self, name: str, size: int, statistics: defaultdict[str, JobStatistics]) -> None:
        super().__init__(size, statistics)
        self._name = name
        self._threads: list[threading.Thread] = []

    def _now(self) -> float:
        return perf_seconds()

    def _wake(self) -> None:
        if len(self._threads) < self.size and self.busy + len(self._waiting) > len(self._threads):
            name = f"duplex-{self._name}-{len(self._threads)}"
            self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
            self._threads[-1].start()
        self._lock.notify()

    def _work(self) -> None:
        threadpool_limits(1, user_api="blas")  # of the whole process, for good
        while True:
            with self._lock:
                while not self._waiting:
                    if self._closed:
                        return
                    self._lock.wait()
                job = heapq.heappop(self._waiting)
                self.busy += 1
            while self._step(job):
                pass
            del job  # its arguments may be large, and the next job may be long in coming

    def _step(self, job: Job) -> bool:
        """One step of a job; whether this worker goes on with the next."""
        start = self._now()
        report = job.step()
        with self._lock:
            goes_on = self._settle(job, report, start - job.since, self._now() - start)
            self.busy -= not goes_on
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            job.loop.call_soon_threadsafe(job.deliver, report)
        return goes_on


class VirtualPool(Pool):
    """Workers in virtual time: a job starts when a worker is free, and its result comes when it has been charged."""

    def __init__(self, loop: VirtualLoop, size: int, statistics: defaultdict[str, JobStatistics]) -> None:
        super().__init__(size, statistics)
        self._loop = loop
        self._called = False

    def _now(self) -> float:
        return self._loop.time()

    def _wake(self) -> None:
        # Not at once: of the jobs that are asked for in the same moment, the most urgent goes first.
        if not self._called:
            self._called = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._called = False
        while self._waiting and self.busy < self.size:
            self.busy += 1
            self._start(heapq.heappop(self._waiting))

    def _start(self, job: Job) -> None:
        start = self._now()
        report, cost = self._compute(job)
        self._loop.call_later(cost, self._finish, job, report, start)

    def _compute(self, job: Job) -> tuple[Report, float]:
        """Run a step for real while virtual time stands still; its report and what it is charged."""
        try:
            price = self._loop.compute.price(job.name)
        except LookupError as error:
            return Report(error=error), 0.0
        reports: list[Report] = []
        wall = self._loop.compute.execute(partial(self._keep, job, reports))
        if price is None:
            return reports[0], wall if reports[0].took is None else reports[0].took
        return reports[0], 0.0 if reports[0].free else price

    @staticmethod
    def _keep(job: Job, reports: list[Report]) -> None:
        reports.append(job.step())

    def _finish(self, job: Job, report: Report, start: float) -> None:
        with self._lock:
            goes_on = self._settle(job, report, start - job.since, self._now() - start)
        job.deliver(report)
        if goes_on:
            self._start(job)
            return
        self.busy -= 1
        self._dispatch()
