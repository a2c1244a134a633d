"""How one written word is said, judged with its neighbours: words, abbreviations, addresses, symbols.

Rules are tried in order and the first that applies decides. Each takes the cores of all words of the clause
(without quotes, brackets and closing punctuation) and an index, and gives the spoken words or None.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tts.figures import figure
from tts.lexicon import (
    ABBREVIATIONS,
    BEFORE_NUMBER,
    CURRENCIES,
    CURRENCY_CODES,
    MONARCHS,
    MONTH_NAMES,
    NUMBERED,
    SCALES,
    SYMBOLS,
    UNITS,
    WEEKDAYS,
    WITHOUT_POINT,
)
from tts.numbers import NUMBER, cardinal, digits, ordinal, roman
from tts.units import is_number, money_before, unit_words

_URL = re.compile(r"(?i)(?:https?://|ftp://)?((?:[a-z0-9-]+\.)+[a-z]{2,24})(:\d+)?(/\S*)?")
_TOP_LEVELS = {"com", "org", "net", "edu", "gov", "io", "ai", "co", "uk", "de", "fr", "info", "dev", "app"} | {
    "eu", "us", "ca", "au", "nl", "ch", "jp", "me", "tv", "int",
}  # fmt: skip
_EMAIL = re.compile(r"(?i)([a-z0-9._%+-]+)@((?:[a-z0-9-]+\.)+[a-z]{2,24})")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ADDRESS = {".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon", "+": "plus"}
_ADDRESS |= {"?": "question mark", "=": "equals", "&": "and", "#": "hash", "~": "tilde", "%": "percent"}


def spoken_form(cores: Sequence[str], at: int, ended: bool) -> tuple[list[str], bool]:
    """The spoken words of `cores[at]`, letters and apostrophes only, and whether it was an abbreviation.

    Args:
        ended: a point follows the core, which is the abbreviation's then.
    """
    core = cores[at]
    abbreviated = _abbreviation(cores, at, ended)
    if abbreviated is not None:
        return abbreviated, True
    for rule in (_address, _roman, _unit):
        words = rule(cores, at)
        if words is not None:
            return words, False
    if any(char.isdigit() or unicodedata.category(char) == "No" for char in core):
        return figure(cores, at), False
    return (SYMBOLS[core].split() if core in SYMBOLS else plain_words(core)), False


def plain_words(core: str) -> list[str]:
    """The words of a core without digits: split at hyphens and other marks, in Latin letters only."""
    if re.fullmatch(r"[A-Z]{1,2}&[A-Z]{1,2}", core):  # "AT&T", "R&D"
        first, second = core.split("&")
        return [*letters(first), "and", *letters(second)]
    core = core.replace("’", "'").replace("&", " and ").replace("+", " plus ")
    parts = [part for part in _WORD.findall(unicodedata.normalize("NFKC", core)) if _latin(part)]
    if len(parts) > 1:  # "e-mail", "T-shirt", "X-ray": a letter is said by its name
        parts = [part.upper() if len(part) == 1 and part not in "aI" else part for part in parts]
    return parts


def letters(word: str) -> list[str]:
    """A word's letters by their names; "A" as "eh", since espeak takes a lone one for the article."""
    return ["eh" if letter == "A" else letter for letter in word if letter.isalpha()]


def _latin(word: str) -> bool:
    plain = word.replace("'", "")
    return plain.isalpha() and all("LATIN" in unicodedata.name(char, "") for char in plain)


def _address(cores: Sequence[str], at: int) -> list[str] | None:
    """E-mail and web addresses, letter for letter as far as they are no words."""
    core = cores[at]
    if email := _EMAIL.fullmatch(core):
        return _spelt(email.group())
    url = _URL.fullmatch(core)
    if url is None:
        return None
    scheme, top = "://" in core, url.group(1).rpartition(".")[2].lower()
    if not (scheme or core.lower().startswith("www.") or (top in _TOP_LEVELS and len(url.group(1)) > 4)):
        return None
    return _spelt(core.partition("://")[2] if scheme else core)


def _spelt(address: str) -> list[str]:
    out: list[str] = []
    for part in re.findall(r"[A-Za-z]+|\d+|[./_@:+?=&#~%-]", address.rstrip("/")):
        if part in _ADDRESS:
            out += _ADDRESS[part].split()
        elif part.isdigit():
            out += cardinal(int(part)) if len(part) <= 2 and part[0] != "0" else digits(part)
        else:
            out.append("WWW" if part.lower() == "www" else part)
    return out


def _abbreviation(cores: Sequence[str], at: int, ended: bool) -> list[str] | None:
    core, before, after = cores[at], _at(cores, at - 1), _at(cores, at + 1)
    key = core.lower()
    if key == "dr" and ended:
        return ["drive"] if before[:1].isupper() and not after[:1].isupper() else ["doctor"]
    if key in WITHOUT_POINT:
        return WITHOUT_POINT[key].split()
    if re.fullmatch(r"(?:[a-z]\.)+[a-z]", key) and key in ABBREVIATIONS:
        return ABBREVIATIONS[key].split()
    if re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", core):
        return [core.replace(".", "").upper()]
    if key in ("am", "pm") and _is_clock(before):
        return [key.upper()]
    if not ended:
        return (
            [MONTH_NAMES[key]]
            if len(key) < 5
            and core[:1].isupper()
            and key in MONTH_NAMES
            and (re.match(r"\d", after) or re.fullmatch(r"\d{1,2}", before))
            else None
        )
    if key == "st":
        return ["saint"] if after[:1].isupper() else ["street"]
    if key in BEFORE_NUMBER and re.match(r"\d", after):
        return BEFORE_NUMBER[key].split()
    if core[:1].isupper() and (key in MONTH_NAMES or key in WEEKDAYS):
        return [MONTH_NAMES.get(key) or WEEKDAYS[key]]
    if (
        key in ABBREVIATIONS
        and not (is_number(before) and core in UNITS)
        and (len(key) > 2 or after or core[:1].isupper())
    ):
        return ABBREVIATIONS[key].split()
    return None


def _roman(cores: Sequence[str], at: int) -> list[str] | None:
    """Roman numerals, only where the word before says that it is one."""
    value = roman(cores[at])
    before = _at(cores, at - 1)
    if value is None or value > 60 or not before[:1].isupper():
        return None
    if before.lower() in MONARCHS:
        after = _at(cores, at + 1)
        if cores[at] == "I" and re.fullmatch(
            r"(?:am|was|have|had|think|know|do|did|will|can|would|saw|said)", after
        ):
            return None
        return ["the", *ordinal(value)]
    return cardinal(value) if before.lower() in NUMBERED else None


def _unit(cores: Sequence[str], at: int) -> list[str] | None:
    """A unit, a scale or a currency's code behind a number."""
    core, before = cores[at], _at(cores, at - 1)
    if core.lower() in SCALES and (currency := money_before(before)):
        return [core.lower(), *currency.split()]
    number, scaled = before, False
    if before.lower() in SCALES or before in ("sq", "cu", "square", "cubic"):
        number, scaled = _at(cores, at - 2), True
    if core in ("sq", "cu"):
        return (
            ["square" if core == "sq" else "cubic"] if is_number(before) or before.lower() in SCALES else None
        )
    if not is_number(number):
        return None
    one = not scaled and re.fullmatch(r"[-−]?1", number) is not None
    if core in CURRENCY_CODES:
        return CURRENCY_CODES[core][not one].split()
    if core in CURRENCIES:
        return CURRENCIES[core][not one].split()
    if core in ("x", "×", "-", "–") and re.match(NUMBER, _at(cores, at + 1)):
        return ["by"] if core in "x×" else ["to"]
    return unit_words(core, one)


def _is_clock(core: str) -> bool:
    return re.fullmatch(r"\d{1,2}(?::\d\d)?", core) is not None


def _at(cores: Sequence[str], at: int) -> str:
    return cores[at] if 0 <= at < len(cores) else ""
