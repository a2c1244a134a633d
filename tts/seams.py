"""How clauses become one gapless utterance: silence trimmed, a pause for the punctuation, no clicks.

A voice pads each clause with silence of its own making, up to 0.3 s of it. At the front it costs latency, at a
join it makes speech halt. So each clause is cut to what can be heard, faded over a few milliseconds, and set
behind the one before it after the pause that its punctuation asks for. Works on audio that arrives in pieces:
silence is held back until it is known whether speech follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tts.types import SpeechChunk, WordTime

Wave = NDArray[np.float32]

AUDIBLE = 10 ** (-45 / 20)
"""-45 dBFS: what is above counts as heard."""
_FAINT = 10 ** (-55 / 20)  # an ending dies away below what counts as an onset
_WINDOW = 0.005  # seconds over which the level is taken
_LEAD = 0.010  # seconds kept before the first audible window: the onset of a soft consonant
_TAIL = 0.020  # seconds kept behind the last faint window
_FADE = 0.005
PAUSES = {",": 0.14, ";": 0.20, ":": 0.20, ".": 0.32, "!": 0.32, "?": 0.36, "": 0.02}
"""Seconds of silence behind a clause that ends with this mark."""


class Seam:
    """One clause's audio on its way to the utterance's timeline.

    Args:
        rate: samples a second.
        at: sample of the utterance at which the audio made so far ends.
        pause: seconds of silence to put before the clause.
    """

    def __init__(self, rate: int, at: int, pause: float) -> None:
        self.at = at
        self._rate, self._pause = rate, round(pause * rate)
        self._window = max(1, int(_WINDOW * rate))
        self._held: Wave = np.zeros(0, dtype=np.float32)
        self._words: list[WordTime] = []
        self._cut: int | None = None  # raw samples cut off the front; None: nothing heard yet
        self._dropped = 0
        self._origin = 0  # sample of the utterance that the raw clause's sample `_cut` became

    def push(self, pcm: Wave, words: Sequence[WordTime], last: bool = False) -> SpeechChunk | None:
        """Take the next piece of the clause, float32 [n] in -1..1, and give what can be played by now.

        Args:
            words: words that begin in this piece, in seconds since the raw clause began.
            last: the clause ends here.
        """
        self._held = np.concatenate((self._held, pcm.astype(np.float32)))
        self._words += words
        if self._cut is None and not self._begin():
            return None
        out = self._held[: self._ready(last)].copy()
        self._held = self._held[len(out) :]
        return self._chunk(out, last) if len(out) else None

    def _begin(self) -> bool:
        """Cut the silence at the front; false while there is nothing else."""
        loud = np.flatnonzero(self._levels(self._held) >= AUDIBLE)
        if not loud.size:
            keep = min(len(self._held), self._window * 4)
            self._dropped += len(self._held) - keep
            self._held = self._held[len(self._held) - keep :]
            return False
        lead = max(0, int(loud[0]) * self._window - int(_LEAD * self._rate))
        self._held = _fade_in(self._held[lead:], int(_FADE * self._rate))
        self._cut = self._dropped + lead
        self._origin = self.at + self._pause
        return True

    def _ready(self, last: bool) -> int:
        """How many of the held samples can go: all up to the silence at the end, and less a fade's length."""
        heard = np.flatnonzero(self._levels(self._held) >= _FAINT)
        end = (int(heard[-1]) + 1) * self._window if heard.size else 0
        if last:
            return min(len(self._held), end + int(_TAIL * self._rate))
        return max(0, min(end, len(self._held)) - int(_TAIL * self._rate))

    def _chunk(self, pcm: Wave, last: bool) -> SpeechChunk:
        if last:
            pcm = _fade_out(pcm, int(_FADE * self._rate))
        start = self.at
        if self._pause:
            pcm = np.concatenate((np.zeros(self._pause, dtype=np.float32), pcm))
            self._pause = 0
        self.at += len(pcm)
        return SpeechChunk(to_int16(pcm), start / self._rate, self._due(last))

    def _due(self, last: bool) -> tuple[WordTime, ...]:
        """The words that begin before what is made by now ends, moved to the utterance's timeline."""
        assert self._cut is not None
        shift = (self._origin - self._cut) / self._rate
        floor, limit = self._origin / self._rate, self.at / self._rate
        due = []
        while self._words and (last or self._words[0].start + shift < limit):
            word = self._words.pop(0)
            start = min(max(word.start + shift, floor), limit)
            end = max(word.end + shift, start)
            due.append(replace(word, start=start, end=min(end, limit) if last else end))
        return tuple(due)

    def _levels(self, pcm: Wave) -> NDArray[np.float64]:
        """RMS of each window; the last one may be short."""
        if not len(pcm):
            return np.zeros(0)
        starts = np.arange(0, len(pcm), self._window)
        power = np.add.reduceat(pcm.astype(np.float64) ** 2, starts)
        levels: NDArray[np.float64] = np.sqrt(power / np.diff(np.append(starts, len(pcm))))
        return levels


def to_int16(pcm: Wave) -> NDArray[np.int16]:
    """Float audio in -1..1 as int16, clipped."""
    return (np.clip(pcm, -1.0, 1.0) * 32_767).round().astype(np.int16)


def _ramp(count: int) -> Wave:
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(1, count))).astype(np.float32)


def _fade_in(pcm: Wave, count: int) -> Wave:
    count = min(count, len(pcm))
    out = pcm.copy()
    out[:count] *= _ramp(count)
    return out


def _fade_out(pcm: Wave, count: int) -> Wave:
    return _fade_in(pcm[::-1], count)[::-1]
