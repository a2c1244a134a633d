"""From the `tools:` of an agent file to tools that can be called and spoken of."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from duplex.agent.equipping import Equipped, equipped
from duplex.agent.mcp_tools import McpTools
from duplex.agent.tools_shared import headers_with_secrets, usual_effect
from duplex.agent.tools_spec import (
    HttpToolSection,
    MqttToolSection,
    OpenApiSection,
    PythonToolSection,
    ToolSection,
)
from tools_rag.tools.functions import FunctionTool, load_function
from tools_rag.tools.http import HttpRequest, HttpTool
from tools_rag.tools.openapi import Operation, fetch, operations, parse
from tools_rag.tools.remote import RemoteTool
from tools_rag.tools.session import names, put_in
from tools_rag.tools.types import Effect, Parts, Progress, Reply, ToolError, ToolSpec, no_parts, no_progress

_DOCUMENT_SECONDS = 10.0


class ToolFault(Exception):
    """A tool of the agent file cannot be made; the text says which and what to do."""


@dataclass(slots=True)
class Toolbox(Sequence[Equipped]):
    """An agent's tools, in the order of its file. Those of MCP servers may come and change while it lasts."""

    parts: list[list[Equipped] | McpTools] = field(default_factory=list)

    def __iter__(self) -> Iterator[Equipped]:
        for part in self.parts:
            yield from part.equipped if isinstance(part, McpTools) else part

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, place: Any) -> Any:
        return list(self)[place]

    async def aclose(self) -> None:
        """Let the servers go."""
        for part in self.parts:
            if isinstance(part, McpTools):
                await part.aclose()


async def open_toolbox(sections: tuple[ToolSection, ...]) -> Toolbox:
    """Load functions, read documents, reach servers.

    Raises:
        ToolFault: one of them cannot be had; those that were reached are let go.
    """
    box = Toolbox()
    try:
        for place, section in enumerate(sections):
            try:
                await _add(box, section)
            except (ValueError, OSError, ToolError) as error:
                raise ToolFault(f"tools.{place}: {error}") from error
            except LookupError as error:
                raise ToolFault(
                    f"tools.{place}: set the environment variable {error.args[0]}: a header needs it"
                ) from error
        doubled = [each.spoken.name for each in box]
        if len(set(doubled)) < len(doubled):
            raise ToolFault(f"two tools have one name: {', '.join(sorted(doubled))}")
    except BaseException:
        await box.aclose()
        raise
    return box


async def _add(box: Toolbox, section: ToolSection) -> None:
    if section.python:
        box.parts.append([make_function(section.python)])
    elif section.http:
        box.parts.append([_http(section.http)])
    elif section.openapi:
        box.parts.append(await _openapi(section.openapi))
    elif section.mqtt:
        box.parts.append([_mqtt(section.mqtt)])
    elif section.mcp:
        server = McpTools(section.mcp)
        box.parts.append(server)
        await server.open()


def make_function(section: PythonToolSection) -> Equipped:
    """A Python function as a tool. Raises ValueError."""
    function = find_function(section.function, section.folder)
    tool = FunctionTool(
        function, effect=section.effect, timeout=section.timeout, say=section.say, answer=section.answer
    )
    return equipped(tool, section)


def find_function(path: str, folder: Path) -> Callable[..., Any]:
    """The function `module:name`, from the agent file's folder if the module is there. Raises ValueError."""
    module, _, name = path.partition(":")
    file = folder.joinpath(*module.split(".")).with_suffix(".py")
    if not file.is_file():
        return load_function(path)
    unique = f"_duplex_agent_{abs(hash(file))}"
    spec = importlib.util.spec_from_file_location(unique, file)
    assert spec is not None
    assert spec.loader is not None
    loaded = sys.modules[unique] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(loaded)
    except Exception as error:  # whatever a file of the builder's does
        raise ValueError(f"{file}: {type(error).__name__}: {error}") from error
    found = getattr(loaded, name, None)
    if not callable(found):
        raise ValueError(f"{file} has no function {name}")
    return found  # type: ignore[no-any-return]


def _http(section: HttpToolSection) -> Equipped:
    effect: Effect = "write" if section.writes else "read"
    spec = ToolSpec(
        section.name,
        section.description,
        section.parameters,
        effect,
        timeout=section.timeout,
        say=section.say,
        answer=section.answer,
    )
    request = HttpRequest(
        section.url,
        section.method,
        headers_with_secrets(section.headers),
        section.hosts,
        section.private,
        section.result,
    )
    return equipped(SessionHttpTool(spec, request), section)


async def _openapi(section: OpenApiSection) -> list[Equipped]:
    """The operations that are asked for. A document from elsewhere may not lead to other hosts than its own."""
    if section.is_remote:
        raw = await fetch(section.document, private=section.private, timeout=_DOCUMENT_SECONDS)
    else:
        raw = section.file.read_bytes()
    at = section.document if section.is_remote else ""
    made = operations(parse(raw), section.operations, section.server, at)
    own = {urlsplit(address).hostname for address in (section.document, section.server)} | {*section.hosts}
    for each in made:
        host = urlsplit(each.url).hostname
        if section.is_remote and host not in own:
            raise ValueError(f"the document leads to {host}, which is not among `hosts`")
    return [_operation(section, each) for each in made]


def _operation(section: OpenApiSection, operation: Operation) -> Equipped:
    said = section.said_of(operation.id)
    spec = ToolSpec(
        operation.name,
        operation.description,
        operation.parameters,
        section.effects.get(operation.id) or usual_effect(operation.method),
        timeout=said.timeout,
        say=said.say,
        answer=said.answer,
    )
    request = HttpRequest(
        operation.url,
        operation.method,
        headers_with_secrets(section.headers),
        section.hosts,
        section.private,
        places=operation.places,
    )
    return equipped(SessionHttpTool(spec, request), said)


def _mqtt(section: MqttToolSection) -> Equipped:
    spec = ToolSpec(
        section.name,
        section.description,
        section.parameters,
        section.effect,
        timeout=section.timeout,
        say=section.say,
        answer=section.answer,
    )
    return equipped(RemoteTool(spec), section)


class SessionHttpTool:
    """An HTTP tool whose address and headers may name the session's variables."""

    def __init__(self, spec: ToolSpec, request: HttpRequest) -> None:
        """Raises ValueError for an address that is none."""
        self._plain = HttpTool(spec, request)
        self.spec, self._request = spec, request
        self._named = any(map(names, (request.url, *request.headers.values())))

    async def call(
        self,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        progress: Progress = no_progress,
        parts: Parts = no_parts,
    ) -> Reply:
        """See `Tool.call`."""
        tool = self._plain
        if self._named:
            headers = {name: put_in(value, encoded=False) for name, value in self._request.headers.items()}
            url = put_in(self._request.url, encoded=True)
            tool = HttpTool(self.spec, replace(self._request, url=url, headers=headers))
        return await tool.call(arguments, key=key, progress=progress, parts=parts)
