"""Drafts of grounded answers, and answers that go on from what was said, with a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from duplex.llm import Request, Token
from duplex.llm.drafts import Draft
from duplex.llm.grounded import Answer, GroundedAnswerer
from tools_rag.types import Passage

FERRY = Passage(
    "The crossing to Hela takes fifty minutes. Dogs travel free if they are kept on a lead. "
    "Jan Olsen built the ferry Osprey in 1987.",
    "ferry.md",
    "The Osprey ferry",
    0.45,
)


class Scripted:
    """Says one thing; keeps what it was asked."""

    def __init__(self, reply: str) -> None:
        self.reply, self.asked = reply, list[Request]()

    async def stream(self, request: Request) -> AsyncGenerator[Token, None]:
        self.asked.append(request)
        for piece in self.reply.split(" "):
            yield Token(" " + piece, -0.1, ((piece, -0.1), ("x", -2.4)))

    async def aclose(self) -> None:
        return None


def drafts(reply: str, words: str) -> tuple[list[Draft], Scripted]:
    llm = Scripted(reply)

    async def main() -> list[Draft]:
        async with aclosing(GroundedAnswerer(llm).drafts(words, [FERRY])) as found:
            return [draft async for draft in found]

    return asyncio.run(main()), llm


def answered(reply: str, question: str, begun: str) -> tuple[Answer, Scripted]:
    llm = Scripted(reply)
    return asyncio.run(GroundedAnswerer(llm).answer(question, [FERRY], (), begun)), llm


@pytest.mark.parametrize(
    ("reply", "words", "texts"),
    [
        ("It takes fifty minutes.", "How long does the crossing take", [("The crossing", "evidence")]),
        ("The Osprey was built by Jan Olsen.", "Who built the Osprey", [("The Osprey was built", "model")]),
        ("Anything.", "Do dogs travel free", [("Dogs travel free if they", "evidence")]),
        ("Anything.", "Who is the king of Sweden", []),
        ("Anything.", "Who is the king of Hela", [("Hela", "topic")]),
        ("Anything.", "Thank you", [("You're welcome.", "talk")]),
    ],
)  # fmt: skip
def test_what_an_answer_would_begin_with(reply: str, words: str, texts: list[tuple[str, str]]) -> None:
    found, _ = drafts(reply, words)
    assert [(draft.text, draft.source) for draft in found] == texts


def test_a_models_draft_tells_how_sure_it_was_and_what_it_cost_and_nothing_is_urgent() -> None:
    found, llm = drafts("The Osprey was built by Jan Olsen.", "Who built the Osprey")
    assert found[-1].tokens == 6
    assert [round(each.logprob, 1) for each in found[-1].sureness] == [-0.1] * 4
    assert found[-1].sureness[0].margin == pytest.approx(0.814, abs=0.01)
    assert all(request.early for request in llm.asked)


def test_a_sentence_that_was_begun_is_said_to_its_end_without_a_model() -> None:
    answer, llm = answered("Two hours.", "How long does the crossing take?", "The crossing to")
    assert (answer.text, answer.kind) == ("The crossing to Hela takes fifty minutes.", "extract")
    assert llm.asked == []


def test_a_model_goes_on_from_what_was_said_and_bends_nothing() -> None:
    answer, llm = answered("Jan Olsen in 1987.", "Who built the Osprey?", "The Osprey was built by")
    assert (answer.text, answer.kind) == ("The Osprey was built by Jan Olsen in 1987.", "model")
    assert str(llm.asked[0].prompt).endswith("Answer: The Osprey was built by")
    bent, _ = answered("comes from Jan Olsen.", "Who built the Osprey?", "The Osprey ferry")
    assert (bent.text, bent.kind) == ("Jan Olsen built the ferry Osprey in 1987.", "extract")
