"""Drafts of an answer's first words while the user speaks, and answers that go on from words that were said."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Protocol, runtime_checkable

import anyio
from anyio.abc import TaskGroup

from duplex.dialogue.events import Commit, Discarded, Resumed, Transcript, Yield
from duplex.dialogue.history import History
from duplex.dialogue.relay_events import Drafted
from duplex.graph import In, Node, Out
from duplex.llm.drafts import Draft
from duplex.nodes.answerer import Answerer, Part, Report

logger = logging.getLogger(__name__)

_ENOUGH = 2
"""Words from which on it is worth thinking of what an answer begins with."""


@runtime_checkable
class Drafter(Protocol):
    """An answerer that can say what an answer will begin with, and go on from there."""

    def drafts(self, text: str, history: History) -> AsyncGenerator[Draft, None]:
        """What the answer to these words, of which more may follow, would begin with, each better than the one before;
        none where nothing may be said. Also gets ready for the answer as `Answerer.prepare` does, and has no effect."""

    def answer_after(self, begun: Callable[[], str], text: str, history: History) -> AsyncIterator[Part]:
        """As `Answerer.answer`: the whole answer, but it begins with what `begun()` gives, if the words allow it.

        Args:
            begun: what was said of the answer already, empty for nothing; asked as late as can be.
            text, history: see `Answerer.answer`.
        """


class Drafting(Node):
    """Words to drafts; newer words take the place of older ones.

    Args:
        drafter: who drafts.
        history: what was said before.
        affordable: whether more may be drafted.
    """

    events = In(Transcript, Commit, Resumed, Yield, Discarded)
    drafts = Out(Drafted)

    def __init__(self, drafter: Drafter, history: History, affordable: Callable[[], bool]) -> None:
        super().__init__("drafting")
        self._drafter, self._history, self._affordable = drafter, history, affordable
        self._work: anyio.CancelScope | None = None
        self._drafted = ""

    async def run(self) -> None:
        """Draft until the words are final or the turn is decided."""
        async with anyio.create_task_group() as tasks:
            async for event in self.events:
                match event:
                    case Transcript(final=False):
                        self._take(tasks, event)
                    case _:
                        self._stop()
            tasks.cancel_scope.cancel()

    def _take(self, tasks: TaskGroup, said: Transcript) -> None:
        if len(said.text.split()) < _ENOUGH or said.text == self._drafted or not self._affordable():
            return
        self._drafted = said.text
        if self._work is not None:
            self._work.cancel()
        self._work = anyio.CancelScope()
        tasks.start_soon(self._draft, self._work, said)

    def _stop(self) -> None:
        self._drafted = ""
        if self._work is not None:
            self._work.cancel()
            self._work = None

    async def _draft(self, scope: anyio.CancelScope, said: Transcript) -> None:
        with scope:
            some = False
            try:
                async with aclosing(self._drafter.drafts(said.text, self._history)) as drafts:
                    async for draft in drafts:
                        some = True
                        await self._tell(said, draft)
                if not some:
                    await self._tell(said, None)
            except Exception as error:  # the slow path will meet it too, and tell
                logger.warning("no draft: %s", error)

    async def _tell(self, said: Transcript, draft: Draft | None) -> None:
        await self.drafts.send(Drafted(t=self.clock.now(), turn=said.turn, words=said.text, draft=draft))


class Relayed:
    """A drafter whose answers go on from what was said of them.

    Args:
        drafter: who answers.
        begun: what was said.
    """

    def __init__(self, drafter: Drafter, begun: Callable[[], str]) -> None:
        self._drafter, self._begun = drafter, begun

    @asynccontextmanager
    async def conversation(self, report: Report) -> AsyncIterator[Answerer]:
        """Itself; a drafter keeps nothing of a conversation."""
        yield self

    async def prepare(self, text: str, history: History) -> None:
        """Nothing: drafting gets ready for the answer."""

    def answer(self, text: str, history: History) -> AsyncIterator[Part]:
        """What the drafter answers."""
        return self._drafter.answer_after(self._begun, text, history)
