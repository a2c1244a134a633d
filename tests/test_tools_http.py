"""HTTP tools against a real server: what is sent, what comes back, and all that is refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import pytest

from tools_rag.tools.http import HttpRequest, HttpTool
from tools_rag.tools.network import is_public
from tools_rag.tools.types import MAX_REPLY, Effect, Part, Reply, ToolError, ToolSpec


class Api(ThreadingHTTPServer):
    """Notes what it is asked; the path says how it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Api

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.server.seen.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        kind = self.path.strip("/").partition("?")[0].partition("/")[0]
        getattr(self, f"_{kind}", self._ok)()

    do_POST = do_PUT = do_DELETE = do_GET

    def _send(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _ok(self) -> None:
        self._send(200, json.dumps({"path": self.path, "deep": {"list": [1, {"name": "x"}]}}).encode())

    def _broken(self) -> None:
        self._send(200, b'{"half": ')

    def _huge(self) -> None:
        self._send(200, b"x" * 10_000_000, "text/plain")

    def _parts(self) -> None:
        self._send(200, b'{"text": "It rains."}\n{"text": "Take a coat."}\n', "application/x-ndjson")

    def _error(self) -> None:
        self._send(500, b"secret stack trace")

    def _flaky(self) -> None:
        if len(self.server.seen) < 3:
            self._send(503, b"")
        else:
            self._ok()

    def _hang(self) -> None:
        time.sleep(3)

    def _away(self) -> None:
        self._send(302, b"", Location="http://169.254.169.254/latest/meta-data")

    def _around(self) -> None:
        self._send(302, b"", Location="/around")

    def _moved(self) -> None:
        self._send(302, b"", Location="/there?x=1")


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}


def tool(url: str, effect: Effect = "read", timeout: float = 2.0, **more: Any) -> HttpTool:
    request = HttpRequest(url, private=more.pop("private", True), **more)
    return HttpTool(ToolSpec("weather", "The weather.", SCHEMA, effect, timeout=timeout), request)


def call(made: HttpTool, key: str = "", **arguments: Any) -> Reply:
    async def main() -> Reply:
        return await made.call(arguments, key=key)

    return anyio.run(main)


def failure(made: HttpTool, key: str = "", **arguments: Any) -> ToolError:
    with pytest.raises(ToolError) as caught:
        call(made, key, **arguments)
    return caught.value


def test_arguments_go_where_they_belong_and_cannot_leave_it(api: Api) -> None:
    call(tool(f"{api.url}/w/{{city}}"), city="New York/../?x#", days="3")
    method, path, _, _ = api.seen[0]
    assert (method, path) == ("GET", "/w/New%20York%2F..%2F%3Fx%23?days=3")


def test_a_post_sends_json_its_headers_and_its_key(api: Api) -> None:
    call(tool(f"{api.url}/o", "write", method="POST", headers={"X-Key": "s3cret"}), "k-1", city="Rome")
    method, _, headers, body = api.seen[0]
    assert (method, json.loads(body)) == ("POST", {"city": "Rome"})
    assert (headers["X-Key"], headers["Idempotency-Key"]) == ("s3cret", "k-1")


def test_a_part_of_the_reply_can_be_named(api: Api) -> None:
    assert call(tool(f"{api.url}/ok", result="deep.list.1.name"), city="x").text == "x"
    assert failure(tool(f"{api.url}/ok", result="deep.nothing"), city="x").kind == "reply"


def test_a_streamed_reply_is_told_in_parts(api: Api) -> None:
    parts: list[Part] = []

    async def main() -> Reply:
        return await tool(f"{api.url}/parts").call({"city": "x"}, parts=parts.append)

    assert anyio.run(main) == Reply("It rains. Take a coat.")
    assert parts == [Part("It rains.", True), Part("Take a coat.")]


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("broken", "reply", "no JSON"),
        ("huge", "reply", f"over {MAX_REPLY} bytes"),
        ("error", "failed", "status 500"),
        ("hang", "timeout", "no answer within 0.5 s"),
        ("away", "refused", "169.254.169.254, which is not among the tool's hosts"),
        ("around", "failed", "more than 3 redirects"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(api: Api, path: str, kind: str, text: str) -> None:
    fault = failure(tool(f"{api.url}/{path}", timeout=0.5), city="x")
    assert fault.kind == kind
    assert text in str(fault)
    assert "stack" not in str(fault)


def test_a_read_is_tried_again_and_a_write_only_with_a_key(api: Api) -> None:
    assert call(tool(f"{api.url}/flaky"), city="x").data["path"] == "/flaky?city=x"
    api.seen.clear()
    assert failure(tool(f"{api.url}/flaky", "write", method="POST"), city="x").kind == "failed"
    assert len(api.seen) == 1
    api.seen.clear()
    call(tool(f"{api.url}/flaky", "write", method="POST"), "k-2", city="x")
    assert {seen[2]["Idempotency-Key"] for seen in api.seen} == {"k-2"}


def test_a_redirect_within_the_host_is_followed_by_a_read_alone(api: Api) -> None:
    assert call(tool(f"{api.url}/moved"), city="x").data["path"] == "/there?x=1"
    assert failure(tool(f"{api.url}/moved", "write", method="POST"), city="x").kind == "refused"


def test_a_private_address_is_refused_unless_it_is_allowed(api: Api) -> None:
    fault = failure(tool(f"{api.url}/ok", private=False), city="x")
    assert (fault.kind, api.seen) == ("refused", [])
    assert "private" in str(fault)


def test_wrong_arguments_call_nothing(api: Api) -> None:
    assert failure(tool(f"{api.url}/ok")).kind == "arguments"
    assert failure(tool(f"{api.url}/ok"), city="x", days="soon").kind == "arguments"
    assert api.seen == []


@pytest.mark.parametrize("url", ["ftp://x/y", "//x", "http://{host}/y", "http:///y", "x"])
def test_an_address_has_a_scheme_and_a_fixed_host(url: str) -> None:
    with pytest.raises(ValueError, match="fixed host"):
        tool(url)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
