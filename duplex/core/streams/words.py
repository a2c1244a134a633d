"""Words as the core sees them: ids of a shipped table with frozen vectors, and the user's words as believed now.

A recogniser revises itself, so its words are no stream that is appended to: they are a *belief* that is replaced.
The core sees the latest `WORD_WINDOW` words of it, each marked tentative or stable, and encodes them anew whenever
they change, a few times a second at most. So nothing that was taken back leaves a trace, the cost of a frame is
bounded, and what is learnt from text alone fits what is heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duplex.core.streams.dialogue import Heard, TimedWord
from duplex.core.streams.layout import END_OF_PAD, PAD_TOKEN, WORD_WINDOW, frame_of
from duplex.resources import config_path

SPECIAL = ("<pad>", "<end of pad>", "<unknown>", "<number>", "<..s>", "<..ed>", "<..ing>", "<..ly>")
"""The first ids. Words outside the table are told apart by their endings, in which grammar shows."""
_UNKNOWN, _NUMBER, _ENDINGS = 2, 3, range(4, len(SPECIAL))
_ONE = re.compile(r"\d[\d.,:]*\d|\d|[^\W\d_]+(?:['’][^\W\d_]+)*")

Ids = NDArray[np.int32]


def normalised(word: str) -> list[str]:
    """A recogniser's word in lower case without punctuation; a compound gives several, a dash none.

    >>> normalised("Well-known,"), normalised("Don’t!"), normalised("–")
    (['well', 'known'], ["don't"], [])
    """
    return [part.replace("’", "'").lower() for part in _ONE.findall(word)]


class WordTable:
    """Ids and frozen vectors of about 24,000 words.

    Attributes:
        words: the table's entries by id; the first are `SPECIAL`.
        vectors: float32 [V, D]; PAD is zero.
    """

    def __init__(self, words: Sequence[str], vectors: NDArray[np.floating]) -> None:
        if tuple(words[: len(SPECIAL)]) != SPECIAL or len(words) != len(vectors):
            raise ValueError(f"a word table begins with {SPECIAL} and has a vector for each word")
        self.words = tuple(words)
        self.vectors = vectors.astype(np.float32)
        self._ids = {word: index for index, word in enumerate(words)}

    def __len__(self) -> int:
        return len(self.words)

    @property
    def dim(self) -> int:
        """D."""
        return int(self.vectors.shape[1])

    def ids(self, words: Iterable[str]) -> list[int]:
        """Ids of words as anyone writes them: case and punctuation do not count, compounds are split."""
        return [self._id(part) for word in words for part in normalised(word)]

    def _id(self, word: str) -> int:
        if (known := self._ids.get(word)) is not None:
            return known
        if word[0].isdigit():
            return _NUMBER
        stem = word.removesuffix("'s")
        if stem != word and (known := self._ids.get(stem)) is not None:
            return known
        endings = (index for index in _ENDINGS if word.endswith(SPECIAL[index][3:-1]))
        return next(endings, _UNKNOWN)

    def save(self, path: Path) -> None:
        """Write an npz: the words as UTF-8 lines, the vectors as int8 with a scale each."""
        text = np.frombuffer("\n".join(self.words).encode(), np.uint8)
        scale = np.maximum(np.abs(self.vectors).max(axis=1), 1e-6) / 127
        values = np.rint(self.vectors / scale[:, None]).astype(np.int8)
        np.savez_compressed(
            path, allow_pickle=False, words=text, values=values, scale=scale.astype(np.float32)
        )


def load_table(path: Path) -> WordTable:
    """Read a table.

    Raises:
        OSError: there is no such file.
        ValueError: it is no word table.
    """
    with np.load(path, allow_pickle=False) as file:
        vectors = file["values"] * file["scale"][:, None]
        return WordTable(file["words"].tobytes().decode().split("\n"), vectors)


@cache
def shipped_table() -> WordTable:
    """The table in `configs/core`: SmolLM2's token embeddings (Apache-2.0), reduced by PCA."""
    return load_table(config_path("core/words.npz"))


@dataclass(frozen=True, slots=True)
class Belief:
    """The user's words as believed at one moment.

    Attributes:
        ids: int32 [24], the latest words, PAD before them.
        tentative: float32 [24], 1 where the word may still change.
        count: all words of the turn so far.
    """

    ids: Ids
    tentative: NDArray[np.float32]
    count: int


def belief(table: WordTable, words: Sequence[str] = (), stable: int = 0) -> Belief:
    """A hypothesis as the core sees it.

    Args:
        table: the words' ids.
        words: all words of the turn, as the recogniser wrote them.
        stable: how many leading ones are settled.
    """
    settled = len(table.ids(words[:stable]))
    ids = table.ids(words)
    shown = ids[-WORD_WINDOW:]
    window = np.full(WORD_WINDOW, PAD_TOKEN, np.int32)
    tentative = np.zeros(WORD_WINDOW, np.float32)
    if shown:
        window[-len(shown) :] = shown
        loose = min(len(shown), max(0, len(ids) - settled))
        tentative[WORD_WINDOW - loose :] = 1.0
    return Belief(window, tentative, len(ids))


@dataclass(frozen=True, slots=True)
class Beliefs:
    """All beliefs of a dialogue, and which one holds in each frame.

    Attributes:
        index: int32 [T], the belief that holds at the frame's end; 0 is the empty one.
        ids: int32 [B, 24].
        tentative: float32 [B, 24].
        count: int32 [B].
    """

    index: Ids
    ids: Ids
    tentative: NDArray[np.float32]
    count: Ids


def scan_beliefs(table: WordTable, heard: Sequence[Heard], frames: int) -> Beliefs:
    """What the core believes in each of `frames` frames; of several hypotheses within one, the last counts.

    Equal beliefs in a row are one: a hypothesis that changes nothing is no news.
    """
    beliefs = [belief(table)]
    index = np.zeros(frames, np.int32)
    for item in heard:
        if (first := frame_of(item.t)) >= frames:
            break
        new, old = belief(table, item.words, item.stable), beliefs[-1]
        if not same_belief(new, old):
            beliefs.append(new)
        index[first:] = len(beliefs) - 1
    return Beliefs(
        index,
        np.stack([b.ids for b in beliefs]),
        np.stack([b.tentative for b in beliefs]),
        np.array([b.count for b in beliefs], np.int32),
    )


def same_belief(a: Belief, b: Belief) -> bool:
    """Whether two beliefs are the same to the core."""
    return a.count == b.count and bool(
        np.array_equal(a.ids, b.ids) and np.array_equal(a.tentative, b.tentative)
    )


def word_stream(table: WordTable, words: Iterable[TimedWord], frames: int, announce: bool = False) -> Ids:
    """Timed words as one id per frame, int32 [frames]: where a word begins its id, elsewhere PAD.

    Of several words that begin in one frame the last is kept. With `announce` the frame before a word holds
    END_OF_PAD if it is empty, as Moshi's text stream has it.
    """
    stream = np.full(frames, PAD_TOKEN, np.int32)
    for word in words:
        at = frame_of(word.start)
        if at < frames and (ids := table.ids([word.text])):
            stream[at] = ids[-1]
    if announce:
        before = np.flatnonzero((stream[:-1] == PAD_TOKEN) & (stream[1:] > END_OF_PAD))
        stream[before] = END_OF_PAD
    return stream
