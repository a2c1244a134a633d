"""Days and times as they are said, and the arguments that take them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_rag.tools.dates import days
from tools_rag.tools.moments import aloud
from tools_rag.tools.said import words_of
from tools_rag.tools.sayable import unsayable
from tools_rag.tools.spoken import Listener
from tools_rag.tools.times import times

THURSDAY = date(2026, 11, 19)
NOW = datetime(2026, 11, 19, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("tomorrow, please", "2026-11-20"),
        ("the day after tomorrow", "2026-11-21"),
        ("today", "2026-11-19"),
        ("on Friday", "2026-11-20"),
        ("next Friday", "2026-11-27"),
        ("next Tuesday", "2026-11-24"),
        ("this Thursday", "2026-11-19"),
        ("Thursday", "2026-11-26"),
        ("last Monday", "2026-11-16"),
        ("Friday week", "2026-11-27"),
        ("a week from Friday", "2026-11-27"),
        ("two weeks on Monday", "2026-12-07"),
        ("in three days", "2026-11-22"),
        ("in a fortnight", "2026-12-03"),
        ("10 days from now", "2026-11-29"),
        ("three days ago", "2026-11-16"),
        ("the third of May", "2027-05-03"),
        ("May 3rd", "2027-05-03"),
        ("the 3rd of May 2028", "2028-05-03"),
        ("December twenty-first", "2026-12-21"),
        ("the 19th of November", "2026-11-19"),
        ("the 29th of February", "2028-02-29"),
        ("a fortnight from the third of May", "2027-05-17"),
        ("on the 21st, please", "2026-11-21"),
        ("New Year's Eve", "2026-12-31"),
    ],
)
def test_a_day_is_the_one_that_is_meant(said: str, day: str) -> None:
    assert [str(found) for found, _ in days(words_of(said).plain, THURSDAY)] == [day]


@pytest.mark.parametrize(
    "said",
    ["on the third floor", "may I have two", "may one ask", "the thirty first of February", "a week", "the second one",
     "march on", "a hundred people", "in two hours", ""],
)  # fmt: skip
def test_what_is_no_day_is_none(said: str) -> None:
    assert days(words_of(said).plain, THURSDAY) == []


def test_a_number_alone_is_a_day_where_one_was_asked_for() -> None:
    assert [str(day) for day, _ in days(("the", "third"), THURSDAY, asked=True)] == ["2026-12-03"]
    assert [str(day) for day, _ in days(("thirty", "first"), THURSDAY, asked=True)] == ["2026-12-31"]


@given(st.dates(date(2000, 1, 1), date(2199, 12, 31)), st.dates(date(2000, 1, 1), date(2199, 12, 31)))
def test_a_day_with_its_year_is_that_day_whatever_today_is(day: date, today: date) -> None:
    for said in (f"the {day.day} of {day:%B} {day.year}", f"{day:%B} {day.day}th {day.year}"):
        if not (day.month == 5 and day.day == 1 and "of" not in said):
            assert [found for found, _ in days(words_of(said).plain, today)] == [day]


@given(st.dates(date(2000, 1, 1), date(2199, 12, 31)), st.integers(0, 6))
def test_a_weekday_is_one_of_the_next_seven_days_and_next_not_of_this_week(today: date, place: int) -> None:
    name = f"{date(2026, 11, 16) + timedelta(place):%A}".lower()
    (coming, _), (later, _) = days((name, "and", "next", name), today)
    assert 0 < (coming - today).days <= 7
    assert coming.weekday() == later.weekday() == place
    assert later.isocalendar()[:2] != today.isocalendar()[:2]
    assert 0 <= (later - coming).days <= 7


@pytest.mark.parametrize(
    ("said", "clock"),
    [
        ("half past three", "15:30"),
        ("quarter to five", "16:45"),
        ("a quarter past ten", "10:15"),
        ("ten past two", "14:10"),
        ("3:30 p.m.", "15:30"),
        ("at 16:30", "16:30"),
        ("at noon", "12:00"),
        ("at twelve am", "00:00"),
        ("nine in the evening", "21:00"),
        ("seven o'clock", "07:00"),
        ("at three oh five", "15:05"),
        ("at 7.30 in the morning", "07:30"),
        ("a table for two at eight", "08:00"),
        ("three thirty", "15:30"),
    ],
)
def test_a_time_is_the_one_that_is_meant(said: str, clock: str) -> None:
    assert [f"{found:%H:%M}" for found, _ in times(words_of(said).plain)] == [clock]


@pytest.mark.parametrize(
    "said", ["two to four people", "two lattes", "twenty five", "at four tables", "25 p.m.", "half"]
)
def test_what_is_no_time_is_none(said: str) -> None:
    assert times(words_of(said).plain) == []


@given(st.text(max_size=80), st.dates(), st.booleans())
def test_anything_may_be_said_on_any_day(said: str, today: date, asked: bool) -> None:
    plain = words_of(said).plain
    for _, (start, end) in (*days(plain, today, asked), *times(plain, asked)):
        assert 0 <= start < end <= len(plain)


def listener(*required: str, **formats: str) -> Listener:
    parts: dict[str, Any] = {name: {"type": "string", "format": kind} for name, kind in formats.items()}
    parts["guests"] = {"type": "integer", "maximum": 20, "exclusiveMinimum": 0}
    return Listener({"type": "object", "properties": parts, "required": list(required)}).at(NOW)


@pytest.mark.parametrize(
    ("said", "asked", "found"),
    [
        ("A table for four on Friday", "", {"day": "2026-11-20", "guests": 4}),
        ("on Friday, no, on Saturday", "", {"day": "2026-11-21"}),
        ("not on Friday, on the third of May", "", {"day": "2027-05-03"}),
        ("the third", "day", {"day": "2026-12-03"}),
        ("zero guests", "", {}),
    ],
)
def test_a_day_is_an_argument(said: str, asked: str, found: dict[str, Any]) -> None:
    assert listener(day="date").find(said, asked) == found
    assert "day" not in Listener(
        {"type": "object", "properties": {"day": {"type": "string", "format": "date"}}}
    ).find(said)


def test_days_and_times_go_where_they_belong() -> None:
    stay = listener(arrival="date", departure="date")
    assert stay.find("from Monday to the third of December") == {
        "arrival": "2026-11-23",
        "departure": "2026-12-03",
    }
    assert stay.find("on Friday", "departure") == {"departure": "2026-11-20"}
    both = listener(at="date-time")
    assert both.find("tomorrow at half past three") == {"at": "2026-11-20T15:30:00+00:00"}
    assert both.find("at nine") == {"at": "2026-11-20T09:00:00+00:00"}  # nine has passed
    assert both.find("at four, please") == {"at": "2026-11-19T16:00:00+00:00"}
    assert both.find("tomorrow") == {}
    assert listener(start="time", end="time").find("from nine to five") == {
        "start": "09:00:00",
        "end": "17:00:00",
    }


def test_a_day_is_read_back_as_people_say_it() -> None:
    parts = {name: {"type": "string", "format": name} for name in ("date", "time", "date-time")}
    given_values = {
        "date": "2027-05-03",
        "time": "15:30:00",
        "date-time": "2026-11-22T12:00:00+00:00",
        "other": "2027-05-03",
    }
    assert aloud(parts, given_values, THURSDAY) == {
        "date": "Monday, May 3rd",
        "time": "3:30 in the afternoon",
        "date-time": "Sunday, November 22nd at noon",
        "other": "2027-05-03",
    }
    assert aloud(parts, {"date": "2028-05-03", "time": "soon"}, THURSDAY) == {
        "date": "Wednesday, May 3rd 2028",
        "time": "soon",
    }


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"type": "string", "format": "date"}, ""),
        ({"type": "integer", "multipleOf": 5, "format": "int32"}, ""),
        ({"enum": [1, 2]}, ""),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, ""),
        ({"type": "string", "format": "x-phone"}, ""),
        ({"type": "array"}, "a: an array cannot be said"),
        ({"type": "string", "format": "email"}, "a: the format email cannot be said; date, date-time, time can"),
        ({"type": "string", "contentEncoding": "base64"}, "a: `contentEncoding` is not read"),
        ({"oneOf": [{"type": "string"}]}, "a: it needs one `type`, or an `enum`"),
        ({}, "a: it needs one `type`, or an `enum`"),
        ({"enum": [["x"]]}, "a: the value ['x'] cannot be said"),
    ],
)  # fmt: skip
def test_what_no_caller_can_say_is_refused_with_the_reason(part: dict[str, Any], why: str) -> None:
    schema = {"type": "object", "properties": {"a": part}}
    assert unsayable(schema) == why
    assert unsayable(schema, needed_only=True) == ""
    assert unsayable({**schema, "required": ["a"]}, needed_only=True) == why


def test_numbers_keep_to_all_their_bounds_and_values_may_be_numbers() -> None:
    schema = {
        "type": "object",
        "properties": {
            "shots": {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 10, "multipleOf": 2},
            "size": {"enum": [8, 12]},
        },
    }
    found = [Listener(schema).find(f"{n} shots").get("shots") for n in (1, 2, 3, 4, 10)]
    assert found == [None, 2, None, 4, None]
    assert Listener(schema).find("a twelve ounce")["size"] == 12
