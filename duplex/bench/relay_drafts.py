"""Natural drafts with what came of them: what the verifier is trained on, and what a prefix costs in truth.

Every question is cut short word by word, as a caller's partial transcript is, sometimes within a word; what the drafter
makes of it is put before the whole question's answer. A prefix is good if the answer goes on from it without being
repaired, is not "I don't know", and is right wherever the slow path alone is. Text alone: no speech is made.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path

from duplex.agent.answering import FromKnowledge, Sentence
from duplex.agent.brain import load_brain
from duplex.agent.engines import grounded
from duplex.agent.spec import AgentSpec
from duplex.bench.answer_fit import _open_texts, _subjects
from duplex.bench.llm import rows
from duplex.bench.search import dev_questions, open_lakes
from duplex.bench.turns import is_right
from duplex.dialogue.history import History
from duplex.dialogue.relay import FRAMES, goes_on
from duplex.dialogue.relay_events import Drafted
from duplex.graph import Lanes
from duplex.llm.drafts import Draft, continued, plain
from duplex.llm.words import names
from duplex.models import model_folder
from duplex.resources import config_path
from tools_rag import KnowledgeIndex, MiniLM

OUT = Path("out/bench/drafts")
CUTS = (3, 1, 0)
"""Words that a partial transcript lacks."""
BROKEN = 0.3
"""Share of the partials whose last word is cut in the middle."""
FORMS = 10
"""Of the templates below, so many are asked of each lake."""
TEMPLATES = (
    *("How deep is {}?", "Where is {}?", "How big is {}?", "Which river flows out of {}?", "How old is {}?"),
    *("What lives in {}?", "Tell me something about {}.", "Which countries share {}?", "Why is {} famous?"),
    *("What is the largest island in {}?", "How much water is in {}?", "Does {} freeze in winter?"),
    *("Which cities are on {}?", "Can I swim in {}?", "Who was the first to reach {}?", "How was {} formed?"),
    *("When was {} discovered?", "What is special about {}?", "How many people live around {}?"),
    *("Is {} salty?", "What do people do at {}?", "How long is {}?", "What is the climate like at {}?"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, with accepted answers where they are known; `answerable` None where nobody has looked."""

    subject: str
    text: str
    answers: tuple[str, ...]
    answerable: bool | None


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
        alone, after: the slow path's answer alone, and after the prefix, whole.
        right_alone, right_after: whether they are right; None where nobody knows.
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
    alone: str
    after: str
    right_alone: bool | None
    right_after: bool | None
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


def partials(question: str, rng: random.Random) -> Iterator[str]:
    """The question cut short, earliest first."""
    words = question.rstrip("?.! ").split()
    for cut in CUTS:
        kept = words[: len(words) - cut] if cut else list(words)
        if len(kept) < 2:
            continue
        if cut and len(kept[-1]) > 4 and rng.random() < BROKEN:
            kept[-1] = kept[-1][: len(kept[-1]) // 2 + 1]
        yield " ".join(kept)


async def samples(out: Path = OUT / "drafts.jsonl", seed: int = 1) -> int:
    """Write all samples, one a line, and give their number."""
    out.parent.mkdir(parents=True, exist_ok=True)
    rng, count = random.Random(seed), 0
    spec = AgentSpec.model_validate({"name": "drafts"})
    async with Lanes() as lanes:
        brain = load_brain(spec.llm, lanes)
        try:
            with out.open("w", encoding="utf-8") as file:
                for subject, index, asked in _indexes(out.parent, rng):
                    answerer = grounded(spec, brain, index, lanes)
                    await answerer.warm()
                    agent = FromKnowledge(index, answerer, lanes)
                    for question in asked:
                        async for sample in _of_question(agent, question, spec.unknown, rng):
                            file.write(json.dumps(asdict(sample)) + "\n")
                            count += 1
                        file.flush()
                    print(f"{subject}: {count} drafts so far", flush=True)
        finally:
            await brain.aclose()
    return count


def _indexes(scratch: Path, rng: random.Random) -> Iterator[tuple[str, KnowledgeIndex, list[Asked]]]:
    """Each subject's knowledge and the questions about it."""
    embedder = MiniLM(model_folder("minilm"))
    index = open_lakes(embedder, scratch / "lakes")
    asked = [Asked("lakes", one.text, one.answers, bool(one.answers)) for one in dev_questions()]
    for name in ("lakes_more", "lakes_callers"):
        for row in rows(config_path(f"bench/{name}.jsonl")):
            asked.append(Asked("lakes", row["question"], tuple(row["answers"]), bool(row["answers"])))
    for title in index.titles:
        if len(title.split()) <= 4:
            forms = rng.sample(TEMPLATES, FORMS)
            asked += [Asked("lakes", form.format(title), (), None) for form in forms]
    rng.shuffle(asked)
    yield "lakes", index, asked
    for subject, texts, questions in _subjects():
        own = [Asked(subject, text, tuple(answers), bool(answers)) for text, answers in questions]
        yield subject, _open_texts(texts, embedder, scratch / subject), own


async def _of_question(
    agent: FromKnowledge, asked: Asked, unknown: str, rng: random.Random
) -> AsyncIterator[Sample]:
    alone = await _answer(agent, asked.text)
    seen: set[str] = set()
    for words in partials(asked.text, rng):
        draft = await _drafted(agent, words)
        if draft is None or draft.text in seen:
            continue
        seen.add(draft.text)
        if not goes_on(Drafted(t=0, turn=0, words=words, draft=draft), asked.text):
            continue
        said = rng.choice(FRAMES).format(draft.text) if draft.source == "topic" else draft.text
        asis = draft.source == "talk" or (continued(said, alone).how == "follows" and draft.source != "topic")
        after = alone if asis else await _answer(agent, asked.text, said)
        yield _judged(asked, words, draft, said, alone, after, unknown)


async def _drafted(agent: FromKnowledge, words: str) -> Draft | None:
    """The best draft; after a quoted one the model only reads on."""
    best: Draft | None = None
    async with aclosing(agent.drafts(words, History())) as drafts:
        async for best in drafts:
            if best.source == "evidence":
                break
    return best


async def _answer(agent: FromKnowledge, text: str, begun: str = "") -> str:
    parts = agent.answer_after(lambda: begun, text, History())
    return " ".join([part.text async for part in parts if isinstance(part, Sentence)])


def _judged(
    asked: Asked, words: str, draft: Draft, said: str, alone: str, after: str, unknown: str
) -> Sample:
    rest = continued(said, after)
    whole = f"{said} {rest.text}"
    right_alone = None if asked.answerable is None else is_right(alone, list(asked.answers), unknown)
    right_after = None if asked.answerable is None else is_right(whole, list(asked.answers), unknown)
    known = unknown not in after and (right_alone is not True or right_after is True)
    sure = draft.sureness
    return Sample(
        template(asked.text),
        asked.text,
        words,
        said,
        draft.source,
        min((each.logprob for each in sure), default=0.0),
        max((each.entropy for each in sure), default=0.0),
        min((each.margin for each in sure), default=1.0),
        draft.evidence.chance,
        draft.evidence.ahead,
        rest.how,
        alone,
        whole,
        right_alone,
        right_after,
        rest.how != "repair" and known,
    )
