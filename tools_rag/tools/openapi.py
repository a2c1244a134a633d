"""Operations of an OpenAPI document (3.0 and 3.1) as requests and the schemas of their arguments.

Parameters and the fields of a JSON body become arguments side by side; each keeps the place and the name that the
document has for it. What cannot be sent that way (forms, cookies that are needed) is refused and said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args
from urllib.parse import urljoin, urlsplit

import anyio
import httpx
import yaml

from tools_rag.tools.arguments import check_schema
from tools_rag.tools.http import Method, Place, body_of
from tools_rag.tools.network import guarded_client
from tools_rag.tools.schemas import Inliner
from tools_rag.tools.types import ToolError

MAX_DOCUMENT = 4 * 2**20
"""Bytes."""
MAX_ARGUMENTS = 60
_METHODS: dict[str, Method] = {method.lower(): method for method in get_args(Method)}
_PATH_FIELD = re.compile(r"\{([^{}/]+)\}")
_SET_BY_HTTP = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that OpenAPI itself says are to be ignored."""
_JSON = re.compile(r"application/(?:[\w.-]+\+)?json\s*(?:;.*)?")


class DocumentError(ValueError):
    """A document, or an operation of it, cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        id: as it was asked for.
        name: of the tool.
        description: what it does.
        method: of the request.
        url: with `{argument}` where an argument belongs in the path.
        parameters: JSON Schema of the arguments, an object.
        places: by argument, where it goes.
    """

    id: str
    name: str
    description: str
    method: Method
    url: str
    parameters: dict[str, Any]
    places: dict[str, Place]


class _Loader(yaml.SafeLoader):
    """YAML without aliases: a few of them, one in another, can stand for billions of nodes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise DocumentError("the document has YAML aliases, which are not read; write them out")
        return super().compose_node(parent, index)


def parse(raw: bytes) -> Mapping[str, Any]:
    """A document, as JSON or YAML.

    Raises:
        DocumentError: it is too large, neither of them, or no OpenAPI 3 document.
    """
    if len(raw) > MAX_DOCUMENT:
        raise DocumentError(f"a document of over {MAX_DOCUMENT // 2**20} MiB")
    try:
        text = raw.decode("utf-8-sig")
        data = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)
    except DocumentError:
        raise
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise DocumentError(
            f"the document is neither JSON nor YAML: {str(error).splitlines()[0][:200]}"
        ) from error
    if not isinstance(data, Mapping) or not re.match(r"3\.\d", str(data.get("openapi", ""))):
        raise DocumentError("this is no OpenAPI 3 document: it begins with `openapi: 3.…`")
    return data


async def fetch(url: str, *, private: bool, timeout: float) -> bytes:
    """The document at an address.

    Raises:
        ToolError: it cannot be had, or may not be.
    """
    host = urlsplit(url).hostname or ""
    try:
        with anyio.fail_after(timeout):
            async with (
                guarded_client([host], private=private, timeout=timeout) as client,
                client.stream("GET", url, headers={"Accept": "application/json, */*"}) as response,
            ):
                if response.status_code != 200:
                    raise ToolError("failed", f"the document: status {response.status_code}")
                return await body_of(response, MAX_DOCUMENT)
    except TimeoutError as error:
        raise ToolError("timeout", f"no document within {timeout:g} s") from error
    except httpx.TransportError as error:
        raise ToolError("failed", f"the document: {type(error).__name__}: {error}") from error


def operations(
    document: Mapping[str, Any], wanted: Sequence[str], server: str = "", at: str = ""
) -> list[Operation]:
    """The wanted operations, in their order.

    Args:
        document: by `parse`.
        wanted: each an operationId, or a method and a path: `GET /rooms/{room}`.
        server: address of the API, in place of the document's.
        at: the document's own address: what its servers' are relative to.

    Raises:
        DocumentError: it has no such operation, or one cannot be used.
    """
    found: dict[str, tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = {}
    for path, item, method, operation in _all(document):
        for id in (str(operation.get("operationId", "")), f"{method.upper()} {path}"):
            found.setdefault(id, (path, method, item, operation))
    made = []
    for id in wanted:
        if id not in found:
            raise DocumentError(f"the document has no operation {id[:100]}")
        try:
            made.append(_Reading(document, server, at).operation(id, *found[id]))
        except DocumentError as error:
            raise DocumentError(f"{id[:100]}: {error}") from error
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            reason = str(error) if type(error) is ValueError else "it is not of the form that OpenAPI has"
            raise DocumentError(f"{id[:100]}: {reason}") from error
    return made


def _all(
    document: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any], str, Mapping[str, Any]]]:
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, Mapping) else ():
        for method, operation in item.items() if isinstance(item, Mapping) else ():
            if method in _METHODS and isinstance(operation, Mapping):
                yield str(path), item, method, operation


@dataclass
class _Reading:
    """One operation on its way from the document."""

    document: Mapping[str, Any]
    server: str
    at: str
    properties: dict[str, Any] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    in_path: dict[str, str] = field(default_factory=dict)
    """By the path's own name for it, the argument."""

    def operation(
        self, id: str, path: str, method: str, item: Mapping[str, Any], given: Mapping[str, Any]
    ) -> Operation:
        """Raises ValueError, and what a document of another form leads to."""
        self._inliner = Inliner(self.document)
        for parameter in self._parameters(item, given):
            self._parameter(parameter)
        self._body(given)
        if len(self.properties) > MAX_ARGUMENTS:
            raise DocumentError(f"more than {MAX_ARGUMENTS} arguments")
        schema: dict[str, Any] = {"type": "object", "properties": self.properties, "required": self.required}
        schema["additionalProperties"] = False
        check_schema(schema)
        about = str(given.get("summary") or given.get("description") or item.get("summary") or id)
        url = self._base(item, given).rstrip("/") + _PATH_FIELD.sub(self._field, path)
        name = _tool_name(str(given.get("operationId") or f"{method} {path}"))
        return Operation(
            id, name, " ".join(about.split())[:1_000], _METHODS[method], url, schema, self.places
        )

    def _parameters(self, item: Mapping[str, Any], given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Those of the operation, and those of its path that it does not give anew."""
        read: dict[tuple[str, str], Mapping[str, Any]] = {}
        for each in (*item.get("parameters", ()), *given.get("parameters", ())):
            part = self._inliner.part(each)
            read[str(part["name"]), str(part["in"])] = part
        return list(read.values())

    def _parameter(self, part: Mapping[str, Any]) -> None:
        name, where = str(part["name"]), str(part["in"])
        needed = bool(part.get("required")) or where == "path"
        content = part.get("content")
        schema = self._inliner.schema(part.get("schema"))
        if where == "header" and name.lower() in _SET_BY_HTTP:
            return
        if where == "cookie" or content or schema.get("type") == "object":
            if needed:
                raise DocumentError(f"the parameter {name[:80]} cannot be sent")
            return
        if "description" in part:
            schema.setdefault("description", str(part["description"])[:300])
        argument = self._add(name, schema, needed)
        if where == "path":
            self.in_path[name] = argument
        elif where == "query":
            self.places[argument] = Place("query", name)
        else:
            self.places[argument] = Place("header", name)

    def _body(self, given: Mapping[str, Any]) -> None:
        """The fields of a JSON body as arguments; a body that is no object is one argument."""
        if "requestBody" not in given:
            return
        body = self._inliner.part(given["requestBody"])
        kinds: Mapping[str, Any] = body.get("content", {})
        media = next((value for kind, value in kinds.items() if _JSON.fullmatch(str(kind))), None)
        if media is None:
            if body.get("required"):
                raise DocumentError("its body is not JSON")
            return
        schema = self._inliner.schema(media.get("schema"))
        if not isinstance(schema.get("properties"), Mapping):
            argument = self._add("body", schema, bool(body.get("required")))
            self.places[argument] = Place("body")
            return
        for name, each in schema["properties"].items():
            needed = name in schema.get("required", ()) and bool(body.get("required", True))
            self.places[self._add(name, each, needed)] = Place("body", name)

    def _add(self, name: str, schema: dict[str, Any], needed: bool) -> str:
        argument = re.sub(r"\W+", "_", name, flags=re.A).strip("_")
        argument = argument if re.match(r"[A-Za-z]", argument) else f"a_{argument}"
        if argument in self.properties:
            raise DocumentError(f"two of its arguments are called {argument[:80]}")
        self.properties[argument] = schema
        if needed:
            self.required.append(argument)
        return argument

    def _field(self, found: re.Match[str]) -> str:
        if found[1] not in self.in_path:
            raise DocumentError(f"its path names {found[1][:80]}, which is no parameter")
        return f"{{{self.in_path[found[1]]}}}"

    def _base(self, item: Mapping[str, Any], given: Mapping[str, Any]) -> str:
        """The server's address."""
        if self.server:
            return self.server
        servers = (
            given.get("servers") or item.get("servers") or self.document.get("servers") or [{"url": "/"}]
        )
        variables: Mapping[str, Any] = servers[0].get("variables", {})
        url = _PATH_FIELD.sub(
            lambda found: str(variables.get(found[1], {}).get("default", found[0])), str(servers[0]["url"])
        )
        whole = urljoin(self.at, url)
        if not re.fullmatch(r"https?://[^/\s{}@]+(?:/[^\s{}]*)?", whole):
            raise DocumentError("the document names no address of its server; give `server`")
        return whole


def _tool_name(id: str) -> str:
    """`bookRoom` and `GET /rooms/{room}` as tools are named: `book_room`, `get_rooms_room`."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", id)
    name = re.sub(r"\W+", "_", parted, flags=re.A).strip("_").lower()
    return (name if re.match(r"[a-z]", name) else f"call_{name}")[:64]
