"""How an answer goes on from words of it that were said before it was known. Pure functions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from duplex.llm.drafts import plain
from duplex.llm.lexicon import STOP


@dataclass(frozen=True, slots=True)
class Continuation:
    """What is still to be said of an answer after its prefix.

    Attributes:
        text: the words.
        how: the answer `follows` on, some words that `overlap` were left out, or it begins anew after a `repair`.
    """

    text: str
    how: Literal["follows", "overlap", "repair"]


_ENDS = tuple(",:.!?")
_LEAST_OVERLAP = 2
REFUSES = ("i'm sorry", "i am sorry", "sorry")
"""How an answer begins that there is none: it needs no other apology before it."""
_THINGS = re.compile(
    "lake|sea|loch|lough|river|mount|mountain|island|castle|museum|hotel|city|town|canal|desert|park|bridge|machine"
)
"""What is one thing, whose name may be followed by "it"."""
_VERB = re.compile(
    "is|was|has|had|does|did|can|could|will|would|may|might|began|became|lost|froze"
    "|(?!this|across|perhaps|besides|towards|its)[a-z]{3,}(?:s|ed)"
)
"""What follows a name that is a sentence's subject."""


def continued(begun: str, answer: str, repair: Callable[[], str] = lambda: "") -> Continuation:
    """The rest of `answer` after what was said of it already.

    Args:
        begun: what was said.
        answer: the whole answer, as if nothing had been.
        repair: what to say where the two do not fit: people repair what they have begun to say (Schegloff 1977).

    >>> continued("Lake Baikal is", "Lake Baikal is 1,642 metres deep.").text
    '1,642 metres deep.'
    >>> continued("As for Lake Baikal,", "The lake is 1,642 metres deep.").text
    'the lake is 1,642 metres deep.'
    >>> continued("As for Lake Baikal,", "Lake Baikal is 1,642 metres deep.").text
    'it is 1,642 metres deep.'
    """
    said, written = [plain(word) for word in begun.split()], answer.split()
    coming = [plain(word) for word in written]
    if coming[: len(said)] == said:
        return Continuation(" ".join(written[len(said) :]), "follows")
    if begun.endswith(_ENDS):
        return Continuation(_named(said, written) if begun[-1] in ",:" else answer, "follows")
    if answer.lower().startswith(REFUSES):
        return Continuation(f"— no, {answer}", "repair")
    for size in range(min(len(said), len(coming)), _LEAST_OVERLAP - 1, -1):
        if said[-size:] == coming[:size]:
            return Continuation(" ".join(written[size:]), "overlap")
    return Continuation(f"{repair()} {answer}".strip(), "repair")


def _named(said: Sequence[str], written: Sequence[str]) -> str:
    """A sentence as it goes on from words that named what it begins with: people do not say the name twice."""
    size = sum(1 for _ in itertools.takewhile(lambda word: word[:1].isupper(), written))
    name, rest = [plain(word) for word in written[:size]], written[size:]
    bare = [word.removesuffix("'s") for word in name if word != "the"]
    before = any(list(said[at : at + len(bare)]) == bare for at in range(len(said)))
    if before and rest and any(map(_THINGS.fullmatch, bare)) and written[size - 1][-1].isalnum():
        if name[-1].endswith("'s"):
            return " ".join(["its", *rest])
        if _VERB.fullmatch(plain(rest[0])):
            return " ".join(["it", *rest])
    return _within(" ".join(written))


def _within(answer: str) -> str:
    """A sentence as it goes on after a comma: a function word at its beginning loses its capital."""
    first, _, rest = answer.partition(" ")
    lower = plain(first) in STOP and plain(first) != "i" and not plain(first).startswith("i'")
    return f"{first.lower() if lower else first} {rest}".strip()
