"""Times of day as they are said: "half past three", "at four thirty", "seven in the evening". Pure.

An hour below seven of which no more is said is one of the afternoon; whoever is asked to confirm hears which it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

from tools_rag.tools.numbers import at, goes_on, whole

_PM_BEFORE = 7
_QUARTERS = (15, 30, 45)
"""Minutes that make two numbers a time: "three thirty"."""
_LEADS = ("at", "by", "around", "about", "until", "till", "from", "make")
_ENDS = (
    "please",
    "for",
    "on",
    "and",
    "then",
    "thanks",
    "to",
    "till",
    "until",
    "if",
    "or",
    "tomorrow",
    "today",
    "next",
    "no",
)
"""What may follow a bare number where that is a time: "at four for two", not "at four tables"."""


def times(words: Sequence[str], asked: bool = False) -> list[tuple[time, tuple[int, int]]]:
    """The times of day that these words name, in order, with the first word and the one behind the last.

    Args:
        words: those of `said.words_of`.
        asked: a time was asked for, so that "three" alone is one.

    >>> [str(clock) for clock, _ in times("at half past three or seven p m".split())]
    ['15:30:00', '19:00:00']
    """
    found: list[tuple[time, tuple[int, int]]] = []
    place = 0
    while place < len(words):
        after = bool(found) and found[-1][1][1] == place - 1
        clock = None if goes_on(words, place) else _clock(words, place, asked, after)
        if clock is not None:
            found.append((clock[0], (place, clock[1])))
        place = clock[1] if clock is not None else place + 1
    return found


def _clock(words: Sequence[str], place: int, asked: bool, after: bool) -> tuple[time, int] | None:
    word = at(words, place)
    if word in ("noon", "midday", "midnight"):
        return time(0 if word == "midnight" else 12), place + 1
    before = at(words, place - 1)
    led = before in _LEADS or (after and before in ("to", "till", "until"))
    parted = _parted(words, place) or _hour(words, place)
    if parted is None:
        return None
    hour, minute, end, sure = parted
    half, end = _half(words, end)
    if not (sure or half or ((led or asked) and at(words, end) in ("", *_ENDS))):
        return None
    if half and hour > 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif 0 < hour < _PM_BEFORE:
        hour += 12
    return (time(hour, minute), end) if hour < 24 else None


def _parted(words: Sequence[str], place: int) -> tuple[int, int, int, bool] | None:
    """Half past three, a quarter to five, ten past two: hour, minute, end, and that it is a time for sure."""
    start = place + (at(words, place) == "a")
    named = {"half": 30, "quarter": 15}.get(at(words, start))
    minutes, end = (named, start + 1) if named else whole(words, start)
    end += at(words, end) in ("minutes", "minute")
    side = at(words, end)
    hour, after = whole(words, end + 1)
    if side not in ("past", "to", "after") or not (0 < minutes < 60) or not (0 < hour <= 12):
        return None
    if side == "to" and not named and minutes % 5:
        return None  # "two to four people"
    if side == "to":
        hour, minutes = hour - 1 or 12, 60 - minutes
    return hour, minutes, after, side != "to" or bool(named)


def _hour(words: Sequence[str], place: int) -> tuple[int, int, int, bool] | None:
    """Three, three thirty, three oh five, three o'clock, 3.30."""
    decimal = at(words, place).partition(".")
    if decimal[1] and decimal[0].isdecimal() and len(decimal[2]) == 2 and int(decimal[2]) < 60:
        return (int(decimal[0]), int(decimal[2]), place + 1, False) if int(decimal[0]) < 24 else None
    hour, end = whole(words, place)
    if not 0 < hour < 24:
        return None
    if at(words, end) in ("o'clock", "oclock"):
        return hour, 0, end + 1, True
    oh = at(words, end) == "oh"
    minute, after = whole(words, end + oh)
    if (oh and 0 < minute < 10) or (not oh and 10 <= minute < 60):
        return hour, minute, after, minute in _QUARTERS
    return hour, 0, end, False


def _half(words: Sequence[str], place: int) -> tuple[str, int]:
    """The half of the day that is said: a or p, and where that ends."""
    for said, half in (
        (("a", "m"), "a"),
        (("p", "m"), "p"),
        (("am",), "a"),
        (("pm",), "p"),
        (("in", "the", "morning"), "a"),
        (("in", "the", "afternoon"), "p"),
        (("in", "the", "evening"), "p"),
        (("at", "night"), "p"),
        (("tonight",), "p"),
    ):
        if tuple(words[place : place + len(said)]) == said:
            return half, place + (0 if said == ("tonight",) else len(said))
    return "", place
