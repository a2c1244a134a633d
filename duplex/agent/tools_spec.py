"""The `tools:` of an agent file: Python functions, HTTP APIs and MCP servers, and how each is spoken of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from duplex.agent.schema import BASE, Component, Section, Short
from tools_rag.tools.arguments import check_schema
from tools_rag.tools.session import names as session_names

ENV_SUFFIX = "_env"
_NAME = r"^[a-z][a-z0-9_]{0,63}$"
_ENV = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,80}")
_SECRET = re.compile(r"authorization|cookie|token|secret|password|api-?key|^x-.*key$", re.I)
_TYPES = ("string", "integer", "number", "boolean")
_URL = re.compile(r"https?://[^/\s{}@]+(?:/[^\s]*)?")

Text = Annotated[str, Field(max_length=400)]
Phrase = Annotated[str, Field(min_length=2, max_length=80)]


def _parameters(given: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema of an object, from one or from the short form `name: type`, `name: [values]`, `name?: …`."""
    if given.get("type") == "object":
        check_schema(given)
        return given
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
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    check_schema(schema)
    return schema


def _property(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value in _TYPES:
        return {"type": value}
    if isinstance(value, list) and value and all(isinstance(each, str | int | float) for each in value):
        return {"enum": value}
    if isinstance(value, dict):
        return value
    raise ValueError(f"an argument is one of {', '.join(_TYPES)}, a list of values, or a JSON Schema")


Parameters = Annotated[dict[str, Any], AfterValidator(_parameters)]


class Spoken(Section):
    """What is said around a tool; the same for every kind."""

    confirm: bool | Annotated[str, Field(min_length=1, max_length=400)] | None = Field(
        None, description="Ask first: true, false, or the question, with {arguments}. By default writes do."
    )
    say: Text = Field("", description="What the agent says of the result, with {fields} of it.")
    ask: dict[str, Text] = Field(default_factory=dict, description="By argument, the question for it.")
    phrases: tuple[Phrase, ...] = Field((), max_length=40, description="What callers say who mean it.")
    system: str = Field("", max_length=80, description="What stands behind it, as callers know it.")
    timeout: float = Field(
        2.5,
        gt=0,
        le=600,
        description="Seconds until it is given up; over 2, the caller is told that it takes long.",
    )


class PythonToolSection(Short, Spoken):
    """A Python function with type hints."""

    SHORT: ClassVar[str] = "function"
    function: str = Field(description="module:function, found beside the agent file or installed.")
    effect: Literal["read", "write"] = Field("write", description="Whether it changes anything.")
    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def folder(self) -> Path:
        """The agent file's folder, where the function's module is looked for first."""
        return self._folder

    @field_validator("function")
    @classmethod
    def _form(cls, path: str) -> str:
        if not _FUNCTION.fullmatch(path):
            raise ValueError("write it as module:function")
        return path

    @model_validator(mode="after")
    def _place(self, info: ValidationInfo) -> Self:
        self._folder = folder_of(info)
        return self


class HttpToolSection(Spoken):
    """An HTTP API."""

    name: str = Field(pattern=_NAME, description="Names the tool.")
    description: str = Field(min_length=3, max_length=1_000, description="What it does, in a sentence.")
    url: str = Field(
        max_length=2_000, description="With {argument} and {session.variable} in path and query."
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field("GET", description="Of the request.")
    parameters: Parameters = Field(
        default_factory=lambda: _parameters({}), description="name: type, name: [values], or a JSON Schema."
    )
    effect: Literal["read", "write"] | None = Field(
        None, description="Whether it changes anything; by default all but GET do."
    )
    headers: dict[str, Text] = Field(
        default_factory=dict,
        description="Name: value, or Name_env: variable of the environment for a secret.",
    )
    hosts: tuple[Annotated[str, Field(max_length=255)], ...] = Field(
        (), max_length=20, description="Where redirects may lead beside the address's host."
    )
    private: bool = Field(False, description="The address may be a private one or this machine's.")
    result: str = Field(
        "", max_length=200, description="The part of a JSON reply that matters: keys and dots."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not _URL.fullmatch(url):
            raise ValueError(
                "the address begins with http:// or https:// and a fixed host, and holds no login"
            )
        return url

    @field_validator("headers")
    @classmethod
    def _no_secret(cls, headers: dict[str, str]) -> dict[str, str]:
        return checked_headers(headers)


class McpSection(Spoken):
    """An MCP server: all of its tools, or those that `only` names."""

    command: tuple[Annotated[str, Field(min_length=1, max_length=400)], ...] = Field(
        (), max_length=40, description="A program and its arguments, run in the agent file's folder."
    )
    url: str = Field("", max_length=2_000, description="Address of a server over streamable HTTP.")
    headers: dict[str, Text] = Field(
        default_factory=dict,
        description="Name: value, or Name_env: variable of the environment for a secret.",
    )
    environment: tuple[Annotated[str, Field(pattern=_ENV.pattern)], ...] = Field(
        (), max_length=40, description="Environment variables that the program is given."
    )
    private: bool = Field(False, description="The address may be a private one or this machine's.")
    only: tuple[Annotated[str, Field(max_length=64)], ...] = Field((), description="The tools to use.")
    effects: dict[str, Literal["read", "write"]] = Field(
        default_factory=dict,
        description="By tool, whether it changes anything; goes before the server's word.",
    )
    tools: dict[str, Spoken] = Field(default_factory=dict, description="By tool, what is said around it.")

    @field_validator("headers")
    @classmethod
    def _no_secret(cls, headers: dict[str, str]) -> dict[str, str]:
        return checked_headers(headers)

    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def folder(self) -> Path:
        """The agent file's folder, where the program runs."""
        return self._folder

    @model_validator(mode="after")
    def _one(self, info: ValidationInfo) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either a command or a url")
        if self.url and not _URL.fullmatch(self.url):
            raise ValueError(
                "the address begins with http:// or https:// and a fixed host, and holds no login"
            )
        self._folder = folder_of(info)
        return self


class ToolSection(Component):
    """A tool: exactly one of these."""

    python: PythonToolSection | None = Field(None, description="A Python function.")
    http: HttpToolSection | None = Field(None, description="An HTTP API.")
    mcp: McpSection | None = Field(None, description="The tools of an MCP server.")

    def key_variables(self) -> Iterator[str]:
        """The environment variables that hold its secrets."""
        headers = self.http.headers if self.http else self.mcp.headers if self.mcp else {}
        yield from (value for name, value in headers.items() if name.endswith(ENV_SUFFIX))
        yield from self.mcp.environment if self.mcp else ()


def checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """Headers as they are, where none holds a secret in the clear; raises ValueError."""
    for name, value in headers.items():
        plain = name.removesuffix(ENV_SUFFIX)
        if not _HEADER.fullmatch(plain):
            raise ValueError("a header's name is letters, digits and -")
        if plain != name and not _ENV.fullmatch(value):
            raise ValueError(f"{plain}{ENV_SUFFIX} names an environment variable, such as SHOP_KEY")
        if plain == name and _SECRET.search(plain) and not session_names(value):
            raise ValueError(
                f"no secrets in this file: write {plain}{ENV_SUFFIX} and name the variable that holds it"
            )
    return headers


def headers_with_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers to send. Raises LookupError with the name of a variable that is not set."""
    made: dict[str, str] = {}
    for name, value in headers.items():
        plain = name.removesuffix(ENV_SUFFIX)
        if plain != name and not os.environ.get(value):
            raise LookupError(value)
        made[plain] = os.environ[value] if plain != name else value
    return made


def folder_of(info: ValidationInfo) -> Path:
    """The agent file's folder."""
    base: Path = (info.context or {}).get(BASE, Path())
    return base
