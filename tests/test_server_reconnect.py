"""A session outlives its connection: real calls over loopback, whose network is cut and whose offers come again."""

import gc
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from test_transport_call import decoder_threads, no_session_left
from transport_peers import BasePeer, TalkingPeer
from webrtc_phone import Leg, Phone

from duplex.dialogue import events as ev
from duplex.server.app import create_app
from duplex.server.link import Pulse
from duplex.server.serve import serving

LONG = "before it is noticed"
LEFT = {"type": "signalling", "message": {"type": "peerLeft"}}


class HummingPeer(TalkingPeer):
    """Hums whatever it hears, and counts what was pulled."""

    def __init__(self) -> None:
        super().__init__()
        self.pulled = 0

    def push(self, pcm: Any) -> None:
        BasePeer.push(self, pcm)

    def pull(self) -> Any:
        self.pulled += 1
        return super().pull()


def on_the_phone(
    test: Callable[[Phone, list[Any], Any], Awaitable[None]],
    make: Callable[[], BasePeer] = HummingPeer,
    **settings: Any,
) -> None:
    """Run `test(phone, peers, sessions)`, then see that nothing is left of it."""
    peers: list[BasePeer] = []

    def new() -> BasePeer:
        peers.append(make())
        return peers[-1]

    async def main() -> None:
        app = create_app(new, loopback=True, **settings)
        async with serving(app) as url:
            async with Phone(url) as phone:
                await test(phone, peers, app.state.sessions)
            await no_session_left(app.state.sessions)

    anyio.run(main)
    gc.collect()
    assert decoder_threads() == 0
    assert not any(peer.running or peer.listeners for peer in peers)


async def parked(peer: HummingPeer, seconds: float = 6.0) -> None:
    """Wait until nothing is pulled any more."""
    with anyio.fail_after(seconds):
        pulled = -1
        while peer.pulled != pulled:
            pulled = peer.pulled
            await anyio.sleep(0.2)


async def settled(leg: Leg) -> None:
    """Talk for long enough to count as a regular client."""
    await leg.hears()
    await anyio.sleep(Pulse.RATED + 0.6)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed sooner, to spare seconds; one test has the real times."""
    monkeypatch.setattr(Pulse, "RATED", 0.5)
    monkeypatch.setattr(Pulse, "SILENCE", 0.8)


def test_a_caller_who_was_cut_off_goes_on_where_it_was() -> None:
    async def test(phone: Phone, peers: list[HummingPeer], sessions: Any) -> None:
        old = await phone.call()
        old.send("client-ready", version="2.1.0")
        await old.told("bot-ready")
        await settled(old)
        (peer,) = peers
        with old.cut():
            peer.tell(ev.AgentError(t=0, message=f"{LONG} " * 200))
            await anyio.sleep(0.3)
            peer.tell(ev.AgentError(t=0, message="a little later"))
            await parked(peer)
            pushed = peer.pushed
            peer.tell(ev.AgentError(t=0, message="meanwhile"))
            assert len(sessions) == 1
            new = await phone.call(instead_of=old)
            assert new.id not in ("", old.id)
            await new.hears()
            # All is told in order, without another client-ready, and so is what comes now.
            peer.tell(ev.AgentError(t=0, message="now"))
            await anyio.sleep(0.3)
            said = [each["data"]["error"] for each in new.messages]
            assert [each[:20].strip() for each in said] == [
                "before it is noticed",
                "a little later",
                "meanwhile",
                "now",
            ]
            assert len(said[0]) == 21 * 200
            assert peer.pushed > pushed + 25
            assert (len(peers), len(sessions), peer.running) == (1, 1, True)
            assert LEFT not in old.messages + new.messages
            assert (
                await phone.http.patch(phone.path, json={"pc_id": old.id, "candidates": []})
            ).status_code == 404
            new.send("send-text", content="Hi there")
            await anyio.sleep(0.2)
            assert peer.typed == ["Hi there"]
            # Once more, from the new one, and then goodbye.
            newest = await phone.call(instead_of=new)
            await newest.hears()
            await newest.close()
            await no_session_left(sessions, within=1)

    on_the_phone(test)


def test_a_living_connection_carries_on_until_the_next_one_does() -> None:
    async def test(phone: Phone, peers: list[HummingPeer], sessions: Any) -> None:
        old = await phone.call()
        await old.hears()
        # An offer that leads nowhere harms nothing.
        dead = phone.leg()
        response = await phone.post({**await dead.offer(), "pc_id": old.id, "restart_pc": True})
        assert response.status_code == 200
        await old.hears()
        new = await phone.call(instead_of=old)
        await new.hears()
        with anyio.fail_after(2):
            await old.closed.wait()
        assert LEFT not in old.messages
        pulled = peers[0].pulled
        await anyio.sleep(1)
        assert 40 < peers[0].pulled - pulled < 60, "only one connection pulls"
        # The old one's goodbye, however late, is none of the call's.
        await old.close()
        await new.hears()
        # And an older id finds the call still: the answer with the newer one may have been lost.
        newest = await phone.call(instead_of=old)
        await newest.hears()
        assert (len(peers), len(sessions)) == (1, 1)

    on_the_phone(test)


def test_a_further_offer_on_the_same_connection() -> None:
    async def test(phone: Phone, peers: list[HummingPeer], sessions: Any) -> None:
        leg = await phone.call()
        await leg.hears()
        before = leg.id
        for video in (False, True):
            if video:
                leg.pc.addTransceiver("video")
            response = await phone.post({**await leg.offer(), "restart_pc": False})
            assert (response.status_code, response.json()["pc_id"]) == (200, before)
            await leg.accept(response.json())
            assert leg.pc.getTransceivers()[-1].currentDirection == ("inactive" if video else "sendrecv")
            await leg.hears()
        leg.send("send-text", content="still here")
        await anyio.sleep(0.2)
        assert peers[0].typed == ["still here"]
        # One that cannot be answered does not end the call.
        broken = {**await leg.offer(), "restart_pc": False}
        broken["sdp"] = re.sub("VP8|H264", "H999", broken["sdp"])
        assert (await phone.post(broken)).status_code == 400
        await leg.hears()
        assert (len(peers), len(sessions)) == (1, 1)

    on_the_phone(test)


@pytest.mark.usefixtures("impatient")
def test_silence_is_not_the_end() -> None:
    """The network is gone for a while and comes back; nothing was pulled meanwhile."""

    async def test(phone: Phone, peers: list[HummingPeer], sessions: Any) -> None:
        leg = await phone.call()
        await settled(leg)
        with leg.cut():
            await parked(peers[0])
            peers[0].tell(ev.TurnStarted(t=0, turn=1, onset=0))
        await leg.hears()
        await leg.told("user-started-speaking")
        assert (len(peers), len(sessions)) == (1, 1)

    on_the_phone(test)


@pytest.mark.usefixtures("impatient")
def test_a_caller_who_does_not_come_back(caplog: pytest.LogCaptureFixture) -> None:
    async def test(phone: Phone, peers: list[HummingPeer], sessions: Any) -> None:
        leg = await phone.call()
        await settled(leg)
        with leg.cut():
            await no_session_left(sessions, within=6)
        assert not peers[0].running
        # Too late: it gets a call of its own.
        again = await phone.call(instead_of=leg)
        await again.hears()
        assert len(peers) == 2

    with caplog.at_level(logging.INFO):
        on_the_phone(test, reconnect_timeout=1)
    assert "the caller did not come back" in caplog.text


def test_a_goodbye_ends_the_call_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def test(phone: Phone, peers: list[HummingPeer], sessions: Any) -> None:
        whole = await phone.call()
        await whole.hears()
        await whole.close()
        await no_session_left(sessions, within=1)
        # Stock clients close their channel first.
        channel = await phone.call()
        await channel.hears()
        channel.channel.close()
        await no_session_left(sessions, within=1)
        assert not any(peer.running for peer in peers)

    with caplog.at_level(logging.INFO):
        on_the_phone(test)
    assert caplog.text.count("the caller left") == 2


def test_a_full_server_takes_its_own_callers_back() -> None:
    async def test(phone: Phone, peers: list[HummingPeer], sessions: Any) -> None:
        leg = await phone.call()
        stranger = phone.leg()
        assert (await phone.post(await stranger.offer())).status_code == 503
        new = await phone.call(instead_of=leg)
        await new.hears()

    on_the_phone(test, max_sessions=1)


@pytest.mark.usefixtures("impatient")
def test_a_session_that_ends_while_nobody_listens() -> None:
    async def test(phone: Phone, peers: list[HummingPeer], sessions: Any) -> None:
        leg = await phone.call()
        await settled(leg)
        with leg.cut():
            await parked(peers[0])
            peers[0].over.set()
            await no_session_left(sessions, within=1)

    on_the_phone(test)


def test_a_session_that_ends_tells_its_caller() -> None:
    async def test(phone: Phone, peers: list[HummingPeer], sessions: Any) -> None:
        leg = await phone.call()
        await leg.hears()
        peers[0].over.set()
        await leg.told("signalling")
        assert leg.messages[-1] == LEFT
        await no_session_left(sessions, within=2)

    on_the_phone(test)
