"""Word times where a voice gives none: measured by an aligner that the caller brings, else guessed.

A guess spreads the words over the audible part of the audio in proportion to their spoken length. It is
marked as one: a caller who was interrupted may then have heard a word more or less than history says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tts.normalise import Spoken
from tts.seams import AUDIBLE, Wave, to_int16
from tts.types import Pcm, WordTime

ALIGNER_RATE = 16_000

Aligner = Callable[[Pcm, Sequence[str]], Sequence[tuple[float, float]]]
"""From int16 [n] at 16 kHz and the words spoken in it to each word's start and end in seconds."""

_WORD_WEIGHT = 2.0  # what a word costs beside its characters
_STOP_WEIGHT = 4.0  # characters that a pause inside a clause is worth


def guessed(spoken: Sequence[Spoken], start: float, end: float) -> tuple[WordTime, ...]:
    """Words spread over `start`..`end` seconds by their characters; those without a spoken form are left out."""
    said = [item for item in spoken if item.words]
    if not said:
        return ()
    sizes = [sum(_WORD_WEIGHT + len(word) for word in item.words) for item in said]
    gaps = [_STOP_WEIGHT if item.stop else 0.0 for item in said[:-1]] + [0.0]
    scale = max(0.0, end - start) / (sum(sizes) + sum(gaps))
    out, at = [], start
    for item, size, gap in zip(said, sizes, gaps, strict=True):
        out.append(WordTime(item.written, at, at + size * scale, estimated=True))
        at += (size + gap) * scale
    return tuple(out)


def word_times(
    pcm: Wave, rate: int, spoken: Sequence[Spoken], aligner: Aligner | None
) -> tuple[WordTime, ...]:
    """The words of a whole clause, float32 [n] in -1..1: aligned if an aligner answers for each, else guessed."""
    said = [item for item in spoken if item.words]
    if aligner is not None and said:
        import soxr

        pcm16: Pcm = to_int16(soxr.resample(pcm, rate, ALIGNER_RATE))
        times = aligner(pcm16, [" ".join(item.words) for item in said])
        if len(times) == len(said):
            return _in_order(said, times, len(pcm) / rate)
    start, end = audible_span(pcm, rate)
    return guessed(spoken, start, end)


def _in_order(
    said: Sequence[Spoken], times: Sequence[tuple[float, float]], limit: float
) -> tuple[WordTime, ...]:
    """Aligned times made monotone and kept within the audio."""
    out, floor = [], 0.0
    for item, (start, end) in zip(said, times, strict=True):
        start = min(max(start, floor), limit)
        floor = min(max(end, start), limit)
        out.append(WordTime(item.written, start, floor))
    return tuple(out)


def audible_span(pcm: Wave, rate: int) -> tuple[float, float]:
    """Seconds of the first and behind the last audible 5 ms; all of it if nothing is audible."""
    hop = rate // 200
    count = len(pcm) // hop
    if not count:
        return 0.0, len(pcm) / rate
    frames: NDArray[np.float64] = pcm[: count * hop].astype(np.float64).reshape(count, hop)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=1)) >= AUDIBLE)
    if not loud.size:
        return 0.0, len(pcm) / rate
    return float(loud[0]) * hop / rate, float(loud[-1] + 1) * hop / rate
