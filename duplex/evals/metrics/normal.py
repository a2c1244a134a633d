"""Values and phrases brought to a form in which two spellings of the same thing are equal."""

from __future__ import annotations

import re
from typing import Any

from duplex.evals.crag.normal import tokens

_A_HUNDRED = re.compile(r"\ba (?=(?:hundred|thousand|million|billion)\b)", re.IGNORECASE)
_LITTLE = (
    "i you he she it we they me my your his her its our their this that these those is are was were be been am do "
    "does did have has had will would can could should may might must shall to of in on at by for with from as "
    "and or but if so then than not no yes please what which who when where why how there here just about into "
    "over up out let t m re ve ll um uh okay ok like want need get go some any something else talk tell us"
)
_STOPWORDS = frozenset(_LITTLE.split())


def normal(value: Any) -> str:
    """A value of any kind as one string, without regard to case, punctuation, and how numbers and dates are written.

    >>> normal("A hundred and five"), normal(105.0), normal("March 3rd, 2026") == normal("2026-03-03")
    ('105', '105', True)
    """
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else f"{value:g}"
    if isinstance(value, list | tuple):
        return " | ".join(sorted(normal(each) for each in value))
    if isinstance(value, dict):
        return " | ".join(f"{key}: {normal(value[key])}" for key in sorted(value))
    return " ".join(tokens(_A_HUNDRED.sub("one ", str(value))))


def holds(text: str, phrase: str) -> bool:
    """Whether a text has a phrase in it, as whole words, both brought to the same form."""
    wanted = normal(phrase)
    return bool(wanted) and f" {wanted} " in f" {normal(text)} "


def content_words(text: str) -> list[str]:
    """The words that carry what a text is about, each once."""
    return list(dict.fromkeys(word for word in tokens(text) if word not in _STOPWORDS and len(word) > 1))
