"""Session events as RTVI messages (the protocol of Pipecat's clients), and their messages checked.

Pure: no channel, no clock. What a reply says is held back until the turn it answers is committed, and a final
transcript until then stays a partial one: a guess that is taken back is never shown as said.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duplex.dialogue.events import (
    AgentError,
    Commit,
    Discarded,
    Heard,
    PlayoutEnded,
    PlayoutStarted,
    ReplyText,
    Resumed,
    Transcript,
    TurnStarted,
)
from duplex.graph.event import Event

LABEL = "rtvi-ai"
VERSION = "2.1.0"
MAX_MESSAGE = 16_384
"""Characters in one incoming message."""
MAX_TEXT = 4_000
"""Characters in one typed user message."""

Message = dict[str, Any]


def message(kind: str, data: Message | None = None, id: str | None = None) -> Message:
    """An RTVI message; clients drop what does not carry the label."""
    out: Message = {"label": LABEL, "type": kind}
    if id is not None:
        out["id"] = id
    if data is not None:
        out["data"] = data
    return out


def bot_ready(id: str) -> Message:
    """The answer to `client-ready`, which the client's `connect()` waits for."""
    about = {"library": "duplex-voice"}
    return message("bot-ready", {"version": VERSION, "about": about}, id)


def error_response(id: str, reason: str) -> Message:
    """The answer to a message that cannot be served."""
    return message("error-response", {"error": reason}, id)


PEER_LEFT: Message = {"type": "signalling", "message": {"type": "peerLeft"}}
"""Sent before the server ends a call; without it a client tries to reconnect."""


class BadMessage(ValueError):
    """An incoming message that cannot be used; `id` is its own if it had one."""

    def __init__(self, reason: str, id: str = "") -> None:
        super().__init__(reason)
        self.id = id


class Incoming(BaseModel):
    """A client's message; `data` is checked by kind."""

    model_config = ConfigDict(extra="ignore")

    label: Literal["rtvi-ai"]
    type: str = Field(max_length=64)
    id: str = Field(default="", max_length=64)
    data: dict[str, Any] | None = None


class SendText(BaseModel):
    """The data of `send-text`."""

    content: str = Field(min_length=1, max_length=MAX_TEXT)


class _Signalling(BaseModel):
    type: Literal["signalling"]


def parse(text: str | bytes) -> Incoming | None:
    """A client's message; None for keepalives and signalling, which want no answer.

    Raises BadMessage with the reason for anything else.
    """
    if isinstance(text, bytes):
        raise BadMessage("binary messages are not understood")
    if len(text) > MAX_MESSAGE:
        raise BadMessage(f"a message of {len(text)} characters is over the limit of {MAX_MESSAGE}")
    if text.startswith("ping:"):
        return None
    try:
        return Incoming.model_validate_json(text)
    except ValidationError as error:
        try:
            _Signalling.model_validate_json(text)
        except ValidationError:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadMessage(f"not an RTVI message: {where or 'text'}: {first['msg']}") from error
        return None


def typed_text(incoming: Incoming) -> str:
    """The text of a `send-text` message; raises BadMessage if it has none."""
    try:
        return SendText.model_validate(incoming.data or {}).content
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadMessage(f"send-text: content: {first['msg']}", incoming.id) from error


class Outgoing:
    """`on(event) -> messages`: what a client is told of a session."""

    def __init__(self, started: datetime) -> None:
        """`started`: the wall clock's time at the session's tick 0."""
        self._started = started
        self._speaking_turn = 0
        self._committed = -1
        self._pending: Transcript | None = None
        self._replies: dict[int, str] = {}
        self._handlers: dict[type[Event], Callable[[Any], list[Message]]] = {
            TurnStarted: self._turn_started,
            Transcript: self._transcript,
            Resumed: self._resumed,
            Commit: self._commit,
            Discarded: self._discarded,
            ReplyText: self._reply_text,
            PlayoutStarted: self._playout_started,
            Heard: self._heard,
            PlayoutEnded: self._playout_ended,
            AgentError: lambda event: [message("error", {"error": event.message, "fatal": False})],
        }

    def on(self, event: Event) -> list[Message]:
        """The messages that tell a client of `event`; none for what concerns only the session itself."""
        handler = self._handlers.get(type(event))
        return [] if handler is None else handler(event)

    def _stamp(self, event: Event) -> str:
        return (self._started + timedelta(seconds=event.seconds)).isoformat(timespec="milliseconds")

    def _said(self, event: Transcript, final: bool) -> Message:
        data = {"text": event.text, "final": final, "timestamp": self._stamp(event), "user_id": "user"}
        return message("user-transcription", data)

    def _turn_started(self, event: TurnStarted) -> list[Message]:
        self._speaking_turn = event.turn
        self._pending = None
        return [message("user-started-speaking")]

    def _transcript(self, event: Transcript) -> list[Message]:
        final = event.final and event.attempt == self._committed
        self._pending = event if event.final and not final else None
        return [self._said(event, final)] if event.text else []

    def _resumed(self, event: Resumed) -> list[Message]:
        self._pending = None
        self._replies.pop(event.attempt, None)
        return []

    def _commit(self, event: Commit) -> list[Message]:
        self._committed = event.attempt
        out: list[Message] = []
        if self._pending is not None and self._pending.attempt == event.attempt:
            if self._pending.text:
                out.append(self._said(self._pending, True))
            self._pending = None
        return out + self._turn_stopped()

    def _discarded(self, event: Discarded) -> list[Message]:
        self._pending = None
        return self._turn_stopped()

    def _turn_stopped(self) -> list[Message]:
        if not self._speaking_turn:
            return []
        self._speaking_turn = 0
        return [message("user-stopped-speaking")]

    def _reply_text(self, event: ReplyText) -> list[Message]:
        self._replies[event.attempt] = self._replies.get(event.attempt, "") + event.text
        while len(self._replies) > 8:
            self._replies.pop(next(iter(self._replies)))
        return []

    def _playout_started(self, event: PlayoutStarted) -> list[Message]:
        return [message("bot-started-speaking")]

    def _output(self, attempt: int, status: str, said: str) -> Message:
        whole = self._replies.get(attempt, said)
        progress = {"accumulated_text": said, "remaining_text": whole[len(said) :].lstrip()}
        return message(
            "bot-output",
            {
                "text": said,
                "aggregated_by": "sentence",
                "segment_id": attempt,
                "will_be_spoken": True,
                "spoken_status": status,
                "spoken_progress": progress,
            },
        )

    def _heard(self, event: Heard) -> list[Message]:
        return [self._output(event.attempt, "in-progress", event.text)]

    def _playout_ended(self, event: PlayoutEnded) -> list[Message]:
        out = [message("bot-interrupted")] if event.interrupted else []
        if event.heard:
            out.append(self._output(event.attempt, "completed", event.heard))
            out.append(message("bot-transcription", {"text": event.heard}))
        self._replies.pop(event.attempt, None)
        return [*out, message("bot-stopped-speaking")]
