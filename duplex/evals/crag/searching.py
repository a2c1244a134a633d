"""The two ways of a pair: the agent asks its slow tool as it does of its own, or, open book, once the turn is over.

Questions, delays and everything else are the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import anyio

from duplex.agent.answering import Sentence
from duplex.dialogue.events import Commit, Eager, Resumed
from duplex.dialogue.history import History
from duplex.dialogue.speculation import SpeculationSettings
from duplex.evals.corpora import FromTool, Searching
from duplex.graph import Event
from duplex.llm.grounded import GroundedAnswerer
from duplex.nodes.answerer import ToolCall, ToolResult

Policy = Literal["own", "open_book"]
"""What the agent does of its own, or calls at the endpoint alone."""


class Watched:
    """Whether the turn is over, by a session's events."""

    def __init__(self) -> None:
        self._over = anyio.Event()

    def on(self, event: Event) -> None:
        """Take an event of the session's."""
        match event:
            case Eager() | Resumed():
                self._over = anyio.Event()
            case Commit():
                self._over.set()

    async def turn_over(self) -> None:
        """Wait until the turn that is ending has surely ended."""
        await self._over.wait()


class OpenBook(FromTool):
    """Asks the tool when the turn has surely ended, never before."""

    def __init__(self, tool: Searching, answerer: GroundedAnswerer, session: Watched) -> None:
        super().__init__(tool, answerer, SpeculationSettings("end"))
        self._session = session

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence | ToolCall | ToolResult]:
        """One answer, from a call that is made now; see `Answerer.answer`."""
        await self._session.turn_over()
        async for part in super().answer(text, history):
            yield part
