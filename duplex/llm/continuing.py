"""How an answer goes on from words of it that were said before it was known. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
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
    """
    said, written = [plain(word) for word in begun.split()], answer.split()
    coming = [plain(word) for word in written]
    if coming[: len(said)] == said:
        return Continuation(" ".join(written[len(said) :]), "follows")
    if begun.endswith(_ENDS):
        return Continuation(_within(answer) if begun[-1] in ",:" else answer, "follows")
    for size in range(min(len(said), len(coming)), _LEAST_OVERLAP - 1, -1):
        if said[-size:] == coming[:size]:
            return Continuation(" ".join(written[size:]), "overlap")
    return Continuation(f"{repair()} {answer}".strip(), "repair")


def _within(answer: str) -> str:
    """A sentence as it goes on after a comma: a function word at its beginning loses its capital."""
    first, _, rest = answer.partition(" ")
    lower = plain(first) in STOP and plain(first) != "i" and not plain(first).startswith("i'")
    return f"{first.lower() if lower else first} {rest}".strip()
