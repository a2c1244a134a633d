"""Processes that do jobs one by one: what one of them breaks, only its own job suffers from.

Each loads what is heavy once. One that dies, or takes far too long, is replaced; the job that it had is given back as
failed.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from duplex.graph import perf_seconds

Job = TypeVar("Job")
Result = TypeVar("Result")

LOADING = 900.0
"""Seconds that a process may take to load: models may have to be fetched first."""
_END = 5.0


class WorkerError(Exception):
    """No process can do any job: what it needs cannot be loaded."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that brought its process down."""

    why: str


Start = Callable[[], Callable[[Job], Result]]
"""Runs in the process: loads, and gives what does the jobs. Must be picklable."""


def work(
    start: Start[Job, Result], jobs: Sequence[Job], processes: int, patience: Callable[[Job], float]
) -> Iterator[tuple[Job, Result | Failed]]:
    """Do `jobs` in processes of their own; each result as it is done.

    When the iterator is closed, or left by an exception such as Ctrl-C, the processes end at once.

    Args:
        start: see `Start`.
        jobs: what to do; picklable.
        processes: how many at a time.
        patience: seconds after which a job counts as hanging.

    Raises:
        WorkerError: `start` failed.
    """
    waiting = deque(jobs)
    workers = [_Worker(start) for _ in range(min(processes, len(jobs)))]
    try:
        while any(worker.busy for worker in workers):
            ready = wait([worker.connection for worker in workers if worker.busy], timeout=1.0)
            for place, worker in enumerate(workers):
                if not worker.busy:
                    continue
                if worker.connection in ready:
                    done, job = worker.take(), worker.job
                elif worker.overdue:
                    done, job = Failed(f"took more than {worker.limit:.0f} s and was stopped"), worker.job
                else:
                    continue
                if isinstance(done, Failed):
                    if job is None:
                        raise WorkerError(done.why)
                    worker.stop()
                    if waiting:
                        workers[place] = _Worker(start)
                elif waiting:
                    worker.give(following := waiting.popleft(), patience(following))
                else:
                    worker.rest()
                if job is not None:
                    yield job, done
    finally:
        for worker in workers:
            worker.stop()


class _Worker(Generic[Job, Result]):
    """A process that is loading, does a job, or rests."""

    def __init__(self, start: Start[Job, Result]) -> None:
        # Not forked: the models' threads and the event loop's would not live on in a fork.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(start, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.job: Job | None = None
        self.busy = True
        self.limit = LOADING
        self._since = perf_seconds()

    @property
    def overdue(self) -> bool:
        return perf_seconds() - self._since > self.limit

    def take(self) -> Any:
        """What it has sent; `Failed` where it has died."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self._process.join(_END)
            return Failed(f"its process died (exit status {self._process.exitcode})")

    def give(self, job: Job, limit: float) -> None:
        self.job, self.limit, self._since = job, limit, perf_seconds()
        self.connection.send(job)

    def rest(self) -> None:
        """Nothing is left to do."""
        self.job, self.busy = None, False

    def stop(self) -> None:
        self.busy = False
        self.connection.close()
        self._process.terminate()
        self._process.join(_END)
        if self._process.is_alive():
            self._process.kill()


def _serve(start: Start[Any, Any], connection: Connection) -> None:
    """What the process does."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the terminal sends it to all; whoever started this one decides
    try:
        do = start()
    except BaseException as error:
        connection.send(Failed(str(error) or type(error).__name__))
        return
    connection.send(None)
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):  # nobody wants more
            return
        connection.send(do(job))
