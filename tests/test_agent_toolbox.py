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
from tools_mcp_http import OverHttp

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
            "  - http: {name: a, description: abc, url: 'http://h/', parameters: {x: {type: array}}}",
            "3 tools.0.http.parameters: x: an array cannot be said",
        ),
        (
            "  - mqtt: {name: a, description: abc, parameters: {'x?': {type: string, format: email}}}",
            "3 tools.0.mqtt.parameters: x: the format email cannot be said; date, date-time, time can",
        ),
        (
            "  - openapi: {document: nothing.yaml, operations: [a]}",
            "3 tools.0.openapi: there is no such document beside this file",
        ),
        ("  - openapi: {document: 'https://h/a.json', operations: []}", "3 tools.0.openapi.operations: "),
        (
            "  - openapi: {document: 'https://h/a.json', operations: [a], effects: {b: read}}",
            "3 tools.0.openapi: effects and tools are named as the operations are",
        ),
        ("  - openapi: {document: 'file://h/a', operations: [a]}", "3 tools.0.openapi: the address begins with"),
        ("  - python: {function: 'a:b', answer: true}", "3 tools.0.python: `answer` is for a tool that reads"),
        ("  - http: {name: a, description: abc, url: 'http://h/', answer: true, say: x}", "3 tools.0.http: give `say`"),
        ("  - mqtt: {name: a b, description: abc}", "3 tools.0.mqtt.name: "),
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
        (each,) = box
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
        self.document = ""
        self.seen: list[tuple[str, str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Api

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.document)))
        self.end_headers()
        self.wfile.write(self.server.document.encode())

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
            agent = FromTools(box, Unknown("I don't know.")).in_session("s1", variables or {})
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


def test_days_and_times_are_asked_for_read_back_and_sent_as_iso(tmp_path: Path, api: Api) -> None:
    spec = spec_of(
        tmp_path,
        f"""
  - http:
      name: reserve_table
      description: Reserve a table.
      method: POST
      url: http://127.0.0.1:{api.server_address[1]}/tables
      private: true
      parameters: {{day: date, at: time}}
      confirm: "{{day}} at {{at}}. Shall I?"
      say: "For {{day}}, number {{number}}."
""",
    )
    answers = talk(
        spec,
        "I'd like to reserve a table at half past seven in the evening.",
        "Next Tuesday. No, on the third of May.",
        "Yes.",
        variables={"now": "2026-11-19T14:00:00"},
    )
    assert answers == [
        "On which day?",
        "Monday, May 3rd at 7:30 in the evening. Shall I?",
        "For Monday, May 3rd, number 7.",
    ]
    assert [body for _, _, body in api.seen] == [{"day": "2027-05-03", "at": "19:30:00"}]


def test_a_function_whose_arguments_nobody_can_say_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def tag(tags: list[str]) -> str:\n    return ''\n")
    with pytest.raises(ToolFault, match="tag: tags: an array cannot be said"):
        anyio.run(open_toolbox, spec_of(tmp_path, "  - python: shop:tag").tools)


BAR = """
openapi: 3.1.0
servers: [{url: '%s'}]
paths:
  /orders:
    post:
      operationId: placeOrder
      summary: Order an item.
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [item]
              properties: {item: {enum: [tea, latte]}, count: {type: integer}}
"""


def test_an_operation_of_a_document_is_used_by_voice(tmp_path: Path, api: Api) -> None:
    (tmp_path / "bar.yaml").write_text(BAR % f"http://127.0.0.1:{api.server_address[1]}/v1")
    spec = spec_of(
        tmp_path,
        """
  - openapi:
      document: bar.yaml
      operations: [placeOrder]
      private: true
      tools: {placeOrder: {say: It is number {number}., confirm: "[{count}] {item}?"}}
""".replace("It is number {number}.", "'It is number {number}.'"),
    )
    asked, answer = talk(spec, "Order two lattes.", "Yes.")
    assert (asked, answer) == ("2 latte?", "It is number 7.")
    assert api.seen == [("/v1/orders", "s1-1", {"item": "latte", "count": 2})]


def test_a_document_from_elsewhere_leads_to_its_own_host_alone(tmp_path: Path, api: Api) -> None:
    here = f"http://127.0.0.1:{api.server_address[1]}"
    api.document = BAR % "http://localhost:1/v1"
    written = f"  - openapi: {{document: '{here}/bar.yaml', operations: [placeOrder], private: true%s}}"
    with pytest.raises(ToolFault, match="leads to localhost, which is not among `hosts`"):
        anyio.run(open_toolbox, spec_of(tmp_path, written % "").tools)
    for more in (", hosts: [localhost]", f", server: '{here}'"):
        (each,) = anyio.run(open_toolbox, spec_of(tmp_path, written % more).tools)
        assert (each.spoken.name, each.spoken.effect) == ("place_order", "write")


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


def test_an_agent_starts_without_a_server_that_is_away_and_gets_its_tools_when_it_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = OverHttp()
    spec = spec_of(
        tmp_path,
        f"""
  - mcp:
      url: {server.url}
      private: true
      tools:
        stock: {{phrases: [how many], system: the shop, timeout: 20, ask: {{item: 'Of what?'}}, confirm: false}}
        order: {{phrases: [order], system: the shop, timeout: 20}}
""",
    )

    async def main() -> tuple[str, str, list[str]]:
        box = await open_toolbox(spec.tools)
        agent = FromTools(box, Unknown("I don't know.")).in_session("s1", {})
        history = History()
        try:
            async with agent.conversation(lambda part: None) as conversation:

                async def ask(text: str) -> str:
                    parts = [part async for part in conversation.answer(text, history)]
                    history.turns = (*history.turns, Turn("agent", "so", len(history.turns)))
                    return " ".join(part.text for part in parts if isinstance(part, Sentence))

                away = await ask("How many are there?")
                other = await ask("What is the time?")
                server.start()
                with anyio.fail_after(30):
                    while not all(each.there for each in box):  # noqa: ASYNC110 - nobody is told
                        await anyio.sleep(0.1)
                return away, other, [await ask("How many are there?"), await ask("Green tea.")]
        finally:
            await box.aclose()
            server.kill()

    away, other, there = anyio.run(main)
    assert "is away" in caplog.text
    assert (away, other) == ("I'm sorry, I can't reach the shop right now.", "I don't know.")
    assert [each.removeprefix("One moment, please. ") for each in there] == ["Of what?", "3 of Green tea"]


@pytest.mark.parametrize(
    ("server", "fault"),
    [
        ("url: 'http://127.0.0.1:9/mcp'", "leads to a private address"),
        ("command: [/no/such/program]", "MCP server"),
    ],
)
def test_a_server_that_will_never_be_there_stops_the_agent(tmp_path: Path, server: str, fault: str) -> None:
    with pytest.raises(ToolFault, match=fault):
        anyio.run(open_toolbox, spec_of(tmp_path, f"  - mcp: {{{server}}}").tools)
