"""A tool that somebody else carries out: they are told of each call, and its result comes back by another way.

A call is open from the moment it is told until its result is there, its time is up or nobody waits for it any more.
A result is taken once, for an open call; what comes later, twice or for no call is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from tools_rag.tools.arguments import repaired
from tools_rag.tools.types import Parts, Progress, Reply, ToolError, ToolSpec, no_parts, no_progress, reply_of

MAX_OPEN = 32
"""Calls of one session that may be open at a time."""
_MAX_ERROR = 300
"""Characters of a failure's reason that are kept."""


@dataclass(frozen=True, slots=True)
class Told:
    """What those who carry tools out are told: a call, or that it is given up.

    Attributes:
        call: names the call within its session; its result names it again.
        tool: the tool's name.
        arguments: checked against the tool's schema.
        key: idempotency key of a write, else empty.
        timeout: seconds for which the result is waited for.
        given_up: nobody waits for it any more.
    """

    call: str
    tool: str
    arguments: Mapping[str, Any]
    key: str = ""
    timeout: float = 0.0
    given_up: bool = False


Listener = Callable[[Told], bool]
"""Takes what is told; whether it can be passed on."""


class NoSuchCall(ValueError):
    """A result for a call that is not open; the text is fit to be told."""


@dataclass(slots=True)
class _Open:
    progress: Progress
    over: anyio.Event = field(default_factory=anyio.Event)
    reply: Reply | None = None
    error: str = ""


class RemoteCalls:
    """The open calls of one session."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._count = 0
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of calls from now on."""
        self._listeners.append(listener)

    async def make(self, spec: ToolSpec, arguments: Mapping[str, Any], key: str, progress: Progress) -> Reply:
        """Tell of a call and wait for its result.

        Raises:
            ToolError: nobody can be told, no result in time, or it failed.
        """
        if len(self._open) >= MAX_OPEN:
            raise ToolError("refused", f"more than {MAX_OPEN} calls are open")
        self._count += 1
        told = Told(f"{spec.name}-{self._count}", spec.name, dict(arguments), key, spec.timeout)
        opened = self._open[told.call] = _Open(progress)
        try:
            if not self._tell(told):
                raise ToolError("failed", "whoever carries this tool out cannot be told now")
            try:
                with anyio.fail_after(spec.timeout):
                    await opened.over.wait()
            except BaseException:
                self._tell(replace(told, given_up=True))
                raise
        except TimeoutError as error:
            raise ToolError("timeout", f"no result within {spec.timeout:g} s") from error
        finally:
            del self._open[told.call]
        if opened.reply is None:
            raise ToolError("failed", opened.error)
        return opened.reply

    def result(self, call: str, value: Any) -> None:
        """What a call gave, as JSON has it. Raises NoSuchCall."""
        opened = self._still_open(call)
        opened.reply = reply_of(value)
        opened.over.set()

    def failed(self, call: str, reason: str) -> None:
        """A call came to nothing. Raises NoSuchCall."""
        opened = self._still_open(call)
        opened.error = reason[:_MAX_ERROR] or "it failed"
        opened.over.set()

    def progress(self, call: str, words: str) -> None:
        """How far a call is. Raises NoSuchCall."""
        self._still_open(call).progress(words)

    def _tell(self, told: Told) -> bool:
        taken = [listener(told) for listener in self._listeners]  # all are told
        return any(taken)

    def _still_open(self, call: str) -> _Open:
        opened = self._open.get(call)
        if opened is None or opened.over.is_set():
            raise NoSuchCall(f"no call {call[:80]} is open: it has its result, was given up, or never was")
        return opened


current_calls: ContextVar[RemoteCalls | None] = ContextVar("current_calls", default=None)
"""Those of the session under way."""


class RemoteTool:
    """A tool that is carried out by whoever is told of the session's calls."""

    def __init__(self, spec: ToolSpec) -> None:
        self.spec = spec

    async def call(
        self,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        progress: Progress = no_progress,
        parts: Parts = no_parts,
    ) -> Reply:
        """See `Tool.call`."""
        given = repaired(self.spec.parameters, arguments)
        calls = current_calls.get()
        if calls is None:
            raise ToolError("failed", "no session is on")
        return await calls.make(self.spec, given, key, progress)
