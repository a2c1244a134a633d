"""What was said as words, and what of the values found in them stands: the later one, and nothing that was refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tools_rag.tools.numbers import in_words

MAX_WORDS = 60
"""Of what was said, the last so many are looked at."""
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:['’][^\W\d_]+)*|[.,;:!?–—]")
_AGAINST = ("not", "instead of", "rather than")
"""What stands before a value that another is to take the place of."""
_NONE = ("without", "don't want", "skip", "hold")
"""What stands before a value of whose kind there is to be none."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value in the words.

    Attributes:
        name: the argument.
        value: what the schema has; None where it was said to be unwanted.
        start, end: the first word, and the one behind the last.
    """

    name: str
    value: Any
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Words:
    """What was said, as words: lower-case, numbers below 1,000 spelt, and before which a pause was written."""

    plain: tuple[str, ...]
    after_mark: frozenset[int]


def words_of(text: str) -> Words:
    """The last words of a text."""
    out: list[str] = []
    marks = set()
    for token in _TOKEN.findall(text.lower()):
        if token.isdecimal() and len(token) <= 3 and (token == "0" or token[0] != "0"):
            out += in_words(int(token))
        elif token[0].isdigit():
            out.append(token)
        elif token[0].isalpha():
            out.append(token.replace("’", "'"))
        else:
            marks.add(len(out))
    cut = max(0, len(out) - MAX_WORDS)
    return Words(tuple(out[cut:]), frozenset(mark - cut for mark in marks))


def settled(words: Words, found: Sequence[Found]) -> dict[str, Any]:
    """One value for each argument: the last, unless that is unwanted and another was named."""
    known: dict[str, Any] = {}
    for each in sorted(found, key=lambda one: one.start):
        before = known.get(each.name)
        refused = _is_refused(words, each.start) or _no_such(words, each, before)
        if not refused and not is_unwanted(words, each.start):
            known[each.name] = each.value
        elif before == each.value or (refused and _holds(before, each.value)):
            known[each.name] = None
        else:
            known.setdefault(each.name, None)
    return known


def is_unwanted(words: Words, start: int) -> bool:
    """Whether what begins at this word is said to be unwanted."""
    return _ends_in(words, start, _AGAINST) or _is_refused(words, start)


def _is_refused(words: Words, start: int) -> bool:
    """Whether there is to be none of what begins at this word."""
    return _ends_in(words, start, _NONE)


def _no_such(words: Words, found: Found, before: Any) -> bool:
    """Whether "no" before a value wants none of it: "with sugar, no sugar", but not "small no large"."""
    if found.start == 0 or words.plain[found.start - 1] != "no" or found.start in words.after_mark:
        return False
    return before is None or _holds(before, found.value)


def _ends_in(words: Words, start: int, phrases: Sequence[str]) -> bool:
    before = [
        word for word in words.plain[max(0, start - 4) : start] if word not in ("a", "an", "the", "any")
    ]
    said = " ".join(before)
    return any(said.endswith(phrase) for phrase in phrases)


def _holds(value: Any, part: Any) -> bool:
    """Whether a value is another, or one of its kind: some brown sugar is sugar."""
    return value is not None and set(words_of(str(part)).plain) <= set(words_of(str(value)).plain)
