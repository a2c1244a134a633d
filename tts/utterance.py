"""One utterance, whatever the voice: text in, cut, normalised, rendered, joined on one timeline.

A voice differs only in how it renders a clause. Text is taken at once and costs nothing; the work is done as
the iterator is advanced, one chunk a step, so that a scheduler can put other work between two chunks and a
cancelled utterance stops there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tts.clauses import ClauseCutter
from tts.normalise import Spoken, normalise
from tts.seams import PAUSES, Seam, Wave
from tts.types import SpeechChunk, WordTime

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """Audio of a clause, or the next part of it.

    Attributes:
        pcm: float32 [n] in -1..1.
        words: written words that begin in it, in seconds since the clause's first sample.
        last: nothing of the clause comes after it. Where no piece says so, the clause ends with its pieces, and
            its last 20 ms come as a chunk of their own.
    """

    pcm: Wave
    words: tuple[WordTime, ...]
    last: bool = False


Render = Callable[[Sequence[Spoken]], Iterator[Piece]]
"""Speaks one clause; at least one of its words has a spoken form."""


class ClauseUtterance:
    """One utterance of a voice that renders clause by clause. Use from one thread at a time, but for `cancel`."""

    def __init__(self, render: Render, rate: int) -> None:
        self._render, self._rate = render, rate
        self._cutter = ClauseCutter()
        self._finished = self._cancelled = False
        self._at = 0
        self._pause = 0.0

    def feed(self, text: str) -> Iterator[SpeechChunk]:
        """Take a piece of text and give the audio that can be made by now, made as it is asked for.

        Raises:
            ValueError: the utterance has been finished, or is longer than it may be.
        """
        if self._finished:
            raise ValueError("this utterance has been finished: begin a new one with stream()")
        self._cutter.push(text)
        return self._drain(final=False)

    def finish(self) -> Iterator[SpeechChunk]:
        """Say what is left."""
        self._finished = True
        return self._drain(final=True)

    def cancel(self) -> None:
        """Stop after the chunk that is being made. Safe to call from another thread."""
        self._cancelled = True

    def _drain(self, final: bool) -> Iterator[SpeechChunk]:
        while not self._cancelled:
            clause = self._cutter.pop(final)
            if clause is None:
                return
            yield from self._speak(normalise(clause))

    def _speak(self, spoken: list[Spoken]) -> Iterator[SpeechChunk]:
        unread = sum(not word.words and any(map(str.isalnum, word.written)) for word in spoken)
        if unread:
            logger.warning(
                "%d words were left out: they are in a script that this voice does not read", unread
            )
        if not any(word.words for word in spoken):
            return
        seam = Seam(self._rate, self._at, self._pause)
        ended = False
        for piece in self._render(spoken):
            yield from self._push(seam, piece)
            if self._cancelled:
                return
            ended = piece.last
        if not ended:
            yield from self._push(seam, Piece(np.zeros(0, dtype=np.float32), (), last=True))
        self._pause = PAUSES.get(spoken[-1].stop, PAUSES[""])

    def _push(self, seam: Seam, piece: Piece) -> Iterator[SpeechChunk]:
        chunk = seam.push(piece.pcm, piece.words, piece.last)
        self._at = seam.at
        if chunk is not None:
            yield chunk
