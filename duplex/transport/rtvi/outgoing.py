"""Session events as RTVI messages. Pure: no channel, no clock.

A final transcript stays a partial one until the turn is committed: a guess that is taken back is never shown as
said. The order of a turn's messages is that of Pipecat, as far as the same things are known here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from duplex.dialogue.events import (
    AgentError,
    Commit,
    Discarded,
    Resumed,
    SessionEnding,
    Transcript,
    TurnStarted,
    TypedText,
    Yield,
)
from duplex.graph.event import Event
from duplex.transport.rtvi.messages import Message, message, server_message
from duplex.transport.rtvi.metrics import Metrics
from duplex.transport.rtvi.replies import Replies


class Outgoing:
    """`on(event) -> messages`: what a client is told of a session."""

    def __init__(self, started: datetime) -> None:
        """`started`: the wall clock's time at the session's tick 0."""
        self._started = started
        self._replies, self._metrics = Replies(), Metrics()
        self._speaking = False
        self._committed = -1
        self._pending: Transcript | None = None
        """Final words of an attempt that is not committed yet."""
        self._typed: TypedText | None = None
        self._handlers: dict[type[Event], Callable[[Any], list[Message]]] = {
            TypedText: self._typed_text,
            TurnStarted: self._turn_started,
            Yield: self._yield,
            Transcript: self._transcript,
            Resumed: self._resumed,
            Commit: self._commit,
            Discarded: self._discarded,
            SessionEnding: lambda event: [server_message({"kind": "ending", "reason": event.reason})],
            AgentError: lambda event: [message("error", {"error": event.message, "fatal": False})],
        }

    def on(self, event: Event) -> list[Message]:
        """The messages that tell a client of `event`; none for what concerns only the session itself."""
        handler = self._handlers.get(type(event))
        out = [] if handler is None else handler(event)
        return [*out, *self._replies.on(event), *self._metrics.on(event)]

    def _said(self, event: Transcript, final: bool) -> Message:
        stamp = (self._started + timedelta(seconds=event.seconds)).isoformat(timespec="milliseconds")
        data = {"text": event.text, "final": final, "timestamp": stamp, "user_id": "user"}
        return message("user-transcription", data)

    def _typed_text(self, event: TypedText) -> list[Message]:
        self._typed = event
        return []

    def _turn_started(self, event: TurnStarted) -> list[Message]:
        self._pending = None
        return self._speak(not self._by_typing(event.t))

    def _by_typing(self, t: int) -> bool:
        """Whether what happened at `t` was brought about by typed words, and not by a voice."""
        return self._typed is not None and self._typed.t == t

    def _yield(self, event: Yield) -> list[Message]:
        """The user's voice took the floor; the turn that it begins, or goes on with, comes next."""
        return [] if self._by_typing(event.t) else self._speak(True)

    def _speak(self, speaking: bool) -> list[Message]:
        if speaking == self._speaking:
            return []
        self._speaking = speaking
        return [message("user-started-speaking" if speaking else "user-stopped-speaking")]

    def _transcript(self, event: Transcript) -> list[Message]:
        if event.final and event.attempt == self._committed:
            return self._final(event)
        self._pending = event if event.final else None
        return [self._said(event, False)] if event.text else []

    def _final(self, event: Transcript) -> list[Message]:
        if not event.text:
            return []
        return [self._said(event, True), message("user-llm-text", {"text": event.text})]

    def _resumed(self, event: Resumed) -> list[Message]:
        self._pending = None
        return self._speak(True) if event.attempt == self._committed else []

    def _commit(self, event: Commit) -> list[Message]:
        self._committed = event.attempt
        out: list[Message] = []
        if event.reason == "resumption":  # nothing was said
            self._pending = None
        if event.reason == "typed" and self._typed is not None:
            out.append(message("user-llm-text", {"text": self._typed.text}))
        elif self._pending is not None and self._pending.attempt == event.attempt:
            out += self._final(self._pending)
            self._pending = None
        return out + self._speak(False)

    def _discarded(self, event: Discarded) -> list[Message]:
        self._pending = None
        return self._speak(False)
