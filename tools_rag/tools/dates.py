"""Days as they are said: "next Tuesday", "the third of May", "in two weeks". Pure: what day it is is given.

A grammar of its own, since a wrong day is worse than none: dateparser 1.5 takes "the third of May" in a sentence for
the 21st and "the day after tomorrow" for tomorrow, and knows no "a week from Friday".

English. Words are those of `said.words_of`: lower case, numbers below 1,000 spelt, "3rd" as "three rd".
"""

from __future__ import annotations

from calendar import day_name, month_name, monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from tools_rag.tools.numbers import at, whole

_DAYS = {name.lower(): place for place, name in enumerate(day_name)}
_MONTHS = {name.lower(): place for place, name in enumerate(month_name) if name}
_ORDINALS = (
    *(
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
    ),
    *(
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ),
    "twentieth",
)
_FEASTS = {
    ("christmas", "eve"): (12, 24),
    ("christmas", "day"): (12, 25),
    ("new", "year's", "eve"): (12, 31),
    ("new", "year's", "day"): (1, 1),
}
_UNITS = {"day": 1, "week": 7, "fortnight": 14}
_TENS = {"twenty": 20, "thirty": 30}
_ENDINGS = ("st", "nd", "rd", "th")
_ENDS = ("at", "please", "for", "from", "by", "then", "thanks", "and", "if", "in")
"""What may follow "on the third" where that is a day, and no floor."""
Span = tuple[int, int]
"""The first word, and the one behind the last."""
_Rule = Callable[[Sequence[str], int, date], tuple[date, int] | None]


def days(words: Sequence[str], today: date, asked: bool = False) -> list[tuple[date, Span]]:
    """The days that these words name, in order. A day without a year is the next one; so is a weekday.

    Args:
        words: see the module.
        today: what day it is.
        asked: a day was asked for, so that "the third" alone is one.

    >>> [str(day) for day, _ in days("next tuesday or the third of may".split(), date(2026, 11, 19))]
    ['2026-11-24', '2027-05-03']
    """
    rules: list[_Rule] = [_from_another, _named, _in_so_many, _of_month, _weekday, _feast]
    found: list[tuple[date, Span]] = []
    place = 0
    while place < len(words):
        half = at(words, place - 1) in _TENS and words[place] in _ORDINALS[:9]  # the first of "thirty first"
        day = None if half else _first(rules, words, place, today) or _alone(words, place, today, asked)
        if day is not None:
            found.append((day[0], (place, day[1])))
        place = day[1] if day is not None else place + 1
    return found


def _first(rules: Sequence[_Rule], words: Sequence[str], place: int, today: date) -> tuple[date, int] | None:
    for rule in rules:
        try:
            if (found := rule(words, place, today)) is not None:
                return found
        except (OverflowError, ValueError):  # beyond the calendar
            continue
    return None


def _named(words: Sequence[str], place: int, today: date) -> tuple[date, int] | None:
    """Today, tomorrow, the day after."""
    for said, shift in (
        (("the", "day", "after", "tomorrow"), 2),
        (("day", "after", "tomorrow"), 2),
        (("the", "day", "before", "yesterday"), -2),
        (("tomorrow",), 1),
        (("yesterday",), -1),
        (("today",), 0),
        (("tonight",), 0),
        (("this", "morning"), 0),
        (("this", "afternoon"), 0),
        (("this", "evening"), 0),
    ):
        if tuple(words[place : place + len(said)]) == said:
            return today + timedelta(shift), place + len(said)
    return None


def _span(words: Sequence[str], place: int) -> tuple[int, int] | None:
    """So many days or weeks: how many days, and where that ends."""
    count, end = whole(words, place)
    if at(words, place) in ("a", "one"):
        count, end = 1, place + 1
    unit = _UNITS.get(at(words, end).removesuffix("s"))
    return (count * unit, end + 1) if count and unit else None


def _in_so_many(words: Sequence[str], place: int, today: date) -> tuple[date, int] | None:
    """In three days; two weeks ago; a week from now."""
    begins = at(words, place) == "in"
    span = _span(words, place + begins)
    if span is None:
        return None
    shift, end = span
    if begins or (at(words, end), at(words, end + 1)) == ("from", "now"):
        return today + timedelta(shift), end if begins else end + 2
    return (today - timedelta(shift), end + 1) if at(words, end) == "ago" else None


def _from_another(words: Sequence[str], place: int, today: date) -> tuple[date, int] | None:
    """A week from Friday, a week on Monday, Friday week."""
    span = _span(words, place)
    if span is not None and at(words, span[1]) in ("from", "on", "after"):
        other = _first([_named, _of_month, _weekday], words, span[1] + 1, today)
        return (other[0] + timedelta(span[0]), other[1]) if other else None
    day = _weekday(words, place, today)
    if day is not None and at(words, day[1]) == "week":
        return day[0] + timedelta(7), day[1] + 1
    return None


def _weekday(words: Sequence[str], place: int, today: date) -> tuple[date, int] | None:
    """A weekday: the coming one; with "next" never one of this week, which ends on Sunday."""
    before = at(words, place) if at(words, place) in ("next", "this", "coming", "last") else ""
    name = at(words, place + bool(before))
    day = _DAYS.get(name.removesuffix("s") if name.endswith("days") else name)
    if day is None:
        return None
    ahead = (day - today.weekday() - 1) % 7 + 1
    if before == "last":
        ahead = -((today.weekday() - day - 1) % 7 + 1)
    elif before == "this" and ahead == 7:
        ahead = 0
    elif before == "next" and today.weekday() + ahead < 7:
        ahead += 7
    return today + timedelta(ahead), place + bool(before) + 1


def _of_month(words: Sequence[str], place: int, today: date) -> tuple[date, int] | None:
    """May third; the third of May; either with a year."""
    month = _MONTHS.get(at(words, place))
    if month is not None:
        start = place + 1 + (at(words, place + 1) == "the")
        day, end = _ordinal(words, start)
        if not day and not (month == 5 and at(words, start) == "one"):  # "may one ask ..."
            day, end = whole(words, start)
    else:
        start = place + (at(words, place) == "the")
        day, end = _ordinal(words, start)
        if not day and start == place:
            day, end = whole(words, start)
        month = _MONTHS.get(at(words, end + (at(words, end) == "of")))
        end += 1 + (at(words, end) == "of")
    if not day or month is None:
        return None
    given = at(words, end)
    if given.isdecimal() and len(given) == 4:
        return date(int(given), month, day), end + 1
    return next_such(today, month, day), end


def _feast(words: Sequence[str], place: int, today: date) -> tuple[date, int] | None:
    for said, (month, day) in _FEASTS.items():
        if tuple(words[place : place + len(said)]) == said:
            return next_such(today, month, day), place + len(said)
    return None


def _alone(words: Sequence[str], place: int, today: date, asked: bool) -> tuple[date, int] | None:
    """The third: the next day of that number, where a day was asked for or "on" leads to it."""
    start = place + (at(words, place) == "the")
    day, end = _ordinal(words, start)
    led = start > place and at(words, place - 1) == "on" and at(words, end) in ("", *_ENDS)
    if not day or not (asked or led) or at(words, end) == "of":
        return None
    for month in range(today.month, today.month + 12):
        year, month = today.year + (month - 1) // 12, (month - 1) % 12 + 1
        if day <= monthrange(year, month)[1] and (found := date(year, month, day)) >= today:
            return found, end
    return None


def next_such(today: date, month: int, day: int) -> date:
    """The next such day, today included; of a leap day, in the next year that has one. Raises ValueError."""
    for year in range(today.year, today.year + 9):
        if day <= monthrange(year, month)[1] and (found := date(year, month, day)) >= today:
            return found
    raise ValueError("no such day")


def _ordinal(words: Sequence[str], place: int) -> tuple[int, int]:
    """Third, twenty-first or 3rd as a day of the month, and where it ends; 0 where there is none."""
    tens = _TENS.get(at(words, place), 0)
    if tens and at(words, place + 1) in _ORDINALS[:9]:
        return tens + _ORDINALS.index(words[place + 1]) + 1, place + 2
    if at(words, place) in _ORDINALS:
        return _ORDINALS.index(words[place]) + 1, place + 1
    if at(words, place) == "thirtieth":
        return 30, place + 1
    number, end = whole(words, place)
    return (number, end + 1) if number and at(words, end) in _ENDINGS else (0, place)
