"""The event loop's lag: how late a callback runs that should run now. Media are late by at least as much."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

LIMIT = 0.005
"""Seconds of lag worth reporting: a quarter of a 20 ms frame."""


@dataclass(frozen=True, slots=True)
class LagReport:
    """The lag over the monitor's window, in seconds.

    Attributes:
        n: how often it was measured; the figures below are over the last `LoopLag.window` of these.
        p50, p99, max: quantiles and the greatest.
        late: how many of all n measures were above 5 ms.
    """

    n: int
    p50: float
    p99: float
    max: float
    late: int


class LoopLag:
    """Measures the running loop's lag every `interval` seconds, while its context is open.

        async with LoopLag() as lag:
            ...
        print(lag.report())

    Args:
        interval: seconds between two measures.
        window: how many measures to keep.
    """

    def __init__(self, interval: float = 0.01, window: int = 60_000) -> None:
        self.interval = interval
        self._lags: deque[float] = deque(maxlen=window)
        self._n = self._late = 0
        self._handle: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> LoopLag:
        self._next(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def report(self) -> LagReport | None:
        """The figures so far; None when nothing was measured."""
        if not self._lags:
            return None
        ordered = sorted(self._lags)
        p50, p99 = (ordered[round(q * (len(ordered) - 1))] for q in (0.5, 0.99))
        return LagReport(self._n, p50, p99, ordered[-1], self._late)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + self.interval
        self._handle = loop.call_at(due, self._measure, loop, due)

    def _measure(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        lag = max(0.0, loop.time() - due)
        self._n += 1
        self._late += lag > LIMIT
        self._lags.append(lag)
        self._next(loop)
