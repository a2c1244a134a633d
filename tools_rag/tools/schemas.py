"""Schemas of an OpenAPI document as JSON Schemas that stand for themselves: references followed, 3.0 written as 3.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools_rag.tools.arguments import is_pattern

MAX_PARTS = 2_000
"""Parts of one schema, references followed: what refers to itself by halves would grow without end."""
# fmt: off
_KEPT = frozenset({
    "type", "enum", "const", "properties", "required", "items", "format", "pattern", "minLength", "maxLength",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems",
    "additionalProperties", "description", "default", "anyOf", "oneOf",
})
# fmt: on


class Inliner:
    """Reads schemas of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._parts = 0

    def schema(self, given: Any, using: tuple[str, ...] = ()) -> dict[str, Any]:
        """A schema for what is sent: without what the server alone writes, and without null.

        Args:
            given: as it stands in the document.
            using: the references that led here.

        Raises:
            ValueError: it refers to itself, to nothing or to another document, or is too large.
        """
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ValueError(f"a schema of over {MAX_PARTS} parts")
        if not isinstance(given, Mapping):  # `true`: anything
            return {}
        if reference := given.get("$ref"):
            if reference in using:
                raise ValueError(f"the schema {str(reference)[:80]} refers to itself")
            beside = {key: value for key, value in given.items() if key != "$ref"}
            return self.schema({**self.at(reference), **beside}, (*using, reference))
        made = {str(key): value for key, value in given.items() if key in _KEPT}
        self._nested(made, using)
        for part in given.get("allOf", ()):
            _join(made, self.schema(part, using))
        return _as_3_1(made)

    def at(self, reference: Any) -> Mapping[str, Any]:
        """What a reference within the document leads to. Raises ValueError."""
        parts = str(reference).split("/")
        found: Any = self._document
        for part in parts[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        if parts[0] != "#" or not isinstance(found, Mapping):
            raise ValueError(f"{str(reference)[:80]} leads to nothing in this document")
        return found

    def part(self, given: Any) -> Mapping[str, Any]:
        """A parameter or body that may be a reference to one. Raises ValueError."""
        for _ in range(5):
            if not isinstance(given, Mapping) or "$ref" not in given:
                break
            given = self.at(given["$ref"])
        if not isinstance(given, Mapping) or "$ref" in given:
            raise ValueError("the document is not of the form that OpenAPI has")
        return given

    def _nested(self, made: dict[str, Any], using: tuple[str, ...]) -> None:
        """Go into what a schema is made of."""
        properties = made.get("properties")
        if isinstance(properties, Mapping):
            read = {str(name): self.schema(each, using) for name, each in properties.items()}
            own = {str(name) for name, each in properties.items() if not self._only_read(each)}
            made["properties"] = {name: each for name, each in read.items() if name in own}
            if isinstance(made.get("required"), list):
                made["required"] = [name for name in made["required"] if name in own or name not in read]
        for key in ("items", "additionalProperties"):
            if isinstance(made.get(key), Mapping):
                made[key] = self.schema(made[key], using)
        for key in ("anyOf", "oneOf"):
            if isinstance(made.get(key), list):
                made[key] = [self.schema(each, using) for each in made[key]]

    def _only_read(self, given: Any) -> bool:
        """Whether the server alone writes it."""
        return isinstance(given, Mapping) and given.get("readOnly") is True


def _join(made: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Let a schema ask for what another asks for too."""
    for key, value in other.items():
        if key == "properties":
            made[key] = {
                **made.get(key, {}),
                **{name: each for name, each in value.items() if name not in made.get(key, {})},
            }
        elif key == "required":
            made[key] = [*made.get(key, ()), *(name for name in value if name not in made.get(key, ()))]
        else:
            made.setdefault(key, value)


def _as_3_1(made: dict[str, Any]) -> dict[str, Any]:
    """3.0 has a flag where 3.1 has the bound itself; nobody says null, and a type alone is no list."""
    for bound, flag in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(made.get(flag), bool) and made.pop(flag) and bound in made:
            made[flag] = made.pop(bound)
    if isinstance(made.get("type"), list):
        kinds = [kind for kind in made.pop("type") if kind != "null"]
        if kinds:
            made["type"] = kinds[0] if len(kinds) == 1 else kinds
    if not is_pattern(str(made.get("pattern", ""))):
        del made["pattern"]  # the server checks it
    if isinstance(made.get("enum"), list):
        made["enum"] = [value for value in made["enum"] if value is not None]
    return made
