"""Spans of time: the agent's from its audio, and the arithmetic that all metrics share. Seconds everywhere; pure.

Audible is every 10 ms above -45 dBFS. Full-Duplex-Bench joins spans over gaps of up to 0.5 s; our own timing over
0.2 s; whether the agent has fallen silent is asked of gaps of at least 0.3 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from duplex.audio.levels import window_levels
from duplex.audio.pcm import Pcm
from duplex.evals.scenario import Span

Word = tuple[str, float, float]
"""A word, its start and its end."""
Spans = Sequence[Span]

AUDIBLE_DBFS = -45.0
OUR_GAP = 0.2
FDB_GAP = 0.5
SILENT = 0.3
"""Seconds without sound after which the agent counts as silent."""
SHORTEST = 0.04
"""Seconds; what sounds for less is a click."""
_EPS = 1e-9


def audible(pcm: Pcm, rate: int, threshold: float = AUDIBLE_DBFS) -> list[Span]:
    """Every run of 10 ms windows above `threshold` dBFS in int16 [n], clicks left out."""
    hop = rate // 100
    loud = window_levels(pcm, hop, hop) > threshold
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(np.int8)))
    spans = [(int(first) / 100, int(last) / 100) for first, last in zip(edges[::2], edges[1::2], strict=True)]
    # Joined before the clicks go: a low voice touches the threshold once in every period.
    return [span for span in merge(spans, 0.05) if span[1] - span[0] >= SHORTEST - _EPS]


def merge(spans: Iterable[Span], gap: float) -> list[Span]:
    """Sorted, and joined where the silence between two is at most `gap`."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start - merged[-1][1] <= gap + _EPS:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def overlaps(one: Spans, other: Spans) -> list[Span]:
    """Where both are, one span for each pair that overlaps."""
    both = [(max(a[0], b[0]), min(a[1], b[1])) for a in one for b in other]
    return sorted((start, end) for start, end in both if end > start + _EPS)


def gaps(spans: Spans, least: float = 0.0) -> list[Span]:
    """The silences between spans that last at least `least`; spans are sorted and apart."""
    between = [(a[1], b[0]) for a, b in pairwise(spans)]
    return [(start, end) for start, end in between if end > start and end - start >= least - _EPS]


def clip(spans: Spans, start: float, end: float) -> list[Span]:
    """The parts of them within a window."""
    return overlaps(spans, [(start, end)])


def total(spans: Spans) -> float:
    """Seconds in all; they are apart."""
    return sum(end - start for start, end in spans)


def at(spans: Spans, t: float) -> Span | None:
    """The span that covers a moment."""
    return next((span for span in spans if span[0] <= t + _EPS and t < span[1] - _EPS), None)


def onset_after(spans: Spans, t: float) -> float | None:
    """a(t): the first onset at or after a moment."""
    return min((start for start, _ in spans if start >= t - _EPS), default=None)


def falls_silent(spans: Spans, t: float) -> float | None:
    """When who is speaking at `t` stops for at least 0.3 s; None where nobody speaks then.

    Whatever sounds on until the recording's end stops there.
    """
    span = at(merge(spans, SILENT - 1e-6), t)
    return None if span is None else span[1]


def gap_rows(user: Spans, agent: Spans) -> list[Span]:
    """For the end of each user span: until the agent's next onset, where that comes after it."""
    found = [(end, onset_after(agent, end)) for _, end in user]
    return [(end, onset) for end, onset in found if onset is not None]
