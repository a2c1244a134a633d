"""Text brought to a form in which two spellings of the same thing are equal: case, punctuation, numbers, dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


def _listed(text: str) -> list[str]:
    return text.split()


_UNITS = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = _listed("twenty thirty forty fifty sixty seventy eighty ninety")
_SMALL = {word: at for at, word in enumerate(_UNITS)} | {
    word: 10 * at for at, word in enumerate(_TENS, start=2)
}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_NTH = _listed("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")
_ORDINALS = {word: at for at, word in enumerate(_NTH, start=1)}
_NAMES = _listed("january february march april may june july august september october november december")
_MONTHS = {name: at for at, name in enumerate(_NAMES, start=1)}
_MONTHS |= {name[:3]: at for name, at in _MONTHS.items()}
_ARTICLES = {"a", "an", "the"}
STOPWORDS = frozenset(
    _listed(
        "a an the i you he she it we they me my your his her its our their this that these those is are was were be "
        "been am do does did have has had will would can could should may might must shall to of in on at by for "
        "with from as and or but if so then than not no yes please what which who when where why how there here just "
        "about into over up out let s t m re ve d ll um uh okay ok like want need get go some any something else"
    )
)


def tokens(text: str) -> list[str]:
    """Words in lower case without punctuation, numbers in digits, dates as 2026-03-01 or 03-01."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.lower().replace("’", "'"))
    text = re.sub(r"[$€£]\s?(?=\d)", "", text)
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    found = re.findall(r"\d{4}-\d{1,2}-\d{1,2}|\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*", text)
    return _dates(_numbers([word.replace("'", "") for word in found]))


def normal(value: Any) -> str:
    """A value of any kind as one string; equal values give equal strings."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, int | float):
        return _digits(float(value))
    if isinstance(value, list | tuple):
        return " | ".join(sorted(normal(each) for each in value))
    if isinstance(value, dict):
        return " | ".join(f"{key}: {normal(value[key])}" for key in sorted(value))
    return " ".join(word for word in tokens(str(value)) if word not in _ARTICLES)


def holds(text: str, phrase: str) -> bool:
    """Whether a text has a phrase in it, as whole words, both brought to the same form."""
    wanted = normal(phrase)
    return bool(wanted) and f" {wanted} " in f" {normal(text)} "


def content_words(text: str) -> list[str]:
    """The words that carry what a text is about, each once."""
    return list(dict.fromkeys(word for word in tokens(text) if word not in STOPWORDS and len(word) > 1))


def _digits(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def _numbers(words: Sequence[str]) -> list[str]:
    """Number words as digits: "two hundred and five" -> 205, "a hundred" -> 100."""
    out: list[str] = []
    at = 0
    while at < len(words):
        value, used = _number(words[at:])
        if used:
            out.append(_digits(value))
        else:
            word = words[at]
            out.append(_digits(float(word)) if re.fullmatch(r"\d+(\.\d+)?", word) else word)
        at += used or 1
    return out


def _number(words: Sequence[str]) -> tuple[float, int]:
    """The number that a list of words begins with, and how many of them say it; 0 where none does."""
    whole, part, used, kind = 0.0, 0.0, 0, ""
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word == "a" and not used and following in _SCALES:
            part = 1.0
        elif word in _SMALL and _follows(kind, _SMALL[word]):
            part, kind = part + _SMALL[word], "ten" if _SMALL[word] >= 20 else "unit"
        elif word == "hundred" and used:
            part, kind = (part or 1) * 100, "scale"
        elif word in _SCALES and used:
            whole, part, kind = whole + (part or 1) * _SCALES[word], 0.0, "scale"
        elif not (word == "and" and kind == "scale" and following in _SMALL):
            break
        used = at + 1
    return whole + part, used


def _follows(kind: str, value: int) -> bool:
    """Whether a number under 100 may follow what was said: "twenty five", not "five twenty"."""
    return kind in ("", "scale") or (kind == "ten" and 0 < value < 10)


def _dates(words: Sequence[str]) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(words):
        date, used = _date(words[at:])
        out += [date] if used else [words[at]]
        at += used or 1
    return out


def _date(words: Sequence[str]) -> tuple[str, int]:
    """The date that a list of words begins with: "march 3rd 2026", "the 3rd of march", "3 march 2026"."""
    if re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", words[0]):
        year, month, day = map(int, words[0].split("-"))
        return f"{year}-{month:02}-{day:02}", 1
    rest = [
        (at, word) for at, word in enumerate(words[:6]) if word not in ("of", "the", "st", "nd", "rd", "th")
    ]
    if len(rest) < 2 or rest[0][0] != 0:
        return "", 0
    for month, day in ((0, 1), (1, 0)):
        m, d = _MONTHS.get(rest[month][1]), _day(rest[day][1])
        if m and d:
            following = words[rest[1][0] + 1 : rest[1][0] + 2]
            suffix = 1 if following and following[0] in ("st", "nd", "rd", "th") else 0
            used = rest[1][0] + 1 + suffix
            year_word = words[used] if used < len(words) else ""
            if re.fullmatch(r"(19|20)\d\d", year_word):
                return f"{year_word}-{m:02}-{d:02}", used + 1
            return f"{m:02}-{d:02}", used
    return "", 0


def _day(word: str) -> int | None:
    value = _ORDINALS.get(word) or (int(word) if word.isdigit() else 0)
    return value if 1 <= value <= 31 else None
