"""When a recording becomes audible and when it falls silent: what latencies are measured with.

A sound counts once it has stayed above a level for a while, so that a click or a codec's ringing does not; its
time is the first sample of it that is itself above the level, so that no window flatters the figure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from duplex.audio.levels import amplitude, window_levels
from duplex.audio.pcm import Pcm

WINDOW_SECONDS = 0.01
"""Levels are RMS over 10 ms: one period of a low voice."""
HOP_SECONDS = 0.001


def _runs(flags: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first and one-past-last indexes of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return edges[::2], edges[1::2]


def first_audible(
    pcm: Pcm, rate: int, after_s: float = 0.0, threshold_dbfs: float = -45.0, min_ms: float = 40.0
) -> float | None:
    """Seconds from the recording's start to the first sound after `after_s`, None if there is none.

    A sound is at least `min_ms` of 10 ms windows at or above `threshold_dbfs`. If one is under way at
    `after_s`, the answer is about `after_s`.
    """
    rest = pcm[max(0, round(after_s * rate)) :]
    hop, window = max(1, round(HOP_SECONDS * rate)), round(WINDOW_SECONDS * rate)
    loud = np.abs(rest.astype(np.int32)) >= amplitude(threshold_dbfs)
    for first, last in zip(*_runs(window_levels(rest, window, hop) >= threshold_dbfs), strict=True):
        # Windows that reach into the sound from outside count as loud: trim to its own first and last sample.
        own = np.flatnonzero(loud[first * hop : (last - 1) * hop + window])
        if len(own) and (own[-1] + 1 - own[0]) * 1000 >= min_ms * rate:
            return float(len(pcm) - len(rest) + first * hop + own[0]) / rate
    return None


def silent_from(
    pcm: Pcm, rate: int, after_s: float = 0.0, threshold_dbfs: float = -45.0, min_ms: float = 300.0
) -> float | None:
    """Seconds from the recording's start to the first silence at or after `after_s`, None if there is none.

    A silence is at least `min_ms` in which no 10 ms window reaches `threshold_dbfs`: longer than the gaps
    inside a sentence. It must lie within the recording.
    """
    rest = pcm[max(0, round(after_s * rate)) :]
    hop, window = max(1, round(HOP_SECONDS * rate)), round(WINDOW_SECONDS * rate)
    for first, last in zip(*_runs(window_levels(rest, window, hop) < threshold_dbfs), strict=True):
        if ((last - 1 - first) * hop + window) * 1000 >= min_ms * rate:
            return float(len(pcm) - len(rest) + first * hop) / rate
    return None
