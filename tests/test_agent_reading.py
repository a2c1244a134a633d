"""A tool whose text comes in parts: a real model reads along, and has read it when the answer is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest

from duplex.agent.answering import Sentence
from duplex.agent.equipping import equipped
from duplex.agent.tooling import FromTools, Unknown
from duplex.agent.tools_shared import Spoken
from duplex.dialogue.history import History
from duplex.graph import Lanes
from duplex.llm import Request
from duplex.llm.grounded import UNKNOWN, GroundedAnswerer
from duplex.llm.llamacpp import LlamaCpp
from duplex.llm.llamacpp_wire import Usage
from duplex.nodes.thinking import LocalLLM, embed_in
from tools_rag import MiniLM
from tools_rag.tools.functions import FunctionTool
from tools_rag.tools.types import Part

Harbour = Literal["Port Ellis", "Hela"]
TEXT = (
    "The ferry Osprey sails between Port Ellis and Hela four times a day. ",
    "The crossing takes fifty minutes, and the first boat leaves at seven in the morning. ",
    "Passengers pay seven euros and a car costs thirty euros. ",
    "Dogs travel free if they are kept on a lead. There is a small restaurant on board.",
)


class Counted(LlamaCpp):
    """Notes what each request cost."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, slots=("answer",))
        self.costs: list[Usage] = []
        self.news = anyio.Event()

    def generate(self, request: Request) -> Any:
        made = super().generate(request)
        cancel = made.cancel

        def noted() -> None:
            made.cancel = cancel  # type: ignore[method-assign]
            cancel()
            self.costs.append(self.usage[request.slot])
            self.news.set()

        made.cancel = noted  # type: ignore[method-assign]
        return made


class Office:
    """Tells a part at a time, when it is told to."""

    def __init__(self, *parts: Part) -> None:
        self.parts = parts
        self.next = [anyio.Event() for _ in parts]

    async def ferries(self, harbour: Harbour) -> AsyncIterator[Part]:
        """Ferries from a harbour."""
        for part, ready in zip(self.parts, self.next, strict=True):
            await ready.wait()
            yield part


async def asked(
    model: Counted, embed: MiniLM, office: Office, style: Any, question: str
) -> tuple[list[str], list[Usage]]:
    """What is said where a call begins with the caller's first words and goes on after the last."""
    said = Spoken(answer=True, phrases=("ferry",), timeout=30)
    tool = FunctionTool(office.ferries, effect="read", timeout=30, answer=True)
    async with Lanes() as lanes:
        llm = LocalLLM(model, lanes)
        answerer = GroundedAnswerer(llm, style=style, embed=embed_in(lanes, embed.embed))
        agent = FromTools([equipped(tool, said)], Unknown("What?"), grounded=answerer).in_session("s", {})
        await answerer.warm()
        async with agent.conversation(lambda part: None) as conversation:
            history, before = History(), len(model.costs)
            await conversation.prepare(question[: question.index("Ellis") + 5], history)
            for ready in office.next[:-1]:
                model.news = anyio.Event()
                ready.set()
                with anyio.fail_after(20):
                    await model.news.wait()
            words: list[str] = []

            async def answer() -> None:
                async for part in conversation.answer(question, history):
                    words.extend([part.text] if isinstance(part, Sentence) else [])

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(answer)
                await anyio.sleep(0.05)
                office.next[-1].set()
        return words, model.costs[before:]


@pytest.fixture(scope="module")
def models(model_path: Callable[[str], Path]) -> tuple[Path, MiniLM]:
    return next(model_path("smollm2-135m").glob("*.gguf")), MiniLM(model_path("minilm"))


def use(
    models: tuple[Path, MiniLM], style: str, question: str, *parts: Part
) -> tuple[list[str], list[Usage]]:
    async def main() -> tuple[list[str], list[Usage]]:
        model = Counted(models[0])
        try:
            return await asked(model, models[1], Office(*parts), style, question)
        finally:
            await anyio.to_thread.run_sync(model.close)

    return anyio.run(main)


CAR = "How much is the ferry from Port Ellis for a car?"


@pytest.mark.models
@pytest.mark.parametrize("style", ["chat", "completion"])
def test_parts_are_appended_to_what_the_model_has_read(models: tuple[Path, MiniLM], style: str) -> None:
    words, costs = use(models, style, CAR, *map(Part, TEXT))
    assert "30 euros" in words[0].replace("thirty", "30")
    *reading, answer = costs
    new = [cost.prompt_tokens - cost.cached_tokens for cost in reading]
    print(
        f"{style}: computed {new}, then {answer.prompt_tokens - answer.cached_tokens} of {answer.prompt_tokens}"
    )
    # Each part costs its own tokens (the longest has about 25), the answer the last part and the question.
    assert max(new[1:]) < 40
    assert answer.cached_tokens > 0.6 * answer.prompt_tokens
    if style == "chat":  # what it is shown grows with every part
        assert [cost.prompt_tokens for cost in reading] == sorted(cost.prompt_tokens for cost in reading)
        assert answer.prompt_tokens > reading[0].prompt_tokens + 60


@pytest.mark.models
def test_what_takes_the_place_of_a_guess_keeps_the_beginning_that_they_share(
    models: tuple[Path, MiniLM],
) -> None:
    guess = Part(f"{TEXT[0]}{TEXT[1]}Prices are not known yet.")
    words, costs = use(models, "chat", CAR, guess, Part("".join(TEXT), True), Part(" The bar is open."))
    assert "30 euros" in words[0].replace("thirty", "30")
    first, second, *_ = costs
    shared = second.cached_tokens
    print(f"{shared} of {second.prompt_tokens} tokens kept, {first.prompt_tokens} were read for the guess")
    assert 0.7 * first.prompt_tokens < shared < first.prompt_tokens < second.prompt_tokens


@pytest.mark.models
def test_what_the_text_does_not_have_is_not_made_up(models: tuple[Path, MiniLM]) -> None:
    question = "What is the captain of the ferry from Port Ellis called?"
    assert use(models, "chat", question, *map(Part, TEXT))[0] == [UNKNOWN]
