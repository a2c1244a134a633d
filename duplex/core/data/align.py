"""Which recognised word stands for which spoken one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from duplex.core.streams.words import normalised

_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand first second third "
    "fourth fifth sixth ninth tenth twelfth fifteenth twentieth thirtieth oh double"
)
NUMBER_WORDS = frozenset(re.split(" ", _NUMBERS))


@dataclass(frozen=True, slots=True)
class Pair:
    """Place of a spoken word and of the recognised one for it; None where there is none."""

    said: int | None
    heard: int | None


def parts(words: Iterable[str]) -> list[str]:
    """Words in one case without punctuation, compounds apart."""
    return [part for word in words for part in normalised(word)]


def is_number(word: str) -> bool:
    """Whether it may be written in digits."""
    return word[0].isdigit() or word in NUMBER_WORDS


def align(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """The cheapest way from the spoken words to the recognised ones (Levenshtein), in order.

    >>> align(["the", "old", "man"], ["the", "man", "is"])
    [Pair(said=0, heard=0), Pair(said=1, heard=None), Pair(said=2, heard=1), Pair(said=None, heard=2)]
    """
    cost = np.zeros((len(said) + 1, len(heard) + 1))
    cost[:, 0], cost[0] = np.arange(len(said) + 1), np.arange(len(heard) + 1)
    for i, word in enumerate(said, 1):
        for j, other in enumerate(heard, 1):
            cost[i, j] = min(
                cost[i - 1, j] + 1, cost[i, j - 1] + 1, cost[i - 1, j - 1] + _change(word, other)
            )
    pairs: list[Pair] = []
    i, j = len(said), len(heard)
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + _change(said[i - 1], heard[j - 1]):
            i, j = i - 1, j - 1
            pairs.append(Pair(i, j))
        elif j and cost[i, j] == cost[i, j - 1] + 1:
            j -= 1
            pairs.append(Pair(None, j))
        else:
            i -= 1
            pairs.append(Pair(i, None))
    return pairs[::-1]


def _change(word: str, other: str) -> float:
    """0 for the same word, else a little less than dropping it and adding another, by the letters in common."""
    if word == other:
        return 0.0
    shared = sum(a == b for a, b in zip(word, other, strict=False))
    return 1.25 - 0.5 * shared / max(len(word), len(other))
