"""What stands between aiortc's socket and its decoder in place of its jitter buffer.

aiortc 1.16 holds four packets back (80 ms a leg), and after a loss up to sixteen for the rest of the call.
Every Opus packet is a whole frame, so nothing needs to be held: a packet goes on the moment it comes, one that
comes after its successor is dropped, and a lost one is a step in the timestamps that the reader fills.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiortc.jitterbuffer import JitterFrame

JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
"""The private attribute of aiortc 1.16.0's RTCRtpReceiver that is replaced. A test fails when it moves."""

MAX_MISORDER = 100
"""A packet further back than this is no late one: the sender has begun a new sequence."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One packet: its RTP timestamp (48 kHz) and the event loop's time when it came."""

    rtp: int
    at: float


class ArrivalBuffer:
    """Has the method of aiortc's JitterBuffer that its receiver calls, and delays nothing."""

    def __init__(self, arrived: Callable[[int], None] | None = None) -> None:
        """`arrived(rtp_timestamp)` is called for every packet that is passed on."""
        self._last: int | None = None
        self._arrived = arrived
        self.late = 0
        """Packets dropped because a later one, or the same one, had already come."""

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        """Take an RTP packet; returns (no key frame wanted, the frame to decode or None)."""
        sequence = int(packet.sequence_number)
        if self._last is not None and (self._last - sequence) & 0xFFFF < MAX_MISORDER:
            self.late += 1
            return False, None
        self._last = sequence
        if self._arrived is not None:
            self._arrived(int(packet.timestamp))
        return False, JitterFrame(data=packet._data, timestamp=packet.timestamp)


def receive_at_once(receiver: Any, arrived: Callable[[int], None] | None = None) -> ArrivalBuffer:
    """Replace the jitter buffer of an aiortc audio receiver, before its first packet.

    Raises RuntimeError if this aiortc has no such buffer, rather than leave 80 ms of delay unnoticed.
    """
    if not hasattr(receiver, JITTER_BUFFER):
        raise RuntimeError(f"this aiortc has no {JITTER_BUFFER}: install aiortc 1.16.0, the one pinned")
    buffer = ArrivalBuffer(arrived)
    setattr(receiver, JITTER_BUFFER, buffer)
    return buffer
