"""Natural drafts with what came of them: what the verifier is trained on.

Every question is cut short word by word, as a caller's partial transcript is, sometimes within a word; what the drafter
makes of it is put before the whole question's answer. A prefix is good if the answer is known and goes on from it
without being repaired. Where a model drafted, that is tried; what is quoted, or begins with the subject, is compared
with the sentence that the whole question finds. Text alone: no speech is made.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from duplex.agent.answering import FromKnowledge, Sentence
from duplex.agent.brain import Brain, load_brain
from duplex.agent.engines import grounded
from duplex.agent.spec import AgentSpec
from duplex.bench.answer_fit import open_texts, subjects
from duplex.bench.llm import rows
from duplex.bench.search import dev_questions, open_lakes
from duplex.dialogue.history import History
from duplex.dialogue.relay import FRAMES, goes_on
from duplex.dialogue.relay_events import Drafted
from duplex.graph import Lanes
from duplex.llm.continuing import continued
from duplex.llm.drafts import Draft, plain
from duplex.llm.types import Request, Token
from duplex.llm.words import names
from duplex.models import model_folder
from duplex.resources import config_path
from tools_rag import KnowledgeIndex, MiniLM

OUT = Path("out/bench/drafts")
CUTS = (5, 4, 3, 2, 1, 0)
"""Words that a partial transcript lacks."""
WRITTEN = 1
"""Partials that lack more words than this are drafted for without the model."""
BROKEN = 0.3
"""Share of the partials whose last word is cut in the middle."""
_LONGEST_TITLE = 4
TEMPLATES = (
    *("How deep is {}?", "Where is {}?", "How big is {}?", "Which river flows out of {}?", "How old is {}?"),
    *("What lives in {}?", "Tell me something about {}.", "Which countries share {}?", "Why is {} famous?"),
    *("What is the largest island in {}?", "How much water is in {}?", "Does {} freeze in winter?"),
    *("Which cities are on {}?", "Can I swim in {}?", "Who was the first to reach {}?", "How was {} formed?"),
    *("When was {} discovered?", "What is special about {}?", "How many people live around {}?"),
    *("Is {} salty?", "What do people do at {}?", "How long is {}?", "What is the climate like at {}?"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A draft and what came of it.

    Attributes:
        template: the question without its names: splits go along it.
        question, words: what was asked, and what of it had been heard when this was drafted.
        text, source: of the draft, a subject in its frame.
        logprob, entropy, margin: of the model's least sure word; 0, 0 and 1 where none was asked.
        chance, ahead: of the evidence.
        how: the answer `follows`, has words that `overlap`, or needs a `repair`.
        after: prefix and answer, whole.
        good: the prefix may be said.
    """

    template: str
    question: str
    words: str
    text: str
    source: str
    logprob: float
    entropy: float
    margin: float
    chance: float
    ahead: float
    how: str
    after: str
    good: bool


def template(question: str) -> str:
    """The question without names and numbers.

    >>> template("How deep is Lake Baikal?")
    'how deep is x'
    """
    proper = set(names(question))
    bare = [plain(word).removesuffix("'s") for word in question.split()]
    masked = ["x" if word in proper or word.isdigit() else word for word in bare if word]
    return re.sub(r"\b(?:the )?x(?: (?:of |the )*x)*\b", "x", " ".join(masked))


def partials(question: str, cuts: Sequence[int] = CUTS, seed: int = 1) -> Iterator[tuple[int, str]]:
    """The question cut short, earliest first, with the number of words that it lacks."""
    words = question.rstrip("?.! ").split()
    for cut in cuts:
        rng = random.Random(f"{seed} {cut} {question}")
        kept = words[: len(words) - cut] if cut else list(words)
        if len(kept) < 2:
            continue
        if cut and len(kept[-1]) > 4 and rng.random() < BROKEN:
            kept[-1] = kept[-1][: len(kept[-1]) // 2 + 1]
        yield cut, " ".join(kept)


async def samples(out: Path = OUT / "drafts.jsonl", cuts: Sequence[int] = CUTS, seed: int = 1) -> int:
    """Write the samples of all questions cut so short, one a line, after what the file holds; gives their number."""
    out.parent.mkdir(parents=True, exist_ok=True)
    rng, count = random.Random(seed), 0
    spec = AgentSpec.model_validate({"name": "drafts"})
    async with Lanes() as lanes:
        brain = load_brain(spec.llm, lanes)
        try:
            with out.open("a", encoding="utf-8") as file:
                for subject, index, asked in _indexes(out.parent):
                    source = _Source(spec, brain, index, lanes)
                    for question in asked:
                        async for sample in source.samples(question, partials(question, cuts, seed), rng):
                            file.write(json.dumps(asdict(sample)) + "\n")
                            count += 1
                        file.flush()
                    print(f"{subject}: {count} drafts so far", flush=True)
        finally:
            await brain.aclose()
    return count


def _indexes(scratch: Path) -> Iterator[tuple[str, KnowledgeIndex, list[str]]]:
    """Each subject's knowledge and the questions about it."""
    embedder = MiniLM(model_folder("minilm"))
    index = open_lakes(embedder, scratch / "lakes")
    asked = [one.text for one in dev_questions()]
    for name in ("lakes_more", "lakes_callers"):
        asked += [row["question"] for row in rows(config_path(f"bench/{name}.jsonl"))]
    for title in index.titles:
        if len(title.split()) <= _LONGEST_TITLE:
            asked += [form.format(title) for form in TEMPLATES]
    random.Random(1).shuffle(asked)  # so that what is made first is of all kinds
    yield "lakes", index, asked
    for subject, texts, questions in subjects():
        yield subject, open_texts(texts, embedder, scratch / subject), [text for text, _ in questions]


class _Silent:
    """A model that writes nothing."""

    async def stream(self, request: Request) -> AsyncGenerator[Token, None]:
        return
        yield

    async def aclose(self) -> None:
        pass


class _Source:
    """Drafts and answers from one subject's knowledge."""

    def __init__(self, spec: AgentSpec, brain: Brain, index: KnowledgeIndex, lanes: Lanes) -> None:
        self._agent = FromKnowledge(index, grounded(spec, brain, index, lanes), lanes)
        self._answerer = grounded(spec, replace(brain, llm=_Silent()), index, lanes)
        self._quick = FromKnowledge(index, self._answerer, lanes)
        self._unknown = spec.unknown

    async def samples(
        self, question: str, cut_short: Iterable[tuple[int, str]], rng: random.Random
    ) -> AsyncIterator[Sample]:
        """Each draft that still stands when the question is whole."""
        sentence = await self._sentence(question)
        for cut, words in cut_short:
            draft = await self._draft(words, written=cut <= WRITTEN)
            if draft is None or draft.source == "talk":
                continue
            if not goes_on(Drafted(t=0, turn=0, words=words, draft=draft), question):
                continue
            said = rng.choice(FRAMES).format(draft.text) if draft.source == "topic" else draft.text
            tried = draft.source in ("model", "restated")
            answer = await self._answer(question, said) if tried else sentence
            yield _judged(question, words, draft, said, answer, self._unknown)

    async def _draft(self, words: str, written: bool) -> Draft | None:
        """The best draft; after a quoted one the model would only read on."""
        best: Draft | None = None
        async with aclosing((self._agent if written else self._quick).drafts(words, History())) as drafts:
            async for best in drafts:
                if best.source == "evidence":
                    break
        return best

    async def _sentence(self, question: str) -> str:
        """The sentence that an answer to the whole question rests on, or that it is not known."""
        asked, passages = await self._quick.find(question)
        return (await self._answerer.evidence(asked, passages)) or self._unknown

    async def _answer(self, question: str, begun: str) -> str:
        parts = self._agent.answer_after(lambda: begun, question, History())
        return " ".join([part.text async for part in parts if isinstance(part, Sentence)])


def _judged(question: str, words: str, draft: Draft, said: str, answer: str, unknown: str) -> Sample:
    rest = continued(said, answer)
    sure = draft.sureness
    return Sample(
        template(question),
        question,
        words,
        said,
        draft.source,
        min((each.logprob for each in sure), default=0.0),
        max((each.entropy for each in sure), default=0.0),
        min((each.margin for each in sure), default=1.0),
        draft.evidence.chance,
        draft.evidence.ahead,
        rest.how,
        f"{said} {rest.text}",
        rest.how != "repair" and unknown not in answer,
    )
