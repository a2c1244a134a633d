"""Words for the grammars' slots, dealt out so that no two splits share a content word.

A core that is judged on words that it was trained on is judged on its memory. So entries that share a content word
("orange juice", "apple juice") form a group, and a group goes to one split as a whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from duplex.resources import config_path


class Split(StrEnum):
    """What a text, a voice or a noise is for."""

    train = "train"
    validation = "validation"
    test = "test"


SHARES = {Split.train: 0.6, Split.validation: 0.2, Split.test: 0.2}
"""Of the entries of each open slot, about."""

_FUNCTION = frozenset(
    [
        "a",
        "an",
        "and",
        "all",
        "any",
        "at",
        "be",
        "been",
        "by",
        "can",
        "could",
        "day",
        "every",
        "for",
        "from",
        "gets",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "i",
        "in",
        "into",
        "is",
        "it",
        "itself",
        "like",
        "me",
        "my",
        "no",
        "not",
        "of",
        "off",
        "on",
        "one",
        "or",
        "our",
        "out",
        "over",
        "own",
        "she",
        "so",
        "some",
        "that",
        "the",
        "their",
        "them",
        "then",
        "they",
        "this",
        "time",
        "to",
        "too",
        "two",
        "up",
        "was",
        "we",
        "were",
        "what",
        "with",
        "won't",
        "you",
        "your",
    ]
)
"""Words that belong to nobody: too common to be remembered by."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one split.

    Attributes:
        slots: entries by slot, open and closed ones.
        owned: the content words that are this split's alone.
    """

    slots: Mapping[str, tuple[str, ...]]
    owned: frozenset[str]


def content_words(text: str) -> set[str]:
    """The words that a text may be remembered by, in lower case.

    >>> sorted(content_words("Put it on the fried rice, please"))
    ['fried', 'please', 'put', 'rice']
    """
    return set(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower())) - _FUNCTION


@cache
def lexicon(split: Split) -> Lexicon:
    """The shipped lexicon's words for one split.

    Raises:
        ResourceError: this installation has no lexicon.
    """
    import yaml  # `duplex --help` needs the splits' names alone

    given = yaml.safe_load(config_path("core/lexicon.yaml").read_text(encoding="utf-8"))
    closed = {slot: _entries(line) for slot, line in given["closed"].items()}
    opened = {slot: _entries(line) for slot, line in given["open"].items()}
    dealt = deal(opened)[split]
    owned = frozenset(
        word for entries in dealt.values() for entry in entries for word in content_words(entry)
    )
    return Lexicon({**closed, **dealt}, owned)


def _entries(line: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.strip() for entry in line.split(",") if entry.strip()))


def deal(slots: Mapping[str, Sequence[str]]) -> dict[Split, dict[str, tuple[str, ...]]]:
    """Deal the entries of each slot to the splits, in `SHARES`, words that are shared going together."""
    groups = _groups(slots)
    order = sorted(groups, key=lambda group: (-len(group), _hash(group[0][1])))
    given = {split: dict.fromkeys(slots, 0) for split in SHARES}
    dealt: dict[Split, dict[str, list[str]]] = {split: {slot: [] for slot in slots} for split in SHARES}
    for group in order:

        def lacks(split: Split, group: Sequence[tuple[str, str]] = group) -> float:
            """How far the split is behind its share in the slots that the group has."""
            behind = (SHARES[split] * len(slots[slot]) - given[split][slot] for slot, _ in group)
            return sum(behind) / (len(group) * SHARES[split])

        best = max(SHARES, key=lacks)
        for slot, entry in group:
            given[best][slot] += 1
            dealt[best][slot].append(entry)
    return {split: {slot: tuple(found) for slot, found in own.items()} for split, own in dealt.items()}


def _groups(slots: Mapping[str, Sequence[str]]) -> list[list[tuple[str, str]]]:
    """(slot, entry) pairs that hang together by content words, each group in the order of the file."""
    group_of: dict[str, int] = {}
    groups: dict[int, list[tuple[str, str]]] = {}
    for number, (slot, entry) in enumerate((slot, e) for slot, entries in slots.items() for e in entries):
        words = content_words(entry) or {entry}
        groups[number] = [(slot, entry)]
        for old in sorted({group_of[word] for word in words if word in group_of}):
            groups[number] = groups.pop(old) + groups[number]
        for _, member in groups[number]:
            for word in content_words(member) or {member}:
                group_of[word] = number
    return list(groups.values())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
