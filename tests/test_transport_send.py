import anyio
import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError
from hypothesis import given
from hypothesis import strategies as st
from transport_peers import tone

from duplex.transport.webrtc import send
from duplex.transport.webrtc.send import OpusEncoder, PacedTrack, next_index


@pytest.mark.parametrize(
    ("sent", "late_s", "expected"),
    [
        (10, 0.0, 11),
        (10, 0.019, 11),
        (10, 0.021, 11),
        (10, 0.065, 11),
        (10, 0.085, 14),
        (10, 0.4, 30),
        (0, 60.0, 3000),
    ],
)
def test_next_index(sent: int, late_s: float, expected: int) -> None:
    assert next_index(sent, late_s + 1e-9) == expected


@given(st.lists(st.floats(0, 2), max_size=30))
def test_delay_never_accumulates(stalls: list[float]) -> None:
    """After any stalls, a sender that is let go is on time again within `CATCH_UP` frames."""
    now, index = 0.0, 0
    for stall in stalls:
        now += stall
        before = index
        index = next_index(index, now - index * 0.02)
        assert index > before
        now = max(now, index * 0.02)
    for _ in range(send.CATCH_UP):
        index = next_index(index, now - index * 0.02)
        now = max(now, index * 0.02)
    assert now - index * 0.02 < 0.02


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_opus_packets_decode_to_what_went_in(rate: int) -> None:
    encoder, frame = OpusEncoder(rate), rate // 50
    pcm = tone(1.0, rate)
    packets = [encoder.encode(pcm[i * frame : (i + 1) * frame], i) for i in range(50)]
    assert [packet.pts * 48_000 // rate for packet in packets] == [i * 960 for i in range(50)]
    decoder = av.CodecContext.create("libopus", "r")
    decoder.format, decoder.layout, decoder.sample_rate = "s16", "mono", 48_000
    out = np.concatenate(
        [each.to_ndarray()[0] for p in packets for each in decoder.decode(av.Packet(bytes(p)))]
    )
    assert len(out) == 48_000
    assert np.sqrt(np.mean(out[4800:].astype(float) ** 2)) == pytest.approx(8000 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("frame", [np.zeros(479, np.int16), np.zeros(480), np.zeros((1, 480), np.int16)])
def test_wrong_frames_are_named(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"int16 \[480\]"):
        OpusEncoder(24_000).encode(frame, 0)


def test_track_keeps_its_pace_and_skips_after_a_stall() -> None:
    pulls: list[float] = []
    positions: list[int] = []

    async def main() -> None:
        def pull() -> np.ndarray:
            pulls.append(anyio.current_time())
            return np.zeros(480, np.int16)

        track = PacedTrack(24_000, pull)
        for i in range(20):
            packet = await track.recv()
            positions.append(packet.pts // 480)
            if i == 9:
                await anyio.sleep(0.3)  # what a stalled loop looks like to the track

    anyio.run(main)
    assert positions[:10] == list(range(10))
    assert 23 <= positions[10] <= 26
    due = [pulls[0] + position * 0.02 for position in positions]
    # A frame is never pulled early, and is late by no more than a busy machine's scheduling.
    lateness = [at - when for at, when in zip(pulls, due, strict=True)]
    assert min(lateness) > -0.002
    assert np.median(lateness) < 0.015


def test_a_failing_session_is_reported() -> None:
    failures: list[Exception] = []

    async def main() -> None:
        def pull() -> np.ndarray:
            raise RuntimeError("no more")

        track = PacedTrack(24_000, pull, failed=failures.append)
        with pytest.raises(MediaStreamError):
            await track.recv()
        assert track.readyState == "ended"

    anyio.run(main)
    assert [str(each) for each in failures] == ["no more"]
