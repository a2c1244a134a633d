"""From a user's words to what is said: retrieval and a grounded answer, or a plain chat without knowledge."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duplex.dialogue.history import History
from duplex.graph import Lanes, Priority
from duplex.llm.context import contextualise
from duplex.llm.drafts import Draft
from duplex.llm.grounded import GroundedAnswerer
from duplex.llm.types import LLM, Message, Request
from duplex.nodes.answerer import SameForAll, ToolCall, ToolResult
from tools_rag.types import Passage

if TYPE_CHECKING:
    from tools_rag import KnowledgeIndex

SEARCH = "search_knowledge"
"""What the search in the knowledge folder is called where tools are shown."""
_PASSAGES = 3
_TURNS = 6
"""Entries of the history that an answer takes into account."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of an answer, with the passages it rests on."""

    text: str
    sources: tuple[str, ...] = ()


class FromKnowledge(SameForAll):
    """Answers from a knowledge folder; says that it does not know where the folder does not."""

    def __init__(self, index: KnowledgeIndex, answerer: GroundedAnswerer, lanes: Lanes) -> None:
        self._index, self._answerer, self._lanes = index, answerer, lanes

    async def prepare(self, text: str, history: History) -> None:
        """Find what the question is probably about and let the model read it while the user still speaks."""
        before = messages(history)
        query = contextualise(text, before)
        asked, passages = await self.find(query, early=True)
        await self._answerer.prepare(asked, passages, before)

    async def drafts(self, text: str, history: History) -> AsyncGenerator[Draft, None]:
        """See `Drafter`."""
        before = messages(history)
        asked, passages = await self.find(contextualise(text, before), early=True)
        async with contextlib.aclosing(self._answerer.drafts(asked, passages, before)) as drafts:
            async for draft in drafts:
                yield draft

    def answer(self, text: str, history: History) -> AsyncIterator[Sentence | ToolCall | ToolResult]:
        """One answer, whole: it is checked against its passage before a word of it is spoken."""
        return self.answer_after(str, text, history)

    async def answer_after(
        self, begun: Callable[[], str], text: str, history: History
    ) -> AsyncIterator[Sentence | ToolCall | ToolResult]:
        """See `Drafter`."""
        before = messages(history)
        query = contextualise(text, before)
        call = ToolCall(SEARCH, {"query": query})
        yield call
        asked, passages = await self.find(query)
        yield found(call, passages)
        answer = await self._answerer.answer(asked, passages, before, begun())
        yield Sentence(answer.text, (answer.source,) if answer.source else ())

    async def find(self, query: str, early: bool = False) -> tuple[str, Sequence[Passage]]:
        """The question as it is understood, and its passages; `early` ones are for words of which more may follow.

        All that is searched goes through here, so that an evaluation can count it and say how long it takes.
        """
        priority, name = (Priority.SPECULATION, "search.early") if early else (Priority.LLM, "search")
        return await self._lanes.heavy(priority, self._search, query, name=name)

    def _search(self, query: str) -> tuple[str, Sequence[Passage]]:
        """The question with misheard names put right, and its passages."""
        return self._index.repair(query).text, self._index.search(query, _PASSAGES)


def found(call: ToolCall, passages: Sequence[Passage]) -> ToolResult:
    """What a search came to: the passages' titles, and where they are from."""
    return ToolResult(call, titles(passages), tuple(passage.source for passage in passages))


def titles(passages: Sequence[Passage]) -> str:
    """The passages' titles, each once."""
    return "; ".join(dict.fromkeys(passage.title for passage in passages))


class FromModel(SameForAll):
    """Answers from the model alone, sentence by sentence as it writes."""

    def __init__(self, llm: LLM, instructions: str, max_tokens: int = 96) -> None:
        self._llm, self._instructions, self._max_tokens = llm, instructions, max_tokens

    async def prepare(self, text: str, history: History) -> None:
        """Nothing: the model reads the user's words when they are whole."""

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence]:
        """Speak each sentence as soon as it is whole."""
        prompt = (Message("system", self._instructions), *messages(history), Message("user", text))
        stream = self._llm.stream(Request(prompt, max_tokens=self._max_tokens, slot="answer"))
        pending = ""
        try:
            async for token in stream:
                pending += token.text
                whole, pending = first_sentences(pending)
                if whole:
                    yield Sentence(whole)
        finally:
            await stream.aclose()
        if pending.strip():
            yield Sentence(pending.strip())


def first_sentences(text: str) -> tuple[str, str]:
    """What of a growing text can be spoken already, and the rest: cut after a sentence's end that a space follows."""
    cut = max(text.rfind(mark) for mark in (". ", "? ", "! ", "\n"))
    return (text[: cut + 1].strip(), text[cut + 1 :].lstrip()) if cut >= 0 else ("", text)


def messages(history: History) -> list[Message]:
    """The latest turns as chat messages; the agent's hold only what was heard."""
    turns = history.turns[-_TURNS:]
    return [Message("user" if turn.role == "user" else "assistant", turn.text) for turn in turns]
