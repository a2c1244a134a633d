"""How much a tool is meant by words: by its name, its description, the phrases that its builder gives, its values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from tools_rag.tools.said import words_of
from tools_rag.words import STOP_WORDS

PHRASE, WORD, VALUE = 2.0, 1.0, 1.0
"""What a phrase counts, a content word of the name and one of the description, and each argument that was found."""
ASKING = 2.0
"""What is taken off a write where the words only ask about it."""
_QUESTION = re.compile(
    r"^(?:(?:uh|um|so|and|well|okay|hi|hello|hey|wait|hold on|hang on|sorry|but|oh)\b|[\s,.])*"
    r"(?:what|which|how|why|when|who|where|is|are|was|does|do you|did|tell me|explain)\b"
    r"(?! about\b| (?:it|that) (?:possible|okay|ok|all right)\b)",
    re.I,
)


class Cues:
    """What speaks for a tool.

    Args:
        name, description: the tool's.
        phrases: what callers say who mean it, such as "can I have".
        write: it changes something, so that a question about it is not enough.

    Attributes:
        own: the words of all these.
    """

    def __init__(self, name: str, description: str, phrases: Sequence[str] = (), write: bool = False) -> None:
        self._name = _stems(name.replace("_", " "))
        self._description = _stems(description)
        self._phrases = [" ".join(words_of(phrase).plain) for phrase in phrases]
        self.own = frozenset(
            word for text in (name.replace("_", " "), description, *phrases) for word in words_of(text).plain
        )
        self._write = write

    def score(self, text: str, values: int) -> float:
        """How much speaks for it, from 0.

        Args:
            text: what was said.
            values: how many of its arguments were found there.
        """
        words = words_of(text).plain
        said = f" {' '.join(words)} "
        stems = _stems(text)
        own = len(stems & self._name) + len(stems & self._description)
        phrase = any(f" {each} " in said for each in self._phrases)
        score = VALUE * values + WORD * own + PHRASE * phrase
        if self._write and not phrase and _QUESTION.match(text):
            score -= ASKING
        return max(0.0, score)


def is_question(text: str) -> bool:
    """Whether words ask something, as far as their beginning and their mark tell."""
    return bool(_QUESTION.match(text)) or text.rstrip().endswith("?")


def only_asks(text: str) -> bool:
    """Whether words are a question by their beginning, and no wish in the form of one: "could you make it large?"."""
    return bool(_QUESTION.match(text))


@lru_cache(maxsize=4_096)
def stem(word: str) -> str:
    """A word without what is often added to it: `orders`, `ordered` and `ordering` are `order`."""
    return re.sub(r"(?:ings?|ed|es|s|er|ers)$", "", word) if len(word) > 4 else word


def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words_of(text).plain if _tells(word))


def _tells(word: str) -> bool:
    return word not in STOP_WORDS and len(word) > 2
