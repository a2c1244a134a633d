"""A run: every question, each tool delay, both policies; kept one by one, so that it can be gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import anyio

from duplex import __version__
from duplex.agent.spec import AgentSpec
from duplex.evals.corpora import Corpus, delays
from duplex.evals.crag.asking import AskedContender, replay_question, scenario_of
from duplex.evals.crag.knowledge import corpus_of
from duplex.evals.crag.questions import Question, read_questions
from duplex.evals.crag.rows import Row, measured, oracle, row_of
from duplex.evals.crag.searching import Policy
from duplex.evals.crag.speech import Asked, ask, recorded
from duplex.evals.record import Compute
from duplex.evals.scenario import Lane, Latency, ScenarioError
from duplex.graph.virtual import Mode
from duplex.models.store import write_atomically
from duplex.transport.costs import read_costs

PAPER = "paper"
"""The delays that Stream RAG reports: lognormal, P50 2.78 s and P90 4.90 s."""
LATENCIES = {
    "0": Latency(),
    "0.3": Latency(p50=0.3),
    "0.6": Latency(p50=0.6),
    "2": Latency(p50=2.0),
    PAPER: Latency(dist="lognormal", p50=2.78, p90=4.90),
}
"""The delays of a tool, by name."""
POLICIES: tuple[Policy, ...] = ("open_book", "own")
_FORMAT = 1  # of what is kept; another does all anew


@dataclass(frozen=True, slots=True)
class Options:
    """What is run.

    Attributes:
        questions: the file.
        out: folder for what comes of it.
        docs: what is answered from; by default the questions' own pages.
        recordings: folder of the questions as somebody spoke them; by default local voices say them.
        limit: how many questions are drawn; all by default.
        seed: draws them, their voices and the tool's delays.
        delays: names or seconds, see `latency_of`.
        lane: virtual or text.
        compute: what computing costs.
    """

    questions: Path
    out: Path
    docs: Path | None = None
    recordings: Path | None = None
    limit: int | None = None
    seed: int = 0
    delays: tuple[str, ...] = tuple(LATENCIES)
    lane: Lane = "virtual"
    compute: Mode = "measured"


@dataclass(slots=True)
class Ran:
    """What a run came to.

    Attributes:
        questions: those that were drawn.
        rows: of the runs that were done, in order.
        oracle: by question, where it could be told.
        docs: where the documents lie, and how many passages they make.
        finished: it was not stopped.
    """

    questions: list[Question]
    rows: list[Row] = field(default_factory=list)
    oracle: dict[str, float] = field(default_factory=dict)
    docs: tuple[str, int] = ("", 0)
    finished: bool = False


Watch = Callable[[str, int, int], None]
"""Is told what is under way, how many runs are done and how many there are."""


def latency_of(name: str, seed: int) -> Latency:
    """A delay by its name, or by its seconds.

    Raises:
        ValueError: it is neither.
    """
    known = LATENCIES.get(name) or next(
        (value for key, value in LATENCIES.items() if key != PAPER and _same(key, name)), None
    )
    if known is None:
        try:
            known = Latency(p50=float(name))
        except ValueError as error:
            raise ValueError(f"{name!r} is no delay: give seconds, or {PAPER!r}") from error
    return known.model_copy(update={"seed": seed})


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def run(spec: AgentSpec, options: Options, watch: Watch = lambda what, done, of: None) -> Iterator[Ran]:
    """Run it; gives the run as it grows, after each question and at the end, so that whoever stops keeps what is done.

    Args:
        spec: the agent; its own knowledge is left out.
        options: see there.
        watch: is told of progress.

    Raises:
        QuestionError: the questions or their pages cannot be used.
        ScenarioError: the documents or a recording cannot be used.
        ValueError: an option is not understood.
        EngineError, ModelError, LLMError, KnowledgeError: the agent cannot be loaded.
        OSError: `out` cannot be written.
    """
    latencies = {name: latency_of(name, options.seed) for name in options.delays}
    questions = read_questions(options.questions, options.limit, options.seed)
    ran = Ran(questions)
    watch("indexing the documents", 0, 0)
    embedder = spec.knowledge.embedder if spec.knowledge else "minilm"
    corpus, docs = corpus_of(questions, options.docs, embedder)
    ran.docs = (str(docs), len(corpus.index))
    options.out.mkdir(parents=True, exist_ok=True)
    asked = _spoken(questions, spec, options, watch)
    watch("loading the models", 0, 0)
    contender = AskedContender(spec, corpus, options.lane)
    anyio.run(contender.load)
    costs = read_costs() if options.compute == "fixed" else None
    base = _identity(spec, options, docs, corpus)
    yield ran
    done, of = 0, len(questions) * len(latencies) * len(POLICIES)
    try:
        for question in questions:
            said = asked.get(question.id)
            _lead(ran, corpus, question, said)
            for (name, latency), policy in product(latencies.items(), POLICIES):
                watch(f"{question.id} · tool {name} · {policy}", done, of)
                key = _key(base, question, said, name, latency, policy)
                one = partial(_do, contender, question, said, policy, (name, latency), options.compute, costs)
                ran.rows.append(_kept_or_done(options.out / "rows" / f"{key}.json", one, spec))
                done += 1
            yield ran
    finally:
        anyio.run(contender.aclose)
    ran.finished = True
    watch("done", done, of)
    yield ran


def _lead(ran: Ran, corpus: Corpus, question: Question, asked: Asked | None) -> None:
    lead = oracle(corpus, question, asked)
    if lead is not None:
        ran.oracle[question.id] = round(lead, 4)


def _spoken(
    questions: Sequence[Question], spec: AgentSpec, options: Options, watch: Watch
) -> dict[str, Asked]:
    """The questions' audio; none in the text lane."""
    if options.lane == "text":
        return {}
    own = (spec.tts.kokoro.voice,) if spec.tts.kokoro else ()
    made = {}
    for at, question in enumerate(questions):
        watch(f"saying {question.id}", at, len(questions))
        if options.recordings is not None:
            made[question.id] = recorded(question, options.recordings)
        else:
            made[question.id] = ask(question, options.seed, own)
    return made


def _do(
    contender: AskedContender,
    question: Question,
    asked: Asked | None,
    policy: Policy,
    delay: tuple[str, Latency],
    compute: Mode,
    costs: dict[str, float] | None,
) -> Row:
    name, latency = delay
    draft = scenario_of(question, asked, latency, 0.0)
    seconds = next(delays(latency, draft))
    contender.delay, contender.policy = seconds, policy
    scenario = scenario_of(question, asked, latency, seconds)
    audio = None if asked is None else asked.spoken.pcm
    replay = replay_question(contender, scenario, audio, compute, costs)
    return measured(replay, question, asked, policy, (name, seconds), _unknown(contender.spec))


def _kept_or_done(path: Path, one: Callable[[], Row], spec: AgentSpec) -> Row:
    """What an earlier run left, if nothing failed in it; else it is done now and kept."""
    try:
        kept = row_of(json.loads(path.read_text(encoding="utf-8")), _unknown(spec))
        if not kept.error:
            return kept
    except (OSError, ValueError):
        pass
    row = one()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(row.as_json()).encode())
    return row


def _unknown(spec: AgentSpec) -> tuple[str, str]:
    """What the agent says where it has no answer, and where one failed."""
    return spec.unknown, spec.apology


def _identity(spec: AgentSpec, options: Options, docs: Path, corpus: Corpus) -> list[Any]:
    """What all of a run's results depend on."""
    content = hashlib.sha256()
    for path in [docs] if docs.is_file() else sorted(docs.rglob("*")):
        if path.is_file():
            content.update(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
    lane: Lane = options.lane
    compute: Compute = options.compute
    return [
        _FORMAT,
        __version__,
        spec.model_dump_json(),
        lane,
        compute,
        content.hexdigest(),
        len(corpus.index),
    ]


def _key(
    base: list[Any], question: Question, asked: Asked | None, name: str, latency: Latency, policy: Policy
) -> str:
    audio = "" if asked is None else hashlib.sha256(asked.spoken.pcm.tobytes()).hexdigest()
    told = [*base, question.id, question.text, question.gold, question.kind, audio, name]
    return hashlib.sha256(json.dumps([*told, latency.model_dump_json(), policy]).encode()).hexdigest()[:24]


def check(options: Options) -> None:
    """Refuse what cannot be meant, before anything is loaded.

    Raises:
        ScenarioError: recordings in a lane without sound.
        ValueError: a delay is not understood, or there is none.
    """
    if not options.delays:
        raise ValueError("no delay is left: give seconds, or 'paper', with commas between")
    for name in options.delays:
        latency_of(name, options.seed)
    if options.lane == "text" and options.recordings is not None:
        raise ScenarioError("recordings are heard in the virtual lane; the text lane has none")
