"""From a voice detector's probabilities to segments of speech, as Full-Duplex-Bench's scripts get them from Silero."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from duplex.evals.scenario import Span

RATE = 16_000
WINDOW = 512
"""Samples of one probability; 32 ms is all that two of these results can be told apart by."""
THRESHOLD, RELEASE = 0.5, 0.35
SHORTEST, PAUSE, PAD = 0.25, 0.1, 0.03
"""Seconds: of a segment, of a silence that ends one, and added on both sides. Silero's own defaults."""


def segments(probabilities: Sequence[float], samples: int) -> list[Span]:
    """Segments in seconds, to the millisecond.

    One begins where the probability reaches 0.5, and ends where it falls below 0.35 for at least 0.1 s.

    Args:
        probabilities: of each window of 512 samples, from the recording's start.
        samples: of the recording.
    """
    found: list[tuple[int, int]] = []
    start = silent = -1
    for at, p in enumerate(probabilities):
        here = at * WINDOW
        if p >= THRESHOLD:
            silent, start = -1, here if start < 0 else start
        elif p < RELEASE and start >= 0:
            silent = here if silent < 0 else silent
            if here - silent >= PAUSE * RATE:
                found.append((start, silent))
                start = silent = -1
    if start >= 0:
        found.append((start, samples))
    return _padded([span for span in found if span[1] - span[0] > SHORTEST * RATE], samples)


def _padded(spans: Sequence[tuple[int, int]], samples: int) -> list[Span]:
    """Each with its margins; two that are nearer than both margins meet in the middle."""
    pad = round(PAD * RATE)
    edges = [
        0,
        *((after[0] + before[1]) // 2 for before, after in pairwise(spans)),
        samples,
    ]
    return [
        (round(max(low, start - pad) / RATE, 3), round(min(high, end + pad) / RATE, 3))
        for (start, end), low, high in zip(spans, edges, edges[1:], strict=False)
    ]
