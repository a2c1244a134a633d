"""Every private call of aiortc that the media path uses: what is taken over, and what is kept fed.

aiortc goes on doing ICE, DTLS, SRTP and RTCP. Of its receiver the packets are taken before the jitter buffer and
the decoder's thread, of its sender the loop that waits for a track. aiortc is pinned, and tests/test_transport_taps.py
fails when one of these names is missing, or is called in another way.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from aiortc import clock
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import RtcpRrPacket, RtcpSrPacket

from duplex.transport.webrtc.opus import RTP_RATE
from duplex.transport.webrtc.rtp import Packet

OPUS = "audio/opus"
MAX_SOURCES = 8
"""Senders on one connection that receiver reports tell of; a caller has one."""


def take_receiver(receiver: Any, started: Callable[[], None], arrived: Callable[[Packet], None]) -> None:
    """Let the packets of an aiortc audio receiver go to `arrived` instead of its decoder. Call it before they come.

    Args:
        receiver: the RTCRtpReceiver.
        started: called once it receives.
        arrived: called with each Opus packet; must not raise, for aiortc would drop the connection without a word.
    """
    statistics: dict[int, Any] = receiver._RTCRtpReceiver__remote_streams
    receive, payload_types = receiver.receive, set[int]()

    async def receive_undecoded(parameters: Any) -> None:
        await receive(parameters)
        receiver._handle_disconnect()  # ends the decoder's thread, which has nothing to do
        payload_types.update(each.payloadType for each in parameters.codecs if each.mimeType.lower() == OPUS)
        started()

    async def handle(packet: Any, arrival_time_ms: int) -> None:
        if not receiver._enabled or packet.payload_type not in payload_types:
            return
        stream = statistics.get(packet.ssrc)
        if stream is None:
            while len(statistics) >= MAX_SOURCES:
                del statistics[next(iter(statistics))]
            stream = statistics[packet.ssrc] = StreamStatistics(RTP_RATE)
        stream.add(packet)
        arrived(Packet(packet.ssrc, packet.sequence_number, packet.timestamp, packet.payload))

    receiver.receive = receive_undecoded
    receiver._handle_rtp_packet = handle


def take_sender(
    sender: Any,
    started: Callable[[int], None],
    describe: Callable[[Any], None],
    reported: Callable[[Any], None],
) -> None:
    """Leave sending to us: the aiortc audio sender neither reads a track nor makes packets. Call it before it starts.

    Args:
        sender: the RTCRtpSender.
        started: called with the negotiated payload type once audio may be sent.
        describe: fills in the RtcpSenderInfo of a sender report about to leave.
        reported: called with each RtcpReceiverInfo that tells of our stream.
    """
    handle_rtcp, send_rtcp = sender._handle_rtcp_packet, sender._send_rtcp

    async def run_rtp(codec: Any) -> None:
        sender._RTCRtpSender__rtp_started.set()
        try:
            started(codec.payloadType)
            await asyncio.Event().wait()  # until aiortc stops the sender
        except asyncio.CancelledError:
            pass
        finally:
            sender._RTCRtpSender__rtp_exited.set()

    async def send_described(packets: list[Any]) -> None:
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                describe(packet.sender_info)
        await send_rtcp(packets)

    async def handle_reports(packet: Any) -> None:
        await handle_rtcp(packet)
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == sender._ssrc:
                    reported(report)

    sender._run_rtp = run_rtp
    sender._send_rtcp = send_described
    sender._handle_rtcp_packet = handle_reports


async def send_rtp(sender: Any, data: bytes) -> bool:
    """Encrypt and send a packet as one of `sender`'s; whether it could be sent."""
    if not sender._enabled:
        return False
    try:
        await sender.transport._send_rtp(data)
    except ConnectionError:  # not connected any more, or not yet again: the connection's state tells who asks
        return False
    return True


def ssrc(sender: Any) -> int:
    """The number by which `sender`'s packets name their source."""
    return int(sender._ssrc)


def ntp_now() -> int:
    """The wall clock's time as 64-bit NTP, as aiortc's reports have it."""
    return int(clock.current_ntp_time())


def ask_for_redundancy(transceiver: Any) -> None:
    """Have the description made next ask for Opus's in-band FEC, which aiortc leaves out (RFC 7587, 6.1)."""
    codecs = [copy.copy(each) for each in transceiver._codecs]
    for codec in codecs:
        if codec.mimeType.lower() == OPUS:
            codec.parameters = {**codec.parameters, "minptime": 10, "useinbandfec": 1}
    transceiver._codecs = codecs
