"""Spoken sentences, cut where a speaker pauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from asr.levels import cut_point
from asr.types import SAMPLE_RATE
from duplex.audio.pcm import Pcm
from duplex.core.data.scripts import Script

HOP = SAMPLE_RATE // 100
AUDIBLE = 10 ** (-45 / 20) * 32_768
"""-45 dBFS: below this nothing is heard, as in the measures."""
_NEAR = round(0.09 * SAMPLE_RATE)
"""Around a word boundary, where to look for the quietest place: word times are that uncertain."""
_WORD_GAP = 0.195
"""Seconds; a silence from 200 ms on is a pause, as in the reference (10 ms are not counted exactly)."""
_FADE = np.linspace(0.0, 1.0, HOP)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A sentence as it sounds.

    Attributes:
        pcm: int16 [n] at 16 kHz, from the first audible sample to the last.
        times: start and end of each word in seconds.
    """

    pcm: Pcm
    times: tuple[tuple[float, float], ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / SAMPLE_RATE

    @property
    def spans(self) -> tuple[tuple[float, float], ...]:
        """Seconds in which a voice is heard; gaps between two words are no silence."""
        loud = np.concatenate(([False], levels(self.pcm) >= AUDIBLE, [False])).astype(np.int8)
        edges = np.flatnonzero(np.diff(loud)) / 100
        spans: list[tuple[float, float]] = []
        for start, end in edges.reshape(-1, 2).tolist():
            if spans and start - spans[-1][1] < _WORD_GAP:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return tuple(spans)


def levels(pcm: Pcm) -> NDArray[np.float64]:
    """RMS of each whole 10 ms."""
    count = len(pcm) // HOP
    frames = pcm[: count * HOP].astype(np.float64).reshape(count, HOP)
    rms: NDArray[np.float64] = np.sqrt((frames**2).mean(axis=1))
    return rms


def audible(pcm: Pcm) -> slice:
    """From the first to the last audible 10 ms."""
    loud = np.flatnonzero(levels(pcm) >= AUDIBLE)
    return slice(int(loud[0]) * HOP, (int(loud[-1]) + 1) * HOP) if loud.size else slice(0, 0)


def spread(words: Sequence[str], seconds: float) -> tuple[tuple[float, float], ...]:
    """Word times guessed by the number of letters."""
    edges = np.cumsum([0.0, *(2.0 + len(word) for word in words)])
    edges *= seconds / edges[-1] if edges[-1] else 0.0
    return tuple((float(a), float(b)) for a, b in pairwise(edges))


def spoken(script: Script, clip: Clip) -> Clip:
    """A sentence said in one breath, with the script's pauses put in and what nobody says cut off.

    A sentence said in pieces would end in each of them; cut out of one breath, its melody goes on over the pause.

    Args:
        script: what was said, and where the pauses are.
        clip: `script.text` as it sounds.
    """
    count = len(script.words)
    parts: list[Pcm] = []
    times: list[tuple[float, float]] = []
    at, begun, first = 0, 0, 0
    for number, pause in enumerate(script.pauses, 1):
        ends = number == count
        if not pause and not ends:
            continue
        until = len(clip.pcm) if ends and script.ended else _boundary(clip, number)
        piece, lead = _trimmed(clip.pcm[begun:until])
        offset = at / SAMPLE_RATE - (begun + lead) / SAMPLE_RATE
        low, high = at / SAMPLE_RATE, (at + len(piece)) / SAMPLE_RATE
        times += [(_within(s + offset, low, high), _within(e + offset, low, high))
                  for s, e in clip.times[first:number]]  # fmt: skip
        parts += [piece, np.zeros(round(pause * SAMPLE_RATE), np.int16)]
        at += len(piece) + len(parts[-1])
        begun, first = until, number
    return Clip(np.concatenate(parts) if parts else np.zeros(0, np.int16), tuple(times))


def _boundary(clip: Clip, number: int) -> int:
    """The quietest sample between word `number` and the one before."""
    if number >= len(clip.times):
        return len(clip.pcm)
    middle = round((clip.times[number - 1][1] + clip.times[number][0]) / 2 * SAMPLE_RATE)
    earliest, latest = max(HOP, middle - _NEAR), min(len(clip.pcm) - HOP, middle + _NEAR)
    return cut_point(clip.pcm, earliest, latest) if earliest < latest else max(0, min(middle, len(clip.pcm)))


def _trimmed(pcm: Pcm) -> tuple[Pcm, int]:
    """Without what is not audible at both ends, faded in and out over 10 ms, and how much was cut at the front."""
    kept = audible(pcm)
    piece = pcm[kept].copy()
    if len(piece) >= 2 * HOP:
        piece[:HOP] = piece[:HOP] * _FADE
        piece[-HOP:] = piece[-HOP:] * _FADE[::-1]
    return piece, kept.start


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
