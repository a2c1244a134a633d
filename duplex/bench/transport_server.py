"""The echo servers of `duplex bench transport`: `python -m duplex.bench.transport_server ours` (or `stock`).

`ours` is the application that carries real calls, with a session that gives back what it hears. `stock` is aiortc as
it comes: the track that a call brings is the track that it gets. SIGUSR1 blocks either one's event loop, SIGUSR2
collects its garbage.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable

import anyio
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from duplex.audio.pcm import FRAME_SECONDS
from duplex.audio.ring import Ring
from duplex.graph.event import Event
from duplex.server.app import create_app
from duplex.server.serve import run, serving
from duplex.transport.types import AGENT_RATE, USER_RATE, Pcm, Peer
from duplex.transport.webrtc.ice import only_loopback

MAX_SESSIONS = 64
STALL_SECONDS = 0.4
"""For how long SIGUSR1 blocks the event loop."""


class Echo(Peer):
    """A session that gives back what it hears. It holds one frame, until the next is due, and nothing ever stays."""

    id = "echo"

    def __init__(self) -> None:
        self._start = anyio.current_time()
        self._ring = Ring(round(AGENT_RATE * FRAME_SECONDS))

    @property
    def seconds(self) -> float:
        """Seconds since it was made."""
        return anyio.current_time() - self._start

    def push(self, pcm: Pcm) -> None:
        """Take 20 ms at 16 kHz. Samples are repeated to fit 24 kHz: a filter would add its delay."""
        twice, thrice = (USER_RATE // 8_000, AGENT_RATE // 8_000)
        self._ring.write(np.repeat(pcm, thrice)[::twice].copy())

    def pull(self) -> Pcm:
        """Give 20 ms at 24 kHz."""
        return self._ring.read_padded(self._ring.capacity)

    def say_text(self, text: str, answer: bool = True) -> None:
        """Nothing comes of it."""

    def delayed(self, seconds: float) -> None:
        """Nothing comes of it."""

    def end(self, reason: str) -> None:
        """It ends when it is cancelled."""

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """There are no events."""
        return lambda: None

    async def run(self) -> None:
        """Run until it is cancelled."""
        await anyio.sleep_forever()


class Stock:
    """Answers offers with aiortc alone."""

    def __init__(self) -> None:
        self._calls: set[RTCPeerConnection] = set()

    async def offer(self, request: Request) -> Response:
        """Answer a call and send its own track back."""
        offer = await request.json()
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._calls.add(pc)

        def relay(track: MediaStreamTrack) -> None:
            pc.addTrack(track)

        async def changed() -> None:
            if pc.connectionState in ("failed", "closed"):
                self._calls.discard(pc)
                await pc.close()

        pc.on("track", relay)
        pc.on("connectionstatechange", changed)
        await pc.setRemoteDescription(RTCSessionDescription(sdp=offer["sdp"], type=offer["type"]))
        only_loopback(pc)
        await pc.setLocalDescription(await pc.createAnswer())
        return JSONResponse({"sdp": pc.localDescription.sdp, "type": "answer"})

    async def health(self, _: Request) -> Response:
        """How many calls there are."""
        return JSONResponse({"sessions": len(self._calls)})

    async def ready(self, _: Request) -> Response:
        """There is nothing to load."""
        return JSONResponse({"ready": True})

    def app(self) -> Starlette:
        """The web application."""
        offer = Route("/api/offer", self.offer, methods=["POST"])
        return Starlette(routes=[offer, Route("/health", self.health), Route("/ready", self.ready)])


APPS: dict[str, Callable[[], Starlette]] = {
    "ours": lambda: create_app(Echo, loopback=True, max_sessions=MAX_SESSIONS),
    "stock": lambda: Stock().app(),
}


async def _serve(app: Starlette, stop: anyio.Event) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, time.sleep, STALL_SECONDS)
    loop.add_signal_handler(signal.SIGUSR2, gc.collect)
    async with serving(app) as url:
        print(f"echo at {url}", flush=True)
        await stop.wait()


def main(which: str) -> None:
    """Serve until Ctrl-C."""
    run(lambda stop: _serve(APPS[which](), stop))


if __name__ == "__main__":
    main(*sys.argv[1:])
