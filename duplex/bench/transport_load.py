"""Many calls at once to one echo server: what each costs, and how punctual the server stays."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import anyio
import httpx
import numpy as np

from duplex.bench.served import Served
from duplex.bench.transport_calls import http_to, sessions
from duplex.bench.transport_client import Leg
from duplex.bench.transport_signal import FRAME, encode, lateness_ms, noise

WINDOW = 3.0
"""Seconds over which CPU time is taken; the kernel counts it in steps of 10 ms."""
WINDOWS = 5
SETTLE = 2.0
FOLLOWING = 4
"""Crowds that come and go before it is said what they leave."""
COLLECT_SECONDS = 1.0
END_SECONDS = 20.0
"""How long calls that were hung up may take to end on the server."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls cost, each.

    Attributes:
        silent: percent of a core while there is silence, one figure a window.
        sounding: the same while there is sound both ways.
        mb: the growth of the server's resident memory while they are up, in MB.
        mb_kept: of it what remains once they have ended, for the allocator to give to others.
        mb_left: what each further call leaves behind for good.
    """

    silent: list[float]
    sounding: list[float]
    mb: float
    mb_kept: float
    mb_left: float


class Crowd:
    """Calls that are held, all of which send the same."""

    def __init__(self) -> None:
        self.legs: list[Leg] = []
        self._packets = encode(noise(2.0))

    def hush(self) -> None:
        """Send silence: a whole packet every 20 ms, as a client without discontinuous transmission does."""
        self._packets = encode(np.zeros(50 * FRAME, np.int16))

    def program(self) -> Iterator[bytes]:
        """Without end."""
        number = 0
        while True:
            yield self._packets[number % len(self._packets)]
            number += 1


@asynccontextmanager
async def crowd(http: httpx.AsyncClient, calls: int, *, settle: float = SETTLE) -> AsyncIterator[Crowd]:
    """So many calls that play sound, at first; they are hung up with the block, and have then ended on the server."""
    held = Crowd()
    async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
        for _ in range(calls):
            leg = await stack.enter_async_context(Leg(http))
            held.legs.append(leg)
            tasks.start_soon(leg.play, held.program())
        await anyio.sleep(settle)
        yield held
        tasks.cancel_scope.cancel()
    with anyio.fail_after(END_SECONDS):
        while await sessions(http):  # noqa: ASYNC110
            await anyio.sleep(0.1)


async def _cpu(served: Served, calls: int) -> list[float]:
    """Percent of a core for each of the calls, a figure a window."""
    shares: list[float] = []
    for _ in range(WINDOWS):
        before, start = served.cpu_seconds(), anyio.current_time()
        await anyio.sleep(WINDOW)
        used = served.cpu_seconds() - before
        shares.append(100 * used / (anyio.current_time() - start) / calls)
    return shares


async def cost(served: Served, calls: int) -> Cost:
    """What `calls` at once cost a fresh server; what its first call alone brings about is not counted."""
    async with http_to(served) as http:
        async with crowd(http, 1):
            pass
        before = await _resident_mb(served)
        async with crowd(http, calls) as held:
            sounding = await _cpu(served, calls)
            held.hush()
            await anyio.sleep(SETTLE)
            silent = await _cpu(served, calls)
            full = await _resident_mb(served)
        after = [await _resident_mb(served)]
        for _ in range(FOLLOWING):
            async with crowd(http, calls, settle=0.5):
                pass
            after.append(await _resident_mb(served))
    left = (after[-1] - after[1]) / (FOLLOWING - 1)
    return Cost(silent, sounding, (full - before) / calls, (after[0] - before) / calls, left / calls)


async def _resident_mb(served: Served) -> float:
    """The server's resident memory without garbage, which Python otherwise collects now and then."""
    os.kill(served.pid, signal.SIGUSR2)
    await anyio.sleep(COLLECT_SECONDS)
    return served.resident_mb()


async def late_ms(served: Served, calls: int, seconds: float) -> list[float]:
    """How late each frame of `calls` at once left, by the kernel's stamps on our side.

    Taken there and not by the server's own clock, so that it holds for the packet itself and asks nothing of the
    server: a datagram over loopback is stamped in the course of the server's system call. There is sound both ways,
    since in silence a server may send nothing.
    """
    async with http_to(served) as http, crowd(http, calls) as held:
        begin = [len(leg.stamps()) for leg in held.legs]
        await anyio.sleep(seconds)
        stamps = [leg.stamps()[first:] for leg, first in zip(held.legs, begin, strict=True)]
    return [late for each in stamps for late in lateness_ms(each)]
