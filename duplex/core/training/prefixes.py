"""Whole turns for the word path: one pass over a turn asks about all of its beginnings.

That is twenty times cheaper than a belief for each of them, so that the words of tens of thousands of turns can be
gone over many times. Beliefs as they are really heard (`examples`) come afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from duplex.core.data.scripts import Script
from duplex.core.streams.layout import PAD_TOKEN, WORD_WINDOW
from duplex.core.streams.words import WordTable
from duplex.core.training.examples import Faults

UNASKED = -1.0
INSIDE = 0.1
"""What a beginning counts behind which the speaker goes on at once: a voice without a pause tells that by itself."""


@dataclass(frozen=True, slots=True)
class Prefixes:
    """N turns of at most 24 words, PAD behind them.

    Attributes:
        ids: int32 [N, 24].
        tentative: float32 [N, 24].
        complete: float32 [N, 24]: 1 where the turn is over behind this word, 0 where not, UNASKED elsewhere.
        weight: float32 [N, 24] of these.
        judged: float32 [N, 24]: P(end) as a language model sees it, or UNASKED.
        addressed: float32 [N, 24]: 1 where the agent is spoken to, 0 where somebody else is, UNASKED behind the turn.
    """

    ids: NDArray[np.int32]
    tentative: NDArray[np.float32]
    complete: NDArray[np.float32]
    weight: NDArray[np.float32]
    judged: NDArray[np.float32]
    addressed: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.integer], draw: np.random.Generator) -> Prefixes:
        """Those rows, each begun somewhere in the window; what does not fit behind that is left out.

        A belief has its latest word at the window's end. If whole turns were put there too, the place alone would
        tell that a turn is over; so any word of any turn may come to stand there.
        """
        begin = draw.integers(0, WORD_WINDOW, len(rows))
        from_ = np.arange(WORD_WINDOW) - begin[:, None]
        inside, from_ = from_ >= 0, np.maximum(from_, 0)
        empty = {"ids": PAD_TOKEN, "tentative": 0.0, "complete": UNASKED, "weight": 0.0}
        empty |= {"judged": UNASKED, "addressed": UNASKED}
        parts = {name: np.take_along_axis(getattr(self, name)[rows], from_, axis=1) for name in empty}
        return Prefixes(
            **{name: np.where(inside, parts[name], parts[name].dtype.type(empty[name])) for name in empty}
        )


@dataclass(slots=True)
class _Row:
    """A turn that is being written: an id, an answer, its weight, the judge's, for each word of the table."""

    ids: list[int]
    complete: list[float]
    weight: list[float]
    judged: list[float]
    addressed: list[float]


def from_turns(
    table: WordTable,
    turns: Iterable[Script],
    judged: Mapping[str, list[float]],
    rng: Random,
    faults: Faults | None = None,
) -> Prefixes:
    """All beginnings of turns, as a recogniser might write them.

    Args:
        table: the words' ids.
        turns: what is said.
        judged: P(end) behind each word, by the turn's words; see `teacher.judge`.
        rng: decides.
        faults: the recogniser's.
    """
    rows = [row for row in _rows(table, turns, judged, rng, faults or Faults(last=1.0)) if row.ids]
    shape = (len(rows), WORD_WINDOW)
    made = Prefixes(
        np.full(shape, PAD_TOKEN, np.int32),
        np.zeros(shape, np.float32),
        np.full(shape, UNASKED, np.float32),
        np.zeros(shape, np.float32),
        np.full(shape, UNASKED, np.float32),
        np.full(shape, UNASKED, np.float32),
    )
    draw = np.random.default_rng(rng.getrandbits(32))
    for at, row in enumerate(rows):
        size = len(row.ids[-WORD_WINDOW:])
        for name in ("ids", "complete", "weight", "judged", "addressed"):
            getattr(made, name)[at, :size] = getattr(row, name)[-WORD_WINDOW:]
        made.tentative[at, :size] = draw.random(size) < rng.choice((0.0, 0.0, 0.3, 1.0))
    return made


def _rows(
    table: WordTable, turns: Iterable[Script], judged: Mapping[str, list[float]], rng: Random, faults: Faults
) -> Iterator[_Row]:
    others: list[str] = ["the", "a", "and", "to", "it", "in"]
    for turn in turns:
        found = judged.get(" ".join(turn.words))
        row, aside = _Row([], [], [], [], []), turn.kind == "side"
        for at, word in enumerate(turn.words):
            last = at == len(turn.words) - 1
            over, paused = last and turn.ended, last or turn.pauses[at] > 0
            heard = table.ids(faults.apply((word,), others, rng))
            if not heard:
                continue
            row.ids += heard
            between = [UNASKED] * (len(heard) - 1)
            row.complete += [*between, float(over)]
            row.weight += [*(0.0 for _ in between), 0.0 if aside else 1.0 if paused else INSIDE]
            row.judged += [*between, UNASKED if found is None else found[at]]
            row.addressed += [*between, float(not aside)]
        others = [*others[-500:], rng.choice(turn.words)]
        yield row
