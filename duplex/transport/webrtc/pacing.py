"""When frames leave, and which need not: the send schedule and discontinuous transmission. Pure."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.transport.webrtc.opus import RTP_RATE

FRAME = RTP_RATE // 50
"""20 ms in the schedule's unit, which is the RTP timestamp's: 48 kHz."""
CATCH_UP = 3
"""Frames sent in a burst when the loop was late; after a longer stall what is overdue is skipped instead."""
SILENT_PEAK = 4
"""Samples of int16 within this (-78 dBFS) are silence: what a codec makes of digital silence."""
HANGOVER = 5
"""Silent frames that are still sent: the decoder settles, and a pause between words is no end of sending."""
REMINDER = 20
"""Of the silent frames after that every 20th (400 ms) is sent, as Opus's own DTX does."""


class Pace:
    """A schedule of 20 ms slots that is absolute: what is late does not make the next late.

    `position` is the due frame's place on the stream's time, in 48 kHz samples since `start`. It only grows.
    """

    def __init__(self, start: float) -> None:
        """`start`: when the first frame is due, in seconds."""
        self._start = start
        self.position = 0

    @property
    def due(self) -> float:
        """When the frame at `position` is to leave, in seconds."""
        return self._start + self.position / RTP_RATE

    def advance(self, now: float) -> None:
        """The due frame has left, at `now`: go on to the next.

        Up to `CATCH_UP` overdue frames leave at once. After a longer stall the schedule goes on with the slot
        that is due now: the receiver has run dry anyway, and whatever left late would delay all that follows.
        """
        overdue = int((now - self.due) * RTP_RATE) // FRAME
        self.position += FRAME * (overdue if overdue > CATCH_UP else 1)

    def hasten(self, now: float, earliest: int) -> bool:
        """Let the due frame leave at `now`, if that is sooner and it then does not begin before `earliest`.

        `earliest` is where the frame that was sent last ends. Returns whether anything changed.
        """
        position = max(earliest, round((now - self._start) * RTP_RATE))
        if position >= self.position:
            return False
        self.position = position
        return True


class Send(Enum):
    """What becomes of a frame."""

    AUDIO = auto()
    REMINDER = auto()
    """A packet that says "silence goes on"."""
    NOTHING = auto()


class Transmission:
    """`on(silent) -> Send`: which frames are sent while nobody speaks (RFC 6716, 2.1.9)."""

    def __init__(self) -> None:
        self._quiet = 0

    def on(self, silent: bool) -> Send:
        """Take the next frame."""
        self._quiet = self._quiet + 1 if silent else 0
        if self._quiet <= HANGOVER:
            return Send.AUDIO
        return Send.REMINDER if (self._quiet - HANGOVER) % REMINDER == 1 else Send.NOTHING


def is_silent(pcm: Pcm) -> bool:
    """Whether int16 [n] holds nothing that could be heard."""
    return bool(np.maximum.reduce(pcm) <= SILENT_PEAK and np.minimum.reduce(pcm) >= -SILENT_PEAK)
