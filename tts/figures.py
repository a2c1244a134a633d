"""How a written word with digits is said: dates, years, times, amounts, ranges, telephone numbers, names.

The first form that fits decides; a word that fits none is read part by part ("H2O" → "H two O").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from tts.lexicon import BEFORE_DIGIT, MONTH_NAMES, MONTHS, SCALE_LETTERS, SCALES, UNITS, YEAR_CUES
from tts.numbers import (
    NUMBER,
    cardinal,
    clock,
    decade,
    decimal,
    digits,
    fraction,
    is_one,
    ordinal,
    spread_vulgar,
    year,
)
from tts.units import money, unit_words

Form = Callable[[Sequence[str], int], "list[str] | None"]

_PHONE = re.compile(r"\+?\d{1,3}(?:[-.]\d{2,4}){2,4}|\d{3}[-.]\d{4}")
_PHONE_START = re.compile(r"\+\d{1,3}")
_CLOCK = re.compile(r"(?i)(\d{1,2})(?::([0-5]\d)(?::([0-5]\d))?)?([ap]\.?m)?")
_RANGE = re.compile(rf"({NUMBER})(%|[a-zA-Z°µ²³/]*)[-–—]({NUMBER})(\D.*)?")
_MEASURED = re.compile(rf"({NUMBER})[-–]?([^\d\s].*)")
_DATE_SLASH = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_DATE_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


def figure(cores: Sequence[str], at: int) -> list[str]:
    """The spoken words of a core with digits in it."""
    for form in _FORMS:
        words = form(cores, at)
        if words is not None:
            return words
    return _parts(cores[at])


def _after(cores: Sequence[str], at: int) -> str:
    return cores[at + 1] if at + 1 < len(cores) else ""


def _before(cores: Sequence[str], at: int) -> str:
    return cores[at - 1] if at else ""


def _amount(cores: Sequence[str], at: int) -> list[str] | None:
    return money(cores[at], _after(cores, at), SCALES)


def _date(cores: Sequence[str], at: int) -> list[str] | None:
    if match := _DATE_ISO.fullmatch(cores[at]):
        years, month, day = map(int, match.groups())
    elif match := _DATE_SLASH.fullmatch(cores[at]):
        first, second, years = map(int, match.groups())
        month, day = (second, first) if first > 12 or "." in cores[at] else (first, second)
    else:
        return None
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return [MONTHS[month - 1], *ordinal(day), *year(years)]


def _day(cores: Sequence[str], at: int) -> list[str] | None:
    """The day beside a month: "March 5" → fifth, "5 March" → the fifth of, "May 3-5" → third to fifth."""
    match = re.fullmatch(r"(\d{1,2})(?:[-–](\d{1,2}))?", cores[at])
    if match is None or not 1 <= int(match.group(1)) <= 31:
        return None
    last = ["to", *ordinal(int(match.group(2)))] if match.group(2) else []
    before, after = _before(cores, at), _after(cores, at)
    if before[:1].isupper() and before.lower() in MONTH_NAMES:
        return [*ordinal(int(match.group(1))), *last]
    if after[:1].isupper() and after.lower() in MONTH_NAMES:
        return ["the", *ordinal(int(match.group(1))), *last, "of"]
    return None


def _years(cores: Sequence[str], at: int) -> list[str] | None:
    """Years, spans of years and decades."""
    core, before, after = cores[at], _before(cores, at).lower(), _after(cores, at)
    if match := re.fullmatch(r"['’]?(\d{1,3}0)['’]?s", core):
        return decade(int(match.group(1)))
    if match := re.fullmatch(r"(1\d{3}|20\d\d)[-–—](1\d{3}|20\d\d|\d\d)", core):
        first, last = int(match.group(1)), match.group(2)
        return [*year(first), "to", *(year(int(last)) if len(last) == 4 else cardinal(int(last)))]
    if not re.fullmatch(r"1\d{3}|20\d\d", core):
        return None
    if after.lower() in SCALES or unit_words(after, one=False) is not None:
        return None
    cued = before in YEAR_CUES or before in MONTH_NAMES or re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)?", before)
    if cued or after in ("AD", "BC", "CE", "BCE") or int(core) >= 1900:
        return year(int(core))
    return None


def _time(cores: Sequence[str], at: int) -> list[str] | None:
    match = _CLOCK.fullmatch(cores[at])
    if match is None:
        return None
    hours, minutes, seconds, half = match.groups()
    if (minutes is None and half is None) or int(hours) > 24:
        return None
    follows = re.fullmatch(r"(?i)[ap]\.?m", _after(cores, at)) is not None
    on_the_hour = "" if half or follows or int(hours) > 12 else "o'clock"
    words = clock(int(hours), int(minutes or 0), "hundred" if int(hours) > 12 and not half else on_the_hour)
    words += cardinal(int(seconds)) if seconds else []
    return [*words, half.replace(".", "").upper()] if half else words


def _ratio(cores: Sequence[str], at: int) -> list[str] | None:
    match = re.fullmatch(r"(\d+):(\d+)", cores[at])
    return [*cardinal(int(match.group(1))), "to", *cardinal(int(match.group(2)))] if match else None


def _telephone(cores: Sequence[str], at: int) -> list[str] | None:
    core = cores[at]
    if core.count(".") == 3 and all(part.isdigit() and int(part) < 256 for part in core.split(".")):
        return [word for part in core.split(".") for word in ("dot", *cardinal(int(part)))][1:]
    if _PHONE.fullmatch(core) and not re.fullmatch(r"\d{4}-\d{2}", core):
        return digits(core)
    if _PHONE_START.fullmatch(core) and re.fullmatch(r"[\d-]{2,}", _after(cores, at)):
        return ["plus", *digits(core)]
    if re.fullmatch(r"\d{3}", core) and re.fullmatch(r"\d{3}-\d{4}", _after(cores, at)):
        return digits(core)
    if re.fullmatch(r"[\d-]{2,}", core):  # the rest of "+44 20 7946 0958"
        start = at
        while start and re.fullmatch(r"[\d-]{2,}", cores[start - 1]):
            start -= 1
        if start and _PHONE_START.fullmatch(cores[start - 1]):
            return digits(core)
    return None


def _ordinal(cores: Sequence[str], at: int) -> list[str] | None:
    match = re.fullmatch(r"(?i)(\d{1,3}(?:,\d{3})*|\d+)(?:st|nd|rd|th)", cores[at])
    return ordinal(int(match.group(1).replace(",", ""))) if match else None


def _fraction(cores: Sequence[str], at: int) -> list[str] | None:
    text = spread_vulgar(cores[at])
    match = re.fullmatch(r"(?:(\d+) )?(\d{1,2})/(\d{1,3})(\D*)", text)
    if match is None:
        return None
    whole, top, bottom, unit = match.groups()
    if cores[at] == "24/7":
        return ["twenty", "four", "seven"]
    unit_said = unit_words(unit, one=False) if unit else []
    if unit_said is None or not 0 < int(top) < int(bottom) <= 100:
        return None
    said = fraction(int(top), int(bottom))
    mixed = whole is None and re.fullmatch(r"\d+", _before(cores, at)) is not None
    lead = [*cardinal(int(whole)), "and"] if whole else ["and"] if mixed else []
    if lead and said[0] == "one":
        said[0] = "a"
    return [*lead, *said, *unit_said]


def _feet(cores: Sequence[str], at: int) -> list[str] | None:
    match = re.fullmatch(r"(\d+)['’′](\d+)(?:[\"”″]|'')?", cores[at])
    return [*cardinal(int(match.group(1))), "foot", *cardinal(int(match.group(2)))] if match else None


def _signed(cores: Sequence[str], at: int) -> list[str] | None:
    core = cores[at]
    if core[0] in BEFORE_DIGIT and re.match(r"[\d.$€£½¼¾]", core[1:]):
        return [*BEFORE_DIGIT[core[0]].split(), *figure([*cores[:at], core[1:], *cores[at + 1 :]], at)]
    return None


def _number(cores: Sequence[str], at: int) -> list[str] | None:
    return decimal(cores[at]) if re.fullmatch(NUMBER, cores[at]) else None


def _ranged(cores: Sequence[str], at: int) -> list[str] | None:
    match = _RANGE.fullmatch(cores[at])
    if match is None:
        return None
    first, first_unit, last, unit = match.groups()
    said = _unit_or_scale(unit or "", one=False) if unit else []
    lead = _unit_or_scale(first_unit, one=is_one(first)) if first_unit and first_unit != unit else []
    return None if said is None or lead is None else [*decimal(first), *lead, "to", *decimal(last), *said]


def _measured(cores: Sequence[str], at: int) -> list[str] | None:
    """A number with its unit or scale: "25°C", "3.5k", "10x"."""
    match = _MEASURED.fullmatch(cores[at])
    if match is None:
        return None
    number, unit = match.groups()
    if unit == "x" or unit == "×":
        return [*decimal(number), "times"]
    said = _unit_or_scale(unit, one=is_one(number) or cores[at] == f"{number}-{unit}")
    return None if said is None else [*decimal(number), *said]


def _unit_or_scale(text: str, one: bool) -> list[str] | None:
    if text in SCALE_LETTERS and (text not in UNITS or text in "BK"):
        return [SCALE_LETTERS[text]]
    return unit_words(text, one)


def _power(cores: Sequence[str], at: int) -> list[str] | None:
    match = re.fullmatch(r"(\d+)(?:\^(-?\d+)|([⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))", cores[at])
    if match is None:
        return None
    raised = match.group(2) or unicodedata.normalize("NFKC", match.group(3)).replace("−", "-")
    return [*cardinal(int(match.group(1))), "to", "the", "power", "of", *cardinal(int(raised))]


def _dimensions(cores: Sequence[str], at: int) -> list[str] | None:
    match = re.fullmatch(rf"({NUMBER})[x×]({NUMBER})(\D*)", cores[at])
    if match is None:
        return None
    unit = unit_words(match.group(3), one=False) if match.group(3) else []
    return None if unit is None else [*decimal(match.group(1)), "by", *decimal(match.group(2)), *unit]


def _version(cores: Sequence[str], at: int) -> list[str] | None:
    match = re.fullmatch(r"(v?)(\d+(?:\.\d+)+)", cores[at])
    if match is None or (not match.group(1) and cores[at].count(".") < 2):
        return None
    numbers = [word for part in match.group(2).split(".") for word in ("point", *decimal(part))]
    return [*(["version"] if match.group(1) else []), *numbers[1:]]


def _parts(core: str) -> list[str]:
    """Letters and digits by turns: "H2O" → H two O, "COVID-19" → COVID nineteen, "B-52s" → B fifty two s."""
    from tts.rules import letters, plain_words

    core = unicodedata.normalize("NFKC", core)
    out: list[str] = []
    for part in re.findall(rf"{NUMBER}|[^\d]+", core):
        if part[0].isdigit() or part[0] == ".":
            out += decimal(part)
        else:
            for word in plain_words(part):
                out += letters(word) if word.isupper() and len(word) <= 3 else [word]
    return out


_FORMS: tuple[Form, ...] = (
    _amount, _date, _day, _years, _time, _ratio, _telephone, _ordinal, _fraction, _feet, _number, _ranged,
    _measured, _power, _dimensions, _version, _signed,
)  # fmt: skip
