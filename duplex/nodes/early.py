"""Searches that leave before the user has finished: the speculation machine's calls, carried out.

Works for any search that is worth starting early because it takes time. What decides is `duplex.dialogue.speculation`;
here calls are started, cancelled and awaited. Only searches come here: nothing with a side effect runs on a guess.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

import anyio
from anyio.abc import TaskGroup

from duplex.dialogue.speculation import (
    Arrived,
    Ask,
    Drop,
    Ended,
    Look,
    Speculation,
    SpeculationSettings,
    WentOn,
)
from duplex.graph import to_ticks
from duplex.nodes.answerer import Report, ToolCall, ToolCancelled, ToolResult

Found = TypeVar("Found")
Looking = Callable[[str], Awaitable[tuple[tuple[str, ...], float]]]
"""From a query to the best documents' ids and the margin of the first: cheap."""


class Search(Protocol[Found]):
    """What is searched."""

    @property
    def name(self) -> str: ...
    async def call(self, query: str) -> Found: ...
    def told(self, found: Found) -> tuple[str, Sequence[str]]:
        """What came of it in words fit to be shown, and the documents."""
        ...


class _Running(Generic[Found]):
    """One call."""

    def __init__(self, tool: ToolCall) -> None:
        self.tool = tool
        self.scope = anyio.CancelScope()
        self.over = anyio.Event()
        self.found: Found | None = None
        self.error: Exception | None = None

    def result(self) -> Found:
        if self.error is not None:
            raise self.error
        assert self.found is not None
        return self.found


class EarlySearch(Generic[Found]):
    """One conversation's searches.

    Args:
        search: what is searched, slowly.
        look: what triggers it, quickly.
        settings: when.
        report: is told of each call's beginning and end.
    """

    def __init__(
        self, search: Search[Found], look: Looking, settings: SpeculationSettings, report: Report
    ) -> None:
        self._search, self._look, self._settings, self._report = search, look, settings, report
        self._machine = Speculation(settings)
        self._calls: dict[int, _Running[Found]] = {}
        self._tasks: TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Calls live inside this; leaving it cancels them."""
        async with anyio.create_task_group() as self._tasks:
            yield
            self._tasks.cancel_scope.cancel()

    async def hear(self, query: str) -> None:
        """Take the stable words so far; returns when what they trigger has been started."""
        if self._settings.policy != "end":
            best, margin = await self._look(query)
            self._act(Look(_now(), query, best, margin))

    async def finish(self, query: str) -> tuple[ToolCall, Found]:
        """What answers the final words, and the call that found it: an early one that stands, or one that is made now.

        Cancelled, it keeps what is running, for the user may go on. Raises what the search does.
        """
        best, margin = await self._look(query) if self._settings.policy != "end" else ((), 0.0)
        self._act(Ended(_now(), query, best, margin))
        (running,) = self._calls.values()
        done = False
        try:
            await running.over.wait()
            done = True
            return running.tool, running.result()
        finally:
            if done:
                self._machine, self._calls = Speculation(self._settings), {}
            else:
                self._machine.on(WentOn(_now()))

    def _act(self, event: Look) -> None:
        assert self._tasks is not None
        for action in self._machine.on(event):
            match action:
                case Ask(number, query):
                    running: _Running[Found] = _Running(ToolCall(self._search.name, {"query": query}))
                    self._calls[number] = running
                    self._report(running.tool)
                    self._tasks.start_soon(self._call, number, running, query)
                case Drop(number):
                    self._calls.pop(number).scope.cancel()

    async def _call(self, number: int, running: _Running[Found], query: str) -> None:
        try:
            with running.scope:
                running.found = await self._search.call(query)
                self._report(ToolResult(running.tool, *_shown(self._search.told(running.found))))
        except Exception as error:  # whoever waits for it is told
            running.error = error
        finally:
            if running.found is None:
                self._report(ToolCancelled(running.tool))
            running.over.set()
        if not running.scope.cancelled_caught:
            self._machine.on(Arrived(_now(), number))


def _shown(told: tuple[str, Sequence[str]]) -> tuple[str, tuple[str, ...]]:
    return told[0], tuple(told[1])


def _now() -> int:
    return to_ticks(anyio.current_time())
