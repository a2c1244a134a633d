"""Lanes: order, cancellation and shutdown on real threads; charges to the tick in virtual time."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from functools import partial

import anyio
import numpy as np
import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from duplex.graph import JobStatistics, Lanes, LanesClosed, LoopLag, Priority, perf_seconds, run_virtual


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Waiting for a job must not block the event loop."""
    with blockbuster_ctx() as detector:
        yield detector


class Gate:
    """A job that runs until it is let go, so that a test decides what waits behind it."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> str:
        self.running.set()
        assert self.open.wait(10)
        return "done"

    async def entered(self) -> None:
        with anyio.fail_after(10):
            while not self.running.is_set():  # noqa: ASYNC110 - it is set by a thread
                await anyio.sleep(0.001)


def test_blas_brings_no_threads_of_its_own() -> None:
    def threads() -> set[int]:
        assert np.ones(2) @ np.ones(2) == 2
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    async def main() -> set[int]:
        async with Lanes() as lanes:
            return await lanes.heavy(Priority.LLM, threads)

    assert anyio.run(main) == run_virtual(main) == threads() == {1}


def test_calls_return_and_raise() -> None:
    async def main() -> None:
        async with Lanes() as lanes:
            assert await lanes.frame(divmod, 7, 2) == (3, 1)
            assert await lanes.heavy(Priority.LLM, "abc".upper) == "ABC"
            with pytest.raises(ZeroDivisionError):
                await lanes.frame(divmod, 7, 0)
            with pytest.raises(RuntimeError, match="StopIteration"):
                await lanes.heavy(Priority.LLM, next, iter(()), name="next")
            assert await lanes.frame(threading.current_thread) is await lanes.frame(threading.current_thread)
            assert lanes.statistics()["next"].failed == 1
            assert lanes.statistics()["divmod"].n == 2

    anyio.run(main)
    run_virtual(main)


def test_the_most_urgent_goes_first_and_equals_in_order() -> None:
    async def main() -> list[str]:
        ran: list[str] = []
        gate = Gate()
        async with Lanes(heavy_workers=1) as lanes, anyio.create_task_group() as tasks:
            tasks.start_soon(lanes.heavy, Priority.END, gate)
            await gate.entered()
            for priority in reversed(Priority):
                for i in range(2):
                    tasks.start_soon(lanes.heavy, priority, ran.append, f"{priority.name}{i}")
            await anyio.sleep(0.01)
            gate.open.set()
        return ran

    assert anyio.run(main) == [f"{priority.name}{i}" for priority in Priority for i in range(2)]


def test_heavy_jobs_run_side_by_side_up_to_the_limit() -> None:
    async def main() -> int:
        most, now, lock = 0, 0, threading.Lock()

        def job() -> None:
            nonlocal most, now
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.02)
            with lock:
                now -= 1

        async with Lanes(heavy_workers=2) as lanes, anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(lanes.heavy, Priority.LLM, job)
        return most

    assert anyio.run(main) == 2


def test_a_cancelled_job_that_waits_never_runs() -> None:
    async def main() -> tuple[list[str], JobStatistics]:
        ran: list[str] = []
        gate = Gate()
        async with Lanes(heavy_workers=1) as lanes:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lanes.heavy, Priority.LLM, gate)
                await gate.entered()
                with anyio.move_on_after(0.01):
                    await lanes.heavy(Priority.LLM, ran.append, "never", name="late")
                gate.open.set()
            await lanes.heavy(Priority.SPECULATION, ran.append, "last")
            return ran, lanes.statistics()["late"]

    ran, late = anyio.run(main)
    assert ran == ["last"]
    assert (late.n, late.cancelled) == (0, 1)


def test_a_cancelled_job_that_runs_is_abandoned_but_keeps_its_worker() -> None:
    async def main() -> JobStatistics:
        async with Lanes(heavy_workers=1) as lanes:
            gate, next_ran = Gate(), anyio.Event()

            async def next_job() -> None:
                await lanes.heavy(Priority.LLM, int)
                next_ran.set()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(partial(lanes.heavy, Priority.LLM, gate, name="slow"))
                await gate.entered()
                tasks.cancel_scope.cancel()
            async with anyio.create_task_group() as tasks:  # the caller has gone, the job has not
                tasks.start_soon(next_job)
                await anyio.sleep(0.02)
                assert not next_ran.is_set()
                gate.open.set()
            return lanes.statistics()["slow"]

    slow = anyio.run(main)
    assert (slow.n, slow.cancelled) == (1, 1)


class Items:
    """A generator that notes what happens to it."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.made = 0
        self.closed: list[str] = []

    def __iter__(self) -> Iterator[int]:
        try:
            for i in range(self.n):
                self.made += 1
                yield i
        finally:
            self.closed.append(threading.current_thread().name)


@pytest.mark.parametrize("virtual", [False, True])
def test_a_stream_gives_its_items_in_order(virtual: bool) -> None:
    async def main() -> None:
        items = Items(100)
        async with Lanes() as lanes:
            got = [i async for i in lanes.heavy_iter(Priority.SYNTHESIS, items, name="items", ahead=3)]
            assert lanes.statistics()["items"].n == 100
        assert got == list(range(100))
        assert items.closed in (["duplex-heavy-0"], ["duplex-virtual"])

    run_virtual(main) if virtual else anyio.run(main)


@pytest.mark.parametrize("virtual", [False, True])
def test_a_stream_is_not_made_far_ahead_and_is_closed_in_the_lane(virtual: bool) -> None:
    async def main() -> None:
        items = Items(1_000)
        async with Lanes() as lanes:
            async with aclosing(lanes.heavy_iter(Priority.SYNTHESIS, items, name="items", ahead=4)) as stream:
                async for i in stream:
                    await anyio.sleep(0.02)
                    assert items.made <= i + 1 + 4 + 1
                    if i == 7:
                        break
            await lanes.heavy(Priority.SPECULATION, int)  # what was asked for before has run by now
            assert items.made < 20
            assert len(items.closed) == 1
            assert lanes.statistics()["items"].cancelled == 1

    run_virtual(main) if virtual else anyio.run(main)


@pytest.mark.parametrize("virtual", [False, True])
def test_a_stream_that_fails(virtual: bool) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    async def main() -> None:
        async with (
            Lanes() as lanes,
            aclosing(lanes.heavy_iter(Priority.LLM, items(), name="items")) as stream,
        ):
            assert await anext(stream) == 1
            with pytest.raises(ValueError, match="no more"):
                await anext(stream)
            assert lanes.statistics()["items"].failed == 1

    run_virtual(main) if virtual else anyio.run(main)


def test_a_stream_gives_way_between_items() -> None:
    """A more urgent job waits for one item, not for all of them; an equal one waits for all."""

    async def main() -> list[str]:
        order: list[str] = []
        gate = Gate()

        def items() -> Iterator[int]:
            for i in range(4):
                if i == 1:
                    gate()
                order.append(f"item{i}")
                yield i

        async def read() -> None:
            async for _ in lanes.heavy_iter(Priority.SYNTHESIS, items(), name="items"):
                pass

        async with Lanes(heavy_workers=1) as lanes, anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await gate.entered()
            tasks.start_soon(lanes.heavy, Priority.SYNTHESIS, order.append, "equal")
            tasks.start_soon(lanes.heavy, Priority.END, order.append, "urgent")
            await anyio.sleep(0.01)
            gate.open.set()
        return order

    assert anyio.run(main) == ["item0", "item1", "urgent", "item2", "item3", "equal"]


def test_closing_fails_what_waits_and_hangs_on_nothing() -> None:
    async def main() -> float:
        lanes, gate, items = Lanes(heavy_workers=1), Gate(), Items(100)
        errors: list[str] = []

        async def wait() -> None:
            with pytest.raises(LanesClosed) as error:
                await lanes.heavy(Priority.LLM, int, name="waiting")
            errors.append(str(error.value))

        async def read() -> None:
            try:
                async for _ in lanes.heavy_iter(Priority.END, items, name="items", ahead=2):
                    await anyio.sleep(0.05)
            except LanesClosed:
                errors.append("stream")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.sleep(0.03)
            tasks.start_soon(lanes.heavy, Priority.LLM, gate)
            await gate.entered()
            tasks.start_soon(wait)
            await anyio.sleep(0.01)
            start = perf_seconds()
            await lanes.aclose(grace=0.05)
            took = perf_seconds() - start
            gate.open.set()
        assert sorted(errors) == ["stream", "the lanes were closed before 'waiting' was done"]
        with pytest.raises(LanesClosed):
            await lanes.frame(int)
        with anyio.fail_after(5):
            while not items.closed:  # noqa: ASYNC110 - it is set by a thread
                await anyio.sleep(0.001)
        return took

    assert 0.05 <= anyio.run(main) < 1


def test_one_lanes_object_serves_one_loop_after_another() -> None:
    lanes = Lanes()

    async def main() -> int:
        return await lanes.heavy(Priority.LLM, sum, [1, 2])

    assert anyio.run(main) == run_virtual(main) == run_virtual(main) == anyio.run(main) == 3
    anyio.run(lanes.aclose)


# In virtual time the arithmetic is exact: `reference` is the whole of the rule, in a dozen lines.

requests = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(list(Priority)), st.integers(1, 20)),
    min_size=1,
    max_size=20,
)


def reference(jobs: list[tuple[float, Priority, int]], workers: int) -> list[float]:
    """When each job ends: start = max(request, worker free), the most urgent first, then in order of requests."""
    coming = sorted(range(len(jobs)), key=lambda i: jobs[i][0])
    free, waiting, ends = [0.0] * workers, [], [0.0] * len(jobs)
    while coming or waiting:
        now = free[0] if waiting else max(free[0], jobs[coming[0]][0])
        while coming and jobs[coming[0]][0] <= now:
            i = coming.pop(0)
            heapq.heappush(waiting, (jobs[i][1], jobs[i][0], i))
        _, _, i = heapq.heappop(waiting)
        ends[i] = now + jobs[i][2]
        heapq.heapreplace(free, ends[i])
    return ends


@settings(deadline=None)
@given(requests, st.integers(1, 3))
def test_virtual_workers_are_charged_exactly(asked: list[tuple[int, Priority, int]], heavy: int) -> None:
    # Each request has a fraction of its own, so that none comes in the very moment in which a job ends.
    jobs = [(at + (i + 1) / 64, priority, cost) for i, (at, priority, cost) in enumerate(asked)]
    ends = [0.0] * len(jobs)

    async def one(lanes: Lanes, i: int, at: float, priority: Priority, cost: int) -> None:
        await anyio.sleep(at)
        await lanes.heavy(priority, int, name=str(cost))
        ends[i] = anyio.current_time()

    async def main() -> None:
        async with Lanes() as lanes, anyio.create_task_group() as tasks:
            for i, job in enumerate(jobs):
                tasks.start_soon(one, lanes, i, *job)

    run_virtual(main, compute="fixed", costs={str(n): float(n) for n in range(1, 21)}, workers=heavy + 1)
    assert ends == reference(jobs, heavy)


def test_one_virtual_worker_serves_both_lanes_frames_first() -> None:
    async def main() -> list[tuple[str, float]]:
        done: list[tuple[str, float]] = []

        async def call(name: str) -> None:
            if name == "frame":
                await lanes.frame(int, name=name)
            else:
                await lanes.heavy(Priority.END, int, name=name)
            done.append((name, anyio.current_time()))

        async with Lanes() as lanes, anyio.create_task_group() as tasks:
            for name in ("heavy", "heavy", "frame"):
                tasks.start_soon(call, name)
        return done

    result = run_virtual(main, compute="fixed", costs={"heavy": 2.0, "frame": 0.5}, workers=1)
    assert result == [("frame", 0.5), ("heavy", 2.5), ("heavy", 4.5)]


def test_measured_jobs_take_their_wall_time_one_at_a_time() -> None:
    def nap() -> None:
        time.sleep(0.03)

    async def main() -> tuple[float, JobStatistics]:
        async with Lanes() as lanes:
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(lanes.heavy, Priority.LLM, nap)
            return anyio.current_time(), lanes.statistics()[nap.__qualname__]

    took, figures = run_virtual(main, workers=4)  # three heavy ones: all overlap in virtual time
    assert took == pytest.approx(figures.max_run)
    assert (figures.n, figures.wait) == (3, 0.0)
    took, figures = run_virtual(main, workers=2)
    assert took == pytest.approx(figures.run)
    assert figures.run >= 0.09
    assert figures.max_wait >= 0.06


def test_a_virtual_job_that_is_cancelled_keeps_its_worker() -> None:
    async def main() -> float:
        async with Lanes() as lanes:
            with anyio.move_on_after(1):
                await lanes.heavy(Priority.LLM, int, name="long")
            assert anyio.current_time() == 1
            await lanes.heavy(Priority.LLM, int, name="short")
            return anyio.current_time()

    assert run_virtual(main, compute="fixed", costs={"long": 5.0, "short": 1.0}, workers=2) == 6


def test_a_job_without_a_price_is_an_error() -> None:
    async def main() -> None:
        async with Lanes() as lanes:
            await lanes.heavy(Priority.LLM, int, name="asr.final")

    with pytest.raises(LookupError, match=r"no fixed cost for the job 'asr\.final'; known are: vad"):
        run_virtual(main, compute="fixed", costs={"vad": 0.001})


def test_loop_lag_is_seen(blockbuster: BlockBuster) -> None:
    blockbuster.deactivate()

    async def main() -> LoopLag:
        async with LoopLag(interval=0.002) as lag:
            assert lag.report() is None
            await anyio.sleep(0.05)
            time.sleep(0.03)  # noqa: ASYNC251 - the fault that the monitor is there to find
            await anyio.sleep(0.01)
        return lag

    report = anyio.run(main).report()
    assert report is not None
    assert report.late >= 1
    assert report.max >= 0.025
    assert report.p50 <= report.p99 <= report.max
    assert report.n >= 10
