"""Numbers as English words, on num2words; each function is pure and gives plain words without hyphens or commas."""

from __future__ import annotations

import re
from functools import lru_cache

from tts.lexicon import VULGAR

MAX_DIGITS = 15
"""A longer number is read digit by digit: nobody follows quintillions."""

NUMBER = r"(?:\d{1,3}(?:[,\u202f\u00a0']\d{3})+|\d+)(?:\.\d+)?|\.\d+"
"""What is written as a decimal number: "82,100", "3.5", ".5"."""
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_ROMAN = re.compile(r"M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


@lru_cache(maxsize=2048)
def _num2words(number: int, kind: str) -> tuple[str, ...]:
    from num2words import num2words

    return tuple(re.findall(r"[a-z]+", num2words(number, lang="en", to=kind)))


def cardinal(number: int) -> list[str]:
    """82100 → eighty two thousand one hundred."""
    if len(str(abs(number))) > MAX_DIGITS:
        return digits(str(number))
    return [*(["minus"] if number < 0 else []), *_num2words(abs(number), "cardinal")]


def ordinal(number: int) -> list[str]:
    """21 → twenty first."""
    return list(_num2words(number, "ordinal")) if len(str(number)) <= MAX_DIGITS else digits(str(number))


def digits(text: str) -> list[str]:
    """ "007" → zero zero seven; other characters are left out."""
    return [_DIGITS[int(char)] for char in text if char in "0123456789"]


def decimal(text: str) -> list[str]:
    """A number as in `NUMBER`: "3.14" → three point one four; "007" → zero zero seven."""
    whole, point, fraction = re.sub(r"[^\d.]", "", text).partition(".")
    plain = whole == text.partition(".")[0]
    if len(whole) > MAX_DIGITS or (plain and len(whole) > 1 and whole[0] == "0"):
        head = digits(whole)
    else:
        head = cardinal(int(whole)) if whole else []
    return [*head, "point", *digits(fraction)] if point and fraction else head


def is_one(text: str) -> bool:
    """Whether a unit behind this number is singular."""
    return re.sub(r"[^\d.]", "", text) == "1"


def year(number: int) -> list[str]:
    """1905 → nineteen oh five; 2024 → twenty twenty four; 2005 → two thousand five; 1800 → eighteen hundred."""
    high, low = divmod(number, 100)
    if number < 1000 or 2000 <= number < 2010 or not number % 1000:
        return cardinal(number) if number != 0 else ["zero"]
    if low == 0:
        return [*cardinal(high), "hundred"]
    return [*cardinal(high), *(["oh"] if low < 10 else []), *cardinal(low)]


def decade(number: int) -> list[str]:
    """1990 → nineteen nineties; 1800 → eighteen hundreds; 90 → nineties."""
    words = year(number)
    last = words[-1]
    words[-1] = f"{last[:-1]}ies" if last.endswith("y") else f"{last}s"
    return words


def fraction(numerator: int, denominator: int) -> list[str]:
    """3, 4 → three quarters."""
    names = {2: ["half", "halves"], 4: ["quarter", "quarters"]}
    if denominator in names:
        name = [names[denominator][numerator != 1]]
    else:
        name = ordinal(denominator)
        if numerator != 1:
            name[-1] += "s"
    return [*cardinal(numerator), *name]


def clock(hours: int, minutes: int, on_the_hour: str = "o'clock") -> list[str]:
    """15, 5 → fifteen oh five; on the hour `on_the_hour` follows, unless it is empty."""
    if minutes == 0:
        return [*cardinal(hours), *([on_the_hour] if on_the_hour else [])]
    return [*cardinal(hours), *(["oh"] if minutes < 10 else []), *cardinal(minutes)]


def roman(text: str) -> int | None:
    """The value of a Roman numeral in capitals, or None."""
    if not text or not _ROMAN.fullmatch(text):
        return None
    values = [_ROMAN_VALUES[char] for char in text]
    return sum(-one if one < two else one for one, two in zip(values, [*values[1:], 0], strict=True))


def spread_vulgar(text: str) -> str:
    """ "1½" → "1 1/2"."""
    return "".join(f" {VULGAR[char]}" if char in VULGAR else char for char in text).strip()
