"""Whether one answer's tokens hold another's: words, numbers and dates as `normal.tokens` gives them."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import OSA

from duplex.evals.crag.normal import Number, date, number

RECALL = 0.75
"""The share of a long gold's own words that an answer must hold."""
_SPELT = 0.8
"""Likeness of two words from which on they are one misspelt: 1 less the edits for each letter, a swap being one."""
_SMALL = 13
_LITTLE_WORDS = """of in on at to for from by with and or is are was were be been being has have had do does did it its
    this that these those there he she they his her their as than then so also who whom whose which what when where why
    how not no total about approximately around roughly nearly over under according provided based"""
LITTLE = frozenset(_LITTLE_WORDS.split())


def number_agrees(said: Sequence[str], wanted: Sequence[str], asked: Sequence[str]) -> bool | None:
    """Whether the number that was asked for is the answer's; None where the gold has none.

    A small whole number comes up by chance: it must be the one that counts what was asked for, or the first that the
    answer gives where none does. Others may come anywhere.
    """
    known = [found for word in asked if (found := number(word))]
    golds = [found for word in wanted if (found := number(word)) and found not in known]
    if not golds:
        return _zero(said) if _zero(wanted) else None
    want = golds[0]
    if want.value == 0 and _zero(said):
        return True
    given = [
        (found, at)
        for at, word in enumerate(said)
        if (found := _number_or_year(word)) and (found not in known or found.equals(want))
    ]
    if want.value == int(want.value) and abs(want.value) < _SMALL:
        given = [(found, at) for found, at in given if not 1500 <= found.value <= 2100]
        counting = own(asked, ())
        given = [each for each in given if _counts(said, each[1], counting)] or given[:1]
    return any(want.equals(each) for each, _ in given)


def _counts(said: Sequence[str], at: int, asked: Sequence[str]) -> bool:
    """The number there stands before a word of the question's, and before no other number."""
    for word in said[at + 1 : at + 4]:
        if _number_or_year(word):
            return False
        if has(word, asked):
            return True
    return False


def _number_or_year(word: str) -> Number | None:
    day = date(word)
    return number(str(day.year)) if day and day.year else number(word)


def _zero(words: Sequence[str]) -> bool:
    return any(word in ("no", "none", "never", "0", "not") for word in words)


def places(said: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the gold stands in an answer, word for word."""
    size = len(wanted)
    return [
        at
        for at in range(len(said) - size + 1)
        if all(same(a, b) for a, b in zip(said[at : at + size], wanted, strict=True))
    ]


def denied(said: Sequence[str], at: int) -> bool:
    """Whether what stands there has a "not" in front."""
    before = said[max(0, at - 2) : at]
    return "not" in before or "never" in before


def covers(said: Sequence[str], wanted: Sequence[str], asked: Sequence[str]) -> bool:
    """Most of the gold's own words, all of its numbers and dates."""
    mine = own(wanted, asked) or own(wanted, ())
    if not mine:
        return False
    exact = [word for word in mine if number(word) or date(word)]
    if not all(has(word, said) for word in exact):
        return False
    need = RECALL if len(mine) > 2 else 1.0
    return sum(has(word, said) for word in mine) >= need * len(mine)


def excerpt(said: Sequence[str], wanted: Sequence[str], asked: Sequence[str]) -> bool:
    """A gold in a whole sentence, and an answer that is just the words of it that matter."""
    mine = own(said, asked)
    return len(wanted) > len(said) and len(mine) == len(said) and bool(places(wanted, said))


def own(words: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Words that carry content and are not the question's, each once."""
    return [word for word in dict.fromkeys(words) if word not in LITTLE and word not in asked]


def has(word: str, said: Sequence[str]) -> bool:
    """Whether an answer holds a word."""
    return any(same(each, word) for each in said)


def same(said: str, wanted: str) -> bool:
    """One word: the same, a number within rounding, a date that says as much, or a long word misspelt or inflected."""
    if said == wanted:
        return True
    if (have := date(said)) is not None:
        want = date(wanted)
        if want is not None:
            return have.meets(want)
        return have.year is not None and wanted == str(have.year)
    if (a := number(said)) is not None:
        b = number(wanted)
        return b is not None and a.equals(b)
    if min(len(said), len(wanted)) < 5 or said[0] != wanted[0]:
        return min(len(said), len(wanted)) > 2 and said.rstrip("s") == wanted.rstrip("s")
    return OSA.normalized_similarity(said, wanted) >= _SPELT
