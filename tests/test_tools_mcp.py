"""MCP servers as tools: a real server process over stdio and over HTTP, slow, failing and dying."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import anyio
import pytest
from tools_mcp_http import SCRIPT, OverHttp

from tools_rag.tools.mcp import McpAddress, McpServer, McpTool
from tools_rag.tools.types import Part, ToolError

STDIO = McpAddress(command=(sys.executable, SCRIPT))


@pytest.fixture
def over_http() -> Iterator[OverHttp]:
    made = OverHttp()
    yield made
    made.kill()


@pytest.fixture
def http(over_http: OverHttp) -> str:
    over_http.start()
    return over_http.url


async def use(server: McpServer) -> None:
    tools = {tool.spec.name: tool for tool in await server.tools({"slow": "read"})}
    effects = {name: tool.spec.effect for name, tool in tools.items()}
    assert effects == {
        **dict.fromkeys(("order", "die", "fail"), "write"),
        **dict.fromkeys(("stock", "slow", "tell"), "read"),
    }
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
        server = McpServer(STDIO, timeout=20.0)
        tools = {tool.spec.name: tool for tool in await server.tools()}
        with pytest.raises(ToolError) as gone:
            await tools["die"].call({})
        assert gone.value.kind in ("failed", "timeout")
        assert (await tools["stock"].call({"item": "tea"})).text == "3 of tea"
        await server.aclose()

    anyio.run(main)


def test_a_server_over_http_that_dies_in_a_call_fails_it_and_is_reached_again(over_http: OverHttp) -> None:
    async def main() -> None:
        over_http.start()
        server = McpServer(McpAddress(url=over_http.url, private=True), timeout=5.0)
        tools = {tool.spec.name: tool for tool in await server.tools()}
        with pytest.raises(ToolError) as gone:
            await tools["die"].call({})
        assert gone.value.kind == "failed", "told by the connection, not by the clock"
        with anyio.fail_after(5):
            await server.lost()
        with pytest.raises(ToolError, match="cannot be reached"):
            await tools["stock"].call({"item": "tea"})
        over_http.kill()
        over_http.start()
        assert (await tools["stock"].call({"item": "tea"})).text == "3 of tea"
        await server.aclose()

    anyio.run(main)


def test_a_server_that_was_started_anew_between_two_calls_is_not_noticed(over_http: OverHttp) -> None:
    async def main() -> None:
        over_http.start()
        server = McpServer(McpAddress(url=over_http.url, private=True), timeout=20.0)
        tools = {tool.spec.name: tool for tool in await server.tools()}
        assert (await tools["order"].call({"item": "tea"})).data == {"ordered": "tea"}
        over_http.kill()
        over_http.start()
        assert (await tools["order"].call({"item": "mocha"})).data == {"ordered": "mocha"}
        await server.aclose()

    anyio.run(main)


@pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "print('hello')")])
def test_what_is_no_server_is_said(command: tuple[str, ...]) -> None:
    async def main() -> list[McpTool]:
        return await McpServer(McpAddress(command=command)).tools()

    with pytest.raises(ToolError, match="MCP server"):
        anyio.run(main)


@pytest.mark.parametrize("answers", [True, False])
def test_messages_of_progress_are_parts_of_a_text_that_is_answered_from(answers: bool) -> None:
    told: list[str] = []
    parts: list[Part] = []

    async def main() -> str:
        server = McpServer(STDIO)
        try:
            tool = next(tool for tool in await server.tools() if tool.spec.name == "tell")
            tool.spec = replace(tool.spec, answer=answers)
            return (await tool.call({}, progress=told.append, parts=parts.append)).text
        finally:
            await server.aclose()

    said = ["We open at nine.", "We close at five."]
    assert anyio.run(main) == " ".join(said)
    assert (told, [part.text for part in parts]) == (([], said) if answers else (said, []))
