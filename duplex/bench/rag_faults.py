"""Tools that fail: how soon the caller hears of it, whether the call goes on, and that nothing is done twice.

The servers are real and misbehave: one that hangs, a status 500, half a JSON, a reply of 10 MB, nobody there, and an
MCP server that dies in the middle of a call. Each is asked for a read and for a write.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio

from duplex.agent.answering import Sentence
from duplex.agent.loader import load_agent
from duplex.agent.toolbox import open_toolbox
from duplex.agent.tooling import FromTools, Unknown
from duplex.bench.measure import Measure
from duplex.dialogue.history import History, Turn
from duplex.nodes.answerer import UntilCommitted

COMMAND = "duplex bench rag"
SYSTEM = "the ordering system"
UNKNOWN = "I don't know that."
_HUGE = 10_000_000
_HANGS = 8.0
_REPLIES = {
    "500": b'{"a": 1}',
    "half": b'{"number": ',
    "huge": b'{"number": "%s"}' % (b"9" * _HUGE),
    "hang": b"{}",
}
FAULTS = (*_REPLIES, "nobody", "dies")
_MCP = """
import os, sys
from pathlib import Path
from mcp.server.mcpserver import MCPServer
server = MCPServer("bar")

def die(what):
    with Path({calls!r}).open("a") as out:
        out.write(what)
    os._exit(1)

@server.tool()
def look_up_stock() -> str:
    "Look up what is in stock."
    die("r")

@server.tool()
def place_order() -> str:
    "Place an order."
    die("w")

server.run("stdio")
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a fault.

    Attributes:
        seconds: from the commit of the turn to the sentence that says so.
        honest: the sentence names what cannot be reached.
        goes_on: what was asked next was answered.
        calls: how often the server was called.
    """

    seconds: float
    honest: bool
    goes_on: bool
    calls: int


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, does: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.does, self.calls = does, 0


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        """Misbehave."""
        self.server.calls += 1
        if self.server.does == "hang":
            time.sleep(_HANGS)
        body = _REPLIES[self.server.does]
        try:
            self.send_response(500 if self.server.does == "500" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            return

    do_POST = do_GET


@contextmanager
def _misbehaving(does: str) -> Iterator[_Server]:
    server = _Server("500" if does == "nobody" else does)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    if does == "nobody":
        server.shutdown()
        server.server_close()
    try:
        yield server
    finally:
        if does != "nobody":
            server.shutdown()
            server.server_close()


def _http(port: int, method: str) -> str:
    return f"""
name: bar
tools:
  - http:
      {{name: try_it, description: Try the bar., url: 'http://127.0.0.1:{port}/', method: {method}, private: true,
       system: {SYSTEM}, confirm: false, phrases: [go ahead and try]}}
"""


def _mcp(script: Path, tool: str) -> str:
    return f"""
name: bar
tools:
  - mcp:
      command: ['{sys.executable}', '{script}']
      only: [{tool}]
      tools: {{{tool}: {{system: {SYSTEM}, confirm: false, phrases: [go ahead and try]}}}}
"""


async def _told(agent_file: Path) -> tuple[float, bool, bool]:
    """Ask for the tool, then for something else."""
    box = await open_toolbox(load_agent(agent_file).tools)
    try:
        agent = FromTools(box, Unknown(UNKNOWN)).in_session("bench", {})
        async with agent.conversation(lambda part: None) as conversation:
            history, said, committed = History(), list[str](), time.perf_counter()
            async for part in conversation.answer("Go ahead and try.", history):
                if isinstance(part, UntilCommitted) and not said:
                    committed = time.perf_counter()
                if isinstance(part, Sentence) and SYSTEM in part.text:
                    said.append(part.text)
                    seconds = time.perf_counter() - committed
            history.turns = (Turn("user", "Go ahead and try.", 0), Turn("agent", " ".join(said), 0))
            parts = [part async for part in conversation.answer("How deep is the lake?", history)]
            other = [part.text for part in parts if isinstance(part, Sentence)]
            return seconds if said else float("inf"), bool(said), other == [UNKNOWN]
    finally:
        await box.aclose()


def told(fault: str, writes: bool) -> Told:
    """One fault, once. Computes: up to some seconds."""
    with tempfile.TemporaryDirectory() as folder:
        agent, calls = Path(folder) / "agent.yaml", Path(folder) / "calls"
        if fault == "dies":
            script = Path(folder) / "server.py"
            script.write_text(_MCP.format(calls=str(calls)), encoding="utf-8")
            agent.write_text(_mcp(script, "place_order" if writes else "look_up_stock"), encoding="utf-8")
            came = anyio.run(_told, agent)
            return Told(*came, len(calls.read_text(encoding="utf-8")) if calls.exists() else 0)
        with _misbehaving(fault) as server:
            method = "POST" if writes else "GET"
            agent.write_text(_http(server.server_address[1], method), encoding="utf-8")
            return Told(*anyio.run(_told, agent), server.calls)


def measures(came: list[Told]) -> list[Measure]:
    """The slowest sentence, faults that were not spoken of or ended the call, and calls that were made again."""
    n = len(came)
    slowest = max(each.seconds for each in came)
    silent = sum(not (each.honest and each.goes_on) for each in came)
    again = sum(max(0, each.calls - 1) for each in came)
    return [
        Measure("rag.fault_told_s", round(slowest, 3), "s", n, None, COMMAND),
        Measure("rag.fault_untold", silent, "faults", n, None, COMMAND),
        Measure("rag.fault_repeated_calls", again, "calls", n, None, COMMAND),
    ]


def run() -> list[Measure]:
    """The measures over all faults, as a read and as a write."""
    return measures([told(fault, writes) for fault in FAULTS for writes in (False, True)])
