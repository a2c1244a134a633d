"""One way to a caller: an aiortc peer connection that may carry a session, whose life is not its own."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

import anyio
import numpy as np
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from OpenSSL import SSL

from duplex.audio.pcm import Framer, downmix
from duplex.audio.resample import Decimator
from duplex.transport.types import AGENT_RATE, USER_RATE, Pcm, Peer
from duplex.transport.webrtc.errors import OfferError
from duplex.transport.webrtc.ice import Arrivals, Ice, is_mdns, limit_gathering
from duplex.transport.webrtc.offer import MAX_CANDIDATES, Answer, Candidate, caller_of
from duplex.transport.webrtc.receive import receive_at_once
from duplex.transport.webrtc.send import PacedTrack

log = logging.getLogger(__name__)

OPUS_RATE = 48_000
USER_FRAME = USER_RATE // 50
MAX_GAP_FRAMES = 50
"""Lost packets in a row that are replaced by silence; a longer gap is cut to this second."""
CLOSE_SECONDS = 5.0
"""How long a TURN server that does not answer may hold up the end of a connection."""
LAST_WORDS_SECONDS = 0.5
"""How long the last messages may take; clients acknowledge within 0.2 s and a round trip."""
MAX_CHANNELS = 4
"""Data channels a client may open; one is used."""
MAX_PIECES = 4_096
"""Pieces of unfinished messages a client may make us keep; its window of 1 MiB holds 900 full ones."""


class Ending(Enum):
    """How a connection ended."""

    CLOSED = auto()
    """By `close`."""
    LEFT = auto()
    """The caller said goodbye."""
    LOST = auto()
    """The caller was cut off, or never got through."""


class Connection:
    """Answers an offer, then carries audio between the caller and a `Peer` while `bound`, until either ends it.

    Whatever carries the audio takes it from `_pull` and gives it to `_push`, which know whether the peer is bound.
    """

    def __init__(self, peer: Peer, ice: Ice, *, connect_timeout: float = 30.0) -> None:
        """Make it inside the event loop.

        Args:
            peer: the session.
            ice: how the connection is sought.
            connect_timeout: seconds the caller has to get through after the answer.
        """
        self.id = secrets.token_urlsafe(16)
        """Names the connection to its caller; unlike the session's id it stands in no log."""
        self.bound = False
        """Whether this connection carries the session: otherwise it gives silence, and drops what it hears."""
        self.channel: Any = None
        """The client's data channel, once it is open."""
        self.on_channel: Callable[[], None] = lambda: None
        """Called when the data channel opens."""
        self._peer = peer
        self._ice = ice
        self._connect_timeout = connect_timeout
        self._pc = RTCPeerConnection(ice.configuration(datetime.now(UTC)))
        self._arrivals: Arrivals | None = None
        self._negotiating = anyio.Lock()
        self._connected = anyio.Event()
        self._over = anyio.Event()
        self._ending = Ending.LOST
        self._error: Exception | None = None
        self._track: Any = None
        self._channels = 0
        self._candidates = 0
        self._pc.on("connectionstatechange", self._on_state)
        self._pc.on("datachannel", self._on_channel)

    # Signalling

    async def answer(self, sdp: str) -> Answer:
        """The answer to an offer, as `check_sdp` gave it. Raises OfferError with the reason if there can be none."""
        try:
            async with self._negotiating:
                audio = self._add_audio()
                await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
                self._track = audio.receiver.track
                self._arrivals = Arrivals(self._pc)
                limit_gathering(self._pc, loopback=self._ice.loopback)
                return await self._answer()
        except BaseException as error:  # aiortc raises what it likes on a description it cannot use
            await self._release()
            if isinstance(error, Exception):
                raise _unanswerable(error) from error
            raise

    async def renegotiate(self, sdp: str) -> Answer:
        """The answer to a further offer on the same peer connection, which goes on whatever comes of it."""
        try:
            async with self._negotiating:
                await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
                return await self._answer()
        except Exception as error:
            raise _unanswerable(error) from error

    async def _answer(self) -> Answer:
        first, *others = self._pc.getTransceivers()
        assert first.kind == "audio"
        for other in others:
            other.direction = "inactive"
        await self._pc.setLocalDescription(await self._pc.createAnswer())
        if self._ice.turn and " typ relay" not in self._pc.localDescription.sdp:
            log.warning("%s gave no relay address: is it up, are the credentials right?", self._ice.turn.url)
        return Answer(sdp=self._pc.localDescription.sdp, pc_id=self.id)

    def same_caller(self, sdp: str) -> bool:
        """Whether an offer comes from the peer connection that this one answered."""
        there = self._pc.remoteDescription
        return there is not None and caller_of(sdp) == caller_of(there.sdp)

    async def add_candidates(self, candidates: Sequence[Candidate]) -> None:
        """Try these candidates of the caller too; those that cannot be used are passed over. Raises OfferError."""
        self._candidates += len(candidates)
        if self._candidates > MAX_CANDIDATES:
            raise OfferError(f"more than {MAX_CANDIDATES} candidates")
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

    # Life

    async def run(self, through: Callable[[], None]) -> Ending:
        """Carry what there is to carry until the connection ends; then release it and say how it ended.

        Args:
            through: called once the caller is through.

        Raises what the session's `push` or `pull` raised, in an ExceptionGroup if it was `push`.
        """
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._receive)
                tasks.start_soon(self._give_up_in_time, through)
                await self._over.wait()
                tasks.cancel_scope.cancel()
            if self._ending is Ending.CLOSED and self.bound:
                await self._last_words()
        finally:
            await self._release()
        if self._error is not None:
            raise self._error
        return self._ending

    async def _give_up_in_time(self, through: Callable[[], None]) -> None:
        with anyio.move_on_after(self._connect_timeout):
            await self._connected.wait()
            through()
            return
        self._end(Ending.LOST)

    def close(self) -> None:
        """End it from our side; `run` returns soon after."""
        self._end(Ending.CLOSED)

    async def _last_words(self) -> None:
        """Let the client acknowledge the messages under way; without its `peerLeft` it would call again."""
        sctp = self._pc.sctp
        with anyio.move_on_after(LAST_WORDS_SECONDS):
            while self.channel is not None and self.channel.readyState == "open":
                if not (sctp._data_channel_queue or sctp._outbound_queue or sctp._sent_queue):
                    return
                await anyio.sleep(0.02)

    async def _release(self) -> None:
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            try:
                await self._pc.close()
            except Exception:  # what it is made of may be half done, by an offer that aiortc choked on
                log.exception("the connection could not be closed", extra={"session": self._peer.id})

    @property
    def packets(self) -> int:
        """How many datagrams have come from the other side."""
        return self._arrivals.packets if self._arrivals else 0

    @property
    def greedy(self) -> bool:
        """Whether the client makes us keep more than it may: unfinished messages beyond its window, channels."""
        sctp = self._pc.sctp
        if sctp is None:
            return False
        pieces = sum(len(stream.reassembly) for stream in sctp._inbound_streams.values())
        return self._channels > MAX_CHANNELS or pieces > MAX_PIECES or sctp._advertised_rwnd < 0

    # Audio

    def _push(self, pcm: Pcm) -> None:
        if self.bound:
            self._peer.push(pcm)

    def _pull(self) -> Pcm:
        return self._peer.pull() if self.bound else np.zeros(AGENT_RATE // 50, np.int16)

    def _add_audio(self) -> Any:
        """Our side of the offer's first audio line: Opus alone, since our track gives nothing else."""
        self._pc.addTrack(PacedTrack(AGENT_RATE, self._pull, failed=self._fail))
        (audio,) = self._pc.getTransceivers()
        codecs = RTCRtpReceiver.getCapabilities("audio").codecs
        audio.setCodecPreferences([each for each in codecs if each.mimeType == "audio/opus"])
        receive_at_once(audio.receiver)
        return audio

    async def _receive(self) -> None:
        """Decoded audio, whatever its frames' length, to 20 ms frames at 16 kHz; lost packets as silence."""
        decimate, framer = Decimator(OPUS_RATE // USER_RATE), Framer(USER_FRAME)
        expected: int | None = None
        if self._track is None:  # the caller only listens
            return
        while True:
            try:
                frame = await self._track.recv()
            except MediaStreamError:
                return
            if expected is not None and (missing := frame.pts - expected) > 0:
                gap = min(missing // (OPUS_RATE // USER_RATE), MAX_GAP_FRAMES * USER_FRAME)
                for silent in framer.push(np.zeros(gap, np.int16)):
                    self._push(silent)
            expected = frame.pts + frame.samples
            pcm = downmix(frame.to_ndarray().reshape(-1), len(frame.layout.channels))
            for piece in framer.push(decimate.push(pcm)):
                self._push(piece)

    # What aiortc tells

    def _on_channel(self, channel: Any) -> None:
        self._channels += 1
        if self.channel is not None:
            log.info("a second data channel is refused", extra={"session": self._peer.id})
            channel.close()
            return
        self.channel = channel
        channel.on("close", self._on_channel_closed)
        self.on_channel()

    def _on_channel_closed(self) -> None:
        """The client reset its stream, as it does on leaving; where the connection broke, DTLS is down by now."""
        if self._pc.connectionState == "connected" and self._pc.sctp.transport.state == "connected":
            self._end(Ending.LEFT)

    def _on_state(self) -> None:
        state = self._pc.connectionState
        log.info("connection %s", state, extra={"session": self._peer.id})
        if state == "connected":
            self._connected.set()
        elif state in ("failed", "closed"):
            self._end(Ending.LEFT if self._said_goodbye() else Ending.LOST)

    def _said_goodbye(self) -> bool:
        """Whether the caller closed DTLS, rather than fell silent."""
        ssl = self._pc.getTransceivers()[0].receiver.transport._ssl
        return ssl is not None and bool(ssl.get_shutdown() & SSL.RECEIVED_SHUTDOWN)

    def _fail(self, error: Exception) -> None:
        self._error = error
        self._end(Ending.CLOSED)

    def _end(self, ending: Ending) -> None:
        if not self._over.is_set():
            self._ending = ending
            self._over.set()


def _unanswerable(error: Exception) -> OfferError:
    return OfferError(f"the offer cannot be answered: {str(error)[:200] or type(error).__name__}")
