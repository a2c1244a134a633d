import asyncio
import inspect
from types import SimpleNamespace

import pytest
from aiortc import RTCPeerConnection, jitterbuffer
from aiortc.rtcrtpreceiver import RTCRtpReceiver

from duplex.transport.webrtc.receive import JITTER_BUFFER, ArrivalBuffer, receive_at_once


@pytest.mark.parametrize(
    ("sequences", "passed"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1, 3, 2, 4], [1, 3, 4]),
        ([1, 1, 2, 2], [1, 2]),
        ([65534, 65535, 0, 1, 65535], [65534, 65535, 0, 1]),
        ([10, 50], [10, 50]),
        ([5000, 4000, 4001], [5000, 4000, 4001]),
        ([0, 40_000, 40_001], [0, 40_000, 40_001]),
    ],
)
def test_packets_go_on_at_once_and_never_back(sequences: list[int], passed: list[int]) -> None:
    arrived: list[int] = []
    given: list[bool] = []
    buffer = ArrivalBuffer(arrived.append)
    for sequence in sequences:
        packet = SimpleNamespace(sequence_number=sequence, timestamp=sequence * 960, _data=b"x")
        wants_key_frame, frame = buffer.add(packet)
        assert not wants_key_frame
        assert frame is None or frame.timestamp == arrived[-1]
        given.append(frame is not None)
    assert arrived == [sequence * 960 for sequence in passed]
    assert given.count(True) == len(passed)
    assert buffer.late == len(sequences) - len(passed)


def test_aiortc_still_has_what_is_replaced() -> None:
    """Fails when another aiortc names, makes or calls its jitter buffer differently: then read it again."""

    async def main() -> None:
        pc = RTCPeerConnection()
        receiver = pc.addTransceiver("audio").receiver
        assert isinstance(getattr(receiver, JITTER_BUFFER), jitterbuffer.JitterBuffer)
        ours = receive_at_once(receiver)
        assert getattr(receiver, JITTER_BUFFER) is ours
        await pc.close()

    asyncio.run(main())
    assert list(inspect.signature(jitterbuffer.JitterBuffer.add).parameters) == ["self", "packet"]
    source = inspect.getsource(RTCRtpReceiver._handle_rtp_packet)
    assert "pli_flag, encoded_frame = self.__jitter_buffer.add(packet)" in source
    assert source.count("__jitter_buffer") == 1
    with pytest.raises(RuntimeError, match=r"aiortc 1\.16\.0"):
        receive_at_once(object())
