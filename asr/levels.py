"""What the level of the audio alone says: whether anything was said, where to cut, where words begin and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from asr.types import SAMPLE_RATE, Pcm, Word

SILENCE_DBFS = -65.0
"""No 30 ms of audio above this level: nothing was said, and the model is not run."""
_BLOCK = 480
_HOP = SAMPLE_RATE // 100


def level_dbfs(pcm: Pcm) -> float:
    """The loudest 30 ms of int16 [n], as RMS in dB relative to full scale; -inf for none or all zero."""
    if len(pcm) == 0:
        return -np.inf
    padded = np.zeros(-(-len(pcm) // _BLOCK) * _BLOCK, dtype=np.float32)
    padded[: len(pcm)] = pcm
    loudest = float(np.square(padded.reshape(-1, _BLOCK)).mean(axis=1).max())
    return 10 * float(np.log10(loudest)) - 20 * float(np.log10(32768)) if loudest > 0 else -np.inf


def is_silence(pcm: Pcm) -> bool:
    """Whether int16 [n] holds nothing loud enough to be speech."""
    return level_dbfs(pcm) < SILENCE_DBFS


def cut_point(pcm: Pcm, earliest: int, latest: int) -> int:
    """Where to cut int16 [n] so that no word is split: the middle of the longest quiet stretch, else the
    quietest 60 ms.

    Args:
        pcm: at least `latest` samples at 16 kHz.
        earliest: first sample at which a cut may be.
        latest: last one.

    Returns:
        A sample index in earliest..latest.
    """
    power = _power(pcm[earliest:latest])
    if len(power) < 6:
        return latest
    smooth = np.convolve(power, np.full(6, 1 / 6), mode="valid")
    quiet = smooth <= max(float(np.percentile(smooth, 90)) * 1e-3, 1.0)
    if not quiet.any():
        return earliest + (int(smooth.argmin()) + 3) * _HOP
    edges = np.flatnonzero(np.diff(np.concatenate(([0], quiet.astype(np.int8), [0]))))
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return earliest + (int(starts[longest] + ends[longest]) // 2 + 3) * _HOP


def trimmed(words: Sequence[Word], pcm: Pcm) -> list[Word]:
    """Words without the quiet at their edges.

    Attention shares all audio out among the words: the first takes the silence before it, the last the one
    after it, and a pause goes to a neighbour. A word keeps its time where it holds nothing that stands out, but
    at the end such words are dropped: of a sentence that is cut off Whisper likes to invent the rest.

    Args:
        words: times in seconds from the first sample of `pcm`.
        pcm: int16 [n] at 16 kHz.
    """
    power = _power(pcm)
    if not words or len(power) == 0:
        return list(words)
    loud, floor = np.percentile(power, (95, 10))
    stands_out = power > max(min(4 * float(floor), 0.1 * float(loud)), 1e-3 * float(loud))
    result: list[Word] = []
    sounded = 0
    for word in words:
        first, last = round(word.start * 100), max(round(word.start * 100) + 1, round(word.end * 100))
        inside = np.flatnonzero(stands_out[first:last])
        if len(inside):
            start, end = (first + int(inside[0])) / 100, (first + int(inside[-1]) + 1) / 100
            start = max(word.start, min(start, word.end))
            word = replace(word, start=start, end=max(start, min(end, word.end)))
            sounded = len(result) + 1
        result.append(word)
    return result[:sounded]


def _power(pcm: Pcm) -> NDArray[np.float32]:
    """Mean square of each whole 10 ms."""
    whole = pcm[: len(pcm) // _HOP * _HOP].astype(np.float32)
    return np.asarray(np.square(whole.reshape(-1, _HOP)).mean(axis=1), dtype=np.float32)
