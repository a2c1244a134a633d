"""Incoming packets to one unbroken stretch of audio: order, gaps and how long to wait for what is missing.

The session listens; nobody plays what comes here to a steady clock, so a packet in order goes on the moment it
comes and a burst after a stall goes on as a whole: there is no delay that could stay. Only behind a gap do
packets wait, for as long as missing ones were lately seen to come late (RFC 3550's sequence numbers, after its
appendix A.1). A gap is filled from the next packet's redundancy, then by concealment, then by silence.

Pure: time is passed in, packets are named by what their header says, and what is to be decoded is returned.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from duplex.transport.webrtc.opus import RTP_RATE, UNIT, packet_samples, says_silence
from duplex.transport.webrtc.rtp import MAX_PAYLOAD, Packet, signed16, signed32

TICK = RTP_RATE // 50
MISORDER = 100
"""A packet further back than this, in packets, is no late one: the sender has begun anew."""
DROPOUT = 500
"""Nor is one further ahead than this after a loss."""
MAX_WAIT = 0.1
"""Seconds that packets behind a gap wait at most; what comes later than that was not worth waiting for."""
CALM = 2.0
"""Seconds without reordering after which the wait is halved."""
LEAST_WAIT = 0.005
"""A shorter wait is none."""
MAX_HELD = 32
MAX_GAP = RTP_RATE
"""Of a longer gap one second is filled."""
MAX_CONCEALED = RTP_RATE // 10
"""Concealment turns to a drone after 100 ms; then silence is better."""
PATIENCE, PATIENCE_IN_SILENCE = 4, 2
"""Ticks without a packet before the stream is continued without one."""
MAX_AHEAD = 5.0
"""Seconds of audio that may come faster than time passes, as after a stall; more is a flood, and dropped."""


class Kind(Enum):
    """What a piece is made of."""

    PACKET = auto()
    """Decode `payload`."""
    REDUNDANCY = auto()
    """Decode the redundancy that `payload` carries for the packet before it."""
    CONCEALMENT = auto()
    SILENCE = auto()
    NEW_STREAM = auto()
    """No audio: forget what was decoded before."""


class Piece(NamedTuple):
    """Audio to make: `samples` of it, at 48 kHz.

    `at` is its place on the sender's time, counted from the first packet's first sample. What was made for want of
    packets may reach into the place of one that comes after all.
    """

    kind: Kind
    at: int
    samples: int
    payload: bytes = b""


class Wait:
    """How long packets behind a gap wait, from how late missing ones came."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._changed = 0.0

    def late(self, by: float, now: float) -> None:
        """A missing packet came `by` seconds after it was missed."""
        if by <= MAX_WAIT:
            self.seconds = max(self.seconds, min(MAX_WAIT, 1.25 * by + LEAST_WAIT))
            self._changed = now

    def calm(self, now: float) -> None:
        """A packet came in order."""
        if self.seconds and now - self._changed > CALM:
            self.seconds = self.seconds / 2 if self.seconds / 2 >= LEAST_WAIT else 0.0
            self._changed = now


class Allowance:
    """How much audio may still be made: as much as time has passed, and `MAX_AHEAD` beyond it."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._last = 0.0

    def take(self, samples: int, now: float) -> bool:
        """Whether `samples` more are allowed at `now` seconds."""
        self._ahead = max(0.0, self._ahead - (now - self._last))
        self._last = now
        if self._ahead + samples / RTP_RATE > MAX_AHEAD:
            return False
        self._ahead += samples / RTP_RATE
        return True


class JitterBuffer:
    """`push(packet, now)`, `expire(now)` and `tick()`, each giving the pieces to make, in order."""

    def __init__(self) -> None:
        self.lost = 0
        """Packets that had not come when their turn was."""
        self.late = 0
        """Of those, the ones that came after all; they are dropped."""
        self.repeated = 0
        """Packets that had come before."""
        self.refused = 0
        """Packets that hold no Opus, belong to no stream that is listened to, or are too many."""
        self._wait = Wait()
        self._allowance = Allowance()
        self._ssrc: int | None = None
        self._next = 0
        self._timestamp = 0
        """Of the sample that is expected next, and `_end` its place."""
        self._end = 0
        self._held: dict[int, tuple[Packet, float]] = {}
        self._missing: dict[int, float] = {}
        """Sequence numbers that were given up, and when each was missed."""
        self._stranger: Packet | None = None
        self._silent = False
        """The last packet said that silence follows."""
        self._filled = 0
        """Samples made since the last packet without one."""
        self._concealed = 0
        self._quiet = 0

    @property
    def wait(self) -> float:
        """Seconds that packets behind a gap wait at present."""
        return self._wait.seconds

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to give; None while nothing is held."""
        return None if not self._held else self._missed + self._wait.seconds

    @property
    def _missed(self) -> float:
        return min(at for _, at in self._held.values())

    def push(self, packet: Packet, now: float) -> list[Piece]:
        """Take a packet that came at `now` seconds."""
        if len(packet.payload) > MAX_PAYLOAD or (packet.payload and not packet_samples(packet.payload)):
            self.refused += 1
            return []
        if self._ssrc is None:
            return self._begin(packet, now)
        ahead = signed16(packet.sequence - self._next)
        if packet.ssrc != self._ssrc or not -MISORDER <= ahead <= DROPOUT:
            return self._meet(packet, now)
        self._stranger = None
        if ahead < 0:
            self._too_late(packet, now)
            return []
        if packet.sequence in self._held:
            self.repeated += 1
            return []
        if ahead == 0:
            if self._held:
                self._wait.late(now - self._missed, now)
            self._wait.calm(now)
            return [*self._play(packet, now), *self._follow(now)]
        self._held[packet.sequence] = (packet, now)
        return self.expire(now)

    def expire(self, now: float) -> list[Piece]:
        """What has waited long enough, the gap before it filled."""
        pieces: list[Piece] = []
        while self._held and (now >= self._missed + self._wait.seconds or len(self._held) >= MAX_HELD):
            missed = self._missed
            first = min(self._held, key=lambda sequence: signed16(sequence - self._next))
            for lost in range(signed16(first - self._next)):
                self._give_up((self._next + lost) & 0xFFFF, missed)
            pieces += self._play(self._held.pop(first)[0], now, after_loss=True)
            pieces += self._follow(now)
        return pieces

    def tick(self) -> list[Piece]:
        """20 ms have passed. Where packets have long stopped coming, the stream goes on without them.

        Ticks are counted, not seconds, so that a stalled loop is not taken for a silent network.
        """
        self._quiet += 1
        if self._ssrc is None or self._held or self._quiet < self._patience:
            return []
        return self._fill(TICK)

    @property
    def _patience(self) -> int:
        return PATIENCE_IN_SILENCE if self._silent else PATIENCE

    # Streams

    def _begin(self, packet: Packet, now: float) -> list[Piece]:
        self._ssrc, self._next, self._timestamp = packet.ssrc, packet.sequence, packet.timestamp
        self._held.clear()
        self._missing.clear()
        self._stranger, self._silent, self._filled = None, False, 0
        return self._play(packet, now)

    def _meet(self, packet: Packet, now: float) -> list[Piece]:
        """A packet of another stream, or far from this one: believed once a second one follows it directly."""
        first = self._stranger
        if (
            first is None
            or first.ssrc != packet.ssrc
            or packet.sequence != (first.sequence + 1) & 0xFFFF
            or not 0 <= signed32(packet.timestamp - first.timestamp) <= MAX_GAP
        ):
            self._stranger = packet
            self.refused += 1
            return []
        self.refused -= 1
        return [Piece(Kind.NEW_STREAM, self._end, 0), *self._begin(first, now), *self._play(packet, now)]

    # Order

    def _too_late(self, packet: Packet, now: float) -> None:
        missed = self._missing.pop(packet.sequence, None)
        if missed is None:
            self.repeated += 1
        else:
            self.late += 1
            self._wait.late(now - missed, now)

    def _give_up(self, sequence: int, missed: float) -> None:
        self.lost += 1
        self._missing[sequence] = missed
        while len(self._missing) > MISORDER:
            del self._missing[next(iter(self._missing))]

    def _follow(self, now: float) -> list[Piece]:
        """What was held and is now in order."""
        pieces: list[Piece] = []
        while (held := self._held.pop(self._next, None)) is not None:
            pieces += self._play(held[0], now)
        return pieces

    # Audio

    def _play(self, packet: Packet, now: float, after_loss: bool = False) -> list[Piece]:
        self._next = (packet.sequence + 1) & 0xFFFF
        if not packet.payload:  # padding alone: it has its number, but stands for no time
            return []
        samples = packet_samples(packet.payload)
        if not self._allowance.take(samples, now):
            self.refused += 1
            return []
        gap = max(0, signed32(packet.timestamp - self._timestamp))
        pieces = self._bridge(gap, packet, now, after_loss)
        pieces.append(Piece(Kind.PACKET, self._end + gap, samples, packet.payload))
        self._end += gap + samples
        self._timestamp = packet.timestamp + samples
        self._silent = says_silence(packet.payload)
        self._filled = self._concealed = self._quiet = 0
        return pieces

    def _bridge(self, gap: int, packet: Packet, now: float, after_loss: bool) -> list[Piece]:
        """What lies between the last packet and this one, less what was made of it already."""
        rest = (min(gap, MAX_GAP) - self._filled) // UNIT * UNIT
        if rest <= 0 or not self._allowance.take(rest, now):
            return []
        if not after_loss:
            self._silent = True  # no packet is missing: the sender had nothing to send
        redundant = 0 if self._silent else min(rest, packet_samples(packet.payload))
        pieces = self._fill(rest - redundant)
        if redundant:
            pieces.append(Piece(Kind.REDUNDANCY, self._end + gap - redundant, redundant, packet.payload))
        return pieces

    def _fill(self, samples: int) -> list[Piece]:
        concealed = 0 if self._silent else min(samples, MAX_CONCEALED - self._concealed)
        self._concealed += concealed
        pieces = []
        for kind, count in ((Kind.CONCEALMENT, concealed), (Kind.SILENCE, samples - concealed)):
            if count:
                pieces.append(Piece(kind, self._end + self._filled, count))
                self._filled += count
        return pieces
