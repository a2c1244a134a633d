"""How long after a frame has left us it is heard: what the ledger of heard words needs. Pure.

The path down is taken as half the round trip; the client's buffer and sound card are what it says they are.
"""

from __future__ import annotations

import math
from collections import deque

LOOKAHEAD = 0.0065
"""Seconds by which Opus's encoder is behind its input: 2.5 ms of overlap, 4 ms to align its two coders."""
UNREPORTED = 0.03
"""Assumed of a client that reports no playout delay: Chromium's jitter buffer was measured at 19-39 ms."""
MAX_TRIP = 5.0
MAX_CLIENT = 1.0
REMEMBERED = 8
"""Round trips of which the shortest counts: what is above it is somebody's processing, not the path."""
REMEMBERED_SECONDS = 30.0
STEP = 0.005
"""A change below this is not worth telling."""


class PlayoutDelay:
    """Takes round trips and the client's report; `seconds` is the delay, `changed()` tells when it moved."""

    def __init__(self) -> None:
        self._trips: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        self._client = UNREPORTED
        self._told: float | None = None

    def round_trip(self, seconds: float, at: float) -> None:
        """A round trip measured at the time `at`; one that cannot be is passed over."""
        if not 0 <= seconds <= MAX_TRIP:
            return
        self._trips.append((at, seconds))
        while at - self._trips[0][0] > REMEMBERED_SECONDS:
            self._trips.popleft()

    def client(self, seconds: float) -> None:
        """What the client says of its playout delay: jitter buffer and sound card, bounded to 0..1 s."""
        if math.isfinite(seconds):
            self._client = min(max(0.0, seconds), MAX_CLIENT)

    @property
    def trip(self) -> float:
        """The round trip, in seconds; 0 until one was measured."""
        return min((seconds for _, seconds in self._trips), default=0.0)

    @property
    def seconds(self) -> float:
        """From a frame's leaving to its being heard."""
        return LOOKAHEAD + self.trip / 2 + self._client

    def changed(self) -> float | None:
        """The delay, if it has moved by more than `STEP` since it was last given; None otherwise."""
        if self._told is not None and abs(self.seconds - self._told) <= STEP:
            return None
        self._told = self.seconds
        return self._told
