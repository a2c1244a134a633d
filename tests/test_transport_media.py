"""The media path over real connections: ICE, DTLS and SRTP on loopback, with what networks do put in between."""

import gc
import random
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import numpy as np
import pylibsrtp
import pytest
from aiortc import RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack
from transport_line import FRAME, RATE, End, join, likeness, line, voice

from duplex.audio.pcm import Pcm
from duplex.transport.webrtc import opus, rtp
from duplex.transport.webrtc.media import Media, add_audio
from duplex.transport.webrtc.pyav_opus import PyavEncoder


def on_a_line(test: Callable[[End, End], Awaitable[None]], **settings: bool) -> None:
    async def main() -> None:
        near, far = End(**settings), End(**settings)
        async with line(near, far):
            await test(near, far)

    anyio.run(main)
    gc.collect()


def threads() -> int:
    return sum(each.name == "audio-decoder" for each in threading.enumerate())


async def spoken(end: End, pcm: Pcm) -> None:
    """Say it, and wait until all of it has left and come."""
    end.say(pcm)
    while len(end.saying):  # noqa: ASYNC110
        await anyio.sleep(0.02)
    await anyio.sleep(0.15)


def speech_in(pcm: Pcm) -> Pcm:
    """From the first loud sample on."""
    return pcm[np.argmax(np.abs(pcm.astype(int)) > 500) :]


def test_both_hear_what_is_said_and_nobody_decodes_in_a_thread() -> None:
    async def test(near: End, far: End) -> None:
        said = voice(1.0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(spoken, near, said)
            tasks.start_soon(spoken, far, said)
        for end in (near, far):
            assert likeness(speech_in(end.all_heard)[:20_000], speech_in(said)) > 0.9
            assert end.media.receiver.buffer.lost == 0
        assert threads() == 0

    on_a_line(test)


@pytest.mark.parametrize(
    ("fate", "least"),
    [
        (lambda n: None if n % 10 == 5 else 0.0, 0.84),  # every tenth lost
        (lambda n: None if n % 50 in (5, 6, 7) else 0.0, 0.83),  # three in a row
        (lambda n: 0.03 if n % 7 == 3 else 0.0, 0.86),  # every seventh overtaken
        (lambda n: 0.0 if n % 2 else 0.01, 0.86),  # jitter without reordering
    ],
)
def test_speech_survives_a_bad_network(fate: Callable[[int], float | None], least: float) -> None:
    """Likeness to what was said; the codec alone gives 0.88."""

    async def test(near: End, far: End) -> None:
        near.network.fate = fate
        said = np.concatenate([voice(1.0)] * 2)
        near.media.sender._encoder.expect_loss(10)
        await spoken(near, said)
        assert likeness(speech_in(far.all_heard)[:40_000], speech_in(said)) > least

    on_a_line(test)


def test_reordered_packets_are_waited_for_not_lost() -> None:
    async def test(near: End, far: End) -> None:
        near.network.fate = lambda n: 0.03 if n % 7 == 3 else 0.0
        await spoken(near, voice(2.0))
        buffer = far.media.receiver.buffer
        assert buffer.late >= 1, "nothing was reordered"
        assert buffer.late == buffer.lost
        assert buffer.late <= 4, "the wait did not grow"
        near.network.fate = lambda n: 0.0

    on_a_line(test, dtx=False)


async def latency(near: End, far: End) -> float:
    """From asking for the first word to its being decoded at the other end."""
    await anyio.sleep(0.3)
    start = anyio.current_time()
    near.say(voice(0.1))
    near.media.ready()
    await anyio.sleep(0.25)
    return far.first_heard(start) - start


def test_neither_a_lost_packet_nor_a_stall_leaves_delay() -> None:
    async def test(near: End, far: End) -> None:
        before = min([await latency(near, far) for _ in range(3)])
        lost = len(near.network.sent) + 3
        near.network.fate = lambda n: None if n == lost else 0.0
        await spoken(near, voice(0.4))
        after_loss = min([await latency(near, far) for _ in range(3)])
        near.say(voice(0.6))
        await anyio.sleep(0.1)
        time.sleep(0.4)  # noqa: ASYNC251  the whole loop, both ends
        await anyio.sleep(1.0)
        after_stall = min([await latency(near, far) for _ in range(3)])
        assert far.media.receiver.buffer.lost == 1
        assert after_loss - before < 0.02
        assert after_stall - before < 0.02

    on_a_line(test)


def test_silence_costs_nothing_and_speech_after_it_leaves_at_once() -> None:
    async def test(near: End, far: End) -> None:
        await anyio.sleep(0.5)
        sent = len(near.network.sent)
        await anyio.sleep(1.0)
        assert len(near.network.sent) - sent <= 3
        # Whatever the moment within a slot.
        trips = []
        for n in range(8):
            await anyio.sleep(0.3 + n * 0.0025)
            start = anyio.current_time()
            near.say(voice(0.04))
            near.media.ready()
            while near.pulls[-1] < start:  # noqa: ASYNC110
                await anyio.sleep(0.001)
            trips.append(near.pulls[-1] - start)
        assert np.median(trips) < 0.005
        # Packets after a pause are marked, and their time has gone on with the clock.
        marked = [data for data in near.network.sent if data[1] & 0x80]
        assert len(marked) >= 8
        stamps = [int.from_bytes(data[4:8], "big") for data in near.network.sent]
        steps = np.diff(np.unwrap(np.array(stamps, float), period=2**32))
        assert steps.min() >= 960
        assert sum(steps) / 48_000 == pytest.approx(near.pulls[-1] - near.pulls[0], abs=0.5)
        # The listener's time goes on meanwhile.
        heard = len(far.all_heard) / RATE
        await anyio.sleep(0.5)
        assert len(far.all_heard) / RATE - heard == pytest.approx(0.5, abs=0.1)

    on_a_line(test)


def test_reports_go_on_and_tell_delay_and_loss() -> None:
    async def test(near: End, far: End) -> None:
        near.network.fate = lambda n: None if n % 4 == 0 else 0.0
        near.say(voice(4.0))
        await anyio.sleep(4.0)
        assert near.delays[0] == pytest.approx(0.0365)
        assert near.media.delay.trip > 0
        assert near.media.delay.trip < 0.1
        assert near.media.sender._feedback.loss >= 15
        received = next(
            v for v in (await far.transceiver.receiver.getStats()).values() if v.type == "inbound-rtp"
        )
        assert received.packetsReceived >= 100
        assert received.packetsLost >= 20
        remote = await far.transceiver.receiver.getStats()
        (sender_report,) = [v for v in remote.values() if v.type == "remote-outbound-rtp"]
        assert sender_report.packetsSent == pytest.approx(near.media.sender.packets, abs=80)
        near.media.delay.client(0.2)
        await anyio.sleep(0.1)
        assert near.delays[-1] == pytest.approx(0.2065, abs=0.02)

    on_a_line(test)


def test_strange_packets_harm_no_honest_ones() -> None:
    """Other payload types, padding, broken extensions, noise as Opus, and a flood of senders, all well encrypted."""

    async def test(near: End, far: End) -> None:
        seeded = random.Random(1)
        send = near.transceiver.sender.transport._send_rtp
        kind = near.media.sender._payload_type
        assert kind is not None
        for n in range(600):
            payload = seeded.randbytes(seeded.choice([0, 1, 2, 40, 1100]))
            data = bytearray(
                rtp.write(seeded.choice([kind, kind, 0, 127]), n, n * 960, n // 3 % 50, payload, False)
            )
            if n % 5 == 1:
                data[0] |= seeded.choice(
                    [0x20, 0x10, 0x0F, 0x3F]
                )  # padding, an extension, sources that are not there
            with suppress(pylibsrtp.Error):  # what cannot be encrypted
                await send(bytes(data))
            if n % 20 == 0:
                await anyio.sleep(0.01)
        await anyio.sleep(0.3)
        buffer = far.media.receiver.buffer
        assert buffer.refused > 50
        assert far.media.receiver.damaged > 0
        far.pieces.clear()
        said = voice(1.0)
        await spoken(near, said)
        assert likeness(speech_in(far.all_heard)[:20_000], speech_in(said)) > 0.8

    on_a_line(test)


def test_without_the_bundled_library_calls_still_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opus, "_bundled", lambda: False)

    async def test(near: End, far: End) -> None:
        assert isinstance(near.media.sender._encoder, PyavEncoder)
        near.network.fate = lambda n: None if n == 20 else 0.0
        said = voice(1.0)
        await spoken(near, said)
        assert far.media.receiver.buffer.lost == 1
        assert likeness(speech_in(far.all_heard)[:20_000], speech_in(said)) > 0.8

    on_a_line(test)


@pytest.mark.parametrize("fault", ["pull", "heard", "delayed", "shape"])
def test_a_fault_of_the_session_ends_the_pace(fault: str) -> None:
    async def main() -> None:
        near, far = End(), End()

        def broken(*_: object) -> Pcm:
            if fault == "shape":
                return np.zeros(100, np.int16)
            raise RuntimeError("the voice broke")

        media = near.media
        match fault:
            case "pull" | "shape":
                media._pull = broken
            case "heard":
                media.receiver._heard = broken
            case "delayed":
                media._delayed = broken

        async def call() -> None:
            async with line(near, far):
                far.say(voice(0.2))
                await anyio.sleep(5)

        with pytest.raises(ExceptionGroup) as caught:
            await call()
        (error,) = caught.value.exceptions
        assert str(error) == "the voice broke" or r"int16 [480]" in str(error)

    anyio.run(main)


def test_nothing_is_pulled_before_or_after_the_connection() -> None:
    async def main() -> None:
        near, far = End(), End()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(near.media.run)
            await anyio.sleep(0.1)
            assert near.pulls == []
            await join(near.pc, far.pc)
            await anyio.sleep(0.1)
            assert near.pulls
            tasks.cancel_scope.cancel()
        pulls, pieces = len(near.pulls), len(near.pieces)
        far.say(voice(0.2))
        await anyio.sleep(0.1)
        near.media.ready()
        assert (len(near.pulls), len(near.pieces)) == (pulls, pieces)
        await near.pc.close()
        await far.pc.close()

    anyio.run(main)


def test_stock_aiortc_at_the_other_end() -> None:
    async def main() -> None:
        near, far = End(), RTCPeerConnection()
        far.addTrack(AudioStreamTrack())
        await join(near.pc, far)
        track = far.getReceivers()[0].track
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(near.media.run)
            near.say(voice(1.0))
            heard = []
            with anyio.fail_after(5):
                while sum(map(len, heard)) < 40_000:
                    frame = await track.recv()
                    heard.append(frame.to_ndarray().reshape(-1, 2)[:, 0])
            tasks.cancel_scope.cancel()
        assert np.abs(np.concatenate(heard)).max() > 4000
        assert len(near.pieces) > 20
        await near.pc.close()
        await far.close()

    anyio.run(main)


def test_a_caller_who_only_listens() -> None:
    async def main() -> None:
        near, far = RTCPeerConnection(), End()
        near.addTransceiver("audio", direction="recvonly")
        await join(near, far.pc)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(far.media.run)
            far.say(voice(0.2))
            await anyio.sleep(0.4)
            assert far.media.sender.packets >= 10
            assert far.pieces == []
            tasks.cancel_scope.cancel()
        await near.close()
        await far.pc.close()

    anyio.run(main)


def test_only_opus_is_offered() -> None:
    async def main() -> None:
        pc = RTCPeerConnection()
        media = Media(add_audio(pc), RATE, lambda: np.zeros(FRAME, np.int16), lambda pcm, at: None)
        offer = await pc.createOffer()
        assert [line for line in offer.sdp.splitlines() if line.startswith("a=rtpmap")] == [
            "a=rtpmap:96 opus/48000/2"
        ]
        media.ready()  # before anything is up
        await pc.close()

    anyio.run(main)
