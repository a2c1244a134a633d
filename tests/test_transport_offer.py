import asyncio
import re
from contextlib import suppress

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from hypothesis import given
from hypothesis import strategies as st

from duplex.transport.webrtc import ice
from duplex.transport.webrtc.errors import OfferError
from duplex.transport.webrtc.offer import check_sdp


def make_offer(*, audio: bool = True, video: bool = False, data: bool = True, loopback: bool = True) -> str:
    async def main() -> str:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        if audio:
            pc.addTransceiver("audio")
        if video:
            pc.addTransceiver("video")
        if data:
            pc.createDataChannel("chat")
        if loopback:
            ice.only_loopback(pc)
        await pc.setLocalDescription(await pc.createOffer())
        sdp = str(pc.localDescription.sdp)
        await pc.close()
        return sdp

    return asyncio.run(main())


OFFER = make_offer(video=True)


def test_a_real_offer_passes_unchanged() -> None:
    assert check_sdp(OFFER) == OFFER


def test_loopback_offers_nothing_else() -> None:
    hosts = set(re.findall(r"a=candidate:\S+ \d \S+ \d+ (\S+) ", OFFER))
    assert hosts == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("sdp", "reason"),
    [
        ("", "no audio"),
        ("hello", "no audio"),
        ("v=0\r\n", "no audio"),
        ("v=0\r\nm=audio x UDP/TLS/RTP/SAVPF 96\r\n", "cannot be read"),
        ("\0" * 100, "no audio"),
        (make_offer(audio=False), "no audio"),
        (OFFER.replace("opus/48000", "speex/8000"), "no Opus"),
        (re.sub(r"a=ice-ufrag:.*\r\n", "", OFFER), "no ICE"),
        (re.sub(r"a=fingerprint:.*\r\n", "", OFFER), "no DTLS"),
        (
            OFFER + "".join(OFFER[OFFER.index("m=audio") : OFFER.index("m=video")] for _ in range(48)),
            "media lines",
        ),
    ],
)
def test_what_is_wrong_is_said(sdp: str, reason: str) -> None:
    with pytest.raises(OfferError, match=reason):
        check_sdp(sdp)


@given(st.integers(0, len(OFFER)), st.integers(0, 200), st.text(max_size=20))
def test_no_damage_breaks_anything_else(at: int, cut: int, junk: str) -> None:
    """However an offer is damaged, it is either taken or refused with OfferError."""
    damaged = OFFER[:at] + junk + OFFER[at + cut :]
    with suppress(OfferError):
        assert "m=audio" in check_sdp(damaged)


def test_mdns_candidates_are_dropped() -> None:
    local = "a=candidate:1 1 udp 2122 8f3a-11.local 53301 typ host generation 0\r\n"
    assert check_sdp(OFFER + local) == OFFER
    assert ice.is_mdns("1 1 udp 2122 8f3a-11.local 53301 typ host")
    assert not ice.is_mdns("1 1 udp 2122 192.0.2.7 53301 typ host")
    assert not ice.is_mdns("")
