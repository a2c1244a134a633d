"""Free text read by the shipped model under a grammar: what the caller said, and nothing that it makes up."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator

import anyio
import pytest

from duplex.agent.brain import load_brain
from duplex.agent.extracting import FreeText
from duplex.agent.spec import LlmSection
from duplex.dialogue.slots import SpokenTool
from duplex.graph import Lanes
from duplex.llm.types import LLMError, Request, Token
from tools_rag.tools.spoken import Listener
from tools_rag.tools.wanted import Cues

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "day": {"enum": ["Monday"]}, "note": {"type": "string"}},
    "required": ["name", "day"],
}
BOOK = SpokenTool(
    "book_table", SCHEMA, "write", "", {}, Listener(SCHEMA), Cues("book_table", "Book a table.")
)


def test_the_shipped_model_reads_a_name_and_what_it_makes_up_is_dropped() -> None:
    async def main() -> list[dict[str, str]]:
        async with Lanes() as lanes:
            brain = load_brain(LlmSection.model_validate({"gemma-3-270m": {}}), lanes)
            free = FreeText(brain.llm, brain.chat, patience=60)
            await free.warm()
            said = ["Can you book a table under the name of Mary Brown?", "I'd like to book a table, please."]
            found = [await free.read(text, BOOK, {}) for text in said]
            await brain.aclose()
            return found

    assert anyio.run(main) == [{"name": "Mary Brown"}, {}]


class Writes:
    """A model that writes what it is told to."""

    def __init__(self, *pieces: str, broken: bool = False) -> None:
        self.pieces, self.broken = pieces, broken
        self.asked: list[Request] = []

    async def stream(self, request: Request) -> AsyncGenerator[Token, None]:
        self.asked.append(request)
        for piece in self.pieces:
            yield Token(piece)
        if self.broken:
            raise LLMError("gone")

    async def aclose(self) -> None: ...


def cases() -> Iterator[tuple[Writes, dict[str, str]]]:
    yield Writes('{"name": ', '"Ann Lee"}'), {"name": "Ann Lee"}
    yield Writes('```json\n{"name": "ann lee"}```'), {"name": "ann lee"}
    yield Writes('{"name": "Lee Ann"}'), {}
    yield Writes('{"name": "the table"}'), {}
    yield Writes('{"name": 3, "day": "Monday", "note": "for Ann"}'), {}
    yield Writes('{"name": "Ann'), {}
    yield Writes("}{"), {}
    yield Writes('{"name": "Ann Lee"}', broken=True), {"name": "Ann Lee"}


@pytest.mark.parametrize(("llm", "found"), list(cases()))
def test_whatever_a_model_writes_only_what_was_said_is_kept(llm: Writes, found: dict[str, str]) -> None:
    assert anyio.run(FreeText(llm, False).read, "Book the table for Ann Lee on Monday", BOOK, {}) == found
    (asked,) = llm.asked
    assert list(json.loads(asked.schema)["properties"]) == ["name"]


def test_nothing_is_asked_where_nothing_is_missing() -> None:
    llm = Writes()
    assert anyio.run(FreeText(llm, False).read, "for Ann Lee", BOOK, {"name": "Bo"}) == {}
    assert llm.asked == []
