"""Arguments that are a day, a time or both, in what was said: JSON Schema's formats `date`, `time`, `date-time`. Pure.

A `time` is local, without the offset that RFC 3339 gives it: nobody says one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from tools_rag.tools.dates import days, next_such
from tools_rag.tools.said import Found, Words
from tools_rag.tools.times import times

FORMATS = frozenset({"date", "time", "date-time"})
_UNTIL = ("to", "till", "until", "through", "and")
"""What stands before the second of two: "from Monday to Friday"."""


@dataclass(frozen=True, slots=True)
class _Moment:
    value: str
    start: int
    end: int


def format_of(part: Mapping[str, Any]) -> str:
    """Which of the formats a property has, or none."""
    kind = str(part.get("format", ""))
    return kind if kind in FORMATS and part.get("type") == "string" else ""


def moments(
    properties: Mapping[str, Mapping[str, Any]], words: Words, now: datetime, asked: str, taken: set[int]
) -> list[Found]:
    """The days and times that the words give the properties which want some.

    Args:
        properties: by name, resolved.
        words: what was said.
        now: with its time zone, which a `date-time` is given; a time that has passed today is tomorrow's.
        asked: the argument that was just asked for.
        taken: words that are another value already.
    """
    slots: dict[str, list[str]] = {}
    for name, part in properties.items():
        if kind := format_of(part):
            slots.setdefault(kind, []).append(name)
    if not slots:
        return []
    wanted = format_of(properties.get(asked, {}))
    said_days = days(words.plain, now.date(), wanted in ("date", "date-time"))
    said_times = times(words.plain, wanted in ("time", "date-time"))
    made = {
        "date": [_Moment(day.isoformat(), *span) for day, span in said_days],
        "time": [_Moment(clock.isoformat(), *span) for clock, span in said_times],
        "date-time": _both(said_days, said_times, now),
    }
    found: list[Found] = []
    for kind, names in slots.items():
        free = [each for each in made[kind] if not taken & set(range(each.start, each.end))]
        found += _assigned(names, free, words.plain, asked)
    return found


def _both(
    said_days: Sequence[tuple[date, tuple[int, int]]],
    said_times: Sequence[tuple[time, tuple[int, int]]],
    now: datetime,
) -> list[_Moment]:
    """Each time on the day that is said nearest to it; without one, on the next day that has it still to come."""
    made = []
    for clock, (start, end) in said_times:
        nearest = min(
            said_days, key=lambda day: min(abs(day[1][0] - end), abs(start - day[1][1])), default=None
        )
        if nearest is not None:
            day, (first, last) = nearest
            start, end = min(start, first), max(end, last)
        else:
            day = now.date() if clock > now.time() else now.date() + timedelta(1)
        made.append(_Moment(datetime.combine(day, clock, now.tzinfo).isoformat(), start, end))
    return made


def _assigned(names: Sequence[str], made: Sequence[_Moment], words: Sequence[str], asked: str) -> list[Found]:
    """Which argument each is for: the one that is asked for, or in order, the second one where "to" leads to it."""
    found = []
    for place, each in enumerate(made):
        name = names[min(place, len(names) - 1)]
        if asked in names and len(made) == 1:
            name = asked
        elif len(names) > 1 and each.start and words[each.start - 1] in _UNTIL:
            name = names[1]
        found.append(Found(name, each.value, each.start, each.end))
    return found


def aloud(
    properties: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any], today: date | None
) -> dict[str, Any]:
    """The values as they are said: a day as "Tuesday, May 3rd", with its year where that is not the next one.

    >>> part = {"day": {"type": "string", "format": "date"}}
    >>> aloud(part, {"day": "2027-05-03"}, date(2026, 11, 19))
    {'day': 'Monday, May 3rd'}
    """
    made = {}
    for name, value in values.items():
        kind = format_of(properties.get(name, {})) if isinstance(value, str) else ""
        try:
            made[name] = _said(kind, value, today) if kind else value
        except ValueError:
            made[name] = value
    return made


def _said(kind: str, value: str, today: date | None) -> str:
    if kind == "time":
        return _clock(time.fromisoformat(value))
    moment = datetime.fromisoformat(value)
    day = moment.date()
    year = f" {day.year}" if today is not None and next_such(today, day.month, day.day) != day else ""
    ending = "th" if 10 < day.day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    whole = f"{day:%A}, {day:%B} {day.day}{ending}{year}"
    return f"{whole} at {_clock(moment.time())}" if kind == "date-time" else whole


def _clock(clock: time) -> str:
    if clock.minute == 0 and clock.hour in (0, 12):
        return "noon" if clock.hour else "midnight"
    minutes = f":{clock.minute:02}" if clock.minute else " o'clock"
    part = (
        "in the morning" if clock.hour < 12 else "in the afternoon" if clock.hour < 18 else "in the evening"
    )
    return f"{clock.hour % 12 or 12}{minutes} {part}"
