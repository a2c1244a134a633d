"""Calls to an echo server over paths that lose, hold back and stall, and the delays that are heard in them."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx

from duplex.audio.pcm import FRAME_SECONDS
from duplex.bench.served import Served
from duplex.bench.transport_client import Leg
from duplex.bench.transport_server import STALL_SECONDS
from duplex.bench.transport_signal import Echo, Track, echoes, encode, median_ms, noise, shift_ms

SETTLE = 0.7
"""Seconds at the start of a call that are not looked at: decoders and buffers begin."""
TRAIL = 0.6
"""Seconds for which the last echoes are waited for; stock aiortc after a loss takes 0.3."""
STEADY = 3.0
"""Seconds over which a delay is taken, before and after what may shift it."""
PAUSE = 1.0
"""Seconds after a loss or a stall that are not looked at."""
HTTP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Path:
    """What becomes of the packets on their way up, by their number: those not named pass at once."""

    lost: frozenset[int] = frozenset()
    held: Mapping[int, float] = field(default_factory=dict)
    """Seconds by which a packet is late."""


def lossy(share: float, packets: int, seed: int) -> Path:
    """A path that loses each packet with this probability, the same ones for the same seed."""
    seeded = random.Random(seed)
    return Path(lost=frozenset(i for i in range(packets) if seeded.random() < share))


def reordering(share: float, seconds: float, packets: int, seed: int) -> Path:
    """A path that holds packets back, each with this probability, for so long that later ones overtake them."""
    seeded = random.Random(seed)
    return Path(held={i: seconds for i in range(packets) if seeded.random() < share})


def longer(seconds: float, packets: int) -> Path:
    """A path that takes so much longer."""
    return Path(held=dict.fromkeys(range(packets), seconds))


@asynccontextmanager
async def http_to(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """Requests to a server."""
    async with httpx.AsyncClient(base_url=served.url, timeout=HTTP_SECONDS, trust_env=False) as http:
        yield http


async def sessions(http: httpx.AsyncClient) -> int:
    """How many calls a server has."""
    return int((await http.get("/health")).json()["sessions"])


class Calls:
    """Plays a signal over several calls at once, whose frames are due at times spread over 20 ms."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: the longest call there will be."""
        self._signal = noise(seconds)
        self._packets = encode(self._signal)

    async def place(
        self,
        served: Served,
        seconds: float,
        paths: Sequence[Path],
        meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> list[list[Echo]]:
        """A call over each path, for `seconds` of the signal; `meanwhile` begins with them."""
        legs = dict[int, Leg]()
        up = anyio.Event()
        packets = self._packets[: round(seconds / FRAME_SECONDS)]

        async def call(index: int, path: Path, http: httpx.AsyncClient) -> None:
            async with Leg(http) as leg:
                legs[index] = leg
                if len(legs) == len(paths):
                    up.set()
                await up.wait()
                phase = index * FRAME_SECONDS / len(paths)
                await leg.play(packets, phase=phase, lost=path.lost, held=path.held)
                await anyio.sleep(TRAIL)

        async with http_to(served) as http, anyio.create_task_group() as tasks:
            for index, path in enumerate(paths):
                tasks.start_soon(call, index, path, http)
            await up.wait()
            if meanwhile is not None:
                tasks.start_soon(meanwhile)
        return [echoes(self._signal, legs[i].sent, Track(legs[i].arrivals())) for i in range(len(paths))]

    async def echo_ms(self, served: Served, rounds: int, calls: int, path: Path | None = None) -> list[float]:
        """The median delay of each of `rounds * calls` calls: within one, all share how its clocks happen to lie."""
        medians: list[float] = []
        for _ in range(rounds):
            for heard in await self.place(served, SETTLE + STEADY, [path or Path()] * calls):
                if (median := median_ms(heard, SETTLE)) is not None:
                    medians.append(median)
        return medians

    async def loss_shifts_ms(self, served: Served, calls: int) -> list[float]:
        """How much later each call's echo comes after one lost packet."""
        at = SETTLE + STEADY
        path = Path(lost=frozenset({round(at / FRAME_SECONDS)}))
        heard = await self.place(served, at + PAUSE + STEADY, [path] * calls)
        return _heard(shift_ms(each, (SETTLE, at), (at + PAUSE, at + PAUSE + STEADY)) for each in heard)

    async def stall_shifts_ms(self, served: Served, calls: int) -> list[float]:
        """How much later each call's echo comes, 1 s after the server's event loop was blocked for 0.4 s."""
        at = SETTLE + STEADY

        async def stall() -> None:
            await anyio.sleep(at)
            os.kill(served.pid, signal.SIGUSR1)

        after = at + STALL_SECONDS + PAUSE
        heard = await self.place(served, after + STEADY, [Path()] * calls, stall)
        before = at - 0.1  # what was spoken last comes back after the stall
        return _heard(shift_ms(each, (SETTLE, before), (after, after + STEADY)) for each in heard)


def _heard(shifts: Iterable[float | None]) -> list[float]:
    return [each for each in shifts if each is not None]
