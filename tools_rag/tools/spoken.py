"""Arguments in what a person said: the values of a JSON Schema found in recognised words, without a model.

Values of an enumeration are found by spelling and by sound, as names are in `tools_rag.names`, numbers by their
words, patterns in the digits, days and times by a grammar. People correct themselves, so that of two values for one
argument the later one counts, and what is said to be unwanted does not ("not the large", "instead of milk", "no
sugar").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from tools_rag.names import plain, sound
from tools_rag.tools.moments import aloud, moments
from tools_rag.tools.numbers import digits, likely, numbers
from tools_rag.tools.said import Found, Words, is_unwanted, settled, words_of
from tools_rag.words import STOP_WORDS

LIKENESS, OTHER_CUT, WORD_LIKENESS = 0.78, 0.86, 0.55
"""Least likeness (0..1, mean of spelling and sound) of a value: cut into as many words, into others; of each word."""
EXPECTED = 0.12
"""So much less is enough for a value of the argument that was just asked for."""
_ALIKE = {"a": "eight", "ate": "eight", "to": "two", "too": "two", "for": "four", "won": "one", "oz": "ounce"}
"""What recognisers write for another word that is said alike, and units."""


@dataclass(frozen=True, slots=True)
class _Option:
    name: str
    value: Any
    words: tuple[str, ...]

    @property
    def joined(self) -> str:
        return "".join(map(plain, self.words))


class Listener:
    """Finds a schema's values in words. Made once for a tool, used for every turn.

    Args:
        schema: JSON Schema of the arguments, an object.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        properties: Mapping[str, Any] = schema.get("properties", {})
        self._properties = {name: resolved(schema, each) for name, each in properties.items()}
        self._now: datetime | None = None
        self._options = [
            _Option(name, value, words_of(str(value)).plain)
            for name, each in self._properties.items()
            for value in each.get("enum", ())
            if isinstance(value, str | int | float) and words_of(str(value)).plain
        ]
        self._joined = [option.joined for option in self._options]
        self._exact: dict[str, _Option] = {}
        for option in reversed(self._options):
            self._exact[option.joined] = option
        self._longest = 1 + max((len(option.words) for option in self._options), default=0)
        self._short = self._short_forms()

    def at(self, now: datetime) -> Listener:
        """The same at this time, with its time zone: without one, no days and times are found."""
        here = copy(self)
        here._now = now
        return here

    def aloud(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as they are said."""
        return aloud(self._properties, values, self._now.date() if self._now else None)

    def find(self, text: str, asked: str = "") -> dict[str, Any]:
        """The arguments that the words give; None for one that is unwanted.

        Args:
            text: what was said.
            asked: the argument that was just asked for.
        """
        words = words_of(text)
        found = self._values(words, asked)
        taken = {place for each in found for place in range(each.start, each.end)}
        named = {each.name for each in found}
        found += [each for each in self._shortened(words, taken) if each.name not in named]
        taken |= {place for each in found for place in range(each.start, each.end)}
        if self._now is not None:
            found += moments(self._properties, words, self._now, asked, taken)
            taken |= {place for each in found for place in range(each.start, each.end)}
        found += self._numbers(words, taken, asked)
        return settled(words, found) | self._patterns(words) | self._flags(words, asked)

    def _values(self, words: Words, asked: str) -> list[Found]:
        """Values of enumerations, the likeliest and longest first, none over another."""
        spans: list[tuple[float, int, int, _Option]] = []
        count = len(words.plain)
        for start in range(count):
            for end in range(start + 1, min(start + self._longest, count) + 1):
                if any(place in words.after_mark for place in range(start + 1, end)):
                    break
                if match := self._nearest(words.plain[start:end], asked):
                    spans.append((match[0] ** 2 * len(match[1].joined), start, end, match[1]))
        chosen: list[tuple[float, int, int, _Option]] = []
        for span in sorted(spans, key=lambda each: (-each[0], each[1], each[2])):
            if all(span[2] <= other[1] or span[1] >= other[2] for other in chosen):
                chosen.append(span)
        return [Found(option.name, option.value, start, end) for _, start, end, option in chosen]

    def _nearest(self, span: Sequence[str], asked: str) -> tuple[float, _Option] | None:
        heard = "".join(map(plain, span))
        if option := self._exact.get(heard) or self._exact.get(heard.removesuffix("s")):
            return 1.0, option
        alike = "".join(plain(_ALIKE.get(word, word)) for word in span)
        if len(span) > 1 and (option := self._exact.get(alike)):
            return 0.95, option
        if len(heard) < 3 or span[0] in STOP_WORDS or span[-1] in STOP_WORDS:
            return None
        close = process.extract(
            heard, self._joined, scorer=Levenshtein.normalized_similarity, score_cutoff=0.55, limit=5
        )
        best: tuple[float, _Option] | None = None
        for _, spelt, place in close:
            option = self._options[place]
            likeness = _likeness(spelt, heard, self._joined[place])
            least = _least(span, option) - (EXPECTED if option.name == asked else 0.0)
            if likeness >= least and (best is None or likeness > best[0]):
                best = likeness, option
        return best

    def _short_forms(self) -> dict[str, _Option]:
        """By a word that stands in the values of one argument alone, the shortest value that has it: "double"."""
        having: dict[str, list[_Option]] = {}
        for option in self._options:
            for word in set(option.words):
                having.setdefault(word, []).append(option)
        short: dict[str, _Option] = {}
        for word, options in having.items():
            first = min(options, key=lambda option: len(option.joined))
            one = all(
                option.name == first.name and set(first.words) <= set(option.words) for option in options
            )
            if one and len(word) >= 4 and word not in STOP_WORDS:
                short[word] = first
        return short

    def _shortened(self, words: Words, taken: set[int]) -> list[Found]:
        return [
            Found(option.name, option.value, place, place + 1)
            for place, word in enumerate(words.plain)
            if place not in taken and (option := self._short.get(word)) is not None
        ]

    def _numbers(self, words: Words, taken: set[int], asked: str) -> list[Found]:
        """Numbers that are no part of another value: for the argument that is asked, named near by, or the only one."""
        slots = [n for n, each in self._properties.items() if each.get("type") in ("integer", "number")]
        found = []
        heard = [likely(word) for word in words.plain] if asked in slots else words.plain
        for value, start, end in numbers(heard) if slots else []:
            if taken & set(range(start, end)):
                continue
            near = set(words.plain[max(0, start - 3) : end + 3])
            named = [name for name in slots if near & set(_about(name))]
            if words.plain[start:end] == ("one",) and not named and asked not in slots:
                continue  # "a large one"
            name = (named or ([asked] if asked in slots else []) or (slots if len(slots) == 1 else []))[:1]
            if name and _within(self._properties[name[0]], value):
                whole = self._properties[name[0]]["type"] == "integer"
                found.append(Found(name[0], int(value) if whole else value, start, end))
        return found

    def _patterns(self, words: Words) -> dict[str, Any]:
        """Texts that have a pattern, such as the number of an order; digits may be spelt."""
        spelt = digits(words.plain)
        joined = re.sub(r"(?<=\d) (?=\d)", "", spelt)
        found = {}
        for name, each in self._properties.items():
            pattern = each.get("pattern") if each.get("type") == "string" else None
            if pattern and (match := re.search(pattern.strip("^$"), joined, re.I)):
                found[name] = match[0].upper() if pattern.isupper() else match[0]
        return found

    def _flags(self, words: Words, asked: str) -> dict[str, Any]:
        """Yes-or-no arguments that are named: "gift wrapped", "no gift wrap"."""
        found = {}
        said = [word.rstrip("s") for word in words.plain]
        for name, each in self._properties.items():
            if each.get("type") != "boolean" or name == asked:
                continue
            about = [word.rstrip("s") for word in _about(name)]
            if about and all(word in said for word in about):
                first = min(said.index(word) for word in about)
                found[name] = (
                    not is_unwanted(words, first) and "no" not in words.plain[max(0, first - 1) : first]
                )
        return found


def spoken_values(schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they are said."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    return aloud({name: resolved(schema, each) for name, each in properties.items()}, values, None)


def resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A property with its `$ref` followed, and what is not null of an `anyOf` (as pydantic writes `X | None`)."""
    for _ in range(3):
        if reference := str(part.get("$ref", "")):
            target: Any = schema
            for key in reference.removeprefix("#/").split("/"):
                target = target.get(key, {})
            part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
        elif options := [each for each in part.get("anyOf", ()) if each.get("type") != "null"]:
            part = {**options[0], **{key: value for key, value in part.items() if key != "anyOf"}}
    return part


def _likeness(spelt: float, heard: str, option: str) -> float:
    return (spelt + Levenshtein.normalized_similarity(sound(heard), sound(option))) / 2


def _least(span: Sequence[str], option: _Option) -> float:
    """How alike these must be; nothing is enough where one word is quite another."""
    if len(span) != len(option.words):
        return OTHER_CUT
    for heard, word in zip(map(plain, span), map(plain, option.words), strict=True):
        if _likeness(Levenshtein.normalized_similarity(heard, word), heard, word) < WORD_LIKENESS:
            return 2.0
    return LIKENESS


def in_name(name: str) -> str:
    """An argument's name as words: `numberOfShots` and `number_of_shots` are "number of shots"."""
    return re.sub(r"([a-z])([A-Z])", r"\1 \2", name).replace("_", " ").lower()


def _about(name: str) -> list[str]:
    """The words that an argument is about: shots, where its name is the number of shots."""
    parts = in_name(name).split()
    return [part for part in parts if part not in STOP_WORDS and part not in ("number", "count", "amount")]


def _within(schema: Mapping[str, Any], value: float) -> bool:
    whole = schema["type"] != "integer" or value.is_integer()
    least, most = schema.get("minimum", -inf), schema.get("maximum", inf)
    above, below = schema.get("exclusiveMinimum", -inf), schema.get("exclusiveMaximum", inf)
    step = schema.get("multipleOf", 0)
    return bool(whole and least <= value <= most and above < value < below and not (step and value % step))
