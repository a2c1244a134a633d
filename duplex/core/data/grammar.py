"""Families of templates, and the sentences that they say.

The notation is told in configs/core/grammar.yaml. A family belongs to one split as a whole, so that a test sees
neither a training sentence nor its pattern.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

import yaml

from duplex.core.data.lexicon import Lexicon, Split
from duplex.resources import config_path

_JOINED = (",", ".", "?", "!", "s", "'s")
"""What is written right behind a slot: "{animal}s", "{place}?"."""
_TOKEN = re.compile(r"\[|\]|\||\{=?\w+\}|/|[^\s\[\]|{}/]+")


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot's place in a sentence: words `first` to before `last`."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words of one template.

    Attributes:
        words: as they are written.
        may_end: numbers of words after which it could be over, though it is not.
        slots: where the lexicon's words stand.
    """

    words: tuple[str, ...]
    may_end: frozenset[int] = frozenset()
    slots: tuple[Slot, ...] = ()

    @property
    def text(self) -> str:
        """The words, joined by spaces."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Family:
    """Templates that belong together; see the grammar's head."""

    name: str
    split: Split
    kind: str
    user: tuple[str, ...]
    agent: tuple[str, ...] = ()
    reply: tuple[str, ...] = ()


@dataclass(slots=True)
class _Saying:
    """A sentence that is being written."""

    rng: Random
    lexicon: Lexicon
    last: dict[str, str]
    words: list[str] = field(default_factory=list)
    may_end: set[int] = field(default_factory=set)
    slots: list[Slot] = field(default_factory=list)

    def put_slot(self, name: str) -> None:
        again = name.startswith("=")
        name = name.removeprefix("=")
        if name not in self.lexicon.slots:
            raise ValueError(f"the grammar asks for {{{name}}}, and the lexicon has no such slot")
        entry = self.last.get(name) if again else None
        entry = entry or self.rng.choice(self.lexicon.slots[name])
        self.last[name] = entry
        first = len(self.words)
        if self.words and self.words[-1] == "a" and entry[0] in "aeiou":
            self.words[-1] = "an"
        self.words += entry.split()
        self.slots.append(Slot(name, first, len(self.words)))


@dataclass(frozen=True, slots=True)
class _Choice:
    options: tuple[tuple[str | _Choice, ...], ...]


def expand(template: str, lexicon: Lexicon, rng: Random, last: dict[str, str] | None = None) -> Sentence:
    """Say a template.

    Args:
        template: see the grammar's head.
        lexicon: words for its slots.
        rng: decides.
        last: the latest entry of each slot, for {=slot}; is brought up to date.

    Raises:
        ValueError: a bracket is not closed, or there is no such slot.
    """
    saying = _Saying(rng, lexicon, {} if last is None else last)
    _say(_parsed(template), saying)
    ends = frozenset(at for at in saying.may_end if 0 < at < len(saying.words))
    return Sentence(tuple(saying.words), ends, tuple(saying.slots))


def _say(parts: Sequence[str | _Choice], saying: _Saying) -> None:
    for part in parts:
        if isinstance(part, _Choice):
            _say(saying.rng.choice(part.options), saying)
        elif part == "/":
            saying.may_end.add(len(saying.words))
        elif part.startswith("{"):
            saying.put_slot(part[1:-1])
        elif part in _JOINED and saying.words:
            saying.words[-1] += part
        else:
            saying.words.append(part)


@cache
def _parsed(template: str) -> tuple[str | _Choice, ...]:
    tokens = _TOKEN.findall(template)
    options, rest = _options(tokens, 0)
    if rest != len(tokens) or len(options) != 1:
        raise ValueError(f"brackets do not match in the template {template!r}")
    return options[0]


def _options(tokens: Sequence[str], at: int) -> tuple[list[tuple[str | _Choice, ...]], int]:
    """Alternatives from token `at` up to a closing bracket or the end, and where that is."""
    options: list[list[str | _Choice]] = [[]]
    while at < len(tokens) and tokens[at] != "]":
        if tokens[at] == "[":
            inner, at = _options(tokens, at + 1)
            if at >= len(tokens):
                raise ValueError(f"a bracket is not closed in {' '.join(tokens)!r}")
            options[-1].append(_Choice(tuple(inner)))
        elif tokens[at] == "|":
            options.append([])
        else:
            options[-1].append(tokens[at])
        at += 1
    return [tuple(option) for option in options], at


@cache
def families(split: Split) -> tuple[Family, ...]:
    """The shipped families of one split.

    Raises:
        ResourceError: this installation has no grammar.
    """
    given = yaml.safe_load(config_path("core/grammar.yaml").read_text(encoding="utf-8"))["families"]
    found = (_family(name, family) for name, family in given.items())
    return tuple(family for family in found if family.split is split)


def _family(name: str, given: Mapping[str, str]) -> Family:
    lines = {key: tuple(filter(None, map(str.strip, given.get(key, "").splitlines()))) for key in
             ("user", "agent", "reply")}  # fmt: skip
    return Family(name, Split(given["split"]), given["kind"], **lines)
