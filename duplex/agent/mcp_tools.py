"""The tools of an MCP server in an agent: a server that is away is sought again, and what is asked of it is refused."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import anyio

from duplex.agent.equipping import Equipped, absent, equipped
from duplex.agent.tools_shared import headers_with_secrets
from duplex.agent.tools_spec import McpSection
from duplex.graph.virtual import outside
from tools_rag.tools.mcp import McpAddress, McpServer, McpTool
from tools_rag.tools.types import Parts, Progress, Reply, Tool, ToolError, no_parts, no_progress

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before a server is sought again; doubled each time, and first again once it has stayed for the longest."""
AT_START = 5.0
"""Seconds that an agent waits for a server at an address before it starts without it."""


class McpTools:
    """A server's tools, as far as they are known.

    Attributes:
        equipped: the tools; before the server was there for the first time, what stands for those that the agent
            file names.
    """

    def __init__(self, section: McpSection) -> None:
        """Raises LookupError with the name of an environment variable that is not set."""
        self._section = section
        self._server = _server(section)
        self.equipped: list[Equipped] = []
        self._keeper: asyncio.Task[None] | None = None
        self._name = urlsplit(section.url).netloc if section.url else section.command[0]

    async def open(self) -> None:
        """Ask the server for its tools, and keep it from then on.

        Raises:
            ValueError: it has no tool that the agent file names.
            ToolError: it may not be called, or the program that it is does not start.
        """
        there = True
        try:
            with anyio.fail_after(AT_START if self._section.url else None):
                await self._ask()
        except (ToolError, TimeoutError) as error:
            if not self._section.url or (isinstance(error, ToolError) and error.kind == "refused"):
                raise
            there = False
            self.equipped = self._absent()
            logger.warning(
                "the MCP server %s is away (%s); the agent starts without its tools", self._name, error
            )
        self._keeper = asyncio.create_task(self._keep(there))

    async def aclose(self) -> None:
        """Let the server go."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
        await self._server.aclose()

    async def _keep(self, there: bool) -> None:
        """Seek a server that is away or was lost, ever more slowly, until it is there."""
        wait, loop = FIRST_WAIT, asyncio.get_running_loop()
        while True:
            if there:
                since = loop.time()
                await self._server.lost()
                logger.warning("the MCP server %s was lost", self._name)
                wait = FIRST_WAIT if loop.time() - since >= LONGEST_WAIT else wait
            await anyio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
            try:
                await self._ask()
                there = True
                logger.info("the MCP server %s is there, with %d tools", self._name, len(self.equipped))
            except (ToolError, ValueError) as error:
                there = False
                logger.info("the MCP server %s is away (%s); sought again in %g s", self._name, error, wait)

    async def _ask(self) -> None:
        section = self._section
        with outside():
            made = await self._server.tools(section.effects)
        lacking = set(section.only) - {tool.spec.name for tool in made}
        if lacking:
            raise ValueError(f"the server has no tool {sorted(lacking)[0]}")
        self.equipped = [each for each in map(self._equipped, made) if each is not None]

    def _equipped(self, tool: McpTool) -> Equipped | None:
        """None for a tool that is not wanted, or that a caller cannot use and the file does not name."""
        section, name = self._section, tool.spec.name
        if section.only and name not in section.only:
            return None
        said = section.said_of(name)
        tool.spec = replace(tool.spec, say=said.say, timeout=said.timeout, answer=said.answer)
        try:
            return equipped(OnTheOtherSide(tool), said)
        except ValueError as error:
            if name in {*section.only, *section.tools}:
                raise
            logger.warning("an MCP tool is left out: %s", error)
            return None

    def _absent(self) -> list[Equipped]:
        section = self._section
        named = {
            name: said for name, said in section.tools.items() if not section.only or name in section.only
        }
        return [absent(name, said) for name, said in (named or {"mcp_server": section}).items()]


class OnTheOtherSide:
    """A tool in another process, which virtual time cannot see."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self.spec = tool.spec

    async def call(
        self,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        progress: Progress = no_progress,
        parts: Parts = no_parts,
    ) -> Reply:
        """See `Tool.call`."""
        with outside():
            return await self._tool.call(arguments, key=key, progress=progress, parts=parts)


def _server(section: McpSection) -> McpServer:
    environment = {name: os.environ[name] for name in section.environment if name in os.environ}
    address = McpAddress(
        _command(section),
        section.url,
        environment,
        headers_with_secrets(section.headers),
        section.private,
    )
    # Each tool keeps its own time; the connection must outlive them all.
    return McpServer(
        address, timeout=max(section.timeout, *(each.timeout for each in section.tools.values()), 0.0)
    )


def _command(section: McpSection) -> tuple[str, ...]:
    """The program with files of the agent's folder as absolute paths; `python` is the one that runs this."""
    if not section.command:
        return ()
    program, *rest = section.command
    here = [str(section.folder / part) if (section.folder / part).is_file() else part for part in rest]
    return (sys.executable if program == "python" else program, *here)
