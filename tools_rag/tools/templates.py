"""Sentences with `{fields}`: what is said of a tool's arguments and of its reply.

No format language: a field is a key, or keys joined by dots, and what stands there is put in as plain words. A part in
`[brackets]` is left out where one of its fields has no value: `A {size} {drink}[ with {milk}].`
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_FIELD = 300
"""Characters of a value that are spoken: nobody listens to more, and a reply may hold anything."""
_FIELD = re.compile(r"\{([A-Za-z_]\w*(?:\.\w+)*)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_NOT_SPOKEN = re.compile(r"[^\w\s.,;:!?'’%€$£°&/()+-]")


def fields(template: str) -> list[str]:
    """The fields that a template names, each once."""
    return list(dict.fromkeys(_FIELD.findall(template)))


def filled(template: str, values: Mapping[str, Any]) -> str:
    """The sentence; a field without a value leaves nothing.

    >>> filled("A {size} {drink}[ with {milk}].", {"size": "large", "drink": "latte"})
    'A large latte.'
    """

    def optional(part: re.Match[str]) -> str:
        lacking = any(not _text(values, name) for name in _FIELD.findall(part[1]))
        return "" if lacking else part[1]

    whole = _FIELD.sub(lambda field: _text(values, field[1]), _OPTIONAL.sub(optional, template))
    whole = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(whole.split()))
    return whole[:1].upper() + whole[1:]


def plain(text: str) -> str:
    """Text from outside as it can be spoken: one line, no marks that a voice would stumble over, not too long."""
    words = " ".join(_NOT_SPOKEN.sub(" ", text).split())
    return words if len(words) <= MAX_FIELD else words[:MAX_FIELD].rsplit(" ", 1)[0]


def _text(values: Any, path: str) -> str:
    for name in path.split("."):
        if isinstance(values, Mapping):
            values = values.get(name)
        elif isinstance(values, list) and name.isdecimal() and int(name) < len(values):
            values = values[int(name)]
        else:
            return ""
    if values is None or isinstance(values, Mapping | list):
        return ""
    if isinstance(values, bool):
        return "yes" if values else "no"
    return plain(str(values))
