"""MCP servers as tools: a real server process over stdio and over HTTP, slow, failing and dying."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tools_rag.tools.mcp import McpAddress, McpServer, McpTool
from tools_rag.tools.types import ToolError

SCRIPT = str(Path(__file__).parent / "tools_mcp_server.py")
STDIO = McpAddress(command=(sys.executable, SCRIPT))


@pytest.fixture
def http() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, SCRIPT, str(port)], stderr=subprocess.DEVNULL)
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()


async def use(server: McpServer) -> None:
    tools = {tool.spec.name: tool for tool in await server.tools({"slow": "read"})}
    effects = {name: tool.spec.effect for name, tool in tools.items()}
    assert effects == {"stock": "read", "order": "write", "slow": "read", "die": "write", "fail": "write"}
    assert tools["stock"].spec.description == "How many of an item are there."
    assert (await tools["stock"].call({"item": "tea", "size": "2"})).text == "6 of tea"
    assert (await tools["order"].call({"item": "tea"})).data == {"ordered": "tea"}
    with pytest.raises(ToolError) as wrong:
        await tools["stock"].call({})
    assert wrong.value.kind == "arguments"
    with pytest.raises(ToolError) as failed:
        await tools["fail"].call({})
    assert (failed.value.kind, "no such shop" in str(failed.value)) == ("failed", True)


def test_tools_over_stdio() -> None:
    async def main() -> None:
        server = McpServer(STDIO)
        await use(server)
        await server.aclose()

    anyio.run(main)


def test_tools_over_http(http: str) -> None:
    async def main() -> None:
        server = McpServer(McpAddress(url=http, private=True))
        await use(server)
        await server.aclose()
        with pytest.raises(ToolError) as refused:
            await McpServer(McpAddress(url=http)).tools()
        assert "private" in str(refused.value)

    anyio.run(main)


def test_a_slow_tool_tells_how_far_it_is_and_is_given_up() -> None:
    async def main() -> list[str]:
        server, told = McpServer(STDIO, timeout=2.0), list[str]()
        tools = {tool.spec.name: tool for tool in await server.tools()}
        with pytest.raises(ToolError) as late:
            await tools["slow"].call({}, progress=told.append)
        assert late.value.kind == "timeout"
        assert (await tools["stock"].call({"item": "tea"})).text == "3 of tea", "the server is still good"
        await server.aclose()
        return told

    assert anyio.run(main) == ["half way"]


def test_a_server_that_dies_fails_its_call_and_is_started_again() -> None:
    async def main() -> None:
        server = McpServer(STDIO, timeout=3.0)
        tools = {tool.spec.name: tool for tool in await server.tools()}
        with pytest.raises(ToolError) as gone:
            await tools["die"].call({})
        assert gone.value.kind in ("failed", "timeout")
        assert (await tools["stock"].call({"item": "tea"})).text == "3 of tea"
        await server.aclose()

    anyio.run(main)


@pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "print('hello')")])
def test_what_is_no_server_is_said(command: tuple[str, ...]) -> None:
    async def main() -> list[McpTool]:
        return await McpServer(McpAddress(command=command)).tools()

    with pytest.raises(ToolError, match="MCP server"):
        anyio.run(main)
