"""An HTTP API as a tool: a template of a request, and everything that can go wrong with it bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urljoin, urlsplit

import anyio
import httpx

from tools_rag.tools.arguments import repaired
from tools_rag.tools.network import guarded_client
from tools_rag.tools.parts import joined, parts_of, streamed
from tools_rag.tools.types import (
    MAX_REPLY,
    Parts,
    Progress,
    Reply,
    ToolError,
    ToolSpec,
    no_parts,
    no_progress,
    reply_of,
)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
MAX_REDIRECTS = 3
ATTEMPTS = 3
FIRST_WAIT = 0.2
"""Seconds before a call is tried again; doubled each time."""
_AGAIN = frozenset({429, 502, 503, 504})
"""Statuses that may be different a moment later."""
_ACCEPT_PARTS = "application/x-ndjson, text/event-stream, application/json, text/plain"
_FIELD = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an argument goes, and what it is called there; a body's argument without a name is the whole body."""

    where: Literal["query", "header", "body"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A template.

    Attributes:
        url: with `{argument}` where an argument belongs in the path or the query; it is percent-encoded.
        method: of the request. Other arguments go into the query (GET, DELETE) or a JSON body, if not into `places`.
        headers: sent as they are; secrets are put in here by whoever reads the environment.
        hosts: where redirects may lead beside the URL's own host.
        private: private and loopback addresses are allowed.
        result: the part of a JSON reply that matters, as keys joined by dots; empty for all of it.
        places: by argument, where it goes.
    """

    url: str
    method: Method = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: tuple[str, ...] = ()
    private: bool = False
    result: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)


class HttpTool:
    """Calls an HTTP API. A read that failed on the way is tried again; a write only where it carries a key."""

    def __init__(self, spec: ToolSpec, request: HttpRequest) -> None:
        """Raises ValueError for an address that is none, or with an argument where the host belongs."""
        parts = urlsplit(request.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.netloc:
            raise ValueError("the address begins with http:// or https:// and a fixed host")
        self.spec = spec
        self._request = request
        self._hosts = (parts.hostname, *request.hosts)

    async def call(
        self,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        progress: Progress = no_progress,
        parts: Parts = no_parts,
    ) -> Reply:
        """See `Tool.call`."""
        given = repaired(self.spec.parameters, arguments)
        try:
            with anyio.fail_after(self.spec.timeout):
                return await self._attempts(given, key, parts)
        except TimeoutError as error:
            raise ToolError("timeout", f"no answer within {self.spec.timeout:g} s") from error

    async def _attempts(self, given: Mapping[str, Any], key: str, parts: Parts) -> Reply:
        tries = ATTEMPTS if self.spec.effect == "read" or key else 1
        wait = FIRST_WAIT
        async with guarded_client(
            self._hosts, private=self._request.private, timeout=self.spec.timeout
        ) as client:
            while True:
                tries -= 1
                try:
                    return await self._once(client, given, key, parts)
                except _Passing as passing:
                    if not tries:
                        raise ToolError("failed", str(passing)) from passing
                await anyio.sleep(wait)
                wait *= 2

    async def _once(
        self, client: httpx.AsyncClient, given: Mapping[str, Any], key: str, parts: Parts
    ) -> Reply:
        request = self._build(client, given, key)
        for _ in range(MAX_REDIRECTS + 1):
            try:
                response = await client.send(request, stream=True)
                try:
                    if not response.is_redirect:
                        return await self._read(response, parts)
                finally:
                    await response.aclose()
            except httpx.TransportError as error:
                raise _Passing(f"{type(error).__name__}: {error}") from error
            request = self._redirected(client, request, response)
        raise ToolError("failed", f"more than {MAX_REDIRECTS} redirects")

    def _build(self, client: httpx.AsyncClient, given: Mapping[str, Any], key: str) -> httpx.Request:
        template = self._request
        named = set(_FIELD.findall(template.url))
        lacking = sorted(named - given.keys())
        if lacking:
            raise ToolError("arguments", f"{lacking[0]} is missing, and the address needs it")
        url = _FIELD.sub(lambda found: quote(str(given[found[1]]), safe=""), template.url)
        rest = {name: value for name, value in given.items() if name not in named}
        headers = {"Accept": _ACCEPT_PARTS if self.spec.answer else "application/json", **template.headers}
        if key:
            headers["Idempotency-Key"] = key
        sent = _placed(template, rest)
        headers |= {name: _one_line(value) for name, value in sent["header"].items()}
        body = sent["body"].get("", sent["body"])
        bare = template.method in ("GET", "DELETE") or template.places
        content = None if bare and not sent["body"] else body
        return client.build_request(
            template.method, url, params=sent["query"] or None, json=content, headers=headers
        )

    def _redirected(
        self, client: httpx.AsyncClient, request: httpx.Request, response: httpx.Response
    ) -> httpx.Request:
        """Follow a read to an allowed host, without its secrets if the host is another; a write is not sent on."""
        target = urlsplit(urljoin(str(request.url), response.headers.get("location", "")))
        if request.method != "GET":
            raise ToolError("refused", "the address has moved; a write is not sent on to another")
        if target.scheme not in ("http", "https") or target.hostname not in self._hosts:
            raise ToolError(
                "refused", f"redirected to {target.hostname}, which is not among the tool's hosts"
            )
        if request.url.scheme == "https" and target.scheme != "https":
            raise ToolError("refused", "redirected from https to http")
        same = target.hostname == request.url.host
        headers = {"Accept": "application/json", **(self._request.headers if same else {})}
        return client.build_request("GET", target.geturl(), headers=headers)

    async def _read(self, response: httpx.Response, parts: Parts) -> Reply:
        if response.status_code in _AGAIN:
            raise _Passing(f"status {response.status_code}")
        if response.status_code >= 400:
            raise ToolError("failed", f"status {response.status_code}")
        kind = response.headers.get("content-type", "")
        if (stream := streamed(kind)) and response.status_code < 300:
            made = parts_of(response.aiter_bytes(), stream, self._request.result)
            return reply_of(await joined(made, parts))
        body = await body_of(response)
        if "json" not in kind:
            return reply_of(body.decode(errors="replace"))
        try:
            data = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ToolError("reply", f"the reply is no JSON: {error}") from error
        return reply_of(_part(data, self._request.result))


class _Passing(Exception):
    """A failure that may be gone a moment later."""


async def body_of(response: httpx.Response, limit: int = MAX_REPLY) -> bytes:
    """The decoded body, at most `limit` bytes of it (a small one may unpack to a large one); raises ToolError."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > limit:
            raise ToolError("reply", f"the reply is over {limit} bytes")
        parts.append(part)
    return b"".join(parts)


def _placed(template: HttpRequest, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The arguments that the address does not name, by where they go and what they are called there."""
    usual = Place("query" if template.method in ("GET", "DELETE") else "body")
    sent: dict[str, dict[str, Any]] = {"query": {}, "header": {}, "body": {}}
    for name, value in given.items():
        place = template.places.get(name)
        where, called = (place.where, place.name) if place else (usual.where, name)
        sent[where][called] = value
    return sent


def _one_line(value: Any) -> str:
    return "".join(mark for mark in str(value) if mark.isprintable())


def _part(data: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        try:
            data = data[int(name)] if isinstance(data, list) else data[name]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ToolError("reply", f"the reply has no {path}") from error
    return data
