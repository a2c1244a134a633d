"""Answers from passages, in one spoken sentence, or an honest "I don't know".

The order of things, each cheaper than what follows: small talk from a table; what the question takes for true and a
passage says otherwise is named; the passage is refused where it does not have what was asked; the model rewrites its
best sentence as an answer; an answer that the passage does not support is replaced by that sentence itself, as it
stands; and where that does not fit either, the agent says that it does not know. So a model of 270 M parameters can
be fluent, but cannot make things up.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal

from duplex.llm import prompts
from duplex.llm.context import contextualise
from duplex.llm.drafts import MAX_WORDS, Draft, Evidence, quoted, subject, turned, write
from duplex.llm.evidence import answers_kind, quotes, support
from duplex.llm.premise import corrected
from duplex.llm.select import Candidate, Embed, Meaning, PassageLike, candidates
from duplex.llm.smalltalk import SMALL_TALK, SmallTalk, small_talk
from duplex.llm.types import LLM, Message, Request
from duplex.llm.words import sentences

SLOT = "answer"  # the cache slot that this needs from the model
UNKNOWN = "I'm sorry, I don't know that."
# A small model says yes to anything, defines freely, takes the wrong one of two numbers and half of a cause: for these
# the passage's own sentence is the answer.
_QUOTED = re.compile(
    r"^(?:(?:is|are|was|were|do|does|did|can|could|may|must|has|have|will|should)\b|"
    r"why\b|(?:\w+ )?how (?:many|much)\b|"
    r"what (?:is|are|does) (?:an? )?\w+(?: mean)?\W*$)",
    re.I,
)
_MAX_QUESTION, _MAX_SPOKEN_WORDS = 400, 45


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer must reach to be spoken.

    Attributes:
        score: the least retrieval score of a passage; give it `KnowledgeIndex.supported`.
        chance: the least chance that a sentence answers, of `select.candidates`.
        support: the least share of an answer's words that its sentence must have.
        begun: the same, where the model goes on from words that were said: it bends its evidence to fit them.
    """

    score: float = 0.001
    chance: float = 0.25
    support: float = 0.7
    begun: float = 0.85


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, and why.

    Attributes:
        text: one or more whole sentences.
        kind: written by the model and supported; a sentence of the passage; the same against what the question has
            wrong; unknown; or small talk.
        source: the passage's source, empty without one.
        draft: what the model wrote, kept or not; empty where it was not asked.
        chance: 0..1, that the best sentence answers.
        support: share of the draft's words that the passage has.
    """

    text: str
    kind: Literal["model", "extract", "premise", "unknown", "small_talk"]
    source: str = ""
    draft: str = ""
    chance: float = 0.0
    support: float = 0.0


class GroundedAnswerer:
    """Answers questions from passages with a small local model, or a larger one behind an API.

    Args:
        llm: the model; it must have the slot named "answer" where it has slots at all.
        style: "completion" for a base model (three examples, one passage cut to what matters), "chat" for a model
            that follows instructions (three whole passages and the conversation).
        unknown: what to say where the passages do not have the answer.
        limits: what an answer must reach.
        embed: sentences to unit vectors; helps to find the sentence that answers a paraphrase.
        talk: replies to greetings, thanks and goodbyes.
        max_tokens: the most that the model may write.
        ahead: let the model read in advance; not for one that is paid for by the token.
    """

    def __init__(
        self,
        llm: LLM,
        *,
        style: Literal["completion", "chat"] = "completion",
        unknown: str = UNKNOWN,
        limits: Limits = Limits(),
        embed: Embed | None = None,
        talk: Sequence[SmallTalk] = SMALL_TALK,
        max_tokens: int = 48,
        ahead: bool = True,
    ) -> None:
        self._llm, self._style, self._unknown = llm, style, unknown
        self._limits, self._max_tokens, self._talk = limits, max_tokens, talk
        self._meaning = Meaning(embed) if embed else None
        self._ahead = ahead

    async def warm(self) -> None:
        """Compute the part of the prompt that never changes, so that the first answer does not pay for it."""
        async for _ in self._llm.stream(self._request("Ready?", "Ready.", [], ())):
            break

    async def prepare(
        self, question: str, passages: Sequence[PassageLike], history: Sequence[Message] = ()
    ) -> None:
        """Let the model read the evidence for words of which more may follow; the answer is then sooner there.

        The cache slot keeps what was read: if the whole question rests on the same sentence, or passages, only the
        question itself is left to read (the retrieved text before the question, as in RAGCache, Jin et al. 2024); of
        others, what comes after the beginning that they have in common.
        """
        if not self._ahead or small_talk(question, self._talk):
            return
        found = [p for p in passages if p.score >= self._limits.score]
        head: str | tuple[Message, ...] = ""
        if self._style == "chat":
            head = prompts.chat(self._unknown, found, history)
        elif ranked := await self._ranked(
            contextualise(question, history)[:_MAX_QUESTION], found, early=True
        ):
            head = prompts.completion(ranked[0].sentence)
        if found and head:
            async with contextlib.aclosing(
                self._llm.stream(Request(head, max_tokens=1, slot=SLOT, early=True))
            ) as tokens:
                async for _ in tokens:
                    pass  # there is one

    async def drafts(
        self, question: str, passages: Sequence[PassageLike], history: Sequence[Message] = ()
    ) -> AsyncGenerator[Draft, None]:
        """What the answer to words of which more may follow would begin with, better and better.

        First what costs nothing: the question's subject, which goes before any answer, and the beginning of the
        sentence that will probably be quoted or copied, or the question turned round. Then the model reads the
        evidence in advance, as in `prepare`, and where the sentence's beginning is no prefix, it writes one. Nothing of
        a draft is a guess at a fact; see `permitted`. Raises LLMError.
        """
        if reply := small_talk(question, self._talk):
            yield Draft(" ".join(reply.split()[:MAX_WORDS]), "talk")
            return
        asked = contextualise(question, history)[:_MAX_QUESTION]
        ranked = await self._ranked(asked, passages, early=True)
        if not ranked or ranked[0].chance < self._limits.chance:
            # So far nothing answers, but "As for Lake Baikal, I don't know" is said of what is known, too.
            named = (subject(asked, p.title, p.text, Evidence(0, 0)) for p in passages)
            if about := next(filter(None, named), None):
                yield about
            return
        best = ranked[0]
        known = Evidence(best.chance, best.chance - (ranked[1].chance if len(ranked) > 1 else 0.0))
        copies = self._style == "completion"
        writes = copies and not _QUOTED.match(asked)
        first = quoted(best.sentence, asked, known) if copies else None
        if about := subject(asked, best.passage.title, best.passage.text, known):
            yield about
        elif first is None and writes:
            first = turned(asked, known)
        if first:
            yield first
        if writes:
            written = await write(self._llm, self._request(asked, best.sentence, (), ()), asked, known)
            if written and (first is None or first.source != "evidence"):
                yield written

    async def evidence(self, question: str, passages: Sequence[PassageLike]) -> str:
        """The sentence that an answer would rest on; empty where none answers."""
        best = next(iter(await self._ranked(question, passages)), None)
        return best.sentence if best is not None and best.chance >= self._limits.chance else ""

    async def _ranked(
        self, asked: str, passages: Sequence[PassageLike], early: bool = False
    ) -> list[Candidate]:
        """The sentences that may answer, best first."""
        found = [p for p in passages if p.score >= self._limits.score]
        vectors = await self._meaning.vectors(asked, found, early) if self._meaning else None
        return candidates(asked, found, vectors)

    async def answer(
        self,
        question: str,
        passages: Sequence[PassageLike],
        history: Sequence[Message] = (),
        begun: str = "",
    ) -> Answer:
        """The answer to `question`; cancelling it stops the model.

        Args:
            question: what the user said.
            passages: retrieved for `contextualise(question, history)`, in any order.
            history: the turns before, oldest first.
            begun: words of the answer that were said already. What the model writes goes on from them, and is given
                whole; what is quoted does not.

        Raises:
            LLMError: the model failed.
        """
        if reply := small_talk(question, self._talk):
            return Answer(reply, "small_talk")
        asked = contextualise(question, history)[:_MAX_QUESTION]
        found = [p for p in passages if p.score >= self._limits.score]
        if (wrong := corrected(asked, found)) is not None:
            return Answer(wrong.text, "premise", wrong.passage.source)
        ranked = await self._ranked(asked, passages)
        if not ranked:
            return Answer(self._unknown, "unknown")
        best = ranked[0]
        if best.chance < self._limits.chance:
            return Answer(self._unknown, "unknown", best.passage.source, chance=best.chance)
        if self._style == "completion" and (
            _QUOTED.match(asked) or (begun and best.sentence.startswith(begun))
        ):
            return self._quote(ranked, "", 0.0)
        draft = await self._draft(asked, best, found, history, begun)
        return self._judge(asked, ranked, found, draft, self._limits.begun if begun else self._limits.support)

    async def _draft(
        self,
        asked: str,
        best: Candidate,
        found: Sequence[PassageLike],
        history: Sequence[Message],
        begun: str,
    ) -> str:
        """What the model writes, up to the end of its first sentence; one sentence is what is spoken."""
        draft = begun if self._style == "completion" else ""
        async with contextlib.aclosing(
            self._llm.stream(self._request(asked, best.sentence, found, history, begun))
        ) as tokens:
            async for token in tokens:
                draft += token.text
                if self._style == "completion" and len(parts := sentences(draft)) > 1:
                    return parts[0].strip()
                if self._style == "completion" and quotes(draft, best.sentence):
                    return best.sentence  # the rest is known, and every token costs 12 ms
        return draft.strip()

    def _request(
        self,
        asked: str,
        evidence: str,
        shown: Sequence[PassageLike],
        history: Sequence[Message],
        begun: str = "",
    ) -> Request:
        if self._style == "completion":
            prompt = prompts.completion(evidence, asked, begun)
            return Request(prompt, self._max_tokens, stop=("\n",), slot=SLOT)
        return Request(prompts.chat(self._unknown, shown, history, asked, begun), self._max_tokens, slot=SLOT)

    def _judge(
        self, asked: str, ranked: Sequence[Candidate], found: Sequence[PassageLike], draft: str, least: float
    ) -> Answer:
        """The draft where what the model was shown supports it; else the passage's sentence, or unknown."""
        best = ranked[0]
        if self._style == "chat":
            if draft.rstrip(".") == self._unknown.rstrip("."):
                return Answer(self._unknown, "unknown", best.passage.source, draft, best.chance)
            text, title = (
                " ".join(p.text for p in found[: prompts.SHOWN]),
                " ".join(p.title for p in found[: prompts.SHOWN]),
            )
        else:
            text, title = best.sentence, best.passage.title
        backing = support(draft, asked, text, title)
        if (
            backing.share >= least
            and not backing.invented
            and backing.adds
            and answers_kind(asked, draft)
            and draft.endswith((".", "!", "?"))
        ):
            return Answer(draft, "model", best.passage.source, draft, best.chance, backing.share)
        return self._quote(ranked, draft, backing.share)

    def _quote(self, ranked: Sequence[Candidate], draft: str, supported: float) -> Answer:
        """The likeliest sentence that is short enough to be spoken, as it stands."""
        for one in ranked:
            if one.chance >= self._limits.chance and len(one.sentence.split()) <= _MAX_SPOKEN_WORDS:
                return Answer(one.sentence, "extract", one.passage.source, draft, one.chance, supported)
        best = ranked[0]
        return Answer(self._unknown, "unknown", best.passage.source, draft, best.chance, supported)
