"""Which sentence answers? Sentences of the retrieved passages, ranked by words, meaning and the passage's own score.

A sentence, not a passage, is what the small model is shown: reading costs about 3 ms a token, and with one sentence
it confuses nothing (36 of 40 development answers right, with two sentences 32, with whole passages 30).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from duplex.llm.evidence import coverage, rank_sentences, rarity
from duplex.llm.words import covered_words, names, sentences, words

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to unit vectors, float32 [n, d]; for instance `MiniLM(folder).embed`."""

MAX_PASSAGE = 4000  # characters that are read of a passage
_NEAR, _COSINE, _SCORE = 0.1, 0.5, 2.0  # set on configs/bench/lakes_dev.jsonl and grounded.jsonl
_CACHED = 4096  # sentence vectors kept: 6 MB at 384 dimensions


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
class Candidate:
    """A sentence that may answer.

    Attributes:
        sentence: as it stands in the passage.
        passage: where it is from.
        coverage: share of the question's content words that the whole passage has.
        total: what candidates are ranked by; it has no unit.
    """

    sentence: str
    passage: PassageLike
    coverage: float
    total: float


def candidates(
    question: str, passages: Sequence[PassageLike], cosines: Mapping[str, float] | None = None
) -> list[Candidate]:
    """The sentences of the passages whose scores are near the best one's, best first; empty without passages.

    A passage whose title has the names in the question goes before one that only mentions them.

    Args:
        question: what is asked, follow-ups resolved.
        passages: in any order.
        cosines: likeness in meaning of question and sentence, where it is known.
    """
    best = max((passage.score for passage in passages), default=0.0)
    near = [p for p in passages if p.text.strip() and p.score >= best - _NEAR]
    rare = rarity(question, {part for p in near for part in sentences(p.text[:MAX_PASSAGE])})
    asked = names(question)
    found = []
    for passage in near:
        text = passage.text[:MAX_PASSAGE]
        share = coverage(question, text, passage.title)
        about = float(len(covered_words(asked, words(passage.title))))
        for score, _, sentence in rank_sentences(question, text, passage.title, rare):
            likeness = _COSINE * (cosines or {}).get(sentence, 0.0) + _SCORE * passage.score
            found.append(Candidate(sentence, passage, share, score + likeness + about))
    return sorted(found, key=lambda candidate: -candidate.total)


class Meaning:
    """Likeness in meaning of a question and sentences; the sentences' vectors are kept. Embeds in a thread."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._vectors: OrderedDict[str, NDArray[Any]] = OrderedDict()

    async def cosines(self, question: str, passages: Sequence[PassageLike]) -> dict[str, float]:
        """Sentence to cosine in -1..1, for every sentence of the passages. About 3 ms for each text that is new."""
        parts = list(dict.fromkeys(part for p in passages for part in sentences(p.text[:MAX_PASSAGE])))
        new = [part for part in parts if part not in self._vectors]
        rows = await asyncio.to_thread(self._embed, [question, *new])
        self._vectors.update(zip(new, rows[1:], strict=True))
        result = {part: float(self._vectors[part] @ rows[0]) for part in parts}
        while len(self._vectors) > _CACHED:
            self._vectors.popitem(last=False)
        return result
