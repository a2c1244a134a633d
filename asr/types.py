"""What a recogniser is: the protocol that every engine here keeps and every caller relies on.

Two levels, because weights are large and sessions are many: a `Recogniser` holds the model and is shared,
a `RecogniserStream` holds one speaker's audio and is cheap. All calls are synchronous and may compute;
who calls decides on which thread. A stream is used by one thread at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Every recogniser and voice-activity detector here takes mono int16 at this rate, in Hz."""

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word.

    Attributes:
        text: the word as it is written, with its punctuation and without outer spaces.
        start: seconds since the stream's last `reset()`.
        end: seconds since the stream's last `reset()`; never before `start`.
        probability: the recogniser's own confidence in 0..1; 1.0 where the engine gives none.
    """

    text: str
    start: float
    end: float
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the recogniser believes was said so far.

    Attributes:
        words: all words in order.
        stable: how many leading words will not change any more (LocalAgreement, Liu et al. 2020).
        final: true for what `finalise()` returns.
        last: seconds of sound under the last word; None where the engine does not know, and for partials.
    """

    words: tuple[Word, ...] = ()
    stable: int = 0
    final: bool = False
    last: float | None = None

    @property
    def text(self) -> str:
        """All words, joined by single spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def stable_text(self) -> str:
        """The words that will not change any more, joined by single spaces."""
        return " ".join(word.text for word in self.words[: self.stable])


class RecogniserStream(Protocol):
    """One speaker's audio on its way to words."""

    def accept(self, pcm: Pcm) -> None:
        """Append int16 [n] at 16 kHz. Cheap: it stores, and never runs the model.

        Raises:
            ValueError: the array is not one-dimensional int16.
        """

    def hypothesis(self) -> Hypothesis:
        """Decode what has come in since the last call (if enough has) and return the current belief."""

    def finalise(self) -> Hypothesis:
        """Decode everything since the last `reset()` at full quality. The stream can go on afterwards."""

    def reset(self) -> None:
        """Forget all audio and words; time starts at 0 again."""


class Recogniser(Protocol):
    """A loaded model, shared by all sessions."""

    def stream(self) -> RecogniserStream:
        """A new stream with no audio."""
