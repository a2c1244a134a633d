"""Is what the agent says as good where it begins to speak before it knows its answer? Spoken questions, in pairs.

XQuAD's questions over its paragraphs, from `DUPLEX_EVALDATA`, as `duplex eval audiocrag` asks and judges them: local
voices, virtual time at fixed costs, so that nothing depends on the machine or its load. Each is asked twice, of the
agent with the fast path and of the same agent without it. Asked are questions that the slow path alone answers rightly
(scores 1, which is at least .5) when it is given the written words: where it knows nothing, nothing can be lost, and a
choice by the runs that are compared would take their noise for a loss. Every run is kept, and the next one goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import anyio

from duplex.agent.answering import FromKnowledge, Sentence
from duplex.agent.brain import load_brain
from duplex.agent.engines import grounded
from duplex.agent.loader import load_agent
from duplex.agent.relay_spec import RelaySection
from duplex.agent.spec import AgentSpec
from duplex.bench.measure import Measure, of_share
from duplex.bench.progress import Progress
from duplex.dialogue.events import Commit
from duplex.dialogue.history import History
from duplex.dialogue.relay_events import Prefix
from duplex.evals import bootstrap
from duplex.evals.corpora import Corpus, open_corpus
from duplex.evals.crag.asking import AskedContender, replay_question, scenario_of
from duplex.evals.crag.questions import Question, read_questions
from duplex.evals.crag.rows import Row, measured, row_of
from duplex.evals.crag.scorer import score
from duplex.evals.crag.speech import ask
from duplex.evals.crag.table import POINTS
from duplex.evals.record import Replay
from duplex.evals.scenario import Latency, Scenario
from duplex.graph import Lanes
from duplex.models.store import write_atomically
from duplex.nodes.answerer import Answerer
from duplex.transport.costs import read_costs

COMMAND = "DUPLEX_EVALDATA=FOLDER duplex bench relay --part quality"
AGENT = "lakes"
ENOUGH = 300
"""Pairs."""
OUT = Path("out/bench/relay-quality")
"""What was run; to run all of it anew, delete the folder."""
WAYS: tuple[Way, ...] = ("off", "on")

Way = Literal["off", "on"]
"""Without the fast path, and with it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A question, asked one way: its row, and what was said before the answer was known."""

    row: Row
    prefix: str = ""


def measures() -> list[Measure]:
    """All figures of this part; none where there is no evaluation data."""
    folder = os.environ.get("DUPLEX_EVALDATA", "")
    if not folder:
        print("quality: left out, since DUPLEX_EVALDATA names no folder", flush=True)
        return []
    pairs = list(run(Path(folder) / "xquad"))
    return figures(pairs)


def run(data: Path, out: Path = OUT) -> Iterator[tuple[Ran, Ran]]:
    """Each question without the fast path and with it."""
    corpus = open_corpus(data / "docs.jsonl")
    spec = load_agent(AGENT)
    chosen = _chosen(spec, corpus, read_questions(data / "questions.jsonl"), out / "known.json")[:ENOUGH]
    with _contenders(spec, corpus) as contenders:
        progress = Progress("quality", len(chosen))
        for question in chosen:
            pair = [_kept_or_asked(contenders[way], way, question, out) for way in WAYS]
            yield pair[0], pair[1]
            verdicts = " / ".join(f"{way} {ran.row.verdict}" for way, ran in zip(WAYS, pair, strict=True))
            progress.tell(f"{verdicts}  {pair[1].prefix or '-'} | {question.text}")


def _chosen(spec: AgentSpec, corpus: Corpus, asked: Sequence[Question], path: Path) -> list[Question]:
    """The questions that the slow path alone answers rightly from their written words, in `read_questions`' draw."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(anyio.run(_known, spec, corpus, asked)).encode())
    right = set(json.loads(path.read_text(encoding="utf-8")))
    print(f"quality: in words alone {len(right)} of {len(asked)} questions are answered rightly", flush=True)
    drawn = sorted(asked, key=lambda each: hashlib.sha256(f"0:{each.id}".encode()).digest())
    return [question for question in drawn if question.id in right]


async def _known(spec: AgentSpec, corpus: Corpus, asked: Sequence[Question]) -> list[str]:
    """The ids of those that are answered rightly."""
    async with Lanes() as lanes:
        brain = load_brain(spec.llm, lanes)
        try:
            answerer = FromKnowledge(corpus.index, grounded(spec, brain, corpus.index, lanes), lanes)
            return [each.id for each in asked if await _is_right(answerer, each, spec.unknown)]
        finally:
            await brain.aclose()


async def _is_right(answerer: FromKnowledge, question: Question, unknown: str) -> bool:
    parts = [part async for part in answerer.answer(question.text, History())]
    said = " ".join(part.text for part in parts if isinstance(part, Sentence))
    return said != unknown and score(said, question.gold, question.kind, question.text) == "accurate"


class _Relayed(AskedContender):
    """An agent that is asked one question and answers from the corpus itself, which takes no time of a tool's."""

    prefix = ""

    async def _answerer(self, scenario: Scenario) -> Answerer:
        assert self.engines.brain is not None
        answerer = grounded(self.spec, self.engines.brain, self.corpus.index, self.lanes)
        await answerer.warm()
        return FromKnowledge(self.corpus.index, answerer, self.lanes)


@contextmanager
def _contenders(spec: AgentSpec, corpus: Corpus) -> Iterator[dict[Way, _Relayed]]:
    made: dict[Way, _Relayed] = {
        way: _Relayed(spec.model_copy(update={"relay": RelaySection(enabled=way == "on")}), corpus)
        for way in WAYS
    }
    for contender in made.values():
        anyio.run(contender.load)
    try:
        yield made
    finally:
        for contender in made.values():
            anyio.run(contender.aclose)


def _kept_or_asked(contender: _Relayed, way: Way, question: Question, out: Path) -> Ran:
    """What an earlier run left, if nothing failed in it; else it is asked now and kept."""
    path = out / way / f"{question.id}.json"
    unknown = (contender.spec.unknown, contender.spec.apology)  # no answers, whatever their words
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        row = row_of(kept["row"], unknown)
        if not row.error:
            return Ran(row, kept["prefix"])
    ran = _ask(contender, question, unknown)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({"row": ran.row.as_json(), "prefix": ran.prefix}).encode())
    return ran


def _ask(contender: _Relayed, question: Question, unknown: Sequence[str]) -> Ran:
    asked = ask(question, 0, contender.voices)
    scenario = scenario_of(question, asked, Latency(), 0.0)
    replay = replay_question(contender, scenario, asked.spoken.pcm, "fixed", read_costs())
    row = measured(replay, question, asked, "own", ("0", 0.0), unknown)
    return Ran(row, prefix_of(replay))


def prefix_of(replay: Replay) -> str:
    """What was said before the answer was known, of the reply that was given in the end; empty for nothing."""
    kept = [record.payload["attempt"] for record in replay.of(Commit.__name__)]
    said = [record.payload for record in replay.of(Prefix.__name__)]
    return next((str(one["text"]) for one in said if kept and one["attempt"] == kept[-1]), "")


def figures(pairs: Sequence[tuple[Ran, Ran]]) -> list[Measure]:
    """What the pairs show, off first: the change in points of truthfulness, of all and of those right without it."""
    if not pairs:
        return []
    rows = [_delta("relay.quality_delta_points", pairs)]
    if right := [pair for pair in pairs if pair[0].row.verdict == "accurate"]:
        rows.append(_delta("relay.quality_delta_of_right_points", right))
    for way, rans in zip(WAYS, zip(*pairs, strict=True), strict=True):
        head = f"relay.quality_{way}"
        rows.append(_mean(f"{head}_truthfulness_points", [_points(each) for each in rans]))
        for verdict in POINTS:
            hits = sum(each.row.verdict == verdict for each in rans)
            rows.append(of_share(f"{head}_{verdict}_share", hits, len(rans), COMMAND))
    said = sum(bool(on.prefix) for _, on in pairs)
    rows.append(of_share("relay.quality_prefix_share", said, len(pairs), COMMAND))
    return rows


def _delta(name: str, pairs: Sequence[tuple[Ran, Ran]]) -> Measure:
    return _mean(name, [_points(on) - _points(off) for off, on in pairs])


def _points(ran: Ran) -> float:
    return 100 * POINTS[ran.row.verdict]


def _mean(name: str, values: Sequence[float]) -> Measure:
    about = bootstrap.mean(values)
    interval = (
        None if about.low is None or about.high is None else (round(about.low, 2), round(about.high, 2))
    )
    return Measure(name, round(about.value, 2), "points", len(values), interval, COMMAND)
