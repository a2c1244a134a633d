"""Two ends of a real connection in one loop, with a network between them that can be made bad, and voices for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import numpy as np
from aiortc import RTCPeerConnection

from duplex.audio.pcm import Pcm
from duplex.transport.webrtc.ice import only_loopback
from duplex.transport.webrtc.media import Media, add_audio

RATE = 24_000
FRAME = RATE // 50


def voice(seconds: float) -> Pcm:
    """A gliding harmonic tone, so that a shifted or wrong frame does not look like the right one."""
    t = np.arange(round(seconds * 24_000)) / 24_000
    phase = 2 * np.pi * (150 * t + 40 * t**2)
    return (sum(np.sin(k * phase) / k for k in range(1, 8)) * 4000).astype(np.int16)


def likeness(heard: Pcm, said: Pcm, most: int = 400) -> float:
    """The highest correlation of what was heard with what was said, over delays up to `most` samples."""
    heard, said = heard.astype(float), said.astype(float)
    best = 0.0
    for shift in range(most):
        a, b = heard[shift:], said[: len(heard) - shift]
        best = max(best, float(a @ b / np.sqrt((a @ a) * (b @ b) + 1e-9)))
    return best


class Network:
    """What becomes of one end's RTP packets: `fate(n)` is the n-th one's delay in seconds, None if it is lost."""

    def __init__(self, fate: Callable[[int], float | None]) -> None:
        self.fate = fate
        self.sent: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def connect(self, transport: Any) -> None:
        send = transport._send_rtp

        async def later(data: bytes, delay: float) -> None:
            await asyncio.sleep(delay)
            await send(data)

        async def carry(data: bytes) -> None:
            if 192 <= data[1] <= 223:  # RTCP
                await send(data)
                return
            self.sent.append(data)
            delay = self.fate(len(self.sent) - 1)
            if delay is not None and delay > 0:
                task = asyncio.create_task(later(data, delay))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            elif delay is not None:
                await send(data)

        transport._send_rtp = carry


class End:
    """One end: says what is in `saying`, keeps what it hears and when."""

    def __init__(self, *, dtx: bool = True) -> None:
        self.pc = RTCPeerConnection()
        self.transceiver = add_audio(self.pc)
        self.saying = np.zeros(0, np.int16)
        self.pulls: list[float] = []
        self.delays: list[float] = []
        self.pieces: list[tuple[float, float, Pcm]] = []
        self.network = Network(lambda n: 0.0)
        self.media = Media(
            self.transceiver,
            RATE,
            self.pull,
            self.heard,
            delayed=self.delays.append,
            heard_rate=RATE,
            dtx=dtx,
        )

    def say(self, pcm: Pcm) -> None:
        self.saying = np.concatenate((self.saying, pcm))

    def pull(self) -> Pcm:
        self.pulls.append(anyio.current_time())
        frame = np.zeros(FRAME, np.int16)
        piece, self.saying = self.saying[:FRAME], self.saying[FRAME:]
        frame[: len(piece)] = piece
        return frame

    def heard(self, pcm: Pcm, at: float) -> None:
        self.pieces.append((anyio.current_time(), at, pcm))

    @property
    def all_heard(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *(pcm for _, _, pcm in self.pieces)])

    def first_heard(self, after: float, level: int = 1000) -> float:
        """When the first piece with a sample beyond `level` came."""
        return next(at for at, _, pcm in self.pieces if at >= after and np.abs(pcm).max(initial=0) > level)


@asynccontextmanager
async def line(near: End, far: End) -> AsyncIterator[None]:
    """Connect two ends and keep their pace; leaving it closes them."""
    await join(near.pc, far.pc)
    async with anyio.create_task_group() as tasks:
        for end in (near, far):
            end.network.connect(end.transceiver.sender.transport)
            tasks.start_soon(end.media.run)
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await near.pc.close()
                await far.pc.close()


async def join(caller: RTCPeerConnection, callee: RTCPeerConnection) -> None:
    """Offer and answer over loopback, until both are connected."""
    only_loopback(caller)
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    only_loopback(callee)
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(callee.localDescription)
    with anyio.fail_after(10):
        while not caller.connectionState == callee.connectionState == "connected":  # noqa: ASYNC110
            await anyio.sleep(0.01)
