"""What strangers send: nothing of it harms the call beside it, and nothing of it is kept."""

import gc
import os
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from aiortc import RTCPeerConnection
from aiortc.rtcsctptransport import DataChunk
from aiortc.rtp import RtpPacket
from test_server_reconnect import HummingPeer
from test_transport_call import BEEP, decoder_threads
from test_transport_offer import OFFER, make_offer
from transport_peers import BasePeer, EchoPeer
from webrtc_phone import Leg, Phone

from duplex.server.app import create_app
from duplex.server.serve import serving
from duplex.transport.webrtc.caller import Caller


def sockets() -> int:
    return len(os.listdir("/proc/self/fd"))


def beside_a_call(
    attack: Callable[[Phone, list[Any], Any], Awaitable[None]], settle: float = 5, **settings: Any
) -> None:
    """Run `attack(phone, peers, sessions)` while an honest call echoes; then see that only that call is left.

    `peers[0]` is the honest call's; those after it hum.
    """
    peers: list[BasePeer] = []

    def new() -> BasePeer:
        peers.append(HummingPeer() if peers else EchoPeer())
        return peers[-1]

    async def echoes(honest: Caller) -> None:
        start, end = await honest.say(BEEP)
        await honest.wait_for_speech(start, timeout=5)
        await honest.wait_for_quiet(end, quiet=0.2, timeout=5)

    async def main() -> None:
        app = create_app(new, loopback=True, **settings)
        sessions = app.state.sessions
        async with serving(app) as url, Caller(url, loopback=True) as honest:
            await honest.connect()
            await echoes(honest)
            before = sockets()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(attacked, url, sessions)
                for _ in range(3):
                    await echoes(honest)
            await echoes(honest)
            with anyio.fail_after(settle):
                while len(sessions) > 1 or sockets() > before:  # noqa: ASYNC110
                    await anyio.sleep(0.05)
            assert not any(peer.running or peer.listeners for peer in peers[1:])
            gc.collect()
            alive = [each for each in gc.get_objects() if isinstance(each, RTCPeerConnection)]
            assert len(alive) == 2, "the honest call's two"

    async def attacked(url: str, sessions: Any) -> None:
        async with Phone(url) as phone:
            await attack(phone, peers, sessions)

    anyio.run(main)
    gc.collect()
    assert decoder_threads() == 0


def test_a_hundred_offers_at_once() -> None:
    async def attack(phone: Phone, peers: list[Any], sessions: Any) -> None:
        replies: list[httpx.Response] = []

        async def post() -> None:
            replies.append(await phone.post({"sdp": OFFER, "type": "offer"}))

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(post)
        assert sorted(each.status_code for each in replies) == [200] * 19 + [503] * 81
        assert len(peers) == 20, "no session is made in vain"

    beside_a_call(attack, max_sessions=20, connect_timeout=1)


def repeated(sdp: str, times: int) -> str:
    return sdp + sdp[sdp.index("m=audio") : sdp.index("m=video")] * times


REFUSED = [
    ("v=0\r\n", "no audio line"),
    ("v=0\r\nm=audio x UDP/TLS/RTP/SAVPF 96\r\n", "cannot be read"),
    (make_offer(audio=False, video=True), "no audio line"),
    (repeated(OFFER, 48), "51 media lines"),
    # Other line ends count too.
    (repeated(OFFER, 48).replace("\r\n", "\u2028"), "51 media lines"),
    # What the parser would multiply for seconds.
    (OFFER + "a=rtpmap:1 a/1\r\n" * 1900 + "a=rtcp-fb:* x\r\n" * 1700, "too many codecs"),
    (
        re.sub(r"a=rtpmap:96 opus.*\r\n", "", OFFER),
        "no Opus, which this server needs; its codecs: G722, PCMU, PCMA",
    ),
    (re.sub(r"a=rtpmap:(96 opus|9 G722|8 PCMA).*\r\n", "", OFFER), "its codecs: PCMU"),
    (re.sub(r"a=mid:\d", "a=mid:0", OFFER), "the same mid"),
    (OFFER.replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 7 0 1 2"), "a mid that it does not have"),
    (OFFER.replace("m=application", "m=application "), "cannot be read"),
]
"""SDP that is refused, and why."""


def test_offers_that_are_refused() -> None:
    async def attack(phone: Phone, peers: list[Any], sessions: Any) -> None:
        for sdp, reason in REFUSED:
            reply = await phone.post({"sdp": sdp, "type": "offer"})
            assert (reply.status_code, reason in reply.json()["error"]) == (400, True), reply.text
            assert len(sessions) == 1

    beside_a_call(attack)


def test_an_offer_with_video_is_taken_without_it() -> None:
    async def attack(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = phone.leg()
        leg.pc.addTransceiver("video")
        leg.pc.addTransceiver("video", direction="sendonly")
        answer = (await phone.post(await leg.offer())).json()
        assert answer["sdp"].count("m=video") == answer["sdp"].count("a=inactive") == 2
        await leg.accept(answer)
        await leg.up()
        await leg.hears()

    beside_a_call(attack)


def test_a_flood_of_messages() -> None:
    async def attack(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = await phone.call()
        leg.pc.sctp._remote_max_message_size = 1 << 30
        for _ in range(2000):
            leg.channel.send("{")
        leg.channel.send(b"\0" * 100_000)
        for _ in range(3):
            leg.channel.send("x" * 1_000_000)
        await leg.hears()
        await anyio.sleep(4)
        # Whatever came of that: the call stands, and its errors are fewer than the messages.
        await leg.hears()
        errors = [each for each in leg.messages if each["type"] in ("error", "error-response")]
        assert 0 < len(errors) < 500

    beside_a_call(attack)


def test_messages_that_never_end() -> None:
    """More unfinished pieces than its window allows: the client is let go."""

    async def attack(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = await phone.call()
        await leg.hears()
        sctp = leg.pc.sctp
        for tsn in range(1200):
            piece = DataChunk(flags=2 if tsn == 0 else 0)
            piece.tsn, piece.stream_id, piece.stream_seq = sctp._local_tsn + tsn, leg.channel.id, 1
            piece.protocol, piece.user_data = 51, b"x" * 1000
            await sctp._send_chunk(piece)
            await anyio.lowlevel.checkpoint()
        await leg.told("signalling")
        with anyio.fail_after(3):
            while len(sessions) > 1:  # noqa: ASYNC110
                await anyio.sleep(0.05)

    beside_a_call(attack)


def test_one_channel_too_many() -> None:
    async def attack(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = await phone.call()
        second = leg.pc.createDataChannel("second")
        await leg.hears()
        await anyio.sleep(0.5)
        assert second.readyState == "closed"
        for i in range(10):
            leg.pc.createDataChannel(f"more {i}")
        await leg.told("signalling")

    beside_a_call(attack)


async def garbage(leg: Leg) -> None:
    """Datagrams as they come from strangers and broken networks, beside the client's own."""
    dtls = leg.pc.getSenders()[0].transport
    ice, sent = dtls.transport, []
    original = ice._send

    async def tapped(data: bytes) -> None:
        sent.append(data)
        await original(data)

    ice._send = tapped
    await anyio.sleep(0.3)
    ice._send = original
    rtp = [data for data in sent if 127 < data[0] < 192]
    assert len(rtp) > 5
    for data in rtp:
        for _ in range(20):
            await original(data)
        for cut in (1, 2, 11, 12, 13, len(data) - 1):
            await original(data[:cut])
        await original(bytes([data[0]]) + os.urandom(len(data)))
    # A stranger needs the port alone; asyncio sends no empty datagram.
    (pair,) = ice.iceGatherer._connection._nominated.values()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for data in (b"", *(bytes([first]) + os.urandom(30) for first in range(256))):
            stranger.sendto(data, pair.remote_addr)
    # What is encrypted as it should be, and wrong inside.
    for payload_type in (0, 8, 13, 97, 110, 127):
        packet = RtpPacket(
            payload_type=payload_type, sequence_number=1, timestamp=1, ssrc=1, payload=b"x" * 40
        )
        await dtls._send_rtp(packet.serialize())
    last = RtpPacket.parse(rtp[-1])
    opus = RtpPacket(last.payload_type, sequence_number=last.sequence_number, ssrc=last.ssrc)
    opus.timestamp = last.timestamp
    for payload in (b"", b"\xff", os.urandom(3), os.urandom(1200)):
        opus.payload, opus.sequence_number = payload, opus.sequence_number + 1
        await dtls._send_rtp(opus.serialize())
    for rtcp in (
        b"\x81\xc8\x00\x01" + b"\0" * 4,
        b"\x81\xc9\x00\x07" + b"\0" * 28,
        b"\x8f\xcd\xff\xff" + b"\0" * 8,
    ):
        await dtls._send_rtp(rtcp)


def test_packets_that_are_none() -> None:
    """Replayed, truncated, empty, of other payload types: the call goes on, and hears each of its frames once."""

    async def attack(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = await phone.call()
        await leg.hears()
        began, pushed = anyio.current_time(), peers[1].pushed
        await garbage(leg)
        await leg.hears()
        await anyio.sleep(0.5)
        frames = (anyio.current_time() - began) * 50
        # A sender's jump back or ahead is bridged by a second at most.
        assert frames * 0.7 < peers[1].pushed - pushed < frames * 1.2 + 100
        leg.send("send-text", content="still here")
        await anyio.sleep(0.3)
        assert peers[1].typed == ["still here"]

    beside_a_call(attack)


@pytest.mark.parametrize("offered", [False, True])
def test_a_client_that_never_sends_audio(offered: bool) -> None:
    async def attack(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = phone.leg(audio=offered)
        body = await leg.offer()
        if offered:
            leg.pc.getSenders()[0].replaceTrack(None)
        await leg.accept((await phone.post(body)).json())
        await leg.up()
        await leg.hears()
        leg.send("send-text", content="I only read")
        await anyio.sleep(3)
        # Its reports are few, and it is not taken for gone.
        await leg.hears()
        assert peers[1].typed == ["I only read"]
        assert peers[1].pushed == 0
        await leg.close()

    beside_a_call(attack)


def test_calls_that_come_and_go_leave_nothing() -> None:
    async def attack(phone: Phone, peers: list[Any], sessions: Any) -> None:
        for _ in range(5):
            leg = await phone.call()
            again = await phone.call(instead_of=leg)
            await again.hears()
            await again.close()

    beside_a_call(attack)
