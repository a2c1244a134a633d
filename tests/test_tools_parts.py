"""Results in parts: how text grows, and streams over HTTP however they are cut into packets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_rag.tools.functions import FunctionTool
from tools_rag.tools.parts import grown, joined, parts_of, streamed
from tools_rag.tools.types import MAX_REPLY, MAX_TEXT, Part, ToolError

NDJSON = (
    b'{"text": "The water is 17 degrees."}\r\n\n"A swim is fine."\n{"noise": 1}\n{"text": "No, ", "replaces": true}\n'
    + '{"text": "\u00e9t\u00e9."}'.encode()
)
EVENTS = (
    b": hello\nevent: message\ndata: The water\ndata: is warm.\n\n"
    b'id: 3\ndata: {"choices": [{"delta": {"content": " Swim."}}]}\n\n'
    b'data: {"choices": [{"delta": {"role": "x"}}]}\n\ndata: [DONE]\n\ndata: "late"'
)


async def chunked(body: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(places):
        yield body[start:end]


def parts(body: bytes, kind: Any, path: str = "", cuts: list[int] | None = None) -> list[Part]:
    async def main() -> list[Part]:
        return [part async for part in parts_of(chunked(body, cuts or []), kind, path)]

    return anyio.run(main)


@given(st.lists(st.integers(0, 300), max_size=12))
def test_a_stream_has_the_same_parts_however_it_is_cut(cuts: list[int]) -> None:
    assert parts(NDJSON, "lines", cuts=cuts) == [
        Part("The water is 17 degrees."),
        Part("A swim is fine."),
        Part("No, ", True),
        Part("été."),
    ]
    path = "choices.0.delta.content"
    assert [each.text for each in parts(EVENTS, "events", path, cuts)] == [
        "The water\nis warm.",
        " Swim.",
        "late",
    ]


def test_what_is_no_stream_of_parts_is_refused() -> None:
    assert [
        streamed(kind) for kind in ("text/event-stream; charset=utf-8", "Application/X-NDJSON", "text/plain")
    ] == [
        "events",
        "lines",
        None,
    ]
    with pytest.raises(ToolError, match="no JSON"):
        parts(b'{"text": "a"}\n{half', "lines")
    with pytest.raises(ToolError, match="over"):
        parts(json.dumps("x" * MAX_REPLY).encode(), "lines", cuts=[5])


@given(st.lists(st.builds(Part, st.text(max_size=40), st.booleans()), max_size=12))
def test_text_goes_on_from_the_last_part_that_replaces(given_parts: list[Part]) -> None:
    text = ""
    for part in given_parts:
        text = grown(text, part)
    since = max((place for place, part in enumerate(given_parts) if part.replaces), default=0)
    assert text.replace(" ", "") == "".join(part.text for part in given_parts[since:]).replace(" ", "")
    assert len(grown("x" * MAX_TEXT, Part("more"))) == MAX_TEXT


def test_the_first_part_of_another_attempt_takes_the_place_of_all_before() -> None:
    told: list[Part] = []

    async def made() -> AsyncIterator[Part]:
        yield Part("a")
        yield Part("b")

    async def main() -> list[str]:
        return [await joined(made(), told.append) for _ in range(2)]

    assert anyio.run(main) == ["ab", "ab"]
    assert told == [Part("a", True), Part("b"), Part("a", True), Part("b")]


async def ferries(harbour: str) -> AsyncIterator[str | Part]:
    """Ferries from a harbour."""
    yield f"Boats leave {harbour}"
    await anyio.lowlevel.checkpoint()
    yield " at seven."
    yield Part("Boats leave at eight.", replaces=True)


async def wrong() -> AsyncIterator[int]:
    """Counts."""
    yield 1


def test_an_async_generator_gives_its_result_in_parts() -> None:
    told: list[Part] = []

    async def main() -> str:
        with pytest.raises(ToolError, match="yields int"):
            await FunctionTool(wrong).call({})
        return (await FunctionTool(ferries).call({"harbour": "Hela"}, parts=told.append)).text

    assert anyio.run(main) == "Boats leave at eight."
    assert [part.text for part in told] == ["Boats leave Hela", " at seven.", "Boats leave at eight."]
