"""The `tools:` of an agent file: functions, HTTP APIs, MCP servers and MQTT, and how each is spoken of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from duplex.agent.schema import Component, Short
from duplex.agent.tools_shared import (
    ENV,
    ENV_SUFFIX,
    Described,
    Headers,
    Host,
    Several,
    Spoken,
    Url,
    checked_url,
    folder_of,
    usual_effect,
)
from tools_rag.tools.types import Effect

_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_HEADERS = "Name: value, or Name_env: variable of the environment for a secret."
_PRIVATE = "The address may be a private one or this machine's."


class PythonToolSection(Short, Spoken):
    """A Python function with type hints."""

    SHORT: ClassVar[str] = "function"
    function: str = Field(description="module:function, found beside the agent file or installed.")
    effect: Effect = Field("write", description="Whether it changes anything.")
    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def writes(self) -> bool:
        """See `Spoken`."""
        return self.effect == "write"

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


class HttpToolSection(Described):
    """An HTTP API."""

    url: Url = Field(description="With {argument} and {session.variable} in path and query.")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field("GET", description="Of the request.")
    effect: Effect | None = Field(None, description="Whether it changes anything; by default all but GET do.")
    headers: Headers = Field(default_factory=dict, description=_HEADERS)
    hosts: tuple[Host, ...] = Field(
        (), max_length=20, description="Where redirects may lead beside the address's host."
    )
    private: bool = Field(False, description=_PRIVATE)
    result: str = Field(
        "", max_length=200, description="The part of a JSON reply that matters: keys and dots."
    )

    @property
    def writes(self) -> bool:
        """See `Spoken`."""
        return (self.effect or usual_effect(self.method)) == "write"


class OpenApiSection(Several):
    """Operations of an HTTP API that an OpenAPI document describes."""

    document: str = Field(
        min_length=1, max_length=2_000, description="An OpenAPI 3 document: a file, or its address."
    )
    operations: tuple[Annotated[str, Field(min_length=1, max_length=400)], ...] = Field(
        min_length=1, max_length=40, description="The operations to use: an operationId, or `GET /path`."
    )
    server: str = Field("", max_length=2_000, description="Address of the API, in place of the document's.")
    headers: Headers = Field(default_factory=dict, description=_HEADERS)
    hosts: tuple[Host, ...] = Field(
        (), max_length=20, description="Hosts that may be called beside the document's or the server's."
    )
    private: bool = Field(False, description=_PRIVATE)
    _file: Path = PrivateAttr(default_factory=Path)

    @property
    def file(self) -> Path:
        """The document where it is a file."""
        return self._file

    @property
    def is_remote(self) -> bool:
        """Whether the document has to be fetched."""
        return "://" in self.document

    @model_validator(mode="after")
    def _place(self, info: ValidationInfo) -> Self:
        self._file = folder_of(info) / self.document
        if self.server:
            checked_url(self.server)
        if not {*self.tools, *self.effects} <= set(self.operations):
            raise ValueError("effects and tools are named as the operations are")
        if self.is_remote:
            checked_url(self.document)
        elif not self._file.is_file():
            raise ValueError("there is no such document beside this file")
        return self


class McpSection(Several):
    """An MCP server: all of its tools, or those that `only` names."""

    command: tuple[Annotated[str, Field(min_length=1, max_length=400)], ...] = Field(
        (), max_length=40, description="A program and its arguments, run in the agent file's folder."
    )
    url: str = Field("", max_length=2_000, description="Address of a server over streamable HTTP.")
    headers: Headers = Field(default_factory=dict, description=_HEADERS)
    environment: tuple[Annotated[str, Field(pattern=ENV.pattern)], ...] = Field(
        (), max_length=40, description="Environment variables that the program is given."
    )
    private: bool = Field(False, description=_PRIVATE)
    only: tuple[Annotated[str, Field(max_length=64)], ...] = Field((), description="The tools to use.")
    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def folder(self) -> Path:
        """The agent file's folder, where the program runs."""
        return self._folder

    @model_validator(mode="after")
    def _one(self, info: ValidationInfo) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either a command or a url")
        if self.url:
            checked_url(self.url)
        self._folder = folder_of(info)
        return self


class MqttToolSection(Described):
    """A tool that a program on the server's MQTT broker carries out."""

    effect: Effect = Field("write", description="Whether it changes anything.")

    @property
    def writes(self) -> bool:
        """See `Spoken`."""
        return self.effect == "write"


class ToolSection(Component):
    """A tool: exactly one of these."""

    python: PythonToolSection | None = Field(None, description="A Python function.")
    http: HttpToolSection | None = Field(None, description="An HTTP API.")
    openapi: OpenApiSection | None = Field(None, description="Operations of an OpenAPI document.")
    mcp: McpSection | None = Field(None, description="The tools of an MCP server.")
    mqtt: MqttToolSection | None = Field(None, description="What a program on the MQTT broker does.")

    def key_variables(self) -> Iterator[str]:
        """The environment variables that hold its secrets."""
        source = self.http or self.openapi or self.mcp
        headers = source.headers if source else {}
        yield from (value for name, value in headers.items() if name.endswith(ENV_SUFFIX))
        yield from self.mcp.environment if self.mcp else ()
