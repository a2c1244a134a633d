"""Real calls over loopback: the server and the caller in one process, with small real sessions."""

import gc
import io
import logging
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from transport_peers import BasePeer, EchoPeer, TalkingPeer, tone

from duplex.audio.detect import first_audible
from duplex.dialogue import events as ev
from duplex.server.app import create_app
from duplex.server.serve import serving
from duplex.transport.webrtc.caller import Caller
from duplex.transport.webrtc.errors import CallError

BEEP = tone(0.2, 16_000)


def decoder_threads() -> int:
    return sum(each.name == "audio-decoder" for each in threading.enumerate())


def on_a_call(
    make: Callable[[], BasePeer], test: Callable[[Caller, BasePeer, Any], Awaitable[None]], **settings: Any
) -> None:
    """Run `test(call, peer, sessions)` on a connected call, then see that nothing is left of it."""
    peers: list[BasePeer] = []
    gone: list[weakref.ref[Any]] = []

    def new() -> BasePeer:
        peers.append(make())
        return peers[-1]

    async def main() -> None:
        app = create_app(new, loopback=True, **settings)
        sessions = app.state.sessions
        async with serving(app) as url:
            async with Caller(url, loopback=True) as call:
                await call.connect()
                gone.extend(weakref.ref(each) for each in sessions._calls)
                await test(call, peers[0], sessions)
            await no_session_left(sessions)

    anyio.run(main)
    gc.collect()
    assert decoder_threads() == 0
    assert not peers[0].running
    assert not peers[0].listeners
    assert [each() for each in gone] == [None] * len(gone)


async def no_session_left(sessions: Any, within: float = 5.0) -> None:
    with anyio.fail_after(within):
        while len(sessions):  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def echo_seconds(call: Caller) -> float:
    start, end = await call.say(BEEP)
    heard = await call.wait_for_speech(start, timeout=3)
    await call.wait_for_quiet(end, quiet=0.2, timeout=3)
    return heard - start


def test_echo_round_trip_and_one_clock() -> None:
    async def test(call: Caller, peer: BasePeer, sessions: Any) -> None:
        trips = [await echo_seconds(call) for _ in range(5)]
        # Two legs of Opus lookahead (6.5 ms) and up to 20 ms until the next frame is due; stock aiortc needs 114.
        assert 0.010 < min(trips) < 0.060
        user, agent = call.recording()
        assert len(user) == len(agent)
        start, _ = await call.say(BEEP)
        assert first_audible(call.recording()[0], 16_000, start - 0.1) == pytest.approx(start, abs=0.002)
        assert peer.pushed > 50
        assert len(sessions) == 1

    on_a_call(EchoPeer, test)


def test_what_is_said_in_pieces_is_heard_without_gaps() -> None:
    async def test(call: Caller, peer: BasePeer, sessions: Any) -> None:
        times: list[tuple[float, float]] = []

        async def say(part: np.ndarray) -> None:
            times.append(await call.say(part))

        whole = tone(0.6, 16_000)
        async with anyio.create_task_group() as tasks:
            for part in np.split(whole, 3):
                tasks.start_soon(say, part)
        times.sort()
        assert times[0][1] == pytest.approx(times[1][0], abs=0.001)
        assert await call.say(np.zeros(0, np.int16)) == pytest.approx((call.now, call.now), abs=0.01)
        await anyio.sleep(0.1)
        user, _ = call.recording()
        start = round(times[0][0] * 16_000)
        assert np.array_equal(user[start : start + len(whole)], whole)

    on_a_call(EchoPeer, test)


def test_barge_in_silences_the_agent_at_once() -> None:
    async def test(call: Caller, peer: BasePeer, sessions: Any) -> None:
        await call.wait_for_speech(timeout=3)
        start, _ = await call.say(BEEP)
        silent = await call.wait_for_quiet(start, quiet=0.3, timeout=3)
        # Nothing that was made before the interruption is still on its way.
        assert silent - start < 0.120

    on_a_call(TalkingPeer, test)


def test_a_lost_packet_and_a_stall_leave_no_delay() -> None:
    async def test(call: Caller, peer: BasePeer, sessions: Any) -> None:
        before = min([await echo_seconds(call) for _ in range(4)])
        transport = call._pc.getSenders()[0].transport
        send, dropped = transport._send_rtp, []

        async def lossy(data: bytes) -> None:
            if not dropped and data[1] & 0x7F == 96:
                dropped.append(data)
            else:
                await send(data)

        transport._send_rtp = lossy
        pushed = peer.pushed
        await anyio.sleep(0.2)
        assert dropped
        assert peer.pushed - pushed >= 9, "the lost frame was not replaced by silence"
        after_loss = min([await echo_seconds(call) for _ in range(4)])
        time.sleep(0.4)  # noqa: ASYNC251  the whole loop, both sides
        await anyio.sleep(0.3)
        after_stall = min([await echo_seconds(call) for _ in range(4)])
        assert after_loss - before < 0.04
        assert after_stall - before < 0.04

    on_a_call(EchoPeer, test)


def test_events_reach_the_caller_and_typed_text_the_session() -> None:
    async def test(call: Caller, peer: BasePeer, sessions: Any) -> None:
        peer.tell(ev.TurnStarted(t=0, turn=1, onset=0))
        peer.tell(ev.Transcript(t=0, turn=1, text="hello"))
        said = await call.wait_for_message("user-transcription", 2)
        assert said.data["data"]["text"] == "hello"
        call.send({"label": "rtvi-ai", "type": "send-text", "id": "a", "data": {"content": "Hi there"}})
        call.send({"label": "rtvi-ai", "type": "dance", "id": "b"})
        refused = await call.wait_for_message("error-response", 2)
        assert (refused.data["id"], refused.data["data"]["error"]) == ("b", "unknown message type 'dance'")
        assert peer.typed == ["Hi there"]

    on_a_call(BasePeer, test)


def test_a_flood_of_messages_harms_nobody() -> None:
    async def test(call: Caller, peer: BasePeer, sessions: Any) -> None:
        for _ in range(400):
            call._channel.send("{")
        call._channel.send(b"\0" * 1000)
        call._channel.send("x" * 60_000)
        assert await echo_seconds(call) < 1.0
        await anyio.sleep(0.3)
        answers = [each for each in call.messages if each.data["type"] == "error-response"]
        assert 0 < len(answers) <= 100
        await anyio.sleep(0.3)
        call.send({"label": "rtvi-ai", "type": "client-ready", "id": "later"})
        with anyio.fail_after(2):
            while not any(each.data.get("id") == "later" for each in call.messages):  # noqa: ASYNC110
                await anyio.sleep(0.02)

    on_a_call(EchoPeer, test)


def test_the_client_can_end_the_call() -> None:
    async def test(call: Caller, peer: BasePeer, sessions: Any) -> None:
        call.send({"label": "rtvi-ai", "type": "disconnect-bot", "id": "z", "data": {}})
        await no_session_left(sessions)
        with pytest.raises(CallError, match="ended"):
            await call.wait_for_speech(timeout=3)
        assert call.messages[-1].data == {"type": "signalling", "message": {"type": "peerLeft"}}
        with pytest.raises(CallError, match="ended"):
            await call.say(BEEP)

    on_a_call(BasePeer, test)


class EndingPeer(BasePeer):
    async def run(self) -> None:
        await anyio.sleep(0.3)


class CrashingPeer(BasePeer):
    def pull(self) -> np.ndarray:
        if self.pushed > 10:
            raise RuntimeError("the voice broke")
        return super().pull()


class BadFramePeer(BasePeer):
    def pull(self) -> np.ndarray:
        return np.zeros(100 if self.pushed > 10 else 480, np.int16)


@pytest.mark.parametrize(
    ("make", "logged"),
    [(EndingPeer, ""), (CrashingPeer, "the voice broke"), (BadFramePeer, r"int16 [480]")],
)
def test_a_session_that_ends_or_breaks_ends_its_call(
    make: Callable[[], BasePeer], logged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(call: Caller, peer: BasePeer, sessions: Any) -> None:
        await no_session_left(sessions)
        with anyio.fail_after(3):
            while not call.ended:  # noqa: ASYNC110
                await anyio.sleep(0.02)
        assert logged in text.getvalue()
        assert ("the session failed" in text.getvalue()) == bool(logged)

    # As text alone: pytest's own log records hold the traceback, and that the connection.
    text, logger = io.StringIO(), logging.getLogger("duplex.server.sessions")
    monkeypatch.setattr(logger, "handlers", [logging.StreamHandler(text)])
    monkeypatch.setattr(logger, "propagate", False)
    on_a_call(make, test)
