"""One question asked of an agent: the contender with its slow tool, and a replay that ends once it has answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import anyio

from duplex.agent.answering import SEARCH
from duplex.agent.engines import grounded
from duplex.agent.spec import AgentSpec
from duplex.audio.pcm import Pcm
from duplex.dialogue.events import Eager, PlayoutStarted, ReplyText, Yield
from duplex.evals.contender import AgentContender, SessionSide
from duplex.evals.corpora import Corpus, FromTool, Searching
from duplex.evals.crag.questions import Question
from duplex.evals.crag.searching import OpenBook, Policy, Watched
from duplex.evals.crag.speech import Asked
from duplex.evals.drivers.text import replay_text
from duplex.evals.drivers.virtual import replay_virtual
from duplex.evals.prepare import Prepared
from duplex.evals.record import RATE, Replay
from duplex.evals.scenario import Answer, Item, Lane, Latency, Scenario, Tool
from duplex.evals.side import Side
from duplex.evals.words import as_words
from duplex.graph import Event
from duplex.graph.virtual import Mode
from duplex.nodes.answerer import Answerer

START = 0.5
"""Seconds after which the question begins."""
_GRACE = 12.0
"""Seconds after the question and the tool in which an answer must have begun."""
_SURE = 2.5
"""Seconds after the question's end in which a reply that began before it may still be given up."""
_AUDIBLE = 0.8
"""Seconds of a reply that are heard, so that its onset and first words are on record."""


class AskedContender(AgentContender):
    """An agent that answers from a corpus, through a tool whose delay and policy change from question to question.

    Args:
        spec: the agent.
        corpus: what it answers from, in place of its own knowledge.
        lane: virtual or text.
    """

    def __init__(self, spec: AgentSpec, corpus: Corpus, lane: Lane = "virtual") -> None:
        super().__init__(spec, lane)
        self.corpus = corpus
        self.delay = 0.0
        self.policy: Policy = "own"
        self.answered = False
        """The latest side was ended because all that is measured was there."""
        self._watched = Watched()

    async def _answerer(self, scenario: Scenario) -> Answerer:
        engines = self.engines
        if engines.brain is None:
            raise RuntimeError("the engines do not tell their language models")
        answerer = grounded(self.spec, engines.brain, self.corpus.index, self.lanes)
        await answerer.warm()
        self._watched = Watched()
        tool = Tool(name=SEARCH, latency=Latency(p50=self.delay))
        searching = Searching(tool, self.corpus, scenario, self.lanes)
        if self.policy == "open_book":
            return OpenBook(searching, answerer, self._watched)
        return FromTool(searching, answerer)

    @asynccontextmanager
    async def side(self, scenario: Scenario) -> AsyncIterator[Side]:
        """A session for one question, which ends when it has answered."""
        self.answered = False
        async with super().side(scenario) as side:
            assert isinstance(side, SessionSide)
            side.subscribe(self._watched.on)
            yield _UntilAnswered(side, scenario, self._tell)

    def _tell(self) -> None:
        self.answered = True


class _UntilAnswered:
    """A side that leaves once its reply to the whole question is known and heard to begin."""

    def __init__(self, side: SessionSide, scenario: Scenario, tell: Callable[[], None]) -> None:
        self._side, self._tell = side, tell
        self.push, self.pull, self.subscribe = self._push, side.pull, side.subscribe
        self._end = _end_of(scenario.timeline[0])
        self._attempt = 0
        self._whole: set[int] = set()
        self._began: dict[int, float] = {}
        self._answered = anyio.Event()
        side.subscribe(self._on)

    @property
    def late(self) -> int:
        """As the side's own."""
        return self._side.late

    async def run(self, ready: anyio.Event) -> None:
        """Run the side until it has answered."""
        async with anyio.create_task_group() as tasks:

            async def own() -> None:
                await self._side.run(ready)
                tasks.cancel_scope.cancel()

            tasks.start_soon(own)
            await self._answered.wait()
            self._tell()
            tasks.cancel_scope.cancel()

    def _push(self, pcm: Pcm) -> None:
        self._side.push(pcm)
        if self._is_answered(self._side.session.seconds):
            self._answered.set()

    def _is_answered(self, now: float) -> bool:
        began = self._began.get(self._attempt)
        if began is None or self._attempt not in self._whole or now < began + _AUDIBLE:
            return False
        return now >= self._end + (_SURE if began < self._end else _AUDIBLE)

    def _on(self, event: Event) -> None:
        match event:
            case Eager():
                self._attempt = event.attempt
            case ReplyText(last=True):
                self._whole.add(event.attempt)
            case PlayoutStarted():
                self._began[event.attempt] = self._side.session.seconds
            case Yield():
                self._began.pop(event.attempt, None)


def _end_of(item: Item) -> float:
    return START + max((end for _, _, end in item.words), default=item.speech[-1][1] if item.speech else 0.0)


def scenario_of(question: Question, asked: Asked | None, latency: Latency, seconds: float) -> Scenario:
    """The question as a scenario; in the text lane, without speech, its words come on a clock.

    Args:
        question: what is asked.
        asked: how it is spoken; None in the text lane.
        latency: of the tool, for the record.
        seconds: what the tool takes in this one.
    """
    item = Item(id="question", kind="user_speech", at=START, text=question.text)
    length = 0.4 * len(question.text.split())
    if asked is not None:
        length = len(asked.spoken.pcm) / RATE
        update = {"words": asked.spoken.words, "speech": asked.spoken.speech, "dur": length}
        item = item.model_copy(update=update)
    return Scenario(
        schema="duplex-scenario/1",
        id=question.id,
        task="tool_streaming",
        duration=START + length + seconds + _GRACE,
        tools=(Tool(name=SEARCH, latency=latency),),
        timeline=(item,),
        expect=(),
        answer=Answer(gold=question.gold, kind=question.kind, supporting_docs=question.docs),
    )


def replay_question(
    contender: AskedContender,
    scenario: Scenario,
    audio: Pcm | None,
    compute: Mode,
    costs: Mapping[str, float] | None = None,
) -> Replay:
    """Ask; whatever fails becomes `Replay.error`.

    Args:
        contender: loaded, with its delay and policy set.
        scenario: by `scenario_of`.
        audio: the question, int16 [n] at 16 kHz; None in the text lane.
        compute: what computing costs.
        costs: the table, for `fixed`.
    """
    if audio is None:
        replay = replay_text(as_words(scenario), contender, compute, costs)
    else:
        prepared = Prepared(scenario, {scenario.timeline[0].id: audio})
        replay = replay_virtual(prepared, contender, compute, costs)
    if contender.answered:
        replay.error = ""  # it left because we asked it to
    return replay


def reply_of(replay: Replay) -> str:
    """What the agent says in its last reply, all of it, heard or not."""
    texts: dict[int, list[str]] = {}
    for record in replay.of("ReplyText"):
        texts.setdefault(record.payload["attempt"], []).append(record.payload["text"])
    kept = [record.payload["attempt"] for record in replay.of("Commit")]
    return " ".join(part for part in texts.get(kept[-1], ()) if part) if kept else ""
