"""What is known of the session in which a tool is called: `{session.name}` in a template stands for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from urllib.parse import quote

current_session: ContextVar[Mapping[str, str]] = ContextVar("current_session", default=MappingProxyType({}))
"""The variables of the session under way. They come from outside."""
_FIELD = re.compile(r"\{session\.([a-z][a-z0-9_]{0,39})\}")


def names(template: str) -> list[str]:
    """The variables that a template names."""
    return _FIELD.findall(template)


def put_in(template: str, *, encoded: bool) -> str:
    """The template with the session's variables; one that is not set leaves nothing.

    Args:
        template: an address or a header's value.
        encoded: percent-encode them, as an address needs it; else line breaks and control characters are dropped.
    """

    def value(field: re.Match[str]) -> str:
        raw = current_session.get().get(field[1], "")
        return quote(raw, safe="") if encoded else "".join(c for c in raw if c.isprintable())

    return _FIELD.sub(value, template)
