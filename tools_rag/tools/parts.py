"""Results that come in parts: what each adds, and a stream of them over HTTP.

A part goes on from those before it (append), or takes their place where the tool knows better by now (update). Whoever
reads along has read most of the result when its last part is there.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from tools_rag.tools.types import MAX_REPLY, MAX_TEXT, Part, Parts, ToolError

Stream = Literal["lines", "events"]
_KINDS: dict[str, Stream] = {
    "text/event-stream": "events",
    "application/x-ndjson": "lines",
    "application/ndjson": "lines",
    "application/jsonl": "lines",
}
_DONE = "[DONE]"
"""What some services end a stream with."""


def grown(text: str, part: Part) -> str:
    """A result's text after a part, at most `MAX_TEXT` characters. A sentence that follows another is set apart.

    >>> grown("It rains.", Part("Take a coat.")), grown("It rai", Part("ns.")), grown("Rain.", Part("Sun.", True))
    ('It rains. Take a coat.', 'It rains.', 'Sun.')
    """
    before = "" if part.replaces else text
    apart = before[-1:] in (".", "!", "?") and part.text[:1].isupper()
    return f"{before}{' ' if apart else ''}{part.text}"[:MAX_TEXT]


async def joined(made: AsyncIterator[Part], told: Parts) -> str:
    """The whole text, each part told as it comes; the first takes the place of what an attempt before gave."""
    text, first = "", True
    async for each in made:
        part = replace(each, replaces=True) if first else each
        told(part)
        text, first = grown(text, part), False
    return text


def streamed(content_type: str) -> Stream | None:
    """How a reply of this media type comes in parts: as lines of JSON, as server-sent events, or not at all."""
    return _KINDS.get(content_type.partition(";")[0].strip().lower())


async def parts_of(chunks: AsyncIterator[bytes], kind: Stream, path: str = "") -> AsyncIterator[Part]:
    """The parts in a streamed body.

    Each line, or each event's data, is JSON: a string, or an object whose `path` (by default `text`) is the text and
    which may say `replaces: true`. An object without that text adds nothing; an event may also be plain text.

    Args:
        chunks: the body as it comes.
        kind: by `streamed`.
        path: keys joined by dots.

    Raises:
        ToolError: it is too long, or a line is no JSON.
    """
    lines = _lines(chunks)
    async for text in _events(lines) if kind == "events" else lines:
        if text.strip() and text.strip() != _DONE:
            part = _part(text, path or "text", plain=kind == "events")
            if part.text:
                yield part


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    decoder, size, rest = codecs.getincrementaldecoder("utf-8")("replace"), 0, ""
    async for chunk in chunks:
        size += len(chunk)
        if size > MAX_REPLY:
            raise ToolError("reply", f"the reply is over {MAX_REPLY} bytes")
        *whole, rest = (rest + decoder.decode(chunk)).split("\n")
        for line in whole:
            yield line.removesuffix("\r")
    yield rest


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """The data of server-sent events (HTML, section 9.2); other fields are passed over."""
    data: list[str] = []
    async for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line:
            yield "\n".join(data)
            data = []
    yield "\n".join(data)


def _part(text: str, path: str, plain: bool) -> Part:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        if plain:
            return Part(text)
        raise ToolError("reply", f"a line of the reply is no JSON: {error}") from error
    replaces = isinstance(found, Mapping) and found.get("replaces") is True
    for name in path.split(".") if isinstance(found, Mapping) else ():
        if isinstance(found, list):
            found = found[int(name)] if name.isdecimal() and int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, Mapping) else None
    return Part("" if found is None or isinstance(found, Mapping | list) else str(found), replaces)
