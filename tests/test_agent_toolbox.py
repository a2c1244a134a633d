"""Tools as an agent file gives them: how they are written, what is wrong with them, and that faults are spoken of.

The HTTP server and the MCP server are real, and behave badly.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest

from duplex.agent.answering import Sentence
from duplex.agent.loader import check_agent
from duplex.agent.spec import AgentSpec
from duplex.agent.toolbox import Toolbox, ToolFault, open_toolbox
from duplex.agent.tooling import FromTools, Unknown
from duplex.dialogue.history import History, Turn
from duplex.resources import agents_dir

MCP_SERVER = str(Path(__file__).parent / "tools_mcp_server.py")


def spec_of(tmp_path: Path, tools: str) -> AgentSpec:
    file = tmp_path / "agent.yaml"
    file.write_text(f"name: a\ntools:\n{tools}")
    spec, faults = check_agent(file)
    assert spec is not None, faults
    return spec


def faults_of(tmp_path: Path, tools: str) -> list[str]:
    file = tmp_path / "agent.yaml"
    file.write_text(f"name: a\ntools:\n{tools}")
    return [f"{fault.line} {fault.key}: {fault.message}" for fault in check_agent(file)[1]]


@pytest.mark.parametrize(
    ("tool", "fault"),
    [
        ("  - python: orders.order", "3 tools.0.python.function: write it as module:function"),
        ("  - pyton: a:b", "3 tools.0.pyton: unknown key; did you mean 'python'?"),
        ("  - {python: a:b, mcp: {url: 'http://h/'}}", "3 tools.0: name exactly one, not 2"),
        ("  - mcp: {}", "3 tools.0.mcp: give either a command or a url"),
        ("  - mcp: {url: 'http://me:pw@h/'}", "3 tools.0.mcp: the address begins with http:// or https:// and a"),
        ("  - http: {name: a, description: abc, url: 'http://{x}/'}", "3 tools.0.http.url: the address begins with"),
        ("  - http: {name: A, description: abc, url: 'http://h/'}", "3 tools.0.http.name: "),
        (
            "  - http: {name: a, description: abc, url: 'http://h/', headers: {Authorization: Bearer x}}",
            "3 tools.0.http.headers: no secrets in this file: write Authorization_env",
        ),
        (
            "  - http: {name: a, description: abc, url: 'http://h/', parameters: {x: text}}",
            "3 tools.0.http.parameters: an argument is one of string, integer",
        ),
        (
            "  - http:\n      name: a\n      description: abc\n      url: http://h/\n      efect: read",
            "7 tools.0.http.efect: unknown key; did you mean 'effect'?",
        ),
    ],
)  # fmt: skip
def test_faults_are_told_by_line_and_key(tmp_path: Path, tool: str, fault: str) -> None:
    (told,) = faults_of(tmp_path, tool)
    assert told.startswith(fault)


def test_a_secret_in_a_header_is_never_repeated(tmp_path: Path) -> None:
    told = faults_of(
        tmp_path, "  - http: {name: a, description: abc, url: 'http://h/', headers: {Cookie: hush}}"
    )
    assert "hush" not in " ".join(told)


def test_arguments_have_a_short_form(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        "  - http: {name: a, description: abc, url: 'http://h/', parameters: {n: integer, 'size?': [s, m]}}",
    )
    assert spec.tools[0].http is not None
    assert spec.tools[0].http.parameters == {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "size": {"enum": ["s", "m"]}},
        "required": ["n"],
        "additionalProperties": False,
    }


def test_a_function_beside_the_agent_file_is_loaded_and_not_by_the_check(tmp_path: Path) -> None:
    (tmp_path / "counter.py").write_text(
        "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"
        "def count(n: int) -> int:\n    '''Count.'''\n    return n + 1\n"
    )
    spec = spec_of(tmp_path, "  - python: counter:count")
    assert not (tmp_path / "counter.ran").exists()

    async def main() -> None:
        box = await open_toolbox(spec.tools)
        (each,) = box.tools
        assert (each.spoken.name, each.spoken.effect, bool(each.spoken.confirm)) == ("count", "write", True)
        assert (await each.tool.call({"n": 1})).text == "2"
        with pytest.raises(ToolFault, match="no function nothing"):
            await open_toolbox(spec_of(tmp_path, "  - python: counter:nothing").tools)

    anyio.run(main)


def test_a_missing_secret_is_told_by_its_variable(tmp_path: Path) -> None:
    tools = (
        "  - http: {name: a, description: abc, url: 'http://h/', headers: {Authorization_env: NO_SUCH_KEY}}"
    )
    spec = spec_of(tmp_path, tools)
    assert list(spec.key_variables()) == ["NO_SUCH_KEY"]
    with pytest.raises(ToolFault, match="NO_SUCH_KEY"):
        anyio.run(open_toolbox, spec.tools)


@pytest.mark.parametrize("name", ["barista", "desk"])
def test_the_shipped_agents_are_right(name: str) -> None:
    spec, faults = check_agent(agents_dir() / name / "agent.yaml")
    assert (faults, bool(spec and spec.tools)) == ([], True)


class Api(ThreadingHTTPServer):
    """Takes orders, and answers as it was told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.does = "well"
        self.seen: list[tuple[str, str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Api

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers["Idempotency-Key"], body))
        if self.server.does == "hang":
            time.sleep(4)
        answer = {"half": b'{"number": ', "huge": b'{"number": "%s"}' % (b"9" * 10_000_000)}
        raw = answer.get(self.server.does, b'{"number": 7}')
        self.send_response(500 if self.server.does == "500" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        try:
            self.wfile.write(raw)
        except OSError:
            return


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


async def said(agent: FromTools, *turns: str) -> list[str]:
    """What each turn is answered, all committed at once."""
    out: list[str] = []
    history = History()
    async with agent.conversation(lambda part: None) as conversation:
        for place, text in enumerate(turns):
            parts = [part async for part in conversation.answer(text, history)]
            out.append(" ".join(part.text for part in parts if isinstance(part, Sentence)))
            history.turns = (*history.turns, Turn("agent", "so", place))
    return out


def talk(spec: AgentSpec, *turns: str, variables: dict[str, str] | None = None) -> list[str]:
    async def main() -> list[str]:
        box: Toolbox = await open_toolbox(spec.tools)
        try:
            agent = FromTools(box.tools, Unknown("I don't know.")).in_session("s1", variables or {})
            return await said(agent, *turns)
        finally:
            await box.aclose()

    return anyio.run(main)


def ordering(tmp_path: Path, api: Api) -> AgentSpec:
    return spec_of(
        tmp_path,
        f"""
  - http:
      name: order
      description: Order an item.
      method: POST
      url: http://127.0.0.1:{api.server_address[1]}/tables/{{session.table}}
      private: true
      system: the ordering system
      confirm: false
      say: It is number {{number}}.
      parameters: {{item: [tea, latte], 'count?': integer}}
""",
    )


def test_an_order_goes_out_once_with_its_key_and_the_sessions_variables(tmp_path: Path, api: Api) -> None:
    (answer,) = talk(ordering(tmp_path, api), "Order two lattes.", variables={"table": "4/../9"})
    assert answer == "It is number 7."
    assert api.seen == [("/tables/4%2F..%2F9", "s1-1", {"item": "latte", "count": 2})]


@pytest.mark.parametrize("does", ["500", "half", "huge", "hang"])
def test_a_server_that_misbehaves_is_spoken_of_and_the_call_goes_on(
    tmp_path: Path, api: Api, does: str
) -> None:
    api.does = does
    spec = ordering(tmp_path, api)
    first, second = talk(spec, "Order a tea.", "How deep is the lake?")
    assert "the ordering system" in first
    assert first.startswith(("I'm sorry", "One moment"))
    assert second == "I don't know."
    assert len(api.seen) == 1


def test_an_mcp_server_that_dies_is_spoken_of_and_started_again(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        f"""
  - mcp:
      command: [{sys.executable}, {MCP_SERVER}]
      system: the shop
      confirm: false
      timeout: 20
      tools:
        die: {{phrases: [kill it], system: the shop, confirm: false, timeout: 20}}
        stock: {{phrases: [how many], system: the shop, timeout: 20, ask: {{item: 'Of what?'}}}}
""",
    )
    died, asked, stock = talk(spec, "Kill it.", "How many are there?", "Green tea.")
    assert died.endswith("I'm sorry, I can't reach the shop right now.")
    assert (asked, stock.removeprefix("One moment, please. ")) == ("Of what?", "3 of Green tea")
