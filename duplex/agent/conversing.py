"""A conversation with tools: what `duplex.dialogue.slots` decides, carried out.

A turn's words are taken before it has surely ended: questions are made ready then, and reads may be called. The new
state counts only once the turn is committed, and only then is a write called.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import anyio

from duplex.agent.answering import Sentence, messages
from duplex.agent.calls import Call, Calls
from duplex.agent.choosing import ToolChoice
from duplex.agent.equipping import Equipped
from duplex.agent.extracting import FreeText
from duplex.agent.guessing import Guesses, Wish
from duplex.agent.reading import Reading
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
from duplex.llm.context import contextualise
from duplex.llm.grounded import GroundedAnswerer
from duplex.llm.words import content
from duplex.nodes.answerer import Answerer, Part, SameForAll, ToolResult, UntilCommitted
from tools_rag.tools.session import current_session
from tools_rag.tools.types import Tool

FIRST_WORD, NEXT_WORD = 2.0, 6.0
"""Seconds of waiting after which the caller is told that it takes a moment, and then each time that it still does."""
_SOON = 0.5
"""So many seconds before a call is given up nobody is told that it takes a moment."""
GRACE = 0.4
"""Seconds after its commit in which a write is not called yet: "yes … no, wait"."""
QUESTIONS = frozenset(("query", "question"))
"""Arguments of a tool with `answer` that are what the caller asks, in the caller's words."""
_MAX_QUESTION = 400
_SEEKING = frozenset(("find", "search", "look", "check", "show", "need", "see"))
"""Words that ask for a search and do not say for what."""
_RETRY = re.compile(r"\b(?:try (?:it |that )?(?:again|once more)|retry|one more time)\b", re.I)


class Conversation(SameForAll):
    """One conversation with tools."""

    def __init__(
        self,
        tools: Sequence[Equipped],
        otherwise: Answerer,
        calls: Calls,
        free: FreeText | None = None,
        choice: ToolChoice | None = None,
        grounded: GroundedAnswerer | None = None,
    ) -> None:
        self._free, self._choice, self._grounded = free, choice, grounded
        self._equipped = tools
        self._otherwise, self._calls = otherwise, calls
        self._guesses = Guesses(calls)
        self._state = Task()
        self._said = ""
        """What the caller has said of the task that is under way."""
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
        now = _now()
        return [replace(each.spoken, listener=each.spoken.listener.at(now)) for each in self._equipped]

    async def prepare(self, text: str, history: History) -> None:
        """Call a read whose arguments are all there; nothing else is done on a guess."""
        state, act = advance(self._spoken, self._state, text, _heard(history))
        state, act = self._with_question(state, act, text, history)
        each = self._tools[act.tool] if isinstance(act, Use) else None
        if self._untold is not None:  # what is under way is not called off on a guess
            return
        if isinstance(act, Use) and each is not None and each.there and each.spoken.effect == "read":
            self._guesses.hear(self._wish(each.tool, act.values, text, history))
        elif isinstance(act, Pass):
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
        state, act = self._with_question(state, act, text, history, near)
        if self._free is None or not isinstance(act, Say) or not act.lacks or act.lacks == self._state.asked:
            return state, act
        given = await self._free.read(text, self._tools[state.tool].spoken, state.values)
        return advance(self._spoken, self._state, text, after, given, near) if given else (state, act)

    def _with_question(
        self, state: Task, act: Act, text: str, history: History, near: str = ""
    ) -> tuple[Task, Act]:
        """Where a tool that answers questions lacks nothing but the question, that is what was said."""
        if not isinstance(act, Say) or act.lacks not in QUESTIONS or act.lacks == self._state.asked:
            return state, act
        each = self._tools[state.tool]
        asked = contextualise(text, messages(history))
        if not each.tool.spec.answer or not set(content(asked)) - each.spoken.cues.own - _SEEKING:
            return state, act
        given = {act.lacks: asked[:_MAX_QUESTION]}
        return advance(self._spoken, self._state, text, _heard(history), given, near)

    async def _act(self, act: Act, state: Task, text: str, history: History) -> AsyncIterator[Part]:
        match act:
            case Use():
                async for part in self._use(act, state, text, history):
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
        self._said = self._whole(text) if state.tool else ""
        self._settle(state)

    def _settle(self, state: Task) -> None:
        """The turn counts."""
        self._state = state
        self._calls.keep(None)
        self._guesses.forget()

    def _whole(self, text: str) -> str:
        """What the caller said of the task, with these words of the turn."""
        return f"{self._said} {text}" if self._said and self._state.tool else text

    def _wish(self, tool: Tool, values: Mapping[str, Any], text: str, history: History) -> Wish:
        """A read; where an answer is made from what it gives, the model reads along."""
        spec, before = tool.spec, messages(history)

        def start() -> Call:
            reads = spec.answer and self._grounded is not None
            reading = Reading(self._grounded, spec, values, before) if reads and self._grounded else None
            call = self._calls.start(tool, values, reading=reading)
            if call.reading is not None:
                call.reading.ask(self._whole(text))
            return call

        asks = sorted(QUESTIONS & values.keys()) if spec.answer else []
        about = {**values, **{name: sorted(content(str(values[name]))) for name in asks}}
        return Wish(json.dumps([spec.name, about], sort_keys=True, default=str), not asks, start)

    async def _use(self, act: Use, state: Task, text: str, history: History) -> AsyncIterator[Part]:
        """A write waits for the commit, a read does not."""
        each = self._tools[act.tool]
        if each.spoken.effect == "write":
            yield UntilCommitted()
            await anyio.sleep(GRACE)
            self._settle(state)
            call = self._done = self._untold = self._failed = self._calls.start(
                each.tool, act.values, act.intent
            )
            async for part in self._wait(call):
                yield part
            return
        settled, call = False, self._guesses.finish(self._wish(each.tool, act.values, text, history))
        self._calls.keep(call)
        if call.reading is not None:
            call.reading.ask(self._whole(text))
        try:
            async for part in self._wait(call):
                yield part
            yield UntilCommitted()
            settled = True
        finally:
            if not settled:
                self._guesses.went_on()
        self._settle(state)

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
            self._calls.drop(call)
            self._guesses.forget()
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
            if call.reading is not None:
                answer = await call.reading.answer()
                yield Sentence(answer.text, (answer.source,) if answer.source else ())
                return
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


def _now() -> datetime:
    """The machine's time, or the session's where its variable `now` gives one (ISO 8601)."""
    try:
        return datetime.fromisoformat(current_session.get().get("now", "")).astimezone()
    except (ValueError, OverflowError):
        return datetime.now().astimezone()


def _heard(history: History) -> int:
    """The attempt of what the caller heard last: it is the same while a turn goes on."""
    return next((turn.attempt for turn in reversed(history.turns) if turn.role == "agent"), -1)
