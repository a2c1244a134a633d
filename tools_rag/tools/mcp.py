"""Tools of an MCP server, over stdio or streamable HTTP, with the official SDK.

The connection lives in a task of its own and is made when it is first needed. A server that dies fails the call that
was under way; the next call starts it again. One that was started anew and knows the session no more has refused the
call unread, so that call is made again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
from mcp import ClientSession, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CONNECTION_CLOSED, INVALID_REQUEST

from tools_rag.tools.arguments import check_schema, repaired
from tools_rag.tools.network import check_host
from tools_rag.tools.types import (
    MAX_REPLY,
    Effect,
    Part,
    Parts,
    Progress,
    Reply,
    ToolError,
    ToolSpec,
    no_parts,
    no_progress,
    reply_of,
)

logger = logging.getLogger(__name__)

START_SECONDS = 20.0
"""In which a server must be there and have told its tools."""
MAX_TOOLS = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class McpAddress:
    """Where a server is: a command to run, or an address.

    Attributes:
        command: a program and its arguments; it is given `environment` and little else.
        url: of a server over streamable HTTP.
        headers: sent to it; secrets among them.
        private: it may be at a private or loopback address.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    private: bool = False


class McpServer:
    """One server and its tools."""

    def __init__(self, address: McpAddress, *, timeout: float = 10.0) -> None:
        if bool(address.command) == bool(address.url):
            raise ValueError("an MCP server is a command or a url")
        self._address = address
        self._timeout = timeout
        self._session: ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop, self._gone = anyio.Event(), anyio.Event()
        self._connecting = anyio.Lock()

    async def tools(self, effects: Mapping[str, Effect] | None = None) -> list[McpTool]:
        """Its tools. Where nothing is said of one, its `readOnlyHint` decides; without a hint it is a write.

        Args:
            effects: by a tool's name, what it does; they go before what the server claims.

        Raises:
            ToolError: the server cannot be reached.
        """
        try:
            with anyio.fail_after(START_SECONDS):
                session = await self._connected()
                listed = (await session.list_tools()).tools[:MAX_TOOLS]
        except TimeoutError as error:
            raise ToolError("timeout", f"the MCP server told no tools within {START_SECONDS:g} s") from error
        except (MCPError, anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            await self.aclose()
            raise ToolError("failed", f"the MCP server: {error}") from error
        made: list[McpTool] = []
        for each in listed:
            hinted: Effect = "read" if each.annotations and each.annotations.read_only_hint else "write"
            schema = dict(each.input_schema)
            if not _NAME.fullmatch(each.name) or not _is_schema(schema):
                logger.warning("an MCP tool is left out: %.80r has no usable name or schema", each.name)
                continue
            text = (each.description or each.title or each.name)[:1_000]
            effect = (effects or {}).get(each.name, hinted)
            made.append(McpTool(self, ToolSpec(each.name, text, schema, effect, timeout=self._timeout)))
        return made

    async def call(self, name: str, arguments: Mapping[str, Any], timeout: float, told: Progress) -> Any:
        """What a tool gives; raises ToolError."""

        async def tell(progress: float, total: float | None, message: str | None) -> None:
            told(message or (f"{progress:g} of {total:g}" if total else f"{progress:g}"))

        try:
            with anyio.fail_after(timeout):
                session = await self._connected()
                try:
                    return await session.call_tool(name, dict(arguments), None, tell)
                except MCPError as error:
                    if not _is_forgotten(error):
                        raise
                await self.aclose()
                session = await self._connected()
                return await session.call_tool(name, dict(arguments), None, tell)
        except TimeoutError as error:
            raise ToolError("timeout", f"no answer within {timeout:g} s") from error
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                await self.aclose()
            raise ToolError("failed", f"the MCP server: {error}") from error
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError) as error:
            await self.aclose()
            raise ToolError("failed", "the MCP server has gone") from error

    async def lost(self) -> None:
        """Return once the connection that is there now is gone."""
        await self._gone.wait()

    async def aclose(self) -> None:
        """Let the server go; a process of ours is ended."""
        self._stop.set()
        task, self._task, self._session = self._task, None, None
        if task is not None and not task.done():  # it may have been of a loop that is closed
            with anyio.move_on_after(5, shield=True):
                await asyncio.gather(task, return_exceptions=True)
            task.cancel()

    async def _connected(self) -> ClientSession:
        async with self._connecting:
            if self._session is not None and self._task is not None and not self._task.done():
                return self._session
            await self.aclose()
            self._stop, self._gone = anyio.Event(), anyio.Event()
            ready: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._live(ready, self._stop, self._gone))
            self._session = await ready
            return self._session

    async def _live(self, ready: asyncio.Future[ClientSession], stop: anyio.Event, gone: anyio.Event) -> None:
        """Keep the connection until `stop`; the SDK wants to be left in the task that entered it."""
        try:
            async with self._streams() as (read, write), ClientSession(read, write) as session:
                with anyio.fail_after(START_SECONDS):
                    await session.initialize()
                if not ready.done():
                    ready.set_result(session)
                await stop.wait()
        except BaseException as error:
            if not ready.done():
                first = _first(error)
                kind = first.kind if isinstance(first, ToolError) else "failed"
                ready.set_exception(ToolError(kind, f"the MCP server cannot be reached: {first}"))
            elif not isinstance(error, asyncio.CancelledError):
                logger.warning("an MCP server has gone: %s", _first(error))
            if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
                raise
        finally:
            gone.set()

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[tuple[Any, Any]]:
        address = self._address
        if address.command:
            program, *rest = address.command
            server = StdioServerParameters(command=program, args=rest, env=dict(address.environment) or None)
            async with stdio_client(server) as (read, write):
                yield read, write
            return
        await check_host(address.url, address.private)
        client = httpx2.AsyncClient(
            headers=dict(address.headers), follow_redirects=False, trust_env=False, timeout=self._timeout
        )
        async with client, streamable_http_client(address.url, http_client=client) as (read, write):
            yield read, write


class McpTool:
    """One tool of a server."""

    def __init__(self, server: McpServer, spec: ToolSpec) -> None:
        self.spec = spec
        self._server = server

    async def call(
        self,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        progress: Progress = no_progress,
        parts: Parts = no_parts,
    ) -> Reply:
        """See `Tool.call`. MCP knows no idempotency key: a write is simply never called twice.

        It knows no partial results either: of a tool whose text is answered from, the messages of its progress are.
        """
        given = repaired(self.spec.parameters, arguments)
        told: Progress = (lambda words: parts(Part(words))) if self.spec.answer else progress
        result = await self._server.call(self.spec.name, given, self.spec.timeout, told)
        text = "\n".join(part.text for part in result.content if getattr(part, "type", "") == "text")
        if len(text.encode()) > MAX_REPLY:
            raise ToolError("reply", f"the reply is over {MAX_REPLY} bytes")
        if result.is_error:
            raise ToolError("failed", text[:300] or "the tool failed")
        reply = reply_of(text)
        return Reply(reply.text, result.structured_content)


def _is_schema(schema: Mapping[str, Any]) -> bool:
    try:
        check_schema(schema)
    except ValueError:
        return False
    return True


def _is_forgotten(error: MCPError) -> bool:
    """Whether the server says that it knows no such session: it has read nothing of the call."""
    return error.code == INVALID_REQUEST and "session" in str(error).lower()


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
