"""An agent on trial: its engines are loaded once in a process, and each scenario gets a session of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio

from asr import StreamingWhisper
from asr.types import Recogniser
from duplex.agent.answering import FromModel
from duplex.agent.engines import grounded, load_engines
from duplex.agent.session import Engines, Session
from duplex.agent.spec import AgentSpec
from duplex.audio.pcm import FRAME_SECONDS, Pcm
from duplex.dialogue.events import Commit
from duplex.evals.corpora import Corpus, FromTool, Searching, open_corpus
from duplex.evals.scenario import Lane, Opening, Scenario
from duplex.evals.side import Side
from duplex.evals.words import WordReader, WordVoice, detector, table
from duplex.graph import Event, Lanes
from duplex.nodes.answerer import Answerer


class AgentContender:
    """Makes sessions of an agent.

    The agent's own greeting is left out: a scenario says who begins. Its tools take the place of the agent's own
    knowledge. `load` it before it is used and `aclose` it after; event loops may come and go meanwhile.
    """

    def __init__(self, spec: AgentSpec, lane: Lane = "virtual") -> None:
        self.spec = spec
        self._lane = lane
        self.lanes = Lanes()
        self._engines: Engines | None = None

    @property
    def name(self) -> str:
        """The agent's."""
        return self.spec.name

    @property
    def voices(self) -> tuple[str, ...]:
        """The Kokoro voice that it speaks with, if it does."""
        return (self.spec.tts.kokoro.voice,) if self.spec.tts.kokoro else ()

    @property
    def engines(self) -> Engines:
        """What its sessions share."""
        if self._engines is None:
            raise RuntimeError("the agent is not loaded")
        return self._engines

    async def load(self) -> None:
        """Load its models. Raises what `load_engines` does."""
        self._engines = await load_engines(self.spec, self.lanes)

    async def aclose(self) -> None:
        """Release its models."""
        await self.lanes.aclose()
        if self._engines is not None and self._engines.close is not None:
            await self._engines.close()

    @asynccontextmanager
    async def side(self, scenario: Scenario) -> AsyncIterator[Side]:
        """A session for one scenario; see `Contender.side`."""
        engines = replace(self.engines, greeting="", answerer=await self._answerer(scenario))
        if self._lane == "text":
            reader = WordReader(table(scenario))
            words = replace(engines, vad=detector(), recogniser=reader, synthesiser=WordVoice())
            engines = replace(words, controller=None)  # there is no sound that it could judge
        elif scenario.tools:
            engines = replace(engines, recogniser=self._without_names(engines.recogniser))
        yield SessionSide(Session(engines, scenario.id[:40]), scenario.agent.opening, self._late)

    async def _answerer(self, scenario: Scenario) -> Answerer:
        """The agent's own, or one that has the scenario's tool or does what the scenario asks of it."""
        engines = self.engines
        if engines.brain is None:
            raise RuntimeError("the engines do not tell their language models")
        tool = next((tool for tool in scenario.tools if tool.corpus), None)
        if tool is not None:
            corpus = await anyio.to_thread.run_sync(self._corpus, str(tool.corpus))
            answerer = grounded(self.spec, engines.brain, corpus.index, self.lanes)
            await answerer.warm()
            return FromTool(Searching(tool, corpus, scenario, self.lanes), answerer)
        if scenario.agent.system and isinstance(engines.answerer, FromModel):
            return FromModel(engines.brain.llm, scenario.agent.system)
        return engines.answerer

    def _corpus(self, name: str) -> Corpus:
        embedder = self.spec.knowledge.embedder if self.spec.knowledge else "minilm"
        return open_corpus(Path(name), embedder)

    def _without_names(self, recogniser: Recogniser) -> Recogniser:
        """One that is not told the headings of a knowledge that the agent does not have in this scenario."""
        told = self.spec.asr.whisper and self.spec.asr.whisper.vocabulary
        return (
            recogniser
            if told or not isinstance(recogniser, StreamingWhisper)
            else recogniser.with_vocabulary(())
        )

    def _late(self) -> int:
        statistics = self.lanes.statistics()
        return statistics["vad"].late if "vad" in statistics else 0


class SessionSide:
    """A session as a side.

    Args:
        session: it has not begun.
        opening: what it has to say unasked.
        late: counts the frames, since the process began, whose voice detection was late.
    """

    def __init__(self, session: Session, opening: Opening | None, late: Callable[[], int]) -> None:
        self.session = session
        self._opening = opening if opening and opening.text else None
        self._late, self._late_before = late, late()
        self._frames = 0
        self.pull, self.subscribe = session.pull, session.subscribe
        self.on_ready, self.delayed = session.on_ready, session.delayed
        session.subscribe(self._on)

    @property
    def late(self) -> int:
        """Frames whose voice detection was done more than 20 ms after they came."""
        return self._late() - self._late_before

    async def run(self, ready: anyio.Event) -> None:
        """Run the session."""
        async with anyio.create_task_group() as tasks:

            async def tell() -> None:
                await self.session.started.wait()
                ready.set()

            tasks.start_soon(tell)
            await self.session.run()

    def push(self, pcm: Pcm) -> None:
        """Take 20 ms of the user's audio; the opening's time is counted in them."""
        self.session.push(pcm)
        self._frames += 1
        # Again and again until the floor is free: the scenario wants it said.
        if self._opening is not None and self._frames * FRAME_SECONDS >= self._opening.at - 1e-9:
            self.session.announce(self._opening.text)

    def _on(self, event: Event) -> None:
        if self._opening is not None and isinstance(event, Commit) and event.text:
            self._opening = None
