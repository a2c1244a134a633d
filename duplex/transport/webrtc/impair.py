"""A bad network path between a caller in code and its server: media packets that are lost or held up.

It is done to datagrams, where a network would do it: what aiortc counts, reports and asks for follows by itself. Audio
and its reports alone are touched; the connection's own messages and the data channel's go on as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiortc.rtp import is_rtcp

Fate = Callable[[float], float | None]
"""When an audio packet that is sent at a time of the event loop's clock arrives; None where it is lost."""
_HEADER = 12


def is_media(data: bytes) -> bool:
    """Whether a datagram is SRTP or SRTCP, rather than DTLS or STUN (RFC 7983)."""
    return len(data) >= _HEADER and 128 <= data[0] <= 191


def impair(pc: Any, up: Fate, down: Fate, reports: float) -> None:
    """Let `up` and `down` decide what becomes of an aiortc peer connection's audio packets.

    Args:
        pc: connected.
        up: of what is sent.
        down: of what is received.
        reports: seconds that RTCP takes either way; it is never lost.
    """
    loop = asyncio.get_running_loop()

    def fate(path: Fate, data: bytes, now: float) -> float | None:
        return now + reports if is_rtcp(data) else path(now)

    def take(protocol: Any) -> None:
        send, receive = protocol.send_data, protocol.datagram_received

        def send_late(data: bytes, address: Any) -> None:
            if not protocol.transport.is_closing():
                protocol.transport.sendto(data, address)

        async def send_impaired(data: bytes, address: Any) -> None:
            if not is_media(data):
                await send(data, address)
            elif (at := fate(up, data, loop.time())) is not None:
                loop.call_at(at, send_late, data, address)

        def receive_impaired(data: bytes, address: Any) -> None:
            if not is_media(data):
                receive(data, address)
            elif (at := fate(down, data, loop.time())) is not None:
                loop.call_at(at, receive, data, address)

        protocol.send_data, protocol.datagram_received = send_impaired, receive_impaired

    for protocol in pc.sctp.transport.transport.iceGatherer._connection._protocols:
        take(protocol)
