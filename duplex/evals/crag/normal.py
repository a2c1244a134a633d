"""Answers as they are compared: one spelling of case, punctuation, articles, numbers, units and dates."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

MAX_TEXT = 4_000
"""Characters of a text that are looked at: no spoken answer is longer."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul"),
            *("august aug", "september sept sep", "october oct", "november nov", "december dec"),
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12]\d{3})"
_DATES = tuple(
    re.compile(rf"\b{pattern}\b")
    for pattern in (
        r"(?P<year>[12]\d{3})-(?P<month>[01]?\d)-(?P<day>[0-3]?\d)(?:t[\d:.]*z?)?",
        r"(?P<month>[01]?\d)/(?P<day>[0-3]?\d)/(?P<year>(?:[12]\d)?\d\d)",
        rf"{_MONTH}\s+{_DAY}(?:\s*,\s*|\s+){_YEAR}",
        rf"(?:the\s+)?{_DAY}\s+(?:of\s+)?{_MONTH}(?:\s*,\s*|\s+){_YEAR}",
        rf"{_MONTH}(?:\s*,\s*|\s+(?:of\s+)?){_YEAR}",
        rf"{_MONTH}\s+{_DAY}",
        rf"(?:the\s+)?{_DAY}\s+(?:of\s+)?{_MONTH}",
    )
)
_ONE_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
_ONES = {word: number for number, word in enumerate(_ONE_WORDS.split())}
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: number * 10 for number, word in enumerate(_TEN_WORDS.split(), start=2)}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHORT_SCALES = {"k": 10**3, "mn": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}
_ORDINAL_WORDS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_ORDINALS = {
    word: f"{number}{('st', 'nd', 'rd', 'th')[min(number, 4) - 1]}"
    for number, word in enumerate(_ORDINAL_WORDS.split(), start=1)
}
_TIMES = {"once": "1", "twice": "2", "thrice": "3"}
_HALVES = re.compile(r"(\d)½")
_GLUED = re.compile(r"(?<=\d)(?!(?:st|nd|rd|th)\b)(?=[a-z])")
_MARKS = str.maketrans({"’": "'", "–": "-", "—": " ", "−": "-", "⁄": "/"})
_SAME = {
    same: name
    for name, others in {
        "percent": "% pct percentage",
        "usd": "$ dollar dollars us$",
        "eur": "€ euro euros",
        "gbp": "£ pound-sterling",
        "km": "kilometer kilometers kilometre kilometres kms",
        "m": "meter meters metre metres",
        "cm": "centimeter centimeters centimetre centimetres",
        "mm": "millimeter millimeters millimetre millimetres",
        "ft": "foot feet",
        "inch": "inches",
        "mile": "miles mi",
        "kg": "kilogram kilograms kilogramme kilogrammes kilos",
        "lb": "lbs pound pounds",
        "hour": "hours hr hrs",
        "minute": "minutes min mins",
        "year": "years yr yrs",
        "day": "days",
        "second": "seconds secs",
        "usa": "us united-states america united-states-of-america",
        "uk": "united-kingdom great-britain",
        "english": "en",
    }.items()
    for same in others.split()
}
_JOINED = {tuple(name.split("-")): same for name, same in _SAME.items() if "-" in name}
_ARTICLES = frozenset({"a", "an", "the"})
_NUMBER = re.compile(r"(?:(?<!\w)-)?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<!\w)\.\d+")
_TOKEN = re.compile(rf"<[\dx.]+>|{_NUMBER.pattern}|[$€£%]|[^\W_]+(?:\.(?=[^\W_]\b)[^\W_])*")
_LIST_MARK = re.compile(r"(?:(?<=\s)|^)\d{1,2}[.)]\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Number:
    """A number and how exactly it was given: `step` is the worth of its last digit."""

    value: Decimal
    step: Decimal

    @property
    def digits(self) -> int:
        """How many digits it has that count."""
        if not self.value:
            return 1
        return self.value.adjusted() - self.step.adjusted() + 1

    def equals(self, other: Number) -> bool:
        """The same, or one is the other rounded to at least two digits that count."""
        if self.value == other.value:
            return True
        coarse, fine = (self, other) if self.step >= other.step else (other, self)
        return coarse.digits >= 2 and abs(coarse.value - fine.value) <= coarse.step / 2


@dataclass(frozen=True, slots=True)
class Date:
    """A day, a month or a day of any year; what is not given is None."""

    year: int | None
    month: int
    day: int | None

    def meets(self, wanted: Date) -> bool:
        """It holds all that is wanted, and nothing that differs."""
        pairs = ((self.year, wanted.year), (self.month, wanted.month), (self.day, wanted.day))
        return all(want is None or have == want for have, want in pairs)


@lru_cache(maxsize=4_096)
def tokens(text: str) -> tuple[str, ...]:
    """The words of a text in their one spelling, without articles; a date is one token, such as `<2024.03.17>`.

    >>> tokens("The Eiffel Tower's 1,083 feet, on March 17, 2024")
    ('eiffel', 'tower', '1083', 'ft', 'on', '<2024.03.17>')
    """
    plain = _plain(text[:MAX_TEXT])
    plain = _with_dates(_LIST_MARK.sub(" ", plain))
    plain = re.sub(r"(?<=[\w>])-(?=[\w<])", " ", plain).replace("u.s.", "us ").replace("u.k.", "uk ")
    plain = _GLUED.sub(" ", plain)
    found = [token.replace(",", "") for token in _TOKEN.findall(plain)]
    return tuple(token for token in _units(_counted(found)) if token not in _ARTICLES)


def _plain(text: str) -> str:
    """Lower case without accents, one kind of dash, no contractions, no possessives."""
    plain = unicodedata.normalize("NFKD", _HALVES.sub(r"\1.5", text)).lower()
    plain = "".join(char for char in plain if not unicodedata.combining(char)).translate(_MARKS)
    plain = plain.replace("can't", "can not").replace("cannot", "can not").replace("won't", "will not")
    plain = re.sub(r"(?<=\w)n't\b", " not", re.sub(r"(?<=\w)'s\b", "", plain))
    return plain.replace("'", "")


def _with_dates(text: str) -> str:
    """Dates as `<2024.03.17>`; what is not given is x."""

    def iso(match: re.Match[str]) -> str:
        groups = match.groupdict()
        month = _MONTHS.get(groups["month"]) or int(groups["month"])
        day, year = groups.get("day"), groups.get("year")
        if year and len(year) == 2:
            year = f"{'19' if int(year) > 50 else '20'}{year}"
        if not 1 <= month <= 12 or (day and not 1 <= int(day) <= 31):
            return match[0]
        return f" <{year or 'x'}.{month:02d}.{int(day) if day else 'x'}> "

    for pattern in _DATES:
        text = pattern.sub(iso, text)
    return text


def _counted(found: list[str]) -> list[str]:
    """Numbers in words as digits; scales multiplied in."""
    out: list[str] = []
    at = 0
    while at < len(found):
        number, used = _spelt(found, at)
        if not used:
            token = _TIMES.get(found[at]) or _ORDINALS.get(found[at]) or found[at]
            out.append(token)
            at += 1
        else:
            out.append(number)
            at += used
    return out


def _spelt(found: list[str], at: int) -> tuple[str, int]:
    """The number that begins at a token, and how many tokens it takes; ("", 0) where none does."""
    first = found[at]
    if _is_number(first):
        scale = found[at + 1] if at + 1 < len(found) else ""
        times = _SCALES.get(scale) or _SHORT_SCALES.get(scale)
        return (_scaled(first, times), 2) if times else (first, 1)
    if first not in _ONES and first not in _TENS:
        return "", 0
    return _words_as_number(found, at)


def _words_as_number(found: list[str], at: int) -> tuple[str, int]:
    """`two hundred and five`, `nineteen ninety eight`."""
    total, part, last, used = 0, 0, 0, 0
    while at + used < len(found):
        word = found[at + used]
        if word in _ONES or word in _TENS:
            value = _ONES[word] if word in _ONES else _TENS[word]
            pair = 10 <= last < 100 and value >= 10 and not total and part == last
            if pair:  # a year in pairs
                part = part * 100 + value
            elif last and not (last >= 20 and last % 10 == 0 and value < 10):
                break
            else:
                part += value
            last = value
        elif word in _SCALES and part:
            scale = _SCALES[word]
            part, total, last = (part * 100, total, 0) if scale == 100 else (0, total + part * scale, 0)
        elif word == "and" and used and found[at + used - 1] in _SCALES and _continues(found, at + used + 1):
            pass
        else:
            break
        used += 1
    return str(total + part), used


def _continues(found: list[str], at: int) -> bool:
    return at < len(found) and (found[at] in _ONES or found[at] in _TENS)


def _scaled(number: str, times: int) -> str:
    return (
        f"{(Decimal(number) * times).normalize():f}"
        if "." in number
        else f"{number}{'0' * (len(str(times)) - 1)}"
    )


def _units(found: list[str]) -> list[str]:
    """One name for each unit, and for the two countries that go by several."""
    out: list[str] = []
    at = 0
    while at < len(found):
        for size in (4, 3, 2):
            if same := _JOINED.get(tuple(found[at : at + size])):
                out.append(same)
                at += size
                break
        else:
            out.append(_SAME.get(found[at], found[at]))
            at += 1
    return out


def _is_number(token: str) -> bool:
    return _NUMBER.fullmatch(token) is not None


def number(token: str) -> Number | None:
    """The number that a token of `tokens` is, or None."""
    if not _is_number(token):
        return None
    try:
        value = Decimal(token)
    except InvalidOperation:
        return None
    if "." in token:
        return Number(value, Decimal(1).scaleb(-len(token.partition(".")[2])))
    zeros = len(token) - len(token.rstrip("0")) if value else 0
    if zeros >= 6 and len(token.strip("-0")) == 1:
        zeros -= 1  # "ten million" is given to the million
    return Number(value, Decimal(1).scaleb(zeros if zeros >= 3 else 0))


def date(token: str) -> Date | None:
    """The date that a token of `tokens` is, or None."""
    if not token.startswith("<"):
        return None
    year, month, day = token[1:-1].split(".")
    return Date(None if year == "x" else int(year), int(month), None if day == "x" else int(day))
