"""A caller's offer, checked before anything is made for it: everything in it was written by someone else."""

from __future__ import annotations

from typing import Any, Literal

from aiortc.sdp import SessionDescription
from pydantic import BaseModel, ConfigDict, Field

from duplex.transport.webrtc.errors import OfferError
from duplex.transport.webrtc.ice import drop_mdns_candidates

MAX_SDP = 60_000
MAX_MEDIA = 8
"""Media lines in an offer; stock Pipecat clients send four."""
MAX_CANDIDATES = 64
"""Candidates of a caller; a browser with several interfaces sends 8 to 20."""
MAX_FEEDBACK = 200_000
"""Codecs times feedback lines, which aiortc's parser multiplies: 2,000 of each took it 3.7 s. Browsers: 40,000."""


class Offer(BaseModel):
    """The body of `POST /api/offer`; unknown keys are ignored, as clients of later protocols send more."""

    model_config = ConfigDict(extra="ignore")

    sdp: str = Field(min_length=1, max_length=MAX_SDP)
    type: Literal["offer"]
    pc_id: str | None = Field(default=None, max_length=200)
    restart_pc: bool = False


class Candidate(BaseModel):
    """One trickled candidate; an empty string ends them."""

    candidate: str = Field(max_length=500)
    sdp_mid: str | None = Field(default=None, max_length=32)
    sdp_mline_index: int | None = Field(default=None, ge=0, lt=MAX_MEDIA)


class Trickle(BaseModel):
    """The body of `PATCH /api/offer`."""

    pc_id: str = Field(min_length=1, max_length=200)
    candidates: list[Candidate] = Field(max_length=MAX_CANDIDATES)


class Answer(BaseModel):
    """What a caller gets back."""

    sdp: str
    type: Literal["answer"] = "answer"
    pc_id: str


def _parse(sdp: str) -> Any:
    try:
        return SessionDescription.parse(sdp)
    except Exception as error:  # aiortc's parser meets foreign text with whatever error comes first
        why = str(error)[:200] or type(error).__name__
        raise OfferError(f"the offer's SDP cannot be read: {why}") from error


def check_sdp(sdp: str) -> str:
    """The SDP to hand on, its `.local` candidates removed.

    Raises OfferError with the reason if it cannot be read, has more than `MAX_MEDIA` media lines, mids that do not
    fit, no audio line with Opus, or a media line without ICE or DTLS parameters.
    """
    sdp = drop_mdns_candidates(sdp)
    if sdp.count("a=rtpmap:") * sdp.count("a=rtcp-fb:") > MAX_FEEDBACK:
        raise OfferError("the offer has too many codecs")
    parsed = _parse(sdp)
    media = parsed.media
    if len(media) > MAX_MEDIA:
        raise OfferError(f"the offer has {len(media)} media lines, more than {MAX_MEDIA}")
    mids = [each.rtp.muxId for each in media]
    if len(set(mids)) < len(mids):
        raise OfferError("two media lines of the offer have the same mid")
    if any(mid not in mids for group in parsed.group for mid in group.items):
        raise OfferError("the offer groups a mid that it does not have")
    audio = [each for each in media if each.kind == "audio"]
    if not audio:
        raise OfferError("the offer has no audio line")
    codecs = [codec.name[:20] for codec in audio[0].rtp.codecs]
    if not any(codec.lower() == "opus" for codec in codecs):
        has = ", ".join(dict.fromkeys(codecs[:8])) or "none"
        raise OfferError(f"the offer's audio line has no Opus, which this server needs; its codecs: {has}")
    if sum(len(each.ice_candidates) for each in media) > MAX_MEDIA * MAX_CANDIDATES:
        raise OfferError("the offer has too many candidates")
    for each in media:
        if each.port and (not each.ice.usernameFragment or not each.ice.password):
            raise OfferError(f"the offer's {each.kind} line has no ICE parameters")
        if each.port and (each.dtls is None or not each.dtls.fingerprints):
            raise OfferError(f"the offer's {each.kind} line has no DTLS fingerprint")
    return sdp


def caller_of(sdp: str) -> frozenset[tuple[str, str]]:
    """What names the caller's peer connection in a checked SDP: its ICE user and DTLS fingerprints.

    They stay when a client offers once more on the same connection, and are new with a new one or an ICE restart,
    which aiortc does not know.
    """
    return frozenset(
        (each.ice.usernameFragment, fingerprint.value.upper())
        for each in _parse(sdp).media
        if each.dtls is not None and each.ice.usernameFragment
        for fingerprint in each.dtls.fingerprints
    )
