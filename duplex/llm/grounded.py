"""Answers from passages, in one spoken sentence, or an honest "I don't know".

The order of things, each cheaper than what follows: small talk from a table; the passage is refused where it does not
have what was asked; the model rewrites its best sentence as an answer; an answer that the passage does not support is
replaced by that sentence itself, as it stands; and where that does not fit either, the agent says that it does not
know. So a model of 270 M parameters can be fluent, but cannot make things up.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from duplex.llm.context import contextualise
from duplex.llm.evidence import answers_kind, coverage, focus, missing_names, rank_sentences, support
from duplex.llm.smalltalk import SMALL_TALK, SmallTalk, small_talk
from duplex.llm.types import LLM, Message, Request
from duplex.llm.words import sentences

SLOT = "answer"  # the cache slot that this needs from the model
UNKNOWN = "I'm sorry, I don't know that."
_EXAMPLES = """\
Passage: The Albion Theatre was built by Edwin Frost in 1902.
Question: Who built the Albion Theatre?
Answer: The Albion Theatre was built by Edwin Frost.

Passage: Honey keeps for many years, because it holds very little water.
Question: Why does honey keep so long?
Answer: Honey keeps for many years because it holds very little water.

Passage: The market is held in Bell Square on Saturdays from seven until noon.
Question: When is the market?
Answer: The market is held on Saturdays from seven until noon.

"""
_SYSTEM = (
    "You are speaking on the phone. Answer the question in one short sentence, with facts from the passages only, "
    "without lists or symbols. If the passages do not have the answer, say exactly: {unknown}"
)
# A small model says yes to anything and defines freely: for these the passage's own sentence is the answer.
_QUOTED = re.compile(
    r"^(?:(?:is|are|was|were|do|does|did|can|could|may|must|has|have|will|should)\b|"
    r"what (?:is|are|does) (?:an? )?\w+(?: mean)?\W*$)",
    re.I,
)
_MAX_QUESTION, _MAX_PASSAGE, _MAX_SPOKEN_WORDS = 400, 4000, 45


class PassageLike(Protocol):
    """What is needed of a retrieved passage: `tools_rag.types.Passage`, or anything alike."""

    @property
    def text(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def score(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer must reach to be spoken; set on the development passages of configs/bench/grounded.jsonl.

    Attributes:
        score: the least retrieval score of a passage; give it `KnowledgeIndex.supported`.
        coverage: the least share of the question's words that a passage must have.
        support: the least share of an answer's words that the passage must have.
        extract: the least coverage for speaking the passage's sentence as it stands.
    """

    score: float = 0.3
    coverage: float = 0.55
    support: float = 0.7
    extract: float = 0.6


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, and why.

    Attributes:
        text: one or more whole sentences.
        kind: written by the model and supported; a sentence of the passage; unknown; or small talk.
        source: the passage's source, empty without one.
        draft: what the model wrote, kept or not; empty where it was not asked.
        coverage: share of the question's words that the passage has.
        support: share of the draft's words that the passage has.
    """

    text: str
    kind: Literal["model", "extract", "unknown", "small_talk"]
    source: str = ""
    draft: str = ""
    coverage: float = 0.0
    support: float = 0.0


class GroundedAnswerer:
    """Answers questions from passages with a small local model, or a larger one behind an API.

    Args:
        llm: the model; it must have the slot named "answer" where it has slots at all.
        style: "completion" for a base model (three examples, one passage cut to what matters), "chat" for a model
            that follows instructions (three whole passages and the conversation).
        unknown: what to say where the passages do not have the answer.
        limits: what an answer must reach.
        talk: replies to greetings, thanks and goodbyes.
        max_tokens: the most that the model may write.
    """

    def __init__(
        self,
        llm: LLM,
        *,
        style: Literal["completion", "chat"] = "completion",
        unknown: str = UNKNOWN,
        limits: Limits = Limits(),
        talk: Sequence[SmallTalk] = SMALL_TALK,
        max_tokens: int = 48,
    ) -> None:
        self._llm, self._style, self._unknown = llm, style, unknown
        self._limits, self._max_tokens, self._talk = limits, max_tokens, talk

    async def warm(self) -> None:
        """Compute the part of the prompt that never changes, so that the first answer does not pay for it."""
        async for _ in self._llm.stream(self._request("Ready?", "Ready.", [], ())):
            break

    async def answer(
        self, question: str, passages: Sequence[PassageLike], history: Sequence[Message] = ()
    ) -> Answer:
        """The answer to `question`; cancelling it stops the model.

        Args:
            question: what the user said.
            passages: retrieved for `contextualise(question, history)`, in any order.
            history: the turns before, oldest first.

        Raises:
            LLMError: the model failed.
        """
        if reply := small_talk(question, self._talk):
            return Answer(reply, "small_talk")
        asked = contextualise(question, history)[:_MAX_QUESTION]
        ranked = rank(asked, [p for p in passages if p.score >= self._limits.score])
        if not ranked:
            return Answer(self._unknown, "unknown")
        share, best = ranked[0]
        if share < self._limits.coverage or missing_names(asked, best.text, best.title):
            return Answer(self._unknown, "unknown", best.source, coverage=share)
        if self._style == "completion" and _QUOTED.match(asked):
            return self._quote(asked, best, share, "", 0.0)
        draft = await self._draft(asked, [p for _, p in ranked], history)
        return self._judge(asked, best if self._style == "completion" else None, ranked, draft)

    async def _draft(self, asked: str, ranked: list[PassageLike], history: Sequence[Message]) -> str:
        """What the model writes, up to the end of its first sentence; one sentence is what is spoken."""
        best = ranked[0]
        request = self._request(asked, _evidence(asked, best), ranked[:3], history)
        draft = ""
        async with contextlib.aclosing(self._llm.stream(request)) as tokens:
            async for token in tokens:
                draft += token.text
                if self._style == "completion" and len(parts := sentences(draft)) > 1:
                    return parts[0].strip()
        return draft.strip()

    def _request(
        self, asked: str, evidence: str, ranked: Sequence[PassageLike], history: Sequence[Message]
    ) -> Request:
        if self._style == "completion":
            prompt = f"{_EXAMPLES}Passage: {evidence}\nQuestion: {asked}\nAnswer:"
            return Request(prompt, self._max_tokens, stop=("\n",), slot=SLOT)
        system = Message("system", _SYSTEM.format(unknown=self._unknown))
        shown = "\n\n".join(f"{p.title}: {p.text[:_MAX_PASSAGE]}" for p in ranked) or evidence
        user = Message("user", f"Passages:\n{shown}\n\nQuestion: {asked}")
        return Request((system, *history[-6:], user), self._max_tokens, slot=SLOT)

    def _judge(
        self, asked: str, best: PassageLike | None, ranked: list[tuple[float, PassageLike]], draft: str
    ) -> Answer:
        share, first = ranked[0]
        if best is None and draft.rstrip(".") == self._unknown.rstrip("."):
            return Answer(self._unknown, "unknown", first.source, draft, share)
        read = [p for _, p in ranked[:3]]
        title = " ".join(p.title for p in read) if best is None else first.title
        text = " ".join(p.text for p in read) if best is None else _evidence(asked, first)
        found = support(draft, asked, text, title)
        if (
            found.share >= self._limits.support
            and not found.invented
            and found.adds
            and answers_kind(asked, draft)
            and draft.endswith((".", "!", "?"))
        ):
            return Answer(draft, "model", first.source, draft, share, found.share)
        return self._quote(asked, first, share, draft, found.share)

    def _quote(self, asked: str, best: PassageLike, share: float, draft: str, supported: float) -> Answer:
        """The passage's own sentence, where it plainly has what was asked; else unknown."""
        ranked = rank_sentences(asked, best.text[:_MAX_PASSAGE], best.title)
        least = 0.6 * ranked[0][0]  # a little less alike, but of the kind that is asked for
        for score, _, sentence in ranked if share >= self._limits.extract else []:
            short = len(sentence.split()) <= _MAX_SPOKEN_WORDS
            if 0 < least <= score and short and answers_kind(asked, sentence):
                return Answer(sentence, "extract", best.source, draft, share, supported)
        return Answer(self._unknown, "unknown", best.source, draft, share, supported)


def _evidence(asked: str, passage: PassageLike) -> str:
    """The one sentence of a passage that a small model is shown: more confuse it, and cost 3 ms a token."""
    return focus(asked, passage.text[:_MAX_PASSAGE], passage.title, most=1)


def rank(question: str, passages: Sequence[PassageLike]) -> list[tuple[float, PassageLike]]:
    """Passages as (coverage, passage), best first by the mean of their retrieval score and coverage."""
    rated = [(coverage(question, p.text[:_MAX_PASSAGE], p.title), p) for p in passages if p.text.strip()]
    return sorted(rated, key=lambda item: -(item[0] + item[1].score))
