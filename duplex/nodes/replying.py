"""The agent's side: is the turn over, what to answer, in which voice."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from duplex.dialogue.events import (
    AgentError,
    Commit,
    Discarded,
    Eager,
    EndProbability,
    ReplyText,
    Resumed,
    ToolEnded,
    ToolStarted,
    ToolUsed,
    Transcript,
    Yield,
)
from duplex.dialogue.history import History
from duplex.dialogue.overlap import says_nothing
from duplex.dialogue.relay_events import EarlyEnd
from duplex.graph import In, Node, Out, to_ticks
from duplex.llm.types import LLMError
from duplex.nodes.answerer import Answerer, ToolCall, ToolCancelled, ToolResult, UntilCommitted

logger = logging.getLogger(__name__)

_FULL = to_ticks(0.2)
"""The least length of a turn's last word. People lengthen it (pre-boundary lengthening, Wightman et al. 1992), and what
a recogniser makes up to complete a cut sentence has next to no sound under it. Of the development questions, half of
the words before a cut are shorter, and no last word is."""
_ENOUGH = 3
"""Stable words from which on it is worth looking for what the question is about."""


class Probability(Protocol):
    """From the user's words and what the agent said last to P(the user has finished)."""

    async def __call__(self, words: str, agent: str, early: bool = False) -> float:
        """`early`: it is not needed yet, and gives way to all that is."""


class Endpointer(Node):
    """Words to P(the user has finished | words).

    Stable words are scored while the user speaks and nothing else is to be done, so that at the end only the last ones
    have to be computed: the model's cache then holds the rest (append mode). A last word that is too short to be one
    must not complete the sentence: the words before it are scored too.
    """

    words = In(Transcript)
    ends = Out(EndProbability)
    quick = Out(EarlyEnd)

    def __init__(self, probability: Probability, history: History) -> None:
        super().__init__("endpointer")
        self._probability, self._history = probability, history
        self._scored = ""
        self._early: anyio.CancelScope | None = None

    async def run(self) -> None:
        """Score each attempt's words, and the stable ones before; what is newer takes the place of what was stable."""
        async with anyio.create_task_group() as tasks:
            async for said in self.words:
                if said.attempt > 0:  # the final words, or what the quick recogniser makes of them before
                    self._stop_early()
                    await self._judge(said)
                    continue
                stable = " ".join(said.text.split()[: said.stable])
                if stable and stable != self._scored:
                    self._stop_early()
                    self._early = anyio.CancelScope()
                    self._scored = stable
                    tasks.start_soon(self._read, self._early, stable)
            tasks.cancel_scope.cancel()

    def _stop_early(self) -> None:
        if self._early is not None:
            self._early.cancel()

    async def _read(self, scope: anyio.CancelScope, stable: str) -> None:
        with scope:
            await self._scores(stable, early=True)

    async def _judge(self, said: Transcript) -> None:
        if not said.text:
            return
        p = await self._scores(said.text)
        if p is not None and said.last is not None and said.last < _FULL and " " in said.text:
            shorter = await self._scores(" ".join(said.text.split()[:-1]))
            p = None if shorter is None else min(p, shorter)
        if p is None:
            return
        self._scored = said.text
        if said.final:
            await self.ends.send(EndProbability(t=self.clock.now(), attempt=said.attempt, p=p))
        else:
            await self.quick.send(EarlyEnd(t=self.clock.now(), attempt=said.attempt, p=p))

    async def _scores(self, text: str, early: bool = False) -> float | None:
        """None where the model failed: without a judgement the timeout ends the turn."""
        last = next((turn.text for turn in reversed(self._history.turns) if turn.role == "agent"), "")
        try:
            return await self._probability(text, last, early)
        except LLMError as error:
            logger.warning("no judgement of the turn's end: %s", error)
            return None


class Responder(Node):
    """Final words to an answer, begun before the turn has surely ended and dropped if it has not."""

    events = In(Transcript, Eager, Commit, Resumed, Yield, Discarded)
    reply = Out(ReplyText)
    tools = Out(ToolStarted, ToolEnded, ToolUsed)
    errors = Out(AgentError)

    def __init__(self, answerer: Answerer, history: History, apology: str, own: Collection[str] = ()) -> None:
        """`own`: names that the agent goes by; see `says_nothing`."""
        super().__init__("responder")
        self._answerer, self._history, self._apology, self._own = answerer, history, apology, own
        self._work: tuple[int, anyio.CancelScope] | None = None
        self._preparing: anyio.CancelScope | None = None
        self._prepared = ""
        """The stable words that an answer was last prepared for."""
        self._calls = 0
        self._used: dict[ToolCall, ToolStarted] = {}
        """Tools that were used for this turn, in use or done."""
        self._done: set[ToolCall] = set()
        """Those that are done or cancelled."""
        self._attempt = 0
        """The latest."""
        self._cut = False
        """The agent was stopped, and may yet go on with what it was saying."""
        self._over = False
        """The turn began over the agent's speech, and is not decided."""
        self._asked = False
        """What it was saying asks something."""
        self._given_up: int | None = None
        """The reply that was cut and is written no more, because words came that may be all of the turn."""
        self._committed = -1
        self._commits = anyio.Event()
        """Set, and replaced, where it may have been decided what the user wants."""

    async def run(self) -> None:
        """One answer at a time: a new attempt replaces the old."""
        async with (
            self._answerer.conversation(self._report) as self._answerer,
            anyio.create_task_group() as tasks,
        ):
            async for event in self.events:
                match event:
                    case Transcript(final=True):
                        self._start(tasks, event.attempt, event.text)
                    case Transcript() if event.stable >= _ENOUGH and self._preparing is None:
                        self._prepare_for(tasks, event)
                    case Eager(text=str(text)):
                        self._cut = self._over = False
                        self._start(tasks, event.attempt, text)
                    case Commit():
                        self._committed = event.attempt
                        known = event.reason != "timeout" or (
                            self._work is not None and self._work[0] == event.attempt
                        )
                        self._over = self._over and not known
                        self._given_up = None if known and event.reason != "resumption" else self._given_up
                        # A timeout does not know the words; whatever else is committed, the cut is decided.
                        self._cut = self._cut and event.reason == "timeout"
                        self._decided()
                    case Yield():
                        self._cut, self._over, self._asked = event.keep, event.keep, event.asked
                        self._decided()
                        self._drop(event.attempt)
                    case Resumed() | Discarded():
                        self._drop(event.attempt)
                        self._end_given_up()
            tasks.cancel_scope.cancel()

    def _decided(self) -> None:
        self._commits.set()
        self._commits = anyio.Event()

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
        if says_nothing(text, self._over, self._asked, self._own):
            return
        if self._cut and self._work is not None:
            self._given_up = self._work[0]
        self._cut, self._over = False, self._over and attempt > self._committed
        self._drop(attempt)
        self._attempt = attempt
        if self._preparing is not None:
            self._preparing.cancel()
        scope = anyio.CancelScope()
        self._work = (attempt, scope)
        tasks.start_soon(self._respond, scope, attempt, text)

    def _end_given_up(self) -> None:
        """The turn goes on, and may want nothing after all: what is taken up then, is what there is."""
        if self._given_up is not None:
            self.reply.send_nowait(ReplyText(t=self.clock.now(), attempt=self._given_up, text="", last=True))
            self._given_up = None

    def _drop(self, attempt: int) -> None:
        if self._work is not None and self._work[0] <= attempt and not self._cut:
            self._work[1].cancel()
            self._work = None

    async def _respond(self, scope: anyio.CancelScope, attempt: int, text: str) -> None:
        with scope:
            try:
                await self._answer(attempt, text)
            except Exception as error:  # whatever a model or an endpoint does, the caller hears of it
                await self.errors.send(AgentError(t=self.clock.now(), message=f"no answer: {error}"))
                await self._say(attempt, self._apology)
            await self.reply.send(ReplyText(t=self.clock.now(), attempt=attempt, text="", last=True))

    async def _answer(self, attempt: int, text: str) -> None:
        """Say the answer's sentences and report the tools' use; what is still in use at the end was cancelled."""
        used: list[ToolCall] = []
        try:
            async for part in self._answerer.answer(text, self._history):
                match part:
                    case ToolCall():
                        used += [] if part.lasts else [part]
                        self._report(part, attempt)
                    case ToolResult():
                        self._report(part)
                        if part.call in self._used:
                            call = self._used[part.call].call
                            self.tools.send_nowait(ToolUsed(t=self.clock.now(), attempt=attempt, call=call))
                    case UntilCommitted():
                        # While it is open whether the user wants something else, nothing is done that cannot be undone.
                        while self._committed < attempt or self._cut:
                            await self._commits.wait()
                    case _:
                        await self._say(attempt, part.text, part.sources)
        finally:
            for tool in used:
                self._report(ToolCancelled(tool))
        for tool in self._done:  # a cancelled answer may come again, and rest on what was found for it
            del self._used[tool]
        self._done.clear()

    def _report(self, part: ToolCall | ToolResult | ToolCancelled, attempt: int | None = None) -> None:
        """Tell of a tool's use: for an attempt, or before there is one, for the next."""
        if isinstance(part, ToolCall):
            self._calls += 1
            self._used[part] = ToolStarted(
                t=self.clock.now(),
                attempt=self._attempt + 1 if attempt is None else attempt,
                call=str(self._calls),
                name=part.name,
                arguments=part.arguments,
            )
            self.tools.send_nowait(self._used[part])
        elif part.call in self._used and part.call not in self._done:
            self._done.add(part.call)
            self.tools.send_nowait(self._ended(self._used[part.call], part))

    def _ended(self, started: ToolStarted, part: ToolResult | ToolCancelled) -> ToolEnded:
        text, sources = (part.text, part.sources) if isinstance(part, ToolResult) else ("", ())
        return ToolEnded(
            t=self.clock.now(),
            attempt=started.attempt,
            call=started.call,
            name=started.name,
            result=text,
            sources=sources,
            cancelled=isinstance(part, ToolCancelled),
        )

    async def _say(self, attempt: int, text: str, sources: tuple[str, ...] = ()) -> None:
        await self.reply.send(ReplyText(t=self.clock.now(), attempt=attempt, text=text, sources=sources))
