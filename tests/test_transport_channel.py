"""The data channel of real calls: what a client asks is answered, and what it throws at it harms nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from test_transport_call import no_session_left
from transport_peers import BasePeer
from webrtc_phone import Leg, Phone

from duplex.dialogue import events as ev
from duplex.server.app import create_app
from duplex.server.serve import serving

STRING, BINARY = 51, 53
"""How SCTP marks the two kinds of message (RFC 8831)."""


class TimedPeer(BasePeer):
    """A session whose clock runs."""

    def __init__(self) -> None:
        super().__init__("timed")
        self._began = anyio.current_time()

    @property
    def seconds(self) -> float:
        return anyio.current_time() - self._began

    @seconds.setter
    def seconds(self, value: float) -> None: ...


def on_a_call(test: Callable[[Leg, BasePeer, Phone], Awaitable[None]]) -> None:
    """Run `test(leg, peer, phone)` on a connected call; its session must end with it."""
    peers: list[BasePeer] = []

    def new() -> BasePeer:
        peers.append(TimedPeer())
        return peers[-1]

    async def main() -> None:
        app = create_app(new, loopback=True)
        async with serving(app) as url:
            async with Phone(url) as phone:
                leg = await phone.call()
                leg.send("client-ready", version="2.1.0")
                await leg.told("bot-ready")
                await test(leg, peers[0], phone)
            await no_session_left(app.state.sessions)

    anyio.run(main)
    assert len(peers) == 1
    assert not peers[0].listeners


async def lives(leg: Leg, peer: BasePeer, words: str = "Still there?") -> None:
    """The channel works in both ways."""
    leg.send("send-text", content=words)
    with anyio.fail_after(5):
        while words not in peer.typed:  # noqa: ASYNC110
            await anyio.sleep(0.02)
    before = len(leg.messages)
    peer.tell(ev.Transcript(t=0, turn=1, text=words))
    with anyio.fail_after(5):
        while not any(words in str(each) for each in leg.messages[before:]):  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def raw(leg: Leg, kind: int, data: bytes) -> None:
    """Send what no browser would."""
    leg.pc.sctp._data_channel_queue.append((leg.channel, kind, data))
    leg.channel._addBufferedAmount(len(data))
    await leg.pc.sctp._data_channel_flush()


THROWN = [
    pytest.param(BINARY, bytes(range(256)) * 16, "binary", id="binary"),
    pytest.param(BINARY, b"\0" * (1 << 20), "binary", id="a megabyte of binary"),
    pytest.param(STRING, b"x" * (1 << 20), "over the limit", id="a megabyte of text"),
    pytest.param(STRING, b"[" * 60_000, "over the limit", id="nesting without end"),
    pytest.param(STRING, b'{"label":"rtvi-ai","type":', "not an RTVI message", id="half a message"),
]


@pytest.mark.parametrize(("kind", "data", "reason"), THROWN)
def test_what_no_client_sends_is_survived(kind: int, data: bytes, reason: str) -> None:
    async def test(leg: Leg, peer: BasePeer, phone: Phone) -> None:
        await raw(leg, kind, data)
        refused = await leg.told("error-response", 5)
        assert reason in refused["data"]["error"]
        await lives(leg, peer)

    on_a_call(test)


def test_text_that_is_none_ends_the_call_of_who_sent_it() -> None:
    """aiortc gives such a connection up; the session waits for its caller, as for anyone who was cut off."""

    async def test(leg: Leg, peer: BasePeer, phone: Phone) -> None:
        await raw(leg, STRING, b"\xff\xfe\x00{")
        await anyio.sleep(0.5)
        assert peer.running
        await lives(await phone.call(instead_of=leg), peer)

    on_a_call(test)


def test_a_client_that_takes_only_short_messages_loses_the_long_ones(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(leg: Leg, peer: BasePeer, phone: Phone) -> None:
        short, long = "word", "word " * 60
        peer.tell(ev.Transcript(t=0, turn=1, text=long))
        peer.tell(ev.Transcript(t=0, turn=1, text=short))
        await lives(leg, peer)

    offer = Leg.offer

    async def small(leg: Leg) -> dict[str, Any]:
        body = await offer(leg)
        sdp, found = re.subn(r"max-message-size:\d+", "max-message-size:350", body["sdp"])
        assert found
        return {**body, "sdp": sdp}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Leg, "offer", small)
        on_a_call(test)
    assert sum("a message is lost" in record.message for record in caplog.records) == 1


def test_the_clocks_of_both_sides_can_be_joined() -> None:
    async def test(leg: Leg, peer: BasePeer, phone: Phone) -> None:
        asked = anyio.current_time() * 1000
        session = peer.seconds * 1000
        leg.send("client-message", t="clock", d={"at": asked})
        answer = (await leg.told("server-response"))["data"]
        now = anyio.current_time() * 1000
        assert answer["t"] == "clock"
        times = answer["d"]
        assert times["at"] == asked
        assert asked <= times["received"] <= times["sent"] <= now, "caller and server share a clock here"
        assert session <= times["session_ms"] <= peer.seconds * 1000

    on_a_call(test)


def test_who_looks_in_late_sees_the_past_and_who_comes_back_sees_it_again() -> None:
    def fed(leg: Leg) -> list[str]:
        events = [each["data"]["event"] for each in leg.messages if each["type"] == "server-message"]
        return [event["text"] for event in events if event["type"] == "Transcript"]

    def say(peer: BasePeer, words: str) -> None:
        peer.tell(ev.Transcript(t=round(peer.seconds * 48_000), turn=1, text=words))

    async def test(leg: Leg, peer: BasePeer, phone: Phone) -> None:
        say(peer, "one")
        leg.send("client-message", t="events", d={"on": True})
        await leg.told("server-message")
        say(peer, "two")
        await lives(leg, peer, "three")
        assert fed(leg) == ["one", "two", "three"]

        # Cut off meanwhile: the words themselves are kept for the client, the events only if it asks.
        again = await phone.call(instead_of=leg)
        say(peer, "four")
        with anyio.fail_after(5):
            while fed(again) != ["four"]:  # noqa: ASYNC110
                await anyio.sleep(0.02)
        again.send("client-message", t="events", d={"on": True})
        with anyio.fail_after(5):
            while fed(again)[1:] != ["one", "two", "three", "four"]:  # noqa: ASYNC110
                await anyio.sleep(0.02)

    on_a_call(test)


def test_a_client_that_reads_nothing_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def test(leg: Leg, peer: BasePeer, phone: Phone) -> None:
        send = leg.pc.sctp._send_chunk

        async def deaf(chunk: Any) -> None:
            """Acknowledges nothing."""
            if type(chunk).__name__ != "SackChunk":
                await send(chunk)

        leg.pc.sctp._send_chunk = deaf
        for at in range(3000):
            peer.tell(ev.Transcript(t=at, turn=1, text="word " * 100))
        leg.send("send-text", content="Hello?")
        with anyio.fail_after(5):
            while peer.typed != ["Hello?"]:  # noqa: ASYNC110
                await anyio.sleep(0.02)
        leg.pc.sctp._send_chunk = send

    on_a_call(test)
    assert sum("reads no messages" in record.message for record in caplog.records) == 1


def test_a_muted_microphone_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    async def test(leg: Leg, peer: BasePeer, phone: Phone) -> None:
        for enabled in (True, False, False, True):
            status = {"type": "trackStatus", "receiver_index": 0, "enabled": enabled}
            leg.channel.send(json.dumps({"type": "signalling", "message": status}))
        await lives(leg, peer)

    with caplog.at_level("INFO", logger="duplex"):
        on_a_call(test)
    noted = [record.message for record in caplog.records if "microphone" in record.message]
    assert noted == ["the client's microphone is muted", "the client's microphone is live"]
