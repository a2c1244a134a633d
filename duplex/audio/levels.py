"""How loud audio is, in dBFS: 0 is a full-scale square wave, a full-scale sine is -3."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from duplex.audio.pcm import Pcm, check_pcm

FLOOR_DBFS = -120.0
"""The level given to digital silence."""


def amplitude(dbfs: float) -> float:
    """The int16 amplitude that stands at `dbfs`: 0 -> 32768, -45 -> 184.3."""
    return float(32768.0 * 10 ** (dbfs / 20))


def level_dbfs(pcm: Pcm) -> float:
    """The RMS level of int16 [n]; -120 for silence and for nothing at all."""
    if not len(check_pcm(pcm)):
        return FLOOR_DBFS
    mean_square = float(np.mean(np.square(pcm.astype(np.float64)))) / 32768.0**2
    return max(FLOOR_DBFS, 10 * float(np.log10(mean_square))) if mean_square else FLOOR_DBFS


def window_levels(pcm: Pcm, window: int, hop: int) -> NDArray[np.float64]:
    """RMS dBFS of every full window of `window` samples, one each `hop` samples: float64 [windows]."""
    if window < 1 or hop < 1:
        raise ValueError(f"window and hop must be at least 1 sample, got {window} and {hop}")
    if len(check_pcm(pcm)) < window:
        return np.zeros(0)
    sums = np.concatenate(([0.0], np.cumsum(np.square(pcm.astype(np.float64)))))
    starts = np.arange(0, len(pcm) - window + 1, hop)
    mean_square = (sums[starts + window] - sums[starts]) / window / 32768.0**2
    levels: NDArray[np.float64] = np.maximum(FLOOR_DBFS, 10 * np.log10(np.maximum(mean_square, 1e-13)))
    return levels
