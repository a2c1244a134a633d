"""OpenAPI documents as tools: what is read of them, what is refused, and what then goes over the wire."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools_rag.tools.arguments import check_schema
from tools_rag.tools.http import HttpRequest, HttpTool, Place
from tools_rag.tools.openapi import MAX_DOCUMENT, DocumentError, Operation, fetch, operations, parse
from tools_rag.tools.types import ToolError, ToolSpec

ROOMS = """
openapi: 3.0.3
info: {title: Rooms, version: '1'}
servers:
  - url: https://{region}.example.org/v1/
    variables: {region: {default: eu}}
paths:
  /rooms/{room-id}:
    parameters:
      - {name: room-id, in: path, required: true, schema: {type: string, enum: [baltic, aegean]}}
    get:
      operationId: findRoom
      summary: When a room is free.
      parameters:
        - $ref: '#/components/parameters/Day'
        - {name: X-Floor, in: header, schema: {type: integer}}
        - {name: Accept, in: header, schema: {type: string}}
        - {name: track, in: cookie, schema: {type: string}}
    post:
      operationId: bookRoom
      description: |
        Book a room.
        For an hour.
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Booking'}
  /photos:
    put:
      summary: Put a photo.
      requestBody: {required: true, content: {image/png: {}}}
    patch:
      summary: Order photos.
      requestBody: {content: {application/vnd.rooms+json: {schema: {type: array, items: {type: integer}}}}}
  /tree:
    post:
      operationId: plant
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Tree'}}}}
  /lost/{where}:
    get: {operationId: lost}
components:
  parameters:
    Day: {name: day, in: query, required: true, schema: {type: string}, description: Which day.}
  schemas:
    Hour: {type: integer, minimum: 8, exclusiveMinimum: true, maximum: 17}
    Named:
      type: object
      required: [name, id]
      properties: {name: {type: string, nullable: true}, id: {type: integer, readOnly: true}}
    Booking:
      allOf:
        - $ref: '#/components/schemas/Named'
        - type: object
          required: [hour]
          properties: {hour: {$ref: '#/components/schemas/Hour'}, for: {type: string, enum: [work, fun, null]}}
    Tree:
      type: object
      properties: {trees: {type: array, items: {$ref: '#/components/schemas/Tree'}}}
"""


def read(*wanted: str, text: str = ROOMS, **more: str) -> list[Operation]:
    return operations(parse(text.encode()), wanted, **more)


def test_parameters_of_all_places_become_arguments() -> None:
    (find,) = read("findRoom")
    assert (find.name, find.description, find.method) == ("find_room", "When a room is free.", "GET")
    assert find.url == "https://eu.example.org/v1/rooms/{room_id}"
    assert find.parameters == {
        "type": "object",
        "properties": {
            "room_id": {"type": "string", "enum": ["baltic", "aegean"]},
            "day": {"type": "string", "description": "Which day."},
            "X_Floor": {"type": "integer"},
        },
        "required": ["room_id", "day"],
        "additionalProperties": False,
    }
    assert find.places == {"day": Place("query", "day"), "X_Floor": Place("header", "X-Floor")}


def test_a_body_s_fields_become_arguments_without_what_the_server_writes() -> None:
    (book,) = read("POST /rooms/{room-id}")
    assert (book.name, book.description) == ("book_room", "Book a room. For an hour.")
    assert book.parameters["required"] == ["room_id", "name", "hour"]
    assert book.parameters["properties"]["hour"] == {"type": "integer", "exclusiveMinimum": 8, "maximum": 17}
    assert book.parameters["properties"]["for"] == {"type": "string", "enum": ["work", "fun"]}
    assert book.parameters["properties"]["name"] == {"type": "string"}
    assert "id" not in book.parameters["properties"]
    assert book.places["hour"] == Place("body", "hour")


def test_a_body_that_is_no_object_is_one_argument() -> None:
    (order,) = read("PATCH /photos")
    assert (order.name, order.parameters["required"]) == ("patch_photos", [])
    assert order.places == {"body": Place("body")}


def test_3_1_is_read_too_and_as_json() -> None:
    document = {
        "openapi": "3.1.0",
        "paths": {"/a": {"get": {"operationId": "a", "parameters": [
            {"name": "n", "in": "query", "schema": {"type": ["integer", "null"], "exclusiveMinimum": 0}}
        ]}}},
    }  # fmt: skip
    (a,) = read("a", text=json.dumps(document), at="https://h.example.org/docs/api.json")
    assert a.url == "https://h.example.org/a"
    assert a.parameters["properties"] == {"n": {"type": "integer", "exclusiveMinimum": 0}}


def test_a_pattern_that_only_javascript_knows_is_left_to_the_server() -> None:
    schema = {"type": "string", "pattern": r"^\p{L}+$"}
    given = {"operationId": "a", "parameters": [{"name": "n", "in": "query", "schema": schema}]}
    (a,) = operations({"openapi": "3.1.0", "paths": {"/a": {"get": given}}}, ["a"], "https://h")
    assert a.parameters["properties"] == {"n": {"type": "string"}}
    with pytest.raises(ValueError, match="no regular expression"):
        check_schema({"type": "object", "properties": {"n": schema}})


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ("cancelRoom", "no operation cancelRoom"),
        ("PUT /photos", "PUT /photos: its body is not JSON"),
        ("plant", "plant: the schema #/components/schemas/Tree refers to itself"),
        ("lost", "lost: its path names where, which is no parameter"),
    ],
)
def test_what_cannot_be_used_is_said(wanted: str, fault: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(wanted)
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("swagger: '2.0'", "no OpenAPI 3 document"),
        ("[1]", "no OpenAPI 3 document"),
        ("{", "neither JSON nor YAML"),
        ("a: [", "neither JSON nor YAML"),
        ("openapi: 3.0.0\na: &x 1\nb: *x", "YAML aliases"),
        ("[" * 5_000, "neither JSON nor YAML"),
        ('{"a": ' * 5_000, "neither JSON nor YAML"),
        ("#" * (MAX_DOCUMENT + 1), "over 4 MiB"),
    ],
)
def test_what_is_no_document_is_said(text: str, fault: str) -> None:
    with pytest.raises(DocumentError, match=fault):
        parse(text.encode())


@pytest.mark.parametrize(
    "operation",
    [
        {"parameters": "all"},
        {"parameters": [{"name": "x"}]},
        {"parameters": [{"$ref": "#/nowhere"}]},
        {"parameters": [{"$ref": "other.yaml#/x"}]},
        {"parameters": [{"name": "x", "in": "query", "required": True, "schema": {"type": "object"}}]},
        {"parameters": [{"name": "x", "in": "cookie", "required": True, "schema": {"type": "string"}}]},
        {"parameters": [{"name": "a.b", "in": "query"}, {"name": "a-b", "in": "query"}]},
        {"parameters": [{"name": "x", "in": "query", "schema": {"type": "nothing"}}]},
        {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/paths"}}}}, "servers": [7]},
        {"servers": [{"url": "file:///etc/passwd"}]},
        {"servers": [{"url": "https://me:pw@h/"}]},
        {"parameters": [{"name": f"x{n}", "in": "query"} for n in range(70)]},
    ],
)
def test_a_document_of_another_form_is_refused_and_never_raises_otherwise(operation: dict[str, Any]) -> None:
    document = {
        "openapi": "3.1.0",
        "servers": [{"url": "https://h"}],
        "paths": {"/a": {"get": {"operationId": "a", **operation}}},
    }
    with pytest.raises(DocumentError):
        operations(document, ["a"])


WORDS = [
    "$ref", "type", "properties", "required", "items", "allOf", "anyOf", "enum", "name", "in", "schema", "content",
    "application/json", "parameters", "requestBody", "servers", "url", "variables", "default", "pattern", "readOnly",
    "nullable", "exclusiveMinimum", "minimum", "#/paths", "#/x", "object", "array", "string", "query", "path", "a",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(WORDS) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=25,
)


@given(JSON, JSON, JSON, JSON)
@settings(max_examples=400, deadline=None)
def test_whatever_stands_in_a_document_is_read_or_refused(
    parameters: Any, body: Any, servers: Any, more: Any
) -> None:
    given = {"operationId": "a", "parameters": [parameters], "requestBody": body, "servers": servers}
    document = {
        "openapi": "3.1.0",
        "paths": {"/a/{a}": {"get": given, "summary": more}, "x": more},
        "x": more,
    }
    for path in (document, {**document, "paths": {"/a/{a}": {"get": {**given, "parameters": more}}}}):
        try:
            (a,) = operations(path, ["a"], "https://h")
        except DocumentError:
            continue
        assert a.parameters["type"] == "object"
        assert set(a.places) <= set(a.parameters["properties"])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, str | None, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw) if raw else None
        self.server.seen.append((self.command, self.path, self.headers["X-Floor"], body))
        big, moved = self.path == "/big", self.path == "/moved"
        out = b"x" * (MAX_DOCUMENT + 1) if big else ROOMS.encode()
        self.send_response(302 if moved else 200)
        self.send_header("Location", "/rooms.yaml")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        try:
            self.wfile.write(out)
        except OSError:
            return

    do_POST = do_GET


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield made
        made.shutdown()


def test_arguments_go_where_the_document_says(server: Server) -> None:
    async def main() -> None:
        for each in read("findRoom", "bookRoom", server=server.url):
            request = HttpRequest(each.url, each.method, private=True, places=each.places)
            tool = HttpTool(ToolSpec(each.name, each.description, each.parameters), request)
            given = {"room_id": "aegean", "day": "a/b", "X_Floor": "3", "hour": 9, "name": "x"}
            await tool.call({name: given[name] for name in each.parameters["properties"] if name in given})

    anyio.run(main)
    assert server.seen == [
        ("GET", "/rooms/aegean?day=a%2Fb", "3", None),
        ("POST", "/rooms/aegean", None, {"hour": 9, "name": "x"}),
    ]


def test_a_document_is_fetched_within_bounds(server: Server) -> None:
    async def get(path: str, private: bool = True) -> bytes:
        return await fetch(server.url + path, private=private, timeout=5)

    assert anyio.run(get, "/rooms.yaml") == ROOMS.encode()
    for path, private, kind in (("/big", True, "reply"), ("/moved", True, "failed"), ("/", False, "refused")):
        with pytest.raises(ToolError) as caught:
            anyio.run(get, path, private)
        assert caught.value.kind == kind
