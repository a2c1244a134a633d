"""Grounded answers: every path with a scripted model, and a real one on a few questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from duplex.graph import Lanes
from duplex.llm import Message, Request, Token
from duplex.llm.grounded import UNKNOWN, Answer, GroundedAnswerer
from duplex.llm.llamacpp import LlamaCpp
from duplex.nodes.thinking import LocalLLM, embed_in
from tools_rag import MiniLM
from tools_rag.types import Passage

FERRY = Passage(
    "The ferry Osprey sails between Port Ellis and Hela four times a day. The crossing takes fifty minutes. "
    "Passengers pay seven euros and a car costs thirty euros. Dogs travel free if they are kept on a lead.",
    "ferry.md",
    "The Osprey ferry",
    0.45,
)
OWL = Passage("A barn owl weighs about 350 grams.", "owl.md", "The barn owl", 0.45)


class Scripted:
    """Says one thing; keeps what it was asked and how much of it was read."""

    def __init__(self, reply: str) -> None:
        self.reply, self.asked, self.read = reply, list[Request](), 0

    async def stream(self, request: Request) -> AsyncGenerator[Token, None]:
        self.asked.append(request)
        for piece in self.reply.split(" "):
            self.read += 1
            yield Token(" " + piece)

    async def aclose(self) -> None:
        return None


def ask(reply: str, question: str, *passages: Passage, **options: object) -> tuple[Answer, Scripted]:
    llm = Scripted(reply)
    history = options.pop("history", ())
    answerer = GroundedAnswerer(llm, **options)  # type: ignore[arg-type]
    return asyncio.run(answerer.answer(question, passages, history)), llm  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "question", "kind", "text"),
    [
        ("It takes fifty minutes.", "How long does the ferry take?", "model", "It takes fifty minutes."),
        (
            "It takes two hours.",
            "How long does the ferry take?",
            "extract",
            "The crossing takes fifty minutes.",
        ),
        ("It takes", "How long does the ferry take?", "extract", "The crossing takes fifty minutes."),
        ("Yes.", "Do dogs travel free?", "extract", "Dogs travel free if they are kept on a lead."),
        ("In Malta.", "Where was the Osprey built?", "unknown", UNKNOWN),
        ("Carl Gustaf.", "Who is the king of Sweden?", "unknown", UNKNOWN),
        ("Anything.", "Thank you!", "small_talk", "You're welcome."),
    ],
)
def test_what_is_said(reply: str, question: str, kind: str, text: str) -> None:
    answer, _ = ask(reply, question, FERRY, OWL)
    assert (answer.kind, answer.text) == (kind, text)


def test_what_the_question_has_wrong_is_named_without_asking_the_model() -> None:
    lake = Passage("Lake Inari is in Finland. It is cold.", "inari.md", "Lake Inari", 0.45)
    answer, llm = ask("In Kenya.", "Why is Lake Inari in Kenya so cold?", lake)
    assert (answer.text, answer.kind) == ("Lake Inari isn't in Kenya. Lake Inari is in Finland.", "premise")
    assert (answer.source, llm.asked) == ("inari.md", [])


def test_the_best_passage_is_asked_and_named() -> None:
    answer, llm = ask("A barn owl weighs about 350 grams.", "What does a barn owl weigh?", FERRY, OWL)
    assert (answer.kind, answer.source) == ("model", "owl.md")
    prompt = llm.asked[0].prompt
    assert isinstance(prompt, str)
    assert "350 grams" in prompt
    assert "Osprey" not in prompt


def test_nothing_is_asked_where_nothing_was_found() -> None:
    low = Passage(FERRY.text, FERRY.source, FERRY.title, 0.0)
    for passages in ((), (low,), (Passage("  ", "empty.md", "", 1.0),)):
        answer, llm = ask("It takes fifty minutes.", "How long does the ferry take?", *passages)
        assert (answer.kind, llm.asked) == ("unknown", [])


def test_reading_ends_with_the_first_sentence() -> None:
    _, llm = ask("It takes fifty minutes. " + "And more. " * 50, "How long does the ferry take?", FERRY)
    assert llm.read <= 6


def test_follow_ups_and_the_agents_own_words_for_unknown() -> None:
    before = (Message("user", "What is the Osprey ferry?"), Message("assistant", "A ship to Hela."))
    answer, llm = ask("A car costs thirty euros.", "And what does it cost for a car?", FERRY, history=before)
    assert answer.kind == "model"
    assert "What does the Osprey cost for a car?" in str(llm.asked[0].prompt)
    assert ask("x", "Who is the king?", FERRY, unknown="No idea.")[0].text == "No idea."


def test_chat_models_get_messages_and_may_decline() -> None:
    answer, llm = ask(UNKNOWN, "How long does the ferry take?", FERRY, OWL, style="chat")
    assert answer.kind == "unknown"
    messages = llm.asked[0].prompt
    assert not isinstance(messages, str)
    assert messages[0].role == "system"
    assert "fifty minutes" in messages[-1].content
    said = "The ferry takes fifty minutes. A car costs thirty euros."
    assert ask(said, "How long does the ferry take?", FERRY, style="chat")[0].text == said


@pytest.mark.models
def test_a_real_model_answers_and_does_not_make_things_up(model_path: Callable[[str], Path]) -> None:
    async def main() -> None:
        model = LlamaCpp(next(model_path("gemma-3-270m").glob("*.gguf")), slots=("answer",))
        lanes = Lanes()
        llm = LocalLLM(model, lanes)
        answerer = GroundedAnswerer(llm, embed=embed_in(lanes, MiniLM(model_path("minilm")).embed))
        try:
            await answerer.warm()
            right = {"How long does the ferry to Hella take?": "fifty", "What does a car cost?": "thirty"}
            for question, needle in right.items():
                assert needle in (await answerer.answer(question, [FERRY])).text
            assert (await answerer.answer("How old is the captain?", [FERRY])).kind == "unknown"
            assert model.usage["answer"].cached_tokens > 100  # the examples are not computed again
        finally:
            await lanes.aclose()
            await llm.aclose()

    asyncio.run(main())
