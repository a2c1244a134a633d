"""What the tools of an agent file have in common: what is said around them, their arguments, headers and addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from duplex.agent.schema import BASE, Section
from tools_rag.tools.arguments import check_schema
from tools_rag.tools.sayable import unsayable
from tools_rag.tools.session import names as session_names
from tools_rag.tools.types import Effect

ENV_SUFFIX = "_env"
NAME = r"^[a-z][a-z0-9_]{0,63}$"
ENV = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,80}")
_SECRET = re.compile(r"authorization|cookie|token|secret|password|api-?key|^x-.*key$", re.I)
_TYPES = ("string", "integer", "number", "boolean")
_MOMENTS = ("date", "time", "date-time")
_URL = re.compile(r"https?://[^/\s{}@]+(?:/[^\s]*)?")

Text = Annotated[str, Field(max_length=400)]
Phrase = Annotated[str, Field(min_length=2, max_length=80)]
Host = Annotated[str, Field(max_length=255)]


def _parameters(given: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema of an object, from one or from the short form `name: type`, `name: [values]`, `name?: …`."""
    if given.get("type") == "object":
        return _sayable(given)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for key, value in given.items():
        name = key.removesuffix("?")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name):
            raise ValueError(
                "an argument's name is letters, digits and _, with a ? behind it if it may be missing"
            )
        properties[name] = _property(value)
        if name == key:
            required.append(name)
    return _sayable(
        {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    )


def _sayable(schema: dict[str, Any]) -> dict[str, Any]:
    check_schema(schema)
    if why := unsayable(schema):
        raise ValueError(why)
    return schema


def _property(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value in _TYPES:
        return {"type": value}
    if isinstance(value, str) and value in _MOMENTS:
        return {"type": "string", "format": value}
    if isinstance(value, list) and value and all(isinstance(each, str | int | float) for each in value):
        return {"enum": value}
    if isinstance(value, dict):
        return value
    raise ValueError(
        f"an argument is one of {', '.join((*_TYPES, *_MOMENTS))}, a list of values, or a JSON Schema"
    )


def checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """Headers as they are, where none holds a secret in the clear; raises ValueError."""
    for name, value in headers.items():
        plain = name.removesuffix(ENV_SUFFIX)
        if not _HEADER.fullmatch(plain):
            raise ValueError("a header's name is letters, digits and -")
        if plain != name and not ENV.fullmatch(value):
            raise ValueError(f"{plain}{ENV_SUFFIX} names an environment variable, such as SHOP_KEY")
        if plain == name and _SECRET.search(plain) and not session_names(value):
            raise ValueError(
                f"no secrets in this file: write {plain}{ENV_SUFFIX} and name the variable that holds it"
            )
    return headers


def checked_url(url: str) -> str:
    """An address as it is, where it is one; raises ValueError."""
    if not _URL.fullmatch(url):
        raise ValueError("the address begins with http:// or https:// and a fixed host, and holds no login")
    return url


def headers_with_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers to send. Raises LookupError with the name of a variable that is not set."""
    made: dict[str, str] = {}
    for name, value in headers.items():
        plain = name.removesuffix(ENV_SUFFIX)
        if plain != name and not os.environ.get(value):
            raise LookupError(value)
        made[plain] = os.environ[value] if plain != name else value
    return made


def usual_effect(method: str) -> Effect:
    """What a request with this method does, where nothing else is said."""
    return "read" if method == "GET" else "write"


def folder_of(info: ValidationInfo) -> Path:
    """The agent file's folder."""
    base: Path = (info.context or {}).get(BASE, Path())
    return base


Parameters = Annotated[dict[str, Any], AfterValidator(_parameters)]
Headers = Annotated[dict[str, Text], AfterValidator(checked_headers)]
Url = Annotated[str, Field(max_length=2_000), AfterValidator(checked_url)]


class Spoken(Section):
    """What is said around a tool; the same for every kind."""

    confirm: bool | Annotated[str, Field(min_length=1, max_length=400)] | None = Field(
        None, description="Ask first: true, false, or the question, with {arguments}. By default writes do."
    )
    say: Text = Field("", description="What the agent says of the result, with {fields} of it.")
    answer: bool = Field(
        False,
        description="The result is a text, which may come in parts, that the caller's question is answered from.",
    )
    ask: dict[str, Text] = Field(default_factory=dict, description="By argument, the question for it.")
    phrases: tuple[Phrase, ...] = Field((), max_length=40, description="What callers say who mean it.")
    system: str = Field("", max_length=80, description="What stands behind it, as callers know it.")
    timeout: float = Field(
        2.2,
        gt=0,
        le=600,
        description="Seconds until it is given up; over 2, the caller is told that it takes long.",
    )

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if self.answer and self.say:
            raise ValueError("give `say` or `answer`: what is said is a template, or an answer from the text")
        if self.answer and self.writes:
            raise ValueError("`answer` is for a tool that reads; say `effect: read` if it does")
        return self

    @property
    def writes(self) -> bool:
        """Whether it is known here to change something."""
        return False


class Described(Spoken):
    """A tool that the agent file itself describes."""

    name: str = Field(pattern=NAME, description="Names the tool.")
    description: str = Field(min_length=3, max_length=1_000, description="What it does, in a sentence.")
    parameters: Parameters = Field(
        default_factory=lambda: _parameters({}), description="name: type, name: [values], or a JSON Schema."
    )


class Several(Spoken):
    """A source of several tools: what is said around each stands under its name."""

    effects: dict[str, Effect] = Field(
        default_factory=dict,
        description="By tool, whether it changes anything; goes before the source's own word.",
    )
    tools: dict[str, Spoken] = Field(default_factory=dict, description="By tool, what is said around it.")

    def said_of(self, name: str) -> Spoken:
        """What is said around one of them."""
        return self.tools.get(name, self)
