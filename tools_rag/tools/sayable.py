"""Which arguments a caller can say at all: what of JSON Schema the listener reads, and what is refused. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools_rag.tools.moments import FORMATS
from tools_rag.tools.spoken import resolved

_ANYWHERE = {
    *(
        "$ref",
        "title",
        "description",
        "default",
        "examples",
        "example",
        "deprecated",
        "type",
        "enum",
        "nullable",
    ),
    *("readOnly", "writeOnly", "$comment"),
}
_NO_WORDS = {
    *(
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "uri-template",
        "iri",
    ),
    *("uuid", "json-pointer", "regex", "duration", "byte", "binary", "password"),
}
"""Formats that words as they are said do not have. Others are annotations: their text is taken as it is."""
_KNOWN = {
    "string": {"pattern", "format", "minLength", "maxLength"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"},
    "boolean": set[str](),
}
"""Keywords that say what a value of a type may be, and are kept."""
_CONDITIONS = (
    *("allOf", "oneOf", "anyOf", "not", "if", "dependentRequired", "dependentSchemas", "patternProperties"),
    *("propertyNames", "minProperties", "maxProperties"),
)


def unsayable(schema: Mapping[str, Any], needed_only: bool = False) -> str:
    """Why arguments of this schema cannot all be asked for by voice; empty where they can.

    Args:
        schema: of an object, checked.
        needed_only: arguments that may be missing are passed over: they are left out.

    >>> unsayable({"type": "object", "properties": {"tags": {"type": "array"}}})
    'tags: an array cannot be said'
    """
    needed = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        if (name in needed or not needed_only) and (why := _why(resolved(schema, part))):
            return f"{name}: {why}"
    condition = next((each for each in _CONDITIONS if each in schema), "")
    return f"`{condition}` between arguments is not read" if condition and not needed_only else ""


def _why(part: Mapping[str, Any]) -> str:
    if "const" in part:
        return ""
    if "enum" in part:
        odd = [value for value in part["enum"] if not isinstance(value, str | int | float)]
        return f"the value {odd[0]!r} cannot be said" if odd and odd != [None] else ""
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in _KNOWN:
        return (
            f"an {kind} cannot be said"
            if kind in ("array", "object")
            else "it needs one `type`, or an `enum`"
        )
    unknown = sorted(part.keys() - _ANYWHERE - _KNOWN[kind] - {key for key in part if key.startswith("x-")})
    if unknown:
        return f"`{unknown[0]}` is not read"
    form = part.get("format")
    known = ", ".join(sorted(FORMATS))
    return f"the format {form} cannot be said; {known} can" if kind == "string" and form in _NO_WORDS else ""
