"""The one check that all audio coming in passes."""

from __future__ import annotations

import numpy as np

from asr.types import Pcm


def check_pcm(pcm: Pcm) -> Pcm:
    """Return `pcm` if it is int16 [n], else raise ValueError that says what it is."""
    if not isinstance(pcm, np.ndarray) or pcm.dtype != np.int16 or pcm.ndim != 1:
        got = f"{pcm.dtype} {list(pcm.shape)}" if isinstance(pcm, np.ndarray) else type(pcm).__name__
        raise ValueError(f"audio must be one-dimensional int16 at 16 kHz, got {got}")
    return pcm
