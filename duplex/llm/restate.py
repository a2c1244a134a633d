"""A question turned round into the beginning of its answer, which so says nothing that was not asked."""

from __future__ import annotations

import re

_IS = re.compile(r"(?:what|which|who)(?:'s| (is|are|was|were)) (the \S+ .+)", re.I)
_AUXILIARY = "is|are|was|were|do|does|did|can|could|will|would|should|may|has|have|had|of|in|on"
_DOES = re.compile(rf"(?:what|which) ([a-z]+) (?!(?:{_AUXILIARY})\b)([a-z]+) (.+)", re.I)


def restated(question: str) -> str:
    """How an answer may begin; empty where no rule knows.

    >>> restated("What is the deepest lake in the world?"), restated("Which river leaves Lake Baikal?")
    ('The deepest lake in the world is', 'The river that leaves Lake Baikal')
    >>> restated("How deep is it?")
    ''
    """
    asked = question.strip().rstrip("?.! ")
    if match := _IS.fullmatch(asked):
        return f"T{match[2][1:]} {(match[1] or 'is').lower()}"
    if match := _DOES.fullmatch(asked):
        return f"The {match[1].lower()} that {match[2]} {match[3]}"
    return ""
