"""Arguments against a JSON Schema: what is missing, what is wrong, and the few repairs that cannot change a meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jsonschema
from rapidfuzz import fuzz, process, utils

from tools_rag.tools.types import ToolError

MAX_SCHEMA = 32 * 1024
_LIKELY = 85.0
"""Of 100: a word of an enumeration may be this unlike (`capuccino`), not more."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises ValueError if it is no JSON Schema of an object, or refers to anything outside itself."""
    if len(str(schema)) > MAX_SCHEMA:
        raise ValueError(f"a schema of over {MAX_SCHEMA} characters")
    if schema.get("type") != "object":
        raise ValueError("the schema of arguments is an object")
    for each in _parts(schema):
        if isinstance(pattern := each.get("pattern"), str) and not is_pattern(pattern):
            raise ValueError("a pattern that is no regular expression here")
    if any(str(each.get("$ref", "#")).partition("#")[0] for each in _parts(schema)):
        raise ValueError("the schema refers to another document")
    try:
        jsonschema.Draft202012Validator.check_schema(dict(schema))
    except jsonschema.SchemaError as error:
        raise ValueError(f"no JSON Schema: {error.message}") from error


def is_pattern(text: str) -> bool:
    """Whether a text is a regular expression: some of JavaScript's are none of Python's."""
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def missing(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    """The required arguments that are not there, in the schema's order."""
    return [name for name in schema.get("required", ()) if name not in arguments]


def repaired(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with types and spellings as the schema has them where that is plain, and no others.

    Raises:
        ToolError: (`arguments`) what is still wrong after that, the first thing in one line.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    known = {name: value for name, value in arguments.items() if name in properties and value is not None}
    fixed = {name: _repair(properties[name], value) for name, value in known.items()}
    validator = jsonschema.Draft202012Validator(dict(schema))
    fault = next(iter(validator.iter_errors(fixed)), None)
    if fault is not None:
        where = ".".join(map(str, fault.absolute_path))
        raise ToolError("arguments", f"{where}: {fault.message}" if where else fault.message)
    return fixed


def _repair(schema: Mapping[str, Any], value: Any) -> Any:
    if options := schema.get("enum"):
        return _nearest(options, value)
    kind = schema.get("type")
    if kind in ("integer", "number") and isinstance(value, str):
        return _number(value, kind == "integer")
    if kind == "boolean" and isinstance(value, str):
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower(), value)
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _nearest(options: list[Any], value: Any) -> Any:
    if value in options or not isinstance(value, str):
        return value
    texts = [option for option in options if isinstance(option, str)]
    found = process.extractOne(
        value, texts, scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=_LIKELY
    )
    return found[0] if found else value


def _number(text: str, whole: bool) -> Any:
    try:
        number = float(text.replace(",", "").strip())
    except ValueError:
        return text
    return int(number) if whole and number.is_integer() else number


def _parts(schema: Any) -> list[Mapping[str, Any]]:
    """Every mapping in a schema."""
    if isinstance(schema, Mapping):
        return [schema, *(part for value in schema.values() for part in _parts(value))]
    if isinstance(schema, list | tuple):
        return [part for value in schema for part in _parts(value)]
    return []
