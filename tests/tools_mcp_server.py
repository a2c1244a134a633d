"""An MCP server for the tests: over stdio, or with a port over streamable HTTP."""

from __future__ import annotations

import os
import sys

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

server = MCPServer("shop")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def stock(item: str, size: int = 1) -> str:
    """How many of an item are there."""
    return f"{3 * size} of {item}"


@server.tool()
def order(item: str) -> dict[str, str]:
    """Order an item."""
    return {"ordered": item}


@server.tool()
async def slow(context: Context) -> str:
    """Takes long."""
    await context.report_progress(1, 2, "half way")
    await anyio.sleep(30)
    return "done"


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def tell(context: Context) -> str:
    """Tells of the shop, a sentence at a time."""
    said = ("We open at nine.", "We close at five.")
    for place, sentence in enumerate(said):
        await context.report_progress(place + 1, len(said), sentence)
    return " ".join(said)


@server.tool()
def die() -> str:
    """Ends the server."""
    os._exit(1)


@server.tool()
def fail() -> str:
    """Fails."""
    raise ToolError("no such shop")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
