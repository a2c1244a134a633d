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


def _first_run(flags: NDArray[np.bool_], length: int) -> int | None:
    """Where the first run of at least `length` True begins."""
    starts, ends = _runs(flags)
    long = np.flatnonzero(ends - starts >= length)
    return int(starts[long[0]]) if len(long) else None


def first_audible(
    pcm: Pcm, rate: int, after_s: float = 0.0, threshold_dbfs: float = -45.0, min_ms: float = 40.0
) -> float | None:
    """Seconds from the recording's start to the first sound after `after_s`, None if there is none.

    A sound is at least `min_ms` of 10 ms windows at or above `threshold_dbfs`. If one is under way at
    `after_s`, the answer is about `after_s`.
    """
    first = max(0, round(after_s * rate))
    hop = max(1, round(HOP_SECONDS * rate))
    levels = window_levels(pcm[first:], round(WINDOW_SECONDS * rate), hop)
    # A sound of d ms has d - 10 ms worth of windows that lie wholly inside it.
    windows = max(1, round((min_ms / 1000 - WINDOW_SECONDS) / HOP_SECONDS))
    start = _first_run(levels >= threshold_dbfs, windows)
    if start is None:
        return None
    loud = np.abs(pcm[first + start * hop :].astype(np.int32)) >= amplitude(threshold_dbfs)
    return (first + start * hop + int(np.argmax(loud))) / rate


def silent_from(
    pcm: Pcm, rate: int, after_s: float = 0.0, threshold_dbfs: float = -45.0, min_ms: float = 300.0
) -> float | None:
    """Seconds from the recording's start to the first silence at or after `after_s`, None if there is none.

    A silence is at least `min_ms` in which no 10 ms window reaches `threshold_dbfs`: longer than the gaps
    inside a sentence. It must lie within the recording.
    """
    first = max(0, round(after_s * rate))
    hop = max(1, round(HOP_SECONDS * rate))
    window = round(WINDOW_SECONDS * rate)
    levels = window_levels(pcm[first:], window, hop)
    windows = max(1, round((min_ms / 1000 - WINDOW_SECONDS) / HOP_SECONDS))
    start = _first_run(levels < threshold_dbfs, windows)
    return None if start is None else (first + start * hop) / rate
