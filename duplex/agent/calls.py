"""The tool calls of one conversation: they outlive the answers that began them, and none that writes is made twice."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup

from duplex.agent.reading import Reading
from duplex.nodes.answerer import Report, ToolCall, ToolCancelled, ToolResult
from tools_rag.tools.types import Part, Reply, Tool, ToolError, no_parts

logger = logging.getLogger(__name__)


class Call:
    """One call, from its beginning to its end.

    Attributes:
        shown: the call as a session shows it.
        tool: what is called.
        values: its arguments.
        intent: of a write.
        over: set at the end, however that comes about.
        reply: what came, None until then and where nothing did.
        error: what went wrong.
        progress: what the tool last said of how far it is.
        reading: of a text that an answer is made from.
    """

    def __init__(
        self, tool: Tool, values: Mapping[str, Any], intent: int, reading: Reading | None = None
    ) -> None:
        self.tool, self.values, self.intent, self.reading = tool, dict(values), intent, reading
        self.shown = ToolCall(
            tool.spec.name, {name: str(value) for name, value in values.items()}, lasts=True
        )
        self.over = anyio.Event()
        self.reply: Reply | None = None
        self.error: ToolError | None = None
        self.progress = ""
        self.scope = anyio.CancelScope()

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.tool.spec.effect == "write"

    @property
    def lost(self) -> bool:
        """Whether it is over and nothing came."""
        return self.over.is_set() and self.reply is None

    def is_of(self, tool: Tool, values: Mapping[str, Any]) -> bool:
        """Whether it asks this tool just this."""
        return self.tool is tool and self.values == dict(values)

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self.scope.cancel()
        if self.reading is not None:
            self.reading.stop()

    def told(self, words: str) -> None:
        """Take what the tool says of how far it is."""
        self.progress = words


class Calls:
    """Those of one conversation.

    Args:
        session: the session's id: with an intent's number it is the idempotency key.
        report: is told of each call's beginning and end.
    """

    def __init__(self, session: str, report: Report) -> None:
        self._session, self._report = session, report
        self._tasks: TaskGroup | None = None
        self._reads: list[Call] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Calls live inside this; leaving it cancels reads, and lets writes end within their own time."""
        async with anyio.create_task_group() as self._tasks:
            try:
                yield
            finally:
                for call in self._reads:
                    call.drop()

    def start(
        self, tool: Tool, values: Mapping[str, Any], intent: int = 0, reading: Reading | None = None
    ) -> Call:
        """Begin a call; a read that asks the same and is not told yet is taken over instead, with its reading."""
        assert self._tasks is not None
        call = next((call for call in self._reads if call.is_of(tool, values) and not call.lost), None)
        if call is None:
            call = Call(tool, values, intent, reading)
            if reading is not None:
                self._tasks.start_soon(reading.run)
            if not call.writes:
                self._reads.append(call)
            self._report(call.shown)
            self._tasks.start_soon(self._make, call)
        return call

    def drop(self, call: Call) -> None:
        """Cancel and forget a read."""
        call.drop()
        self._reads = [each for each in self._reads if each is not call]

    def keep(self, wanted: Call | None) -> None:
        """Cancel and forget every read but this one."""
        for call in self._reads:
            if call is not wanted:
                call.drop()
        self._reads = [call for call in self._reads if call is wanted]

    async def _make(self, call: Call) -> None:
        """A write is shielded: whatever ends the conversation, it is not torn in the middle."""
        spec = call.tool.spec
        call.scope.shield = call.writes
        parts = call.reading.take if call.reading else no_parts
        try:
            with call.scope:
                key = f"{self._session}-{call.intent}" if call.writes else ""
                call.reply = await call.tool.call(call.values, key=key, progress=call.told, parts=parts)
                parts(Part(call.reply.text, replaces=True))
        except ToolError as error:
            logger.warning("the tool %s: %s", spec.name, error)
            call.error = error
        except Exception as error:  # a tool of the builder's may do anything; the conversation goes on
            logger.warning("the tool %s failed: %s: %s", spec.name, type(error).__name__, error)
            call.error = ToolError("failed", type(error).__name__)
        finally:
            call.over.set()
            ended = ToolResult(call.shown, call.reply.text) if call.reply else ToolCancelled(call.shown)
            self._report(ended)
