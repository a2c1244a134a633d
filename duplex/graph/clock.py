"""The session clock. The event loop's own time is the only source of time, so a loop with virtual time makes
everything virtual: sleeps, timeouts and deadlines need no second mechanism.
"""

from __future__ import annotations

import anyio
from anyio.lowlevel import checkpoint

from duplex.graph.event import TICKS, to_seconds, to_ticks

__all__ = ["TICKS", "Clock", "to_seconds", "to_ticks"]


class Clock:
    """A session's clock: ticks of the running event loop since the clock was made.

    Make it inside the event loop, when the session begins.
    """

    __slots__ = ("_start",)

    def __init__(self) -> None:
        self._start = anyio.current_time()

    def now(self) -> int:
        """Whole ticks since the session began."""
        return to_ticks(anyio.current_time() - self._start)

    async def sleep_until(self, t: int) -> None:
        """Wait until `now()` is at least `t`; a time that has passed only yields to other tasks."""
        while (ahead := t - self.now()) > 0:
            await anyio.sleep(ahead / TICKS)
        await checkpoint()

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        await anyio.sleep(seconds)
