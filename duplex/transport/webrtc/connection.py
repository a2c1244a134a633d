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
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp
from OpenSSL import SSL

from duplex.audio.pcm import Framer
from duplex.transport.types import AGENT_RATE, USER_RATE, Pcm, Peer, Prompt
from duplex.transport.webrtc import sctp, taps
from duplex.transport.webrtc.errors import OfferError
from duplex.transport.webrtc.ice import Arrivals, Ice, is_mdns, limit_gathering
from duplex.transport.webrtc.media import Media, add_audio
from duplex.transport.webrtc.offer import MAX_CANDIDATES, Answer, Candidate, caller_of

log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""How long a TURN server that does not answer may hold up the end of a connection."""
LAST_WORDS_SECONDS = 0.5
"""How long the last messages may take; clients acknowledge within 0.2 s and a round trip."""
MAX_CHANNELS = 4
"""Data channels a client may open; one is used."""


class Ending(Enum):
    """How a connection ended."""

    CLOSED = auto()
    """By `close`."""
    LEFT = auto()
    """The caller said goodbye."""
    LOST = auto()
    """The caller was cut off, or never got through."""


class Connection:
    """Answers an offer, then carries audio between the caller and a `Peer` while `bound`, until either ends it."""

    def __init__(self, peer: Peer, ice: Ice, *, connect_timeout: float = 30.0) -> None:
        """Make it inside the event loop.

        Args:
            peer: the session.
            ice: how the connection is sought.
            connect_timeout: seconds the caller has to get through after the answer.
        """
        self.id = secrets.token_urlsafe(16)
        """Names the connection to its caller; unlike the session's id it stands in no log."""
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
        self._bound = False
        self._channels = 0
        self._candidates = 0
        self._pc.on("connectionstatechange", self._on_state)
        self._pc.on("datachannel", self._on_channel)
        self._audio = add_audio(self._pc)
        self._media = Media(self._audio, AGENT_RATE, self._pull, self._heard, delayed=self._delayed)
        self._frames = Framer(USER_RATE // 50)

    # Signalling

    async def answer(self, sdp: str) -> Answer:
        """The answer to an offer, as `check_sdp` gave it. Raises OfferError with the reason if there can be none."""
        try:
            async with self._negotiating:
                await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
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
        taps.ask_for_redundancy(first)
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

        Raises what the session's methods raised, in an ExceptionGroup.
        """
        forget = self._peer.on_ready(self._media.ready) if isinstance(self._peer, Prompt) else None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._media.run)
                tasks.start_soon(self._give_up_in_time, through)
                await self._over.wait()
                tasks.cancel_scope.cancel()
            if self._ending is Ending.CLOSED and self.bound:
                await self._last_words()
        finally:
            if forget is not None:
                forget()
            await self._release()
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
        with anyio.move_on_after(LAST_WORDS_SECONDS):
            while self.channel is not None and self.channel.readyState == "open":
                if sctp.idle(self._pc.sctp):
                    return
                await anyio.sleep(0.02)

    async def _release(self) -> None:
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            try:
                await self._pc.close()
            except Exception:  # what it is made of may be half done, by an offer that aiortc choked on
                log.exception("the connection could not be closed", extra={"session": self._peer.id})

    def undelivered(self) -> list[str]:
        """The messages that the client has not acknowledged, oldest first, also once the connection is over."""
        return sctp.undelivered(self._pc.sctp) if self._pc.sctp else []

    @property
    def packets(self) -> int:
        """How many datagrams have come from the other side."""
        return self._arrivals.packets if self._arrivals else 0

    @property
    def greedy(self) -> bool:
        """Whether the client makes us keep more than it may: unfinished messages beyond its window, channels."""
        return self._channels > MAX_CHANNELS or (self._pc.sctp is not None and sctp.overfull(self._pc.sctp))

    # Audio

    @property
    def bound(self) -> bool:
        """Whether this connection carries the session: otherwise it gives silence, and drops what it hears."""
        return self._bound

    @bound.setter
    def bound(self, bound: bool) -> None:
        self._bound = bound
        self._delayed(self._media.delay.seconds)

    def client_delay(self, seconds: float) -> None:
        """The playout delay that the client reports: its jitter buffer and sound card; bounded to 0..1 s."""
        self._media.delay.client(seconds)

    def _heard(self, pcm: Pcm, _: float) -> None:
        for frame in self._frames.push(pcm):
            if self._bound:
                self._peer.push(frame)

    def _pull(self) -> Pcm:
        return self._peer.pull() if self._bound else np.zeros(AGENT_RATE // 50, np.int16)

    def _delayed(self, seconds: float) -> None:
        if self._bound:
            self._peer.delayed(seconds)

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

    def _end(self, ending: Ending) -> None:
        if not self._over.is_set():
            self._ending = ending
            self._over.set()


def _unanswerable(error: Exception) -> OfferError:
    return OfferError(f"the offer cannot be answered: {str(error)[:200] or type(error).__name__}")
