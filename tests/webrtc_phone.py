"""A caller at the wire: offers by hand, on one peer connection after another, over a network that can be cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import anyio
import httpx
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from transport_peers import tone

from duplex.transport.webrtc.ice import _ice_transports, only_loopback

LOUD = 1_000
"""Peak of a frame that is no silence."""


class Hum(AudioStreamTrack):  # type: ignore[misc]
    """A tone, as stock aiortc sends it."""

    SOUND = tone(0.02, 8_000, 500).tobytes()

    async def recv(self) -> Any:
        """The next 20 ms."""
        frame = await super().recv()
        frame.planes[0].update(self.SOUND)
        return frame


class Leg:
    """One peer connection of a caller: a hum goes out, what comes in is counted."""

    def __init__(self, *, audio: bool = True, loopback: bool = True, config: RTCConfiguration | None = None):
        self.pc = RTCPeerConnection(config or RTCConfiguration(iceServers=[]))
        self.id = ""
        self.messages: list[dict[str, Any]] = []
        self.frames = 0
        self.loud = 0
        self.closed = anyio.Event()
        self._loopback = loopback
        if audio:
            self.pc.addTrack(Hum())
        else:
            self.pc.addTransceiver("audio", direction="recvonly")
        self.channel = self.pc.createDataChannel("chat")
        self.channel.on("message", lambda text: self.messages.append(json.loads(text)))
        self.channel.on("close", self.closed.set)
        self._reader: asyncio.Task[None] | None = None

    async def offer(self) -> dict[str, Any]:
        """The body of a request, with this leg's id if it has one."""
        if self._loopback:
            only_loopback(self.pc)
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return {"sdp": self.pc.localDescription.sdp, "type": "offer", "pc_id": self.id or None}

    async def accept(self, answer: dict[str, Any]) -> None:
        """Take the server's answer."""
        self.id = answer["pc_id"]
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type="answer"))
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(self.pc.getTransceivers()[0].receiver.track))

    async def up(self, seconds: float = 10.0) -> None:
        """Wait until the channel is open."""
        with anyio.fail_after(seconds):
            while self.channel.readyState != "open":  # noqa: ASYNC110
                await anyio.sleep(0.01)

    async def hears(self, seconds: float = 3.0) -> None:
        """Wait until half a second's sound has come from now on."""
        goal = self.loud + 25
        with anyio.fail_after(seconds):
            while self.loud < goal:  # noqa: ASYNC110
                await anyio.sleep(0.01)

    async def told(self, kind: str, seconds: float = 3.0) -> dict[str, Any]:
        """Wait for a message of this type."""
        with anyio.fail_after(seconds):
            while not (found := [each for each in self.messages if each["type"] == kind]):  # noqa: ASYNC110
                await anyio.sleep(0.01)
        return found[-1]

    def send(self, kind: str, **data: Any) -> None:
        """Send an RTVI message."""
        self.channel.send(json.dumps({"label": "rtvi-ai", "type": kind, "id": "7", "data": data}))

    async def _read(self, track: Any) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.frames += 1
            self.loud += int(np.abs(frame.to_ndarray().astype(np.int32)).max()) > LOUD

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Nothing gets out or in."""
        protocols = [
            each for ice in _ice_transports(self.pc) for each in ice.iceGatherer._connection._protocols
        ]
        for protocol in protocols:
            protocol.transport.sendto = lambda *_: None
            protocol.datagram_received = lambda *_: None
        yield
        for protocol in protocols:
            del protocol.transport.sendto, protocol.datagram_received

    async def close(self) -> None:
        """Hang up with a goodbye, unless the network is cut."""
        await self.pc.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])


class Phone:
    """A caller's side: `async with Phone(url) as phone: leg = await phone.call()`."""

    def __init__(self, url: str, path: str = "/api/offer") -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=20, trust_env=False)
        self.path = path
        self.legs: list[Leg] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            for leg in self.legs:
                await leg.close()
            await self.http.aclose()

    def leg(self, **settings: Any) -> Leg:
        """A new peer connection."""
        self.legs.append(Leg(**settings))
        return self.legs[-1]

    async def post(self, body: dict[str, Any]) -> httpx.Response:
        """Send an offer."""
        return await self.http.post(self.path, json=body)

    async def call(self, *, instead_of: Leg | None = None, **settings: Any) -> Leg:
        """Place a call, or go on with the one of another leg, and wait until it is up."""
        leg = self.leg(**settings)
        body = await leg.offer()
        if instead_of is not None:
            body.update(pc_id=instead_of.id, restart_pc=True)
        response = await self.post(body)
        assert response.status_code == 200, response.text
        await leg.accept(response.json())
        await leg.up()
        return leg
