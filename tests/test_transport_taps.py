"""Fails where another aiortc names, makes or calls differently what `taps` takes over: then read aiortc again."""

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import aiortc
import pytest
from aiortc import RTCPeerConnection, rtcdtlstransport, rtcrtpreceiver, rtcrtpsender, rtp
from aiortc.codecs import CODECS
from aiortc.rtp import RtpPacket

from duplex.transport.webrtc import taps
from duplex.transport.webrtc.rtp import Packet, write


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_aiortc_is_the_one_that_was_read() -> None:
    assert aiortc.__version__ == "1.16.0"
    assert '"aiortc==1.16.0"' in (Path(__file__).parent.parent / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (rtcrtpreceiver.RTCRtpReceiver.receive, ["self", "parameters"]),
        (rtcrtpreceiver.RTCRtpReceiver._handle_rtp_packet, ["self", "packet", "arrival_time_ms"]),
        (rtcrtpreceiver.RTCRtpReceiver._handle_disconnect, ["self"]),
        (rtcrtpreceiver.StreamStatistics, ["clockrate"]),
        (rtcrtpreceiver.StreamStatistics.add, ["self", "packet"]),
        (rtcrtpsender.RTCRtpSender._run_rtp, ["self", "codec"]),
        (rtcrtpsender.RTCRtpSender._send_rtcp, ["self", "packets"]),
        (rtcrtpsender.RTCRtpSender._handle_rtcp_packet, ["self", "packet"]),
        (rtcdtlstransport.RTCDtlsTransport._send_rtp, ["self", "data"]),
    ],
)
def test_what_is_called_takes_what_it_took(function: Any, expected: list[str]) -> None:
    assert parameters(function) == expected


@pytest.mark.parametrize(
    ("owner", "line"),
    [
        # How we are called in place of aiortc's own.
        (rtcdtlstransport, "await receiver._handle_rtp_packet(packet, arrival_time_ms=arrival_time_ms)"),
        (rtcdtlstransport, "await recipient._handle_rtcp_packet(packet)"),
        (rtcrtpsender, "asyncio.ensure_future(self._run_rtp(parameters.codecs[0]))"),
        (rtcrtpsender, "await self._send_rtcp(packets)"),
        # What aiortc waits for when it stops.
        (rtcrtpsender, "await asyncio.gather(self.__rtp_started.wait(), self.__rtcp_started.wait())"),
        (rtcrtpsender, "await asyncio.gather(self.__rtp_exited.wait(), self.__rtcp_exited.wait())"),
        # What keeps receiver reports going, and ends the decoder.
        (rtcrtpreceiver, "for ssrc, stream in self.__remote_streams.items():"),
        (rtcrtpreceiver, "self.__remote_streams: dict[int, StreamStatistics] = {}"),
        (rtcrtpreceiver, "    def _handle_disconnect(self) -> None:\n        self.__stop_decoder()"),
        (aiortc.rtcpeerconnection, "codecs=transceiver._codecs"),
    ],
)
def test_aiortc_still_calls_it_so(owner: Any, line: str) -> None:
    assert line in inspect.getsource(owner)


def test_what_is_set_is_there() -> None:
    async def main() -> None:
        pc = RTCPeerConnection()
        transceiver = pc.addTransceiver("audio")
        sender, receiver = transceiver.sender, transceiver.receiver
        for name in ("_ssrc", "_enabled", "_RTCRtpSender__rtp_started", "_RTCRtpSender__rtp_exited"):
            assert hasattr(sender, name)
        assert receiver._enabled is True
        assert receiver._RTCRtpReceiver__remote_streams == {}
        assert taps.ssrc(sender) == sender._ssrc
        await pc.close()

    asyncio.run(main())
    assert taps.ntp_now() >> 32 > 3_900_000_000


def test_taps_uses_no_other_private_name() -> None:
    source = inspect.getsource(taps)
    names = set(re.findall(r"\.(_[A-Za-z_]+)", source))
    assert names == {
        *("_RTCRtpReceiver__remote_streams", "_handle_disconnect", "_enabled", "_handle_rtp_packet"),
        *("_run_rtp", "_send_rtcp", "_handle_rtcp_packet", "_ssrc", "_send_rtp", "_codecs"),
        *("_RTCRtpSender__rtp_started", "_RTCRtpSender__rtp_exited"),
    }


def test_our_packets_are_what_aiortc_reads() -> None:
    read = RtpPacket.parse(write(111, 65_537, (1 << 32) + 5, 0xDEADBEEF, b"opus", True))
    assert (read.payload_type, read.marker, read.sequence_number, read.timestamp) == (111, 1, 1, 5)
    assert (read.ssrc, read.payload, read.csrc, read.padding_size) == (0xDEADBEEF, b"opus", [], 0)
    assert RtpPacket.parse(write(96, 7, 9, 1, b"", False)).marker == 0


class Parameters:
    def __init__(self) -> None:
        self.codecs = [each for each in CODECS["audio"] if each.mimeType != "audio/G722"]
        self.encodings: list[Any] = []
        self.headerExtensions: list[Any] = []
        self.muxId = "0"


def test_strange_packets_end_at_the_tap() -> None:
    """Other codecs' packets, a disabled receiver, and more sources than reports have room for."""
    arrived: list[Packet] = []
    started: list[bool] = []

    async def main() -> None:
        pc = RTCPeerConnection()
        transceiver = pc.addTransceiver("audio")
        receiver = transceiver.receiver
        receiver._track = aiortc.rtcrtpreceiver.RemoteStreamTrack("audio")
        taps.take_receiver(receiver, lambda: started.append(True), arrived.append)
        await receiver.receive(Parameters())
        handle = receiver._handle_rtp_packet

        async def come(ssrc: int, payload_type: int = 96) -> None:
            packet = rtp.RtpPacket(payload_type, 0, ssrc, 960, ssrc, b"opus")
            await handle(packet, arrival_time_ms=0)

        await come(1)
        await come(1, payload_type=0)
        await come(1, payload_type=97)
        assert len(arrived) == 1
        for ssrc in range(2, 1000):
            await come(ssrc)
        assert len(arrived) == 999
        statistics = receiver._RTCRtpReceiver__remote_streams
        assert list(statistics) == list(range(1000 - taps.MAX_SOURCES, 1000))
        assert all(each.packets_received == 1 for each in statistics.values())
        receiver._enabled = False
        await come(1)
        assert len(arrived) == 999
        await pc.close()

    asyncio.run(main())
    assert started == [True]


def test_the_answer_asks_for_redundancy() -> None:
    async def main() -> None:
        near, far = RTCPeerConnection(), RTCPeerConnection()
        near.addTransceiver("audio")
        answering = far.addTransceiver("audio")
        await near.setLocalDescription(await near.createOffer())
        await far.setRemoteDescription(near.localDescription)
        taps.ask_for_redundancy(answering)
        answer = (await far.createAnswer()).sdp
        assert [line for line in answer.splitlines() if line.startswith("a=fmtp")] == [
            "a=fmtp:96 minptime=10;useinbandfec=1"
        ]
        await near.close()
        await far.close()

    asyncio.run(main())
    assert all(not codec.parameters for codec in CODECS["audio"]), "aiortc's own table was changed"
