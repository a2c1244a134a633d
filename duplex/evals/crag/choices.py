"""Questions that let choose between two things: which they are, and for which of them an answer decides."""

from __future__ import annotations

import re
from collections.abc import Sequence

from duplex.evals.crag.matching import LITTLE, same
from duplex.evals.crag.normal import number, tokens

_CONCLUDES = re.compile(r"\b(?:therefore|thus|so,|hence|in conclusion)\b", re.I)
_COMPARES = re.compile(r"\b(?:than|compared|versus|vs)\b", re.I)
_LESS = re.compile(r"\b(?:less|fewer|lower)\b[^.]*\bthan\b", re.I)
_FOR_MORE = re.compile(r"\b(?:more|most|higher|highest|larger|largest|greater|longer|bigger|taller)\b", re.I)
_FOR_LESS = re.compile(r"\b(?:less|least|fewer|fewest|lower|lowest|smaller|smallest|shorter)\b", re.I)


def options_of(question: str) -> list[tuple[str, ...]]:
    """The two things between which a question lets choose; none where it does not."""
    words = question.lower().strip(" ?.")
    between = re.search(r"\bbetween (?:the )?(.+?) (?:and|or) (?:the )?(.+?)(?:,|$)", words)
    if between and not any(char.isdigit() for char in between[1] + between[2]):
        return [tokens(between[1]), tokens(between[2])]
    before, found, after = words.rpartition(" or ")
    if not found:
        return []
    before = re.split(r"[,:;]", before.rstrip(", "))[-1]
    right = re.split(r"[,:;]", after)[0].split()
    left = before.split()
    if not re.search(
        r"[,:]", words
    ):  # nothing shows where the first begins: it has as many words as the second
        left = left[-max(1, min(len(right), 3)) :]
        right = right[:3]
    pair = [tokens(" ".join(left)), tokens(" ".join(right))]
    return pair if all(pair) and pair[0] != pair[1] else []


def favoured(claims: Sequence[str], options: Sequence[tuple[str, ...]], question: str = "") -> int | None:
    """Which of two options an answer decides for; None where it names neither.

    Its concluding sentence decides, else the first that names one: by the numbers where it only sets two side by side,
    else for the option that it names first, unless it denies that or calls it the lesser.
    """
    concluding = [one for one in claims if _CONCLUDES.search(one)]
    for one in [*concluding, *claims]:
        said = tokens(one)
        found = [(_place(said, option, options), at) for at, option in enumerate(options)]
        named = sorted((place, at) for place, at in found if place is not None)
        if not named:
            continue
        if len(named) == 2 and not _COMPARES.search(one) and one not in concluding:
            by_number = _by_number(said, named, question)
            if by_number is not None:
                return by_number
        place, first = named[0]
        denied = {"not", "neither"}.intersection(said[max(0, place - 3) : place])
        lesser = _LESS.search(one) and not _FOR_LESS.search(question)
        return 1 - first if denied or lesser else first
    return None


def _by_number(said: Sequence[str], named: Sequence[tuple[int, int]], question: str) -> int | None:
    """The option with the larger number behind it where the question is for more, with the smaller where for less."""
    more, less = _FOR_MORE.search(question), _FOR_LESS.search(question)
    (first, one), (second, other) = named
    ours = [found for word in said[first:second] if (found := number(word))]
    theirs = [found for word in said[second:] if (found := number(word))]
    if bool(more) == bool(less) or not ours or not theirs or ours[0].value == theirs[0].value:
        return None
    return one if (ours[0].value > theirs[0].value) is bool(more) else other


def _place(said: Sequence[str], option: Sequence[str], options: Sequence[Sequence[str]]) -> int | None:
    """Where an option is named first: by a word that the other option lacks."""
    others = {word for other in options if other is not option for word in other}
    mine = [word for word in option if word not in others and word not in LITTLE] or list(option)
    return next((at for at, word in enumerate(said) if any(same(word, each) for each in mine)), None)
