"""What is wrong with an agent file, said so that a person can put it right: line, key, and what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from pydantic import BaseModel, ValidationError

from duplex.agent.schema import Component, section_in
from duplex.agent.source import KeyPath, SourceError, dotted, line_of
from duplex.agent.spec import AgentSpec

MAX_FAULTS = 50
"""More are counted and not told."""
_SECRET_KEYS = frozenset({"key", "api_key", "apikey", "token", "secret", "password", "authorization"})
_ADVICE = "name the environment variable that holds the key, such as OPENAI_API_KEY; never the key itself"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. No text in it comes from a value of the file: that may be a secret.

    Attributes:
        line: where in the file, counted from 1.
        key: the key's path, such as `turns.silence_ms`; empty for the whole file.
        message: what is wrong and, where known, what to write.
    """

    line: int
    key: str
    message: str


def describe(file: Path, fault: Fault) -> str:
    """`file:line: key: message`, printable whatever the file holds."""
    key = f"{fault.key}: " if fault.key else ""
    return _printable(f"{file}:{fault.line}: {key}{fault.message}")


def from_source(error: SourceError) -> Fault:
    """The fault that kept the text from being read at all."""
    return Fault(error.line, _short(error.key), _short(str(error), 300))


def from_validation(
    error: ValidationError, lines: dict[KeyPath, int], root: type[BaseModel] = AgentSpec
) -> list[Fault]:
    """All that does not fit the specification `root`, in the order of the file."""
    found = [_fault(dict(detail), lines, root) for detail in error.errors(include_url=False)]
    found.sort(key=lambda fault: fault.line)
    if len(found) > MAX_FAULTS:
        more = Fault(found[MAX_FAULTS].line, "", f"and {len(found) - MAX_FAULTS} more faults from here on")
        return [*found[:MAX_FAULTS], more]
    return found


def _fault(detail: dict[str, Any], lines: dict[KeyPath, int], root: type[BaseModel]) -> Fault:
    where: KeyPath = tuple(detail["loc"])
    return Fault(line_of(lines, where), _short(dotted(where)), _message(detail, where, root))


def _message(detail: dict[str, Any], where: KeyPath, root: type[BaseModel]) -> str:
    kind, text = str(detail["type"]), str(detail["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return _unknown(where, root)
    if kind == "missing":
        return "this key is needed"
    if where and where[-1] == "key_env":
        return _ADVICE
    if kind in ("model_type", "model_attributes_type"):
        if detail["input"] is None:
            return "nothing stands here; give it a value or leave the key out"
        return _forms(_section(where, root))
    if kind == "string_type":
        return text if isinstance(detail["input"], dict | list | NoneType) else f"{text}; put it in quotes"
    if kind == "literal_error" and isinstance(detail["input"], str):
        return text + _hint(detail["input"], re.findall(r"'([^']*)'", str(detail["ctx"]["expected"])))
    return text


def _unknown(where: KeyPath, root: type[BaseModel]) -> str:
    last, keys = str(where[-1]), _keys(_section(where[:-1], root))
    if last.lower() in _SECRET_KEYS and "key_env" in keys:
        return f"no keys in this file: write key_env and {_ADVICE}"
    hint = _hint(last, keys)
    return (
        f"unknown key{hint}"
        if hint or not keys
        else f"unknown key; the keys here are {', '.join(sorted(keys))}"
    )


def _forms(section: type[BaseModel] | None) -> str:
    """What may stand where a section is expected."""
    if section is not None and issubclass(section, Component):
        return f"name one of {', '.join(_keys(section))}"
    return f"expected `key: value` lines; the keys here are {', '.join(_keys(section))}"


def _hint(given: str, known: Iterable[str]) -> str:
    """The nearest of what is known; the case does not matter."""
    spelt = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower()[:100], spelt, 1, 0.5)
    return f"; did you mean {spelt[close[0]]!r}?" if close else ""


def _section(where: KeyPath, root: type[BaseModel]) -> type[BaseModel] | None:
    """The section at a path under `root`; None where a plain value stands."""
    section: type[BaseModel] | None = root
    for part in where:
        if isinstance(part, int):  # a place in a list of sections
            continue
        fields = (
            {field.alias or name: field for name, field in section.model_fields.items()} if section else {}
        )
        field = fields.get(str(part))
        section = section_in(field.annotation) if field else None
    return section


def _keys(section: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()] if section else []


def _short(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _printable(text: str) -> str:
    """Without control characters and lone surrogates, which would paint the terminal or not print at all."""
    return "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in text)
