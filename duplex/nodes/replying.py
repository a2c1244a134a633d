"""The agent's side: is the turn over, what to answer, in which voice."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable

import anyio
import numpy as np
import soxr
from anyio.abc import TaskGroup

from duplex.dialogue.events import (
    AGENT_RATE,
    AgentError,
    Commit,
    Discarded,
    Eager,
    EndProbability,
    ReplyText,
    Resumed,
    Speech,
    SpokenWord,
    ToolEnded,
    ToolStarted,
    Transcript,
    Yield,
)
from duplex.dialogue.history import History
from duplex.graph import In, Lanes, Node, Out, Priority, to_ticks
from duplex.llm.types import LLMError
from duplex.nodes.answerer import Answerer, ToolCall, ToolResult
from tts.types import SpeechChunk, Synthesiser, Utterance

logger = logging.getLogger(__name__)

_FULL = to_ticks(0.2)
"""The least length of a turn's last word. People lengthen it (pre-boundary lengthening, Wightman et al. 1992), and what
a recogniser makes up to complete a cut sentence has next to no sound under it. Of the development questions, half of
the words before a cut are shorter, and no last word is."""
_ENOUGH = 3
"""Stable words from which on it is worth looking for what the question is about."""


Probability = Callable[[str, str], Awaitable[float]]
"""From the user's words and what the agent said last to P(the user has finished)."""


class Endpointer(Node):
    """Words to P(the user has finished | words).

    Stable words are scored while the user speaks, so that at the end only the last ones have to be computed: the
    model's cache then holds the rest (append mode). A last word that is too short to be one must not complete the
    sentence: the words before it are scored too.
    """

    words = In(Transcript)
    ends = Out(EndProbability)

    def __init__(self, probability: Probability, history: History) -> None:
        super().__init__("endpointer")
        self._probability, self._history = probability, history

    async def run(self) -> None:
        """Score each attempt's words, and the stable ones before."""
        scored = ""
        async for said in self.words:
            text = said.text if said.final else " ".join(said.text.split()[: said.stable])
            if not text or (text == scored and not said.final):
                continue
            last = next((turn.text for turn in reversed(self._history.turns) if turn.role == "agent"), "")
            try:
                p = await self._probability(text, last)
                if said.last is not None and said.last < _FULL and " " in text:
                    p = min(p, await self._probability(" ".join(text.split()[:-1]), last))
            except LLMError as error:  # without a judgement the timeout ends the turn
                logger.warning("no judgement of the turn's end: %s", error)
                continue
            scored = text
            if said.final:
                await self.ends.send(EndProbability(t=self.clock.now(), attempt=said.attempt, p=p))


class Responder(Node):
    """Final words to an answer, begun before the turn has surely ended and dropped if it has not."""

    events = In(Transcript, Eager, Resumed, Yield, Discarded)
    reply = Out(ReplyText)
    tools = Out(ToolStarted, ToolEnded)
    errors = Out(AgentError)

    def __init__(self, answerer: Answerer, history: History, apology: str) -> None:
        super().__init__("responder")
        self._answerer, self._history, self._apology = answerer, history, apology
        self._work: tuple[int, anyio.CancelScope] | None = None
        self._preparing: anyio.CancelScope | None = None
        self._prepared = ""
        """The stable words that an answer was last prepared for."""
        self._calls = 0

    async def run(self) -> None:
        """One answer at a time: a new attempt replaces the old."""
        async with anyio.create_task_group() as tasks:
            async for event in self.events:
                match event:
                    case Transcript(final=True):
                        self._start(tasks, event.attempt, event.text)
                    case Transcript() if event.stable >= _ENOUGH and self._preparing is None:
                        self._prepare_for(tasks, event)
                    case Eager(text=str(text)):
                        self._start(tasks, event.attempt, text)
                    case Resumed() | Yield() | Discarded():
                        self._drop(event.attempt)
            tasks.cancel_scope.cancel()

    def _prepare_for(self, tasks: TaskGroup, said: Transcript) -> None:
        stable = " ".join(said.text.split()[: said.stable])
        if stable != self._prepared:
            self._prepared = stable
            self._preparing = anyio.CancelScope()
            tasks.start_soon(self._prepare, self._preparing, said.text)

    async def _prepare(self, scope: anyio.CancelScope, text: str) -> None:
        with scope:
            try:
                await self._answerer.prepare(text, self._history)
            except Exception as error:  # it was only a head start
                logger.warning("an answer could not be prepared: %s", error)
        self._preparing = None

    def _start(self, tasks: TaskGroup, attempt: int, text: str) -> None:
        self._drop(attempt)
        if self._preparing is not None:
            self._preparing.cancel()
        scope = anyio.CancelScope()
        self._work = (attempt, scope)
        tasks.start_soon(self._respond, scope, attempt, text)

    def _drop(self, attempt: int) -> None:
        if self._work is not None and self._work[0] <= attempt:
            self._work[1].cancel()
            self._work = None

    async def _respond(self, scope: anyio.CancelScope, attempt: int, text: str) -> None:
        with scope:
            try:
                if text.strip():
                    await self._answer(attempt, text)
            except Exception as error:  # whatever a model or an endpoint does, the caller hears of it
                await self.errors.send(AgentError(t=self.clock.now(), message=f"no answer: {error}"))
                await self._say(attempt, self._apology)
            await self.reply.send(ReplyText(t=self.clock.now(), attempt=attempt, text="", last=True))

    async def _answer(self, attempt: int, text: str) -> None:
        """Say the answer's sentences and report the tools' use; what is still in use at the end was cancelled."""
        used: dict[ToolCall, ToolStarted] = {}
        try:
            async for part in self._answerer.answer(text, self._history):
                match part:
                    case ToolCall(name, arguments):
                        self._calls += 1
                        used[part] = ToolStarted(
                            t=self.clock.now(),
                            attempt=attempt,
                            call=str(self._calls),
                            name=name,
                            arguments=arguments,
                        )
                        await self.tools.send(used[part])
                    case ToolResult(call, result, sources):
                        await self.tools.send(self._ended(used.pop(call), result, sources))
                    case _:
                        await self._say(attempt, part.text, part.sources)
        finally:
            for started in used.values():
                self.tools.send_nowait(self._ended(started, cancelled=True))

    def _ended(
        self, started: ToolStarted, result: str = "", sources: tuple[str, ...] = (), cancelled: bool = False
    ) -> ToolEnded:
        return ToolEnded(
            t=self.clock.now(),
            attempt=started.attempt,
            call=started.call,
            name=started.name,
            result=result,
            sources=sources,
            cancelled=cancelled,
        )

    async def _say(self, attempt: int, text: str, sources: tuple[str, ...] = ()) -> None:
        await self.reply.send(ReplyText(t=self.clock.now(), attempt=attempt, text=text, sources=sources))


class Voice(Node):
    """Sentences to audio with word times, one utterance for each attempt."""

    events = In(ReplyText, Commit, Resumed, Yield, Discarded)
    speech = Out(Speech)
    errors = Out(AgentError)

    def __init__(self, synthesiser: Synthesiser, lanes: Lanes) -> None:
        super().__init__("voice")
        self._synthesiser, self._lanes = synthesiser, lanes
        self._saying: _Saying | None = None
        self._dead = -1

    async def run(self) -> None:
        """Speak what comes, in order, unless it is dropped."""
        async with anyio.create_task_group() as tasks:
            async for event in self.events:
                match event:
                    case Commit() if event.text:
                        unasked = ReplyText(t=event.t, attempt=event.attempt, text=event.text, last=True)
                        self._feed(tasks, unasked)
                    case ReplyText() if event.attempt > self._dead:
                        self._feed(tasks, event)
                    case Resumed() | Yield() | Discarded():
                        self._drop(event.attempt)
            tasks.cancel_scope.cancel()

    def _feed(self, tasks: TaskGroup, piece: ReplyText) -> None:
        if self._saying is None or self._saying.attempt != piece.attempt:
            if self._saying is not None:
                self._saying.cancel()
            self._saying = _Saying(piece.attempt, self._synthesiser)
            tasks.start_soon(self._speak, self._saying)
        self._saying.add(piece)

    def _drop(self, attempt: int) -> None:
        self._dead = max(self._dead, attempt)
        if self._saying is not None and self._saying.attempt <= attempt:
            self._saying.cancel()
            self._saying = None

    async def _speak(self, saying: _Saying) -> None:
        with saying.scope:
            try:
                last = False
                while not last:
                    piece = await saying.next()
                    await self._synthesise(saying, piece)
                    last = piece.last
            except Exception as error:  # a voice that fails must not end the call
                await self.errors.send(AgentError(t=self.clock.now(), message=f"no speech: {error}"))
                await self.speech.send(saying.end(self.clock.now()))

    async def _synthesise(self, saying: _Saying, piece: ReplyText) -> None:
        steps = [saying.utterance.feed(f"{piece.text} ")] if piece.text else []
        if piece.last:
            steps.append(saying.utterance.finish())
        for step in steps:
            async for chunk in self._lanes.heavy_iter(Priority.SYNTHESIS, step, name="tts"):
                await self.speech.send(saying.speech(self.clock.now(), chunk))
        if piece.last:
            await self.speech.send(saying.end(self.clock.now()))


class _Saying:
    """One utterance in the making."""

    def __init__(self, attempt: int, synthesiser: Synthesiser) -> None:
        self.attempt = attempt
        self.scope = anyio.CancelScope()
        self.utterance: Utterance = synthesiser.stream()
        self._pieces: deque[ReplyText] = deque()
        self._more = anyio.Event()
        self._resampler = soxr.ResampleStream(
            synthesiser.sample_rate, AGENT_RATE, 1, dtype="int16", quality="MQ"
        )

    def cancel(self) -> None:
        self.utterance.cancel()
        self.scope.cancel()

    def add(self, piece: ReplyText) -> None:
        """Say this too."""
        self._pieces.append(piece)
        self._more.set()

    async def next(self) -> ReplyText:
        """Wait for the next piece."""
        while not self._pieces:
            self._more = anyio.Event()
            await self._more.wait()
        return self._pieces.popleft()

    def speech(self, t: int, chunk: SpeechChunk) -> Speech:
        words = tuple(SpokenWord(w.text, to_ticks(w.start), to_ticks(w.end)) for w in chunk.words)
        return Speech(t=t, attempt=self.attempt, pcm=self._resampler.resample_chunk(chunk.pcm), words=words)

    def end(self, t: int) -> Speech:
        """What the resampler still held, and the end."""
        rest = self._resampler.resample_chunk(np.zeros(0, dtype=np.int16), last=True)
        return Speech(t=t, attempt=self.attempt, pcm=rest, last=True)
