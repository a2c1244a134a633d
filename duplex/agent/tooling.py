"""Answers by tools: what `duplex.dialogue.slots` decides, carried out.

A turn's words are taken before it has surely ended: questions are made ready then, and reads may be called. The new
state counts only once the turn is committed, and only then is a write called.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType

import anyio

from duplex.agent.answering import Sentence
from duplex.agent.calls import Call, Calls
from duplex.agent.choosing import ToolChoice
from duplex.agent.equipping import Equipped
from duplex.agent.extracting import FreeText
from duplex.agent.replies import spoken_reply, still
from duplex.dialogue.history import History
from duplex.dialogue.slots import (
    CANCELLED,
    Act,
    Again,
    Cancel,
    Pass,
    Say,
    SpokenTool,
    Task,
    Use,
    advance,
)
from duplex.llm.smalltalk import small_talk
from duplex.nodes.answerer import Answerer, Part, Report, SameForAll, ToolResult, UntilCommitted
from tools_rag.tools.remote import RemoteCalls, current_calls
from tools_rag.tools.session import current_session

logger = logging.getLogger(__name__)

FIRST_WORD, NEXT_WORD = 2.0, 6.0
"""Seconds of waiting after which the caller is told that it takes a moment, and then each time that it still does."""
_SOON = 0.5
"""So many seconds before a call is given up nobody is told that it takes a moment."""
GRACE = 0.4
"""Seconds after its commit in which a write is not called yet: "yes … no, wait"."""
_RETRY = re.compile(r"\b(?:try (?:it |that )?(?:again|once more)|retry|one more time)\b", re.I)


class Unknown(SameForAll):
    """Small talk, and that it knows no more: what is said beside tools where there is no knowledge."""

    def __init__(self, unknown: str) -> None:
        self._unknown = unknown

    async def prepare(self, text: str, history: History) -> None:
        """Nothing."""

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence]:
        """One sentence."""
        yield Sentence(small_talk(text) or self._unknown)


class FromTools:
    """Answers by tools where one is meant, and as `otherwise` does where none is.

    Args:
        tools: what it may use; it may change while a conversation is on.
        otherwise: what answers where no tool is meant.
        free: reads free text from the words; without it, the caller is asked for each.
        session: the session's id.
        about: the session's variables.
        remote: the session's calls of tools that others carry out.
        choice: knows a tool by what is said where its words are not used.
    """

    def __init__(
        self,
        tools: Sequence[Equipped],
        otherwise: Answerer,
        free: FreeText | None = None,
        session: str = "",
        about: Mapping[str, str] = MappingProxyType({}),
        remote: RemoteCalls | None = None,
        choice: ToolChoice | None = None,
    ) -> None:
        self._tools, self._otherwise, self._free, self._choice = tools, otherwise, free, choice
        self._session, self._about, self._remote = session, about, remote

    def in_session(
        self, id: str, variables: Mapping[str, str], remote: RemoteCalls | None = None
    ) -> FromTools:
        """See `PerSession`."""
        return FromTools(self._tools, self._otherwise, self._free, id, variables, remote, self._choice)

    @asynccontextmanager
    async def conversation(self, report: Report) -> AsyncIterator[Answerer]:
        """One that remembers what is being ordered, and what was."""
        token, other = current_session.set(self._about), current_calls.set(self._remote)
        calls = Calls(self._session, report)
        try:
            async with self._otherwise.conversation(report) as otherwise, calls.running():
                yield Conversation(self._tools, otherwise, calls, self._free, self._choice)
        finally:
            current_session.reset(token)
            current_calls.reset(other)

    async def prepare(self, text: str, history: History) -> None:
        """Outside a conversation there is nothing to prepare."""

    def answer(self, text: str, history: History) -> AsyncIterator[Part]:
        """Raises RuntimeError: a tool is used in a conversation."""
        raise RuntimeError("no conversation is on")


class Conversation(SameForAll):
    """One conversation with tools."""

    def __init__(
        self,
        tools: Sequence[Equipped],
        otherwise: Answerer,
        calls: Calls,
        free: FreeText | None = None,
        choice: ToolChoice | None = None,
    ) -> None:
        self._free, self._choice = free, choice
        self._equipped = tools
        self._otherwise, self._calls = otherwise, calls
        self._state = Task()
        self._untold: Call | None = None
        """A call that was committed, and of whose end the caller does not know yet."""
        self._failed: Call | None = None
        """The last write, where it is not known to have been done."""
        self._done: Call | None = None
        """The last write."""

    @property
    def _tools(self) -> dict[str, Equipped]:
        return {each.spoken.name: each for each in self._equipped}

    @property
    def _spoken(self) -> list[SpokenTool]:
        return [each.spoken for each in self._equipped]

    async def prepare(self, text: str, history: History) -> None:
        """Call a read whose arguments are all there; nothing else is done on a guess."""
        _, act = advance(self._spoken, self._state, text, _heard(history))
        each = self._tools[act.tool] if isinstance(act, Use) else None
        if isinstance(act, Use) and each is not None and each.there and each.spoken.effect == "read":
            self._calls.start(each.tool, act.values)
        elif isinstance(act, Pass) and self._untold is None:
            await self._otherwise.prepare(text, history)

    async def answer(self, text: str, history: History) -> AsyncIterator[Part]:
        """One answer; see the module."""
        state, act = await self._advanced(text, history)
        if self._failed is not None and isinstance(act, Pass) and _RETRY.search(text):
            parts = self._retry(self._failed)
        elif self._untold is not None and isinstance(act, Pass | Cancel | Again):
            parts = self._about(self._untold, isinstance(act, Cancel), state)
        else:
            parts = self._act(act, state, text, history)
        async for part in parts:
            yield part

    async def _advanced(self, text: str, history: History) -> tuple[Task, Act]:
        """What the words come to; free text that would have to be asked for is looked for in them first."""
        after = _heard(history)
        state, act = advance(self._spoken, self._state, text, after)
        near = ""
        if self._choice is not None and isinstance(act, Pass) and not self._state.tool:
            near = await self._choice.tool(text, self._equipped)
            state, act = advance(self._spoken, self._state, text, after, near=near)
        if self._free is None or not isinstance(act, Say) or not act.lacks or act.lacks == self._state.asked:
            return state, act
        given = await self._free.read(text, self._tools[state.tool].spoken, state.values)
        return advance(self._spoken, self._state, text, after, given, near) if given else (state, act)

    async def _act(self, act: Act, state: Task, text: str, history: History) -> AsyncIterator[Part]:
        match act:
            case Use():
                async for part in self._use(act, state):
                    yield part
                return
            case Say():
                yield Sentence(act.text)
            case Cancel():
                yield Sentence(CANCELLED)
            case Again():
                if self._done is not None:
                    yield Sentence(self._outcome(self._done))
            case Pass():
                async for other in self._otherwise.answer(text, history):
                    yield other
                if act.then:
                    yield Sentence(act.then)
        yield UntilCommitted()
        self._state = state
        self._calls.keep(None)

    async def _use(self, act: Use, state: Task) -> AsyncIterator[Part]:
        """A write waits for the commit, a read does not."""
        each = self._tools[act.tool]
        if each.spoken.effect == "write":
            yield UntilCommitted()
            await anyio.sleep(GRACE)
            self._state = state
            self._calls.keep(None)
            call = self._done = self._untold = self._failed = self._calls.start(
                each.tool, act.values, act.intent
            )
        else:
            call = self._calls.start(each.tool, act.values)
            self._calls.keep(call)
        async for part in self._wait(call):
            yield part
        if not call.writes:
            yield UntilCommitted()
            self._state = state
            self._calls.keep(None)

    async def _retry(self, failed: Call) -> AsyncIterator[Part]:
        """The same intent once more, under the same key: what was done after all is not done again."""
        yield UntilCommitted()
        call = self._done = self._untold = self._failed = self._calls.start(
            failed.tool, failed.values, failed.intent
        )
        async for part in self._wait(call):
            yield part

    async def _about(self, call: Call, cancelled: bool, state: Task) -> AsyncIterator[Part]:
        """The caller speaks while a call is under way, or before its end was told."""
        if cancelled and not call.over.is_set():
            yield UntilCommitted()
            call.scope.cancel()
            self._untold, self._state = None, state
            after = "I've stopped waiting, but it may have gone through already."
            yield Sentence(after if call.writes else CANCELLED)
            return
        if not call.over.is_set():
            yield Sentence(still(call))
        async for part in self._wait(call):
            yield part

    async def _wait(self, call: Call) -> AsyncIterator[Part]:
        """What is said until a call is over, and then of its end."""
        first = True
        if call.tool.spec.timeout <= FIRST_WORD + _SOON:
            await call.over.wait()
        while not call.over.is_set():
            with anyio.move_on_after(FIRST_WORD if first else NEXT_WORD):
                await call.over.wait()
            if not call.over.is_set():
                yield Sentence("One moment, please." if first else still(call))
                self._untold = call
            first = False
        self._untold = None
        if call.reply is not None:
            self._failed = None if call is self._failed else self._failed
            yield ToolResult(call.shown, call.reply.text)
        yield Sentence(self._outcome(call))

    def _outcome(self, call: Call) -> str:
        each = self._tools.get(call.tool.spec.name)
        system = each.system if each else "that system"
        if call.reply is not None:
            return spoken_reply(call.reply, call)
        if not call.over.is_set():
            return still(call)
        kind = call.error.kind if call.error else "failed"
        if kind in ("arguments", "refused"):
            return f"I'm sorry, {system} doesn't take that."
        if call.writes and kind in ("timeout", "reply"):
            return f"I'm sorry, {system} doesn't answer, so I can't say whether that went through."
        return f"I'm sorry, I can't reach {system} right now."


def _heard(history: History) -> int:
    """The attempt of what the caller heard last: it is the same while a turn goes on."""
    return next((turn.attempt for turn in reversed(history.turns) if turn.role == "agent"), -1)
