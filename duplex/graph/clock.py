"""The session clock. The event loop's own time is the only source of time, so a loop with virtual time makes
everything virtual: sleeps, timeouts and deadlines need no second mechanism (see `duplex.graph.virtual`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVarTuple

import anyio

from duplex.graph.event import TICKS, to_seconds, to_ticks

__all__ = ["TICKS", "Clock", "perf_seconds", "to_seconds", "to_ticks"]

Args = TypeVarTuple("Args")


def perf_seconds() -> float:
    """Wall time in seconds from an arbitrary origin, to measure how long computing takes.

    Never use it to decide when something happens: that is what `Clock` is for.
    """
    return time.perf_counter()


class Clock:
    """A session's clock: ticks of the running event loop since the clock was made.

    Make it inside the event loop, when the session begins.
    """

    __slots__ = ("_loop", "_start")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()

    def now(self) -> int:
        """Ticks since the session began."""
        return round((self._loop.time() - self._start) * TICKS)

    async def sleep_until(self, t: int) -> None:
        """Wait until `now()` is at least `t`; where that has passed, only let other tasks run."""
        await anyio.sleep_until(self._start + t / TICKS)

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        await anyio.sleep(seconds)

    def call_at(self, t: int, callback: Callable[[*Args], object], *args: *Args) -> asyncio.Handle:
        """Call `callback(*args)` on the event loop at `t`; the handle's `cancel()` calls it off."""
        return self._loop.call_at(self._start + t / TICKS, callback, *args)
