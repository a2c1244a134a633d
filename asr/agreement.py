"""LocalAgreement-2: which words of a growing transcript will not change any more.

A word is stable once two consecutive hypotheses agree on it and on all words before it (Liu et al. 2020,
"Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial Hypothesis Selection";
Whisper-Streaming, Macháček et al. 2023). Pure: hypotheses in, hypotheses out; no audio, model or clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from asr.guards import normalised
from asr.types import Hypothesis, Word


class LocalAgreement:
    """The stable prefix of one utterance. What is stable is never taken back or rewritten."""

    def __init__(self) -> None:
        self._stable: list[Word] = []
        self._tail: list[Word] = []
        self._trimmed = 0

    @property
    def hypothesis(self) -> Hypothesis:
        """The stable words and, after them, the rest of the latest hypothesis."""
        return Hypothesis((*self._stable, *self._tail), len(self._stable))

    def update(self, words: Sequence[Word], until: float = float("inf")) -> Hypothesis:
        """Take the next hypothesis over the same audio and what has come since.

        Args:
            words: all words from where the audio was last trimmed, times in seconds since the utterance began.
            until: a word that ends after this time does not become stable yet, in seconds.

        Returns:
            The belief now; its `stable` never falls, nor do its stable words change.
        """
        known = [normalised(word.text) for word in self._stable[self._trimmed :]]
        fresh = [normalised(word.text) for word in words]
        tail = list(words[_best_prefix(known, fresh) :])
        agreed = 0
        for old, new in zip(self._tail, tail, strict=False):
            if normalised(old.text) != normalised(new.text) or new.end > until:
                break
            agreed += 1
        self._stable += tail[:agreed]
        self._tail = tail[agreed:]
        return self.hypothesis

    def trim(self, before: float) -> float:
        """Stop matching the stable words that end at or before a time: their audio is about to go.

        Args:
            before: seconds.

        Returns:
            The end of the last word so forgotten, where the remaining audio shall begin; 0.0 if none ever was.
        """
        while self._trimmed < len(self._stable) and self._stable[self._trimmed].end <= before:
            self._trimmed += 1
        return self._stable[self._trimmed - 1].end if self._trimmed else 0.0

    def settle(self, before: float) -> None:
        """Make unstable words that end at or before a time stable, since their audio must go now."""
        settled = 0
        while settled < len(self._tail) and self._tail[settled].end <= before:
            settled += 1
        self._stable += self._tail[:settled]
        self._tail = self._tail[settled:]
        self._trimmed = len(self._stable)


def _best_prefix(known: Sequence[str], fresh: Sequence[str]) -> int:
    """How many words of `fresh` say what `known` says, at the fewest edits of characters.

    A later hypothesis may split, join or change words that are stable already ("black list", "blacklist");
    matching them by characters lets nothing after them be said twice or lost. Of equally good prefixes the
    one nearest in length is taken, else the shorter.
    """
    old, new = "".join(known), "".join(fresh)
    letters = np.array([ord(char) for char in new], dtype=np.int64)
    index = np.arange(len(new) + 1)
    row = index
    for count, char in enumerate(old, 1):
        changed = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(char)))
        # Insertions run along the row: the cheapest earlier cell plus the distance from it.
        row = np.minimum.accumulate(np.concatenate(([count], changed)) - index) + index
    ends = list(accumulate((len(word) for word in fresh), initial=0))
    return min(range(len(ends)), key=lambda at: (row[ends[at]], abs(ends[at] - len(old)), at))
