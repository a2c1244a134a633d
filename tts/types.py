"""What a synthesiser is: the protocol that every voice here keeps and every caller relies on.

Text arrives in pieces while a language model is still writing; audio leaves in chunks with the time of each
word, so that a player knows at every sample which words have been heard. A `Synthesiser` holds the model and
is shared; an `Utterance` is one gapless stretch of speech in one voice and one timeline. All calls are
synchronous and may compute; who calls decides on which thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class WordTime:
    """When one word of the *written* text is spoken.

    Attributes:
        text: the word as it stood in the text given (not the spelled-out form), with its punctuation.
        start: seconds since the utterance began.
        end: seconds since the utterance began; never before `start`.
        estimated: true where the times were guessed from the number of characters, not measured.
    """

    text: str
    start: float
    end: float
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A stretch of finished audio. Chunks of an utterance follow each other without gap or overlap.

    Attributes:
        pcm: int16 [n], mono, at the synthesiser's `sample_rate`.
        start: seconds since the utterance began at which this chunk's first sample is played.
        words: the words that are spoken in this chunk, in order.
    """

    pcm: Pcm
    start: float
    words: tuple[WordTime, ...]


class Utterance(Protocol):
    """One utterance that is being spoken."""

    def feed(self, text: str) -> Iterator[SpeechChunk]:
        """Take a piece of text (any length, cut anywhere) and yield the audio that can be made by now."""

    def finish(self) -> Iterator[SpeechChunk]:
        """Say what is left; nothing may be fed afterwards."""

    def cancel(self) -> None:
        """Stop after the chunk that is being made. Safe to call from another thread."""


class Synthesiser(Protocol):
    """A loaded voice, shared by all sessions."""

    @property
    def sample_rate(self) -> int:
        """Samples a second of every chunk."""

    def stream(self) -> Utterance:
        """A new, empty utterance."""
