"""Streams whose items are made by a thread that does not pause: what virtual time charges for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from itertools import pairwise
from queue import SimpleQueue

import anyio
import pytest

from duplex.graph import Lanes, Priority, run_virtual

STEP = 0.03


class Runner:
    """Makes `count` numbers on a thread of its own, one each 30 ms, whether or not somebody asks for one."""

    def __init__(self, count: int) -> None:
        self.count, self.made, self.closed = count, 0, False
        self._items: SimpleQueue[int | None] = SimpleQueue()

    def __iter__(self) -> Iterator[int]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            while (item := self._items.get()) is not None:
                yield item
        finally:
            self.closed = True
            thread.join()

    def _run(self) -> None:
        for item in range(self.count):
            time.sleep(STEP)
            self.made += 1
            self._items.put(item)
        self._items.put(None)


async def read(lanes: Lanes, runner: Runner, enough: int = 100) -> list[tuple[int, float]]:
    """The items that were read and when each came."""
    start, got = anyio.current_time(), list[tuple[int, float]]()
    async with aclosing(lanes.heavy_iter(Priority.LLM, runner, name="items", runs_on=True)) as items:
        async for item in items:
            got.append((item, anyio.current_time() - start))
            if len(got) == enough:
                break
    return got


def test_each_item_is_charged_what_it_took() -> None:
    async def main() -> list[tuple[int, float]]:
        async with Lanes() as lanes:
            return await read(lanes, Runner(5))

    for came in (anyio.run(main), run_virtual(main)):
        assert [item for item, _ in came] == [0, 1, 2, 3, 4]
        assert all(at >= STEP * (item + 1) for item, at in came), came


def test_what_was_made_for_nobody_is_not_charged_and_the_stream_is_closed() -> None:
    async def main() -> tuple[Runner, float]:
        async with Lanes() as lanes:
            runner = Runner(6)
            came = await read(lanes, runner, enough=2)
        return runner, came[-1][1]

    runner, end = run_virtual(main, compute="fixed", costs={"items": 1.0})
    assert (end, runner.made, runner.closed) == (2, 6, True)


def test_nothing_is_made_while_a_more_urgent_job_runs() -> None:
    """On one worker the end decision comes between two items, and neither's time is measured with the other's."""

    async def main() -> tuple[int, list[float]]:
        runner, made = Runner(4), list[int]()

        async def judge(lanes: Lanes) -> None:
            await anyio.sleep(1.5 * STEP)
            before = runner.made
            await lanes.heavy(Priority.END, time.sleep, 2 * STEP, name="end")
            made.append(runner.made - before)

        async with Lanes() as lanes, anyio.create_task_group() as tasks:
            tasks.start_soon(judge, lanes)
            came = await read(lanes, runner)
        return made[0], [at for _, at in came]

    made, times = run_virtual(main, workers=2)
    assert made == 0
    assert max(b - a for a, b in pairwise(times)) >= 2 * STEP, "the judgement took its time from the items"


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    async def main() -> list[int]:
        got: list[int] = []
        async with Lanes() as lanes:
            stream = lanes.heavy_iter(Priority.LLM, items(), name="items", runs_on=True)
            got.append(await anext(stream))
            with pytest.raises(ZeroDivisionError):
                await anext(stream)
        return got

    assert anyio.run(main) == run_virtual(main) == [1]
