"""Written text to spoken words, each spoken word with the written word that it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass

_STOP = re.compile(r"([.!?,;:…])[\"'”’)\]}*_`»]*$")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A written word and how it is said.

    Attributes:
        written: the word as it stood in the text, with its punctuation.
        words: the spoken words: letters and apostrophes only; empty for what is not spoken.
        stop: the punctuation mark behind it that shapes the speech: one of `, ; : . ! ?`, or empty.
    """

    written: str
    words: tuple[str, ...]
    stop: str = ""


def normalise(text: str) -> list[Spoken]:
    """The words of `text` as they are spoken."""
    out = []
    for token in text.split():
        stop = _STOP.search(token)
        words = tuple(re.findall(r"[^\W_]+(?:['’][^\W_]+)*", token))
        out.append(Spoken(token, words, stop.group(1).replace("…", ".") if stop else ""))
    return out
