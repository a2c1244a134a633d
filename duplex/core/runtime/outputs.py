"""What the core says of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from duplex.core.streams.layout import FRAME_SECONDS, HORIZON, OVERLAPS, STATES, VAP_BINS, VAP_CLASSES

Row = NDArray[np.float32]


@cache
def _active(speaker: int) -> Row:
    """For each class of the projection whether a speaker is active in each bin: float32 [256, 4]."""
    bits = np.arange(VAP_CLASSES)[:, None] >> (speaker * len(VAP_BINS) + np.arange(len(VAP_BINS)))
    return (bits & 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class CoreOutput:
    """Probabilities at the end of a frame.

    Attributes:
        frame: the session's frames so far, those that were merged counted too.
        state: of STATES, float32 [7].
        ends: the user's turn is over at most k frames from now, float32 [32]; `ends[0]`: it is over.
        projection: of the 256 classes of the next 2 s.
        user: speaks now.
        overlap: of OVERLAPS, float32 [6].
        complete: the words believed are all of the turn; 0 while there are none.
    """

    frame: int
    state: Row
    ends: Row
    projection: Row
    user: float
    overlap: Row
    complete: float

    def p_state(self, name: str) -> float:
        """The probability of one of STATES."""
        return float(self.state[STATES.index(name)])

    def p_overlap(self, name: str) -> float:
        """The probability of one of OVERLAPS."""
        return float(self.overlap[OVERLAPS.index(name)])

    @property
    def best_state(self) -> str:
        """The likeliest of STATES."""
        return STATES[int(self.state.argmax())]

    @property
    def best_overlap(self) -> str:
        """The likeliest of OVERLAPS."""
        return OVERLAPS[int(self.overlap.argmax())]

    def ends_within(self, seconds: float) -> float:
        """P(the user's turn is over within so many seconds), at most 2.48."""
        return float(self.ends[min(HORIZON - 1, max(0, round(seconds / FRAME_SECONDS)))])

    def speaks_next(self, speaker: int) -> Row:
        """P(speaker 0, the user, or 1, the agent, is active) in each bin of the next .2, .4, .6, .8 s: [4]."""
        return np.asarray(self.projection @ _active(speaker))
