"""From the `tools:` of an agent file to tools that can be called and spoken of."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from duplex.agent.tooling import Equipped
from duplex.agent.tools_spec import (
    HttpToolSection,
    McpSection,
    PythonToolSection,
    Spoken,
    ToolSection,
    headers_with_secrets,
)
from duplex.dialogue.slots import SpokenTool
from duplex.graph.virtual import outside
from tools_rag.tools.functions import FunctionTool, load_function
from tools_rag.tools.http import HttpRequest, HttpTool
from tools_rag.tools.mcp import McpAddress, McpServer
from tools_rag.tools.session import names, put_in
from tools_rag.tools.spoken import Listener, in_name, resolved
from tools_rag.tools.types import Progress, Reply, Tool, ToolError, ToolSpec
from tools_rag.tools.wanted import Cues

_FEW = 4
"""So many values of an argument are named where it is asked for."""


class ToolFault(Exception):
    """A tool of the agent file cannot be made; the text says which and what to do."""


@dataclass(slots=True)
class Toolbox:
    """An agent's tools, and what has to be let go in the end."""

    tools: list[Equipped] = field(default_factory=list)
    servers: list[McpServer] = field(default_factory=list)

    async def aclose(self) -> None:
        """Let the servers go."""
        for server in self.servers:
            await server.aclose()


async def open_toolbox(sections: tuple[ToolSection, ...]) -> Toolbox:
    """Load functions, reach servers.

    Raises:
        ToolFault: one of them cannot be had; those that were reached are let go.
    """
    box = Toolbox()
    try:
        for place, section in enumerate(sections):
            try:
                await _add(box, section)
            except (ValueError, ToolError) as error:
                raise ToolFault(f"tools.{place}: {error}") from error
            except LookupError as error:
                raise ToolFault(
                    f"tools.{place}: set the environment variable {error.args[0]}: a header needs it"
                ) from error
        doubled = [each.spoken.name for each in box.tools]
        if len(set(doubled)) < len(doubled):
            raise ToolFault(f"two tools have one name: {', '.join(sorted(doubled))}")
    except BaseException:
        await box.aclose()
        raise
    return box


async def _add(box: Toolbox, section: ToolSection) -> None:
    if section.python:
        box.tools.append(make_function(section.python))
    elif section.http:
        box.tools.append(_http(section.http))
    elif section.mcp:
        server = _server(section.mcp)
        box.servers.append(server)
        with outside():
            made = await server.tools(section.mcp.effects)
        lacking = set(section.mcp.only) - {tool.spec.name for tool in made}
        if lacking:
            raise ValueError(f"the server has no tool {sorted(lacking)[0]}")
        for tool in made:
            if not section.mcp.only or tool.spec.name in section.mcp.only:
                said = section.mcp.tools.get(tool.spec.name, section.mcp)
                tool.spec = replace(tool.spec, say=said.say, timeout=said.timeout)
                box.tools.append(equipped(OnTheOtherSide(tool), said))


def make_function(section: PythonToolSection) -> Equipped:
    """A Python function as a tool. Raises ValueError."""
    function = find_function(section.function, section.folder)
    tool = FunctionTool(function, effect=section.effect, timeout=section.timeout, say=section.say)
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
    effect = section.effect or ("read" if section.method == "GET" else "write")
    spec = ToolSpec(
        section.name,
        section.description,
        section.parameters,
        effect,
        timeout=section.timeout,
        say=section.say,
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


class SessionHttpTool:
    """An HTTP tool whose address and headers may name the session's variables."""

    def __init__(self, spec: ToolSpec, request: HttpRequest) -> None:
        """Raises ValueError for an address that is none."""
        self._plain = HttpTool(spec, request)
        self.spec, self._request = spec, request
        self._named = any(map(names, (request.url, *request.headers.values())))

    async def call(
        self, arguments: Mapping[str, Any], *, key: str = "", progress: Progress = lambda words: None
    ) -> Reply:
        """See `Tool.call`."""
        tool = self._plain
        if self._named:
            headers = {name: put_in(value, encoded=False) for name, value in self._request.headers.items()}
            url = put_in(self._request.url, encoded=True)
            tool = HttpTool(self.spec, replace(self._request, url=url, headers=headers))
        return await tool.call(arguments, key=key, progress=progress)


class OnTheOtherSide:
    """A tool in another process, which virtual time cannot see."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self.spec = tool.spec

    async def call(
        self, arguments: Mapping[str, Any], *, key: str = "", progress: Progress = lambda words: None
    ) -> Reply:
        """See `Tool.call`."""
        with outside():
            return await self._tool.call(arguments, key=key, progress=progress)


def _server(section: McpSection) -> McpServer:
    environment = {name: os.environ[name] for name in section.environment if name in os.environ}
    address = McpAddress(
        _command(section),
        section.url,
        environment,
        headers_with_secrets(section.headers),
        section.private,
    )
    longest = max(section.timeout, *(each.timeout for each in section.tools.values()), 0.0)
    return McpServer(
        address, timeout=longest
    )  # each tool keeps its own; the connection must outlive them all


def _command(section: McpSection) -> tuple[str, ...]:
    """The program with files of the agent's folder as absolute paths; `python` is the one that runs this."""
    if not section.command:
        return ()
    program, *rest = section.command
    here = [str(section.folder / part) if (section.folder / part).is_file() else part for part in rest]
    return (sys.executable if program == "python" else program, *here)


def equipped(tool: Tool, said: Spoken) -> Equipped:
    """A tool with what is said around it."""
    spec = tool.spec
    writes = spec.effect == "write"
    wanted = writes if said.confirm is None else said.confirm
    confirm = wanted if isinstance(wanted, str) else _confirmation(spec) if wanted else ""
    spoken = SpokenTool(
        name=spec.name,
        parameters=spec.parameters,
        effect=spec.effect,
        confirm=confirm,
        questions={name: said.ask.get(name) or _question(spec, name) for name in _names(spec)},
        listener=Listener(spec.parameters),
        cues=Cues(spec.name, spec.description, said.phrases, writes),
    )
    return Equipped(tool, spoken, said.system or "that system")


def _names(spec: ToolSpec) -> list[str]:
    return list(spec.parameters.get("properties", {}))


def _confirmation(spec: ToolSpec) -> str:
    given = "".join(f"[, {in_name(name)} {{{name}}}]" for name in _names(spec))
    return f"{spec.name.replace('_', ' ').capitalize()}{given}. Is that right?"


def _question(spec: ToolSpec, name: str) -> str:
    """What is asked where the builder says nothing."""
    part = resolved(spec.parameters, spec.parameters["properties"][name])
    about = in_name(name)
    if (values := part.get("enum")) and len(values) <= _FEW:
        *first, last = map(str, values)
        return f"Which {about} would you like: {', '.join(first)} or {last}?" if first else f"{last}?"
    if values:
        return f"Which {about} would you like?"
    if part.get("type") in ("integer", "number"):
        return f"What {about} shall it be?"
    return f"What is the {about}?"
