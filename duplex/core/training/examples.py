"""Beliefs with the answer to "are these all words of the turn?", for the word path: from text, and from dialogues.

Text is cheap, so there can be far more of it than of audio. Turns are cut where people pause, at the end, and
anywhere else; a recogniser's typical faults are put in, so that its words are no surprise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from duplex.core.data.scripts import Script
from duplex.core.streams.layout import UNKNOWN
from duplex.core.streams.words import SPECIAL, Belief, Beliefs, WordTable, belief


@dataclass(frozen=True, slots=True)
class Faults:
    """How often a simulated recogniser errs, per word; the last word, of which little was heard, `last` times as often.

    Attributes:
        wrong: another word is understood, or one that nobody knows.
        lost: the word is missing.
        added: a word too many behind it.
        last: by how much more the last word is at risk.
    """

    wrong: float = 0.035
    lost: float = 0.012
    added: float = 0.006
    last: float = 3.0

    def apply(self, words: Sequence[str], others: Sequence[str], rng: Random) -> list[str]:
        """What might be recognised of `words`; `others` are what is understood instead."""
        heard: list[str] = []
        for at, word in enumerate(words):
            risk = self.last if at == len(words) - 1 else 1.0
            draw = rng.random() / risk
            if draw < self.wrong:
                heard.append(word[: max(1, len(word) // 2)] if rng.random() < 0.3 else rng.choice(others))
            elif draw >= self.wrong + self.lost:
                heard.append(word)
            if rng.random() < self.added:
                heard.append(rng.choice(others))
        return heard


class Swaps:
    """Words in place of others that are used alike: grammars with few words teach many so.

    Args:
        table: whose vectors tell what is alike.
        near: so many of the nearest words are taken.
        share: of the words that are exchanged; the commonest ones, which carry grammar, never are.
    """

    _COMMON = 150

    def __init__(self, table: WordTable, near: int = 24, share: float = 0.4) -> None:
        self._table, self._near, self._share = table, near, share
        norms = np.linalg.norm(table.vectors, axis=1, keepdims=True)
        self._unit = table.vectors / np.maximum(norms, 1e-6)
        self._alike: dict[int, list[str]] = {}

    def apply(self, scripts: Sequence[Script], rng: Random) -> list[Script]:
        """The same turns in other words."""
        counts = Counter(word for script in scripts for word in script.words)
        common = {word for word, _ in counts.most_common(self._COMMON)}
        return [
            replace(s, words=tuple(w if w in common else self._other(w, rng) for w in s.words))
            for s in scripts
        ]

    def _other(self, word: str, rng: Random) -> str:
        ids = self._table.ids([word])
        if rng.random() >= self._share or len(ids) != 1 or ids[0] < len(SPECIAL):
            return word
        if ids[0] not in self._alike:
            order = np.argpartition(-(self._unit @ self._unit[ids[0]]), self._near)[: self._near]
            self._alike[ids[0]] = [self._table.words[at] for at in order if at >= len(SPECIAL)]
        return rng.choice(self._alike[ids[0]])


@dataclass(frozen=True, slots=True)
class Examples:
    """N beliefs with their answers.

    Attributes:
        ids: int32 [N, 24].
        tentative: float32 [N, 24].
        complete: float32 [N], 0 or 1.
        count: int32 [N], words of the turn so far.
    """

    ids: NDArray[np.int32]
    tentative: NDArray[np.float32]
    complete: NDArray[np.float32]
    count: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.complete)

    def take(self, rows: NDArray[np.integer]) -> Examples:
        """Those rows."""
        return Examples(self.ids[rows], self.tentative[rows], self.complete[rows], self.count[rows])


def joined(parts: Sequence[Examples]) -> Examples:
    """All of them."""
    names = ("ids", "tentative", "complete", "count")
    return Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _packed(found: Iterable[tuple[Belief, bool]]) -> Examples:
    beliefs, answers = zip(*found, strict=True)
    return Examples(
        np.stack([b.ids for b in beliefs]),
        np.stack([b.tentative for b in beliefs]),
        np.array(answers, np.float32),
        np.array([b.count for b in beliefs], np.int32),
    )


def from_scripts(
    table: WordTable, scripts: Iterable[Script], rng: Random, faults: Faults | None = None
) -> Examples:
    """Of each turn its end, each place where the user pauses, and some place between.

    A turn that trails off is never complete. A place where the turn might have ended counts as open only where the
    user does pause there: how often that is, is what shall be learnt.
    """
    return _packed(_cuts(table, scripts, rng, faults or Faults()))


def _cuts(
    table: WordTable, scripts: Iterable[Script], rng: Random, faults: Faults
) -> Iterator[tuple[Belief, bool]]:
    others: list[str] = ["the", "a", "and", "to", "it", "in"]
    for script in scripts:
        words = script.words
        cuts = {at for at, pause in enumerate(script.pauses, 1) if pause > 0} | {len(words)}
        inside = [at for at in range(1, len(words)) if at not in script.may_end]
        cuts |= {rng.choice(inside)} if inside else set()
        others = [*others[-500:], rng.choice(words)]
        for cut in cuts:
            heard = faults.apply(words[:cut], others, rng)
            if heard:
                stable = len(heard) if rng.random() < 0.3 else max(0, len(heard) - rng.randint(0, 3))
                yield belief(table, heard, stable), cut == len(words) and script.ended


def from_beliefs(beliefs: Beliefs, complete: NDArray[np.int8]) -> Examples:
    """The beliefs of a dialogue that have words and an answer: the one that most of their frames give."""
    known = (complete != UNKNOWN) & (beliefs.index > 0)
    votes = np.zeros((len(beliefs.ids), 2))
    np.add.at(votes, (beliefs.index[known], complete[known].astype(np.intp)), 1)
    rows = np.flatnonzero((votes.sum(1) > 0) & (beliefs.count > 0))
    answers = (votes[rows, 1] > votes[rows, 0]).astype(np.float32)
    return Examples(beliefs.ids[rows], beliefs.tentative[rows], answers, beliefs.count[rows])
