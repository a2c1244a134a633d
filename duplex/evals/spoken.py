"""Synthesised speech as a scenario needs it: pauses where the text asks for them, and the true times of all of it.

A pause within a sentence is put into one breath that was said without it, so that its melody is that of a sentence
that goes on; two texts said one after the other would each end as a sentence does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from duplex.audio.levels import window_levels
from duplex.audio.pcm import Pcm, silence
from duplex.audio.resample import resample
from duplex.evals.scenario import Span
from tts.types import Synthesiser

RATE = 16_000
LEVEL_DBFS = -25.0
"""Every spoken clip's level while it is audible."""
AUDIBLE_DBFS = -45.0
MERGE_S = 0.2
"""Silences up to this are within a span of speech: the closures of consonants, breaths between words."""
_HOP = RATE // 100
_NEAR = 6  # hops around a boundary of words in which a pause may be put: word times are that uncertain
_PAUSE = re.compile(r"\s*\[pause (\d{1,2}(?:\.\d{1,3})?)\]\s*")

Words = tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """Speech and its truth.

    Attributes:
        pcm: int16 [n] at 16 kHz, from its first audible 10 ms to its last.
        words: each with its start and end in seconds.
        speech: the spans in which there is sound, in seconds; silences of more than 0.2 s lie between them.
    """

    pcm: Pcm
    words: Words
    speech: tuple[Span, ...]


def say(text: str, engine: Synthesiser) -> Spoken:
    """Say a text; `[pause 0.8]` between two words is that much silence, in seconds.

    Raises:
        ValueError: a pause does not stand between words, or the voice says nothing of the text.
    """
    parts, pauses = parted(text)
    whole, exact = _synthesised(" ".join(parts), engine)
    if exact:
        pieces = _split(whole, [len(part.split()) for part in parts])
    else:
        pieces = [_synthesised(part, engine)[0] for part in parts]
    return _joined([_trimmed(piece) for piece in pieces], pauses)


def parted(text: str) -> tuple[list[str], list[float]]:
    """A text that `say` takes, cut at its pauses, and the seconds of each of them.

    Raises:
        ValueError: a pause does not stand between words.
    """
    fields = _PAUSE.split(text.strip())
    if not all(fields[::2]):
        raise ValueError(f"{text!r}: a pause stands between words")
    return fields[::2], [float(each) for each in fields[1::2]]


def without_pauses(text: str) -> str:
    """The words of a text that `say` takes."""
    return _PAUSE.sub(" ", text).strip()


def spans_of(pcm: Pcm) -> tuple[Span, ...]:
    """Where int16 [n] at 16 kHz is audible, in seconds: 10 ms over -45 dBFS, joined over silences of up to 0.2 s."""
    spans: list[Span] = []
    for at in _loud(pcm):
        start, end = at * _HOP / RATE, (at + 1) * _HOP / RATE
        if spans and start - spans[-1][1] <= MERGE_S + 1e-9:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Audio and its words' starts and ends in seconds."""

    pcm: Pcm
    words: Words

    def between(self, start: int, end: int, words: Words) -> _Piece:
        """From one sample to another, with some of its words."""
        low, length = start / RATE, (end - start) / RATE

        def held(at: float) -> float:
            return min(max(at - low, 0.0), length)

        return _Piece(self.pcm[start:end], tuple((text, held(a), held(b)) for text, a, b in words))


def _loud(pcm: Pcm) -> list[int]:
    """The audible 10 ms."""
    loud: list[int] = np.flatnonzero(window_levels(pcm, _HOP, _HOP) >= AUDIBLE_DBFS).tolist()
    return loud


def _synthesised(text: str, engine: Synthesiser) -> tuple[_Piece, bool]:
    """The audio at one level, and whether the time of each of its words is measured."""
    utterance = engine.stream()
    chunks = [*utterance.feed(text), *utterance.finish()]
    times = [word for chunk in chunks for word in chunk.words]
    if not times:
        raise ValueError(f"{text!r}: the voice says nothing of it")
    pcm = resample(np.concatenate([chunk.pcm for chunk in chunks]), engine.sample_rate, RATE)
    piece = _Piece(_levelled(pcm), tuple((word.text, word.start, word.end) for word in times))
    return piece, len(times) == len(text.split()) and not any(word.estimated for word in times)


def _levelled(pcm: Pcm) -> Pcm:
    """At `LEVEL_DBFS` over its audible parts."""
    levels = window_levels(pcm, _HOP, _HOP)
    audible = levels[levels >= AUDIBLE_DBFS]
    if not audible.size:
        return pcm
    level = 10 * float(np.log10(np.mean(10 ** (audible / 10))))
    scaled = pcm.astype(np.float64) * 10 ** ((LEVEL_DBFS - level) / 20)
    return np.clip(np.rint(scaled), -32_768, 32_767).astype(np.int16)


def _split(piece: _Piece, counts: Sequence[int]) -> list[_Piece]:
    """Pieces of so many words each, cut where it is quietest near the boundary."""
    levels = window_levels(piece.pcm, _HOP, _HOP)
    bounds = [0, *accumulate(counts)]
    cuts = [0]
    for at in bounds[1:-1]:
        near = round((piece.words[at - 1][2] + piece.words[at][1]) / 2 * RATE / _HOP)
        first, last = max(1, near - _NEAR), max(2, min(len(levels) - 1, near + _NEAR))
        cuts.append((first + int(levels[first : last + 1].argmin())) * _HOP + _HOP // 2)
    cuts.append(len(piece.pcm))
    return [
        piece.between(start, end, piece.words[first:last])
        for (start, end), (first, last) in zip(pairwise(cuts), pairwise(bounds), strict=True)
    ]


def _trimmed(piece: _Piece) -> _Piece:
    """From the first audible 10 ms to the last, without clicks where it was cut."""
    loud = _loud(piece.pcm)
    if not loud:
        raise ValueError(f"{' '.join(text for text, *_ in piece.words)!r}: the voice makes no sound of it")
    kept = piece.between(loud[0] * _HOP, (loud[-1] + 1) * _HOP, piece.words)
    ramp = np.ones(len(kept.pcm))
    fade = min(_HOP // 2, len(ramp))
    ramp[:fade] = np.linspace(0.0, 1.0, fade)
    ramp *= ramp[::-1]
    return _Piece((kept.pcm * ramp).astype(np.int16), kept.words)


def _joined(pieces: Sequence[_Piece], pauses: Sequence[float]) -> Spoken:
    audio, words, at = list[Pcm](), list[tuple[str, float, float]](), 0.0
    for piece, pause in zip(pieces, (*pauses, 0.0), strict=True):
        words += [(text, round(start + at, 3), round(end + at, 3)) for text, start, end in piece.words]
        audio += [piece.pcm, silence(pause, RATE)]
        at += (len(piece.pcm) + len(audio[-1])) / RATE
    pcm = np.concatenate(audio)
    return Spoken(pcm, tuple(words), spans_of(pcm))
