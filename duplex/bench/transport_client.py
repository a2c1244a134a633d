"""A caller at the wire: ready Opus packets out on an exact clock, and a stamp on whatever comes back.

aiortc finds the way and encrypts; of its media path nothing is used. A packet is stamped by the kernel as it enters
the socket, so that neither this process's load nor any decoding is in the figures, and is decrypted after the call.
"""

from __future__ import annotations

import asyncio
import fcntl
import re
import secrets
import struct
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import anyio
import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, is_rtcp

from duplex.audio.pcm import FRAME_SECONDS
from duplex.bench.transport_signal import Arrival, Stamp
from duplex.transport.webrtc import taps
from duplex.transport.webrtc.errors import CallError
from duplex.transport.webrtc.ice import only_loopback
from duplex.transport.webrtc.opus import RTP_RATE

CONNECT_SECONDS = 20.0
_OPUS = re.compile(r"^a=rtpmap:(\d+) opus/48000/2", re.MULTILINE | re.IGNORECASE)
_HEADER = struct.Struct("!BBHII")
_SIOCGSTAMPNS = 0x8907
"""linux/sockios.h: when the datagram that was read last had entered the socket."""


def kernel_stamp(descriptor: int) -> float:
    """When the datagram read last came, in seconds of the wall clock; the present moment where nobody knows.

    The first call switches stamping on.
    """
    try:
        seconds, nanoseconds = struct.unpack("ll", fcntl.ioctl(descriptor, _SIOCGSTAMPNS, bytes(16)))
    except OSError:
        return time.time()
    return float(seconds + nanoseconds * 1e-9)


def is_media(data: bytes) -> bool:
    """Whether a datagram is (S)RTP, rather than RTCP, DTLS or STUN (RFC 7983)."""
    return len(data) >= _HEADER.size and 128 <= data[0] <= 191 and not is_rtcp(data)


class Leg:
    """`async with Leg(http) as leg: await leg.play(payloads)`. Times are seconds of the wall clock."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """`http`: a client whose base URL is the server's."""
        self.sent: list[float] = []
        """When each packet left, or would have without its impairment, by its number since the call began."""
        self._http = http
        self._raw: list[tuple[float, bytes]] = []
        self._sequence = secrets.randbelow(1 << 15)
        self._origin = secrets.randbits(32)
        self._held: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            await self._connect()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        with anyio.CancelScope(shield=True):
            for task in self._held:
                task.cancel()
            await self._pc.close()

    async def _connect(self) -> None:
        self._sender = self._pc.addTransceiver("audio").sender
        self._pc.createDataChannel("chat")  # as every real client has one
        only_loopback(self._pc)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        offer = self._pc.localDescription
        answer = await self._http.post("/api/offer", json={"sdp": offer.sdp, "type": offer.type})
        if answer.status_code != 200:
            raise CallError(
                f"{self._http.base_url} refused the call: {answer.status_code} {answer.text[:200]}"
            )
        sdp = answer.json()["sdp"]
        self._payload_type = int(_OPUS.findall(sdp)[0])
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        with anyio.move_on_after(CONNECT_SECONDS):
            while self._pc.connectionState != "connected":  # noqa: ASYNC110
                await anyio.sleep(0.005)
            self._listen()
            return
        raise CallError(f"no connection to {self._http.base_url} within {CONNECT_SECONDS:g} s")

    def _listen(self) -> None:
        """Keep incoming media from aiortc, and stamp it."""
        for protocol in self._sender.transport.transport.iceGatherer._connection._protocols:
            descriptor = protocol.transport.get_extra_info("socket").fileno()
            kernel_stamp(descriptor)

            def received(
                data: bytes, address: Any, inner: Any = protocol, descriptor: int = descriptor
            ) -> None:
                if is_media(data):
                    self._raw.append((kernel_stamp(descriptor), data))
                else:
                    type(inner).datagram_received(inner, data, address)

            protocol.datagram_received = received

    async def play(
        self,
        payloads: Iterable[bytes],
        *,
        phase: float = 0.0,
        lost: frozenset[int] = frozenset(),
        held: Mapping[int, float] | None = None,
    ) -> None:
        """Send a packet every 20 ms, which goes on where the last call of `play` left off.

        Args:
            payloads: 20 ms of Opus each.
            phase: seconds to wait before the first.
            lost: numbers of packets that do not leave.
            held: seconds by which packets, by number, leave late.
        """
        loop, first = asyncio.get_running_loop(), len(self.sent)
        start = loop.time() + phase
        for number, payload in enumerate(payloads, first):
            await asyncio.sleep(start + (number - first) * FRAME_SECONDS - loop.time())
            self.sent.append(time.time())
            if number in lost:
                continue
            delay = (held or {}).get(number, 0.0)
            if not delay:
                await taps.send_rtp(self._sender, self._packet(number, payload))
                continue
            task = asyncio.create_task(self._send_late(self._packet(number, payload), delay))
            self._held.add(task)
            task.add_done_callback(self._held.discard)

    async def _send_late(self, data: bytes, delay: float) -> None:
        await asyncio.sleep(delay)
        await taps.send_rtp(self._sender, data)

    def _packet(self, number: int, payload: bytes) -> bytes:
        sequence = (self._sequence + number) & 0xFFFF
        timestamp = (self._origin + round(number * FRAME_SECONDS * RTP_RATE)) & 0xFFFFFFFF
        return _HEADER.pack(0x80, self._payload_type, sequence, timestamp, taps.ssrc(self._sender)) + payload

    def stamps(self) -> list[Stamp]:
        """When each packet came, and its place in the stream, which stands in the clear."""
        return [Stamp(at, _HEADER.unpack_from(data)[3]) for at, data in self._raw]

    def arrivals(self) -> list[Arrival]:
        """The packets that came, decrypted. To be called once."""
        decrypt, extensions = self._sender.transport._rx_srtp.unprotect, HeaderExtensionsMap()
        packets = [(at, RtpPacket.parse(decrypt(data), extensions)) for at, data in self._raw]
        return [Arrival(at, each.sequence_number, each.timestamp, each.payload) for at, each in packets]
