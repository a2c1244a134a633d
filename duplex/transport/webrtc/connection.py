"""One call: an aiortc peer connection bound to one session."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import Any

import anyio
import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp

from duplex.audio.pcm import Framer, downmix
from duplex.audio.resample import Decimator
from duplex.transport.types import AGENT_RATE, USER_RATE, Peer
from duplex.transport.webrtc.channel import Channel
from duplex.transport.webrtc.errors import OfferError
from duplex.transport.webrtc.ice import is_mdns, only_loopback
from duplex.transport.webrtc.offer import Answer, Candidate, Offer, check_sdp
from duplex.transport.webrtc.receive import receive_at_once
from duplex.transport.webrtc.send import PacedTrack

log = logging.getLogger(__name__)

OPUS_RATE = 48_000
USER_FRAME = USER_RATE // 50
MAX_GAP_FRAMES = 50
"""Lost packets in a row that are replaced by silence; a longer gap is cut to this second."""


class Connection:
    """Answers one offer, then carries audio and messages between the caller and a `Peer` until either ends."""

    def __init__(
        self,
        peer: Peer,
        *,
        loopback: bool = False,
        ice_servers: Sequence[str] = (),
        connect_timeout: float = 30.0,
    ) -> None:
        """Make it inside the event loop.

        Args:
            peer: the session.
            loopback: offer 127.0.0.1 alone.
            ice_servers: STUN or TURN URLs.
            connect_timeout: seconds the caller has to get through after the answer.
        """
        self.id = secrets.token_urlsafe(16)
        """Names the connection to its caller; unlike the session's id it stands in no log."""
        self.peer = peer
        self._loopback = loopback
        self._connect_timeout = connect_timeout
        servers = [RTCIceServer(urls=url) for url in ice_servers]
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._connected = anyio.Event()
        self._closed = anyio.Event()
        self._error: Exception | None = None
        self._track: Any = None
        self._channel = Channel(peer, hang_up=self._closed.set)
        self._pc.on("connectionstatechange", self._on_state)
        self._pc.on("datachannel", self._channel.attach)

    async def answer(self, offer: Offer) -> Answer:
        """The answer to a caller's offer. Raises OfferError with the reason if there can be none."""
        try:
            sdp = check_sdp(offer.sdp)
            audio = self._add_audio()
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
            self._track = audio.receiver.track
            for other in self._pc.getTransceivers():
                if other is not audio:
                    other.direction = "inactive"
            if self._loopback:
                only_loopback(self._pc)
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except OfferError:
            await self._release()
            raise
        except Exception as error:  # aiortc raises what it likes on a description it cannot use
            await self._release()
            raise OfferError(f"the offer cannot be answered: {error or type(error).__name__}") from error
        return Answer(sdp=self._pc.localDescription.sdp, pc_id=self.id)

    def _add_audio(self) -> Any:
        """Our side of the offer's first audio line: Opus alone, since our track gives nothing else."""
        self._pc.addTrack(PacedTrack(AGENT_RATE, self.peer.pull, failed=self._fail))
        (audio,) = self._pc.getTransceivers()
        codecs = RTCRtpReceiver.getCapabilities("audio").codecs
        audio.setCodecPreferences([each for each in codecs if each.mimeType == "audio/opus"])
        receive_at_once(audio.receiver)
        return audio

    async def add_candidates(self, candidates: Sequence[Candidate]) -> None:
        """Try these candidates of the caller too; those that cannot be used are passed over."""
        for each in candidates:
            line = each.candidate.removeprefix("candidate:")
            if not line or is_mdns(line) or (each.sdp_mid is None and each.sdp_mline_index is None):
                continue
            try:
                parsed = candidate_from_sdp(line)
            except (AssertionError, ValueError, IndexError) as error:
                raise OfferError(f"the candidate {line[:80]!r} cannot be read") from error
            parsed.sdpMid, parsed.sdpMLineIndex = each.sdp_mid, each.sdp_mline_index
            await self._pc.addIceCandidate(parsed)

    async def run(self) -> None:
        """Carry the call until the caller leaves, the session ends or `close` is called; then release all.

        Raises what the session raised, in an ExceptionGroup if it was its `run`.
        """
        try:
            async with anyio.create_task_group() as tasks:
                for job in (self.peer.run, self._receive, self._expect_connection, self._closed.wait):
                    tasks.start_soon(self._until_done, job, tasks)
        finally:
            await self._release()
        if self._error is not None:
            raise self._error

    async def _release(self) -> None:
        with anyio.CancelScope(shield=True):
            self._channel.detach()
            await self._pc.close()

    async def _until_done(self, job: Any, tasks: Any) -> None:
        if await job() is not True:
            tasks.cancel_scope.cancel()

    async def close(self) -> None:
        """End the call; `run` returns soon after."""
        self._closed.set()

    async def _expect_connection(self) -> bool:
        """True once the caller is through; they have `connect_timeout` seconds for it."""
        with anyio.move_on_after(self._connect_timeout):
            await self._connected.wait()
            return True
        log.info("the caller never connected", extra={"session": self.peer.id})
        return False

    async def _receive(self) -> None:
        """Decoded audio, whatever its frames' length, to 20 ms frames at 16 kHz; lost packets as silence."""
        decimate, framer = Decimator(OPUS_RATE // USER_RATE), Framer(USER_FRAME)
        expected: int | None = None
        if self._track is None:  # the caller only listens
            await anyio.sleep_forever()
        while True:
            try:
                frame = await self._track.recv()
            except MediaStreamError:
                return
            if expected is not None and (missing := frame.pts - expected) > 0:
                gap = min(missing // (OPUS_RATE // USER_RATE), MAX_GAP_FRAMES * USER_FRAME)
                for silent in framer.push(np.zeros(gap, np.int16)):
                    self.peer.push(silent)
            expected = frame.pts + frame.samples
            pcm = downmix(frame.to_ndarray().reshape(-1), len(frame.layout.channels))
            for piece in framer.push(decimate.push(pcm)):
                self.peer.push(piece)

    def _on_state(self) -> None:
        state = self._pc.connectionState
        log.info("connection %s", state, extra={"session": self.peer.id})
        if state == "connected":
            self._connected.set()
        elif state in ("failed", "closed"):
            self._closed.set()

    def _fail(self, error: Exception) -> None:
        self._error = error
        self._closed.set()
