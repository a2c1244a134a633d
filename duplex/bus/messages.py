"""Events as MQTT payloads, and control messages, which are validated and bounded before anything is done."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Annotated, Any, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from duplex.dialogue.events import (
    AgentError,
    Commit,
    EndProbability,
    Heard,
    PlayoutEnded,
    PlayoutStarted,
    ReplyText,
    Resumed,
    SessionEnding,
    ToolEnded,
    ToolStarted,
    Transcript,
    TurnStarted,
    TypedText,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.graph import Event
from tools_rag.tools.remote import RemoteCalls, Told

MAX_PAYLOAD = 16 * 1024
"""Bytes of a control message."""
EVENTS: dict[type[Event], str] = {
    VoiceStarted: "voice_started",
    VoiceStopped: "voice_stopped",
    TurnStarted: "turn_started",
    Transcript: "transcript",
    TypedText: "typed",
    EndProbability: "end_probability",
    Commit: "commit",
    Resumed: "resumed",
    Yield: "yield",
    ToolStarted: "tool_started",
    ToolEnded: "tool_ended",
    ReplyText: "reply",
    PlayoutStarted: "playout_started",
    Heard: "heard",
    PlayoutEnded: "playout_ended",
    SessionEnding: "ending",
    AgentError: "error",
}
"""What goes out, and what it is called there."""
WORDS = frozenset({"text", "heard", "arguments", "result"})
"""Fields that hold what people and agents say."""
_LENGTH = 4_000


class Controlled(Protocol):
    """What of a session can be controlled from outside."""

    @property
    def remote(self) -> RemoteCalls: ...
    def announce(self, text: str) -> None: ...
    def end(self, reason: str) -> None: ...
    def set_variable(self, name: str, value: str) -> None: ...


class ControlError(ValueError):
    """A control message that cannot be followed; the text is fit to be told."""


class _Control(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Say(_Control):
    """The agent says this when nobody else speaks."""

    text: Annotated[str, Field(min_length=1, max_length=1_000)]

    def do(self, session: Controlled) -> None:
        session.announce(self.text)


class End(_Control):
    """The session finishes its turn, says goodbye and ends."""

    reason: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")] = "asked"

    def do(self, session: Controlled) -> None:
        session.end(self.reason)


class Set(_Control):
    """A variable of the session gets a value."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    value: Annotated[str, Field(max_length=1_000)]

    def do(self, session: Controlled) -> None:
        session.set_variable(self.name, self.value)


class ToolResult(_Control):
    """What came of a call that somebody on the broker carries out, or how far it is: just one of the three."""

    call: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,80}$")]
    result: Any = None
    error: Annotated[str, Field(min_length=1, max_length=1_000)] = ""
    progress: Annotated[str, Field(min_length=1, max_length=1_000)] = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 2:
            raise ValueError("give just one of result, error and progress")
        return self

    def do(self, session: Controlled) -> None:
        """Raises NoSuchCall."""
        if self.error:
            session.remote.failed(self.call, self.error)
        elif self.progress:
            session.remote.progress(self.call, self.progress)
        else:
            session.remote.result(self.call, self.result)


Control = Say | End | Set | ToolResult
_KINDS: dict[str, type[Control]] = {"say": Say, "end": End, "set": Set, "tool_result": ToolResult}


def read_control(kind: str, payload: bytes) -> Control:
    """A control message as what it asks for.

    Raises:
        ControlError: it is too long, no JSON, of no known kind, or a field is wrong.
    """
    if kind not in _KINDS:
        raise ControlError(f"there is no control {kind}; there are {', '.join(_KINDS)}")
    if len(payload) > MAX_PAYLOAD:
        raise ControlError(f"over {MAX_PAYLOAD} bytes")
    try:
        return _KINDS[kind].model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ControlError(f"{where}: {first['msg']}" if where else first["msg"]) from error


def payload_of(event: Event, *, words: bool) -> bytes:
    """An event as JSON: `t` in seconds and its own fields; what was said is left out unless `words`."""
    data: dict[str, Any] = {"t": round(event.seconds, 3)}
    for field in fields(event):
        if field.name == "t" or (field.name in WORDS and not words):
            continue
        data[field.name] = _plain(getattr(event, field.name))
    return json.dumps(data, ensure_ascii=False).encode()


def call_payload(told: Told) -> bytes:
    """A call for those who carry it out, or that nobody waits for it any more."""
    if told.given_up:
        return json.dumps({"call": told.call, "given_up": True}).encode()
    data = {"call": told.call, "arguments": told.arguments, "timeout": told.timeout}
    return json.dumps({**data, "key": told.key} if told.key else data, ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LENGTH]
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return {str(key): _plain(each) for key, each in dict(value).items()}


def kind_of(event: Event) -> str | None:
    """What an event is called on the broker; None for one that does not go there (audio, partial detail)."""
    return EVENTS.get(type(event))
