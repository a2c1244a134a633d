"""What a client sends over the data channel, checked: everything in it was written by someone else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

MAX_MESSAGE = 16_384
"""Characters in one message."""
MAX_DEPTH = 8
"""Objects and lists inside each other in one message's data."""
MAX_TEXT = 4_000
"""Characters in one typed user message."""
MAX_BUTTONS = 32
"""Keys in one sequence."""


class BadMessage(ValueError):
    """A message that cannot be used; `id` is its own if it had one."""

    def __init__(self, reason: str, id: str = "") -> None:
        super().__init__(reason)
        self.id = id


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class ClientReady(_Data):
    """The client can take messages. Whatever else it says of itself, it is waiting for the answer."""

    version: str = ""


class SendTextOptions(_Data):
    """How a typed message is to be taken."""

    run_immediately: bool = True
    audio_response: bool = True


class SendText(_Data):
    """A typed user message."""

    content: str = Field(min_length=1, max_length=MAX_TEXT)
    options: SendTextOptions = SendTextOptions()


class DisconnectBot(_Data):
    """The client wants the call to end."""


class Dtmf(_Data):
    """Keys of a telephone's keypad."""

    buttons: tuple[Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"], ...] = Field(
        min_length=1, max_length=MAX_BUTTONS, strict=False
    )


class WatchEvents(_Data):
    """`client-message` "events": send, or do not send, every event of the session."""

    on: bool


class AskClock(_Data):
    """`client-message` "clock": what time is it there? `at` is the client's, in milliseconds."""

    at: Annotated[FiniteFloat, Field(ge=0, le=1e15)]


class TellPlayout(_Data):
    """`client-message` "playout": how long audio takes, measured by the client, from its network to its ear."""

    delay_ms: Annotated[FiniteFloat, Field(ge=0, le=1_000)]


class TrackStatus(_Data):
    """Signalling: a media line of the client's carries something, or is muted. 0 is the microphone."""

    type: Literal["trackStatus"]
    receiver_index: int = Field(ge=0, le=7)
    enabled: bool


Body = ClientReady | SendText | DisconnectBot | Dtmf | WatchEvents | AskClock | TellPlayout | TrackStatus
Checked = TypeVar("Checked", bound=_Data)

_KINDS: dict[str, type[SendText | DisconnectBot | Dtmf]] = {
    "send-text": SendText,
    "disconnect-bot": DisconnectBot,
    "dtmf": Dtmf,
}
_CLIENT_KINDS: dict[str, type[WatchEvents | AskClock | TellPlayout]] = {
    "events": WatchEvents,
    "clock": AskClock,
    "playout": TellPlayout,
}


class _Envelope(BaseModel):
    label: Literal["rtvi-ai"]
    type: str = Field(max_length=64)
    id: str = Field(default="", max_length=64)
    data: Any = None


class _ClientMessage(_Data):
    t: str = Field(max_length=64)
    d: Any = None


class _Signalling(BaseModel):
    type: Literal["signalling"]
    message: Any = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A client's message; `body` is its data as its kind has it."""

    id: str
    body: Body


def parse(text: str | bytes) -> Incoming | None:
    """A client's message; None for what wants no answer and says nothing (keepalives, other signalling).

    Raises BadMessage with the reason.
    """
    if isinstance(text, bytes):
        raise BadMessage("binary messages are not understood")
    if len(text) > MAX_MESSAGE:
        raise BadMessage(f"a message of {len(text)} characters is over the limit of {MAX_MESSAGE}")
    if text.startswith("ping:"):
        return None
    try:
        envelope = _Envelope.model_validate_json(text)
    except ValidationError as error:
        signalling = _signalling(text)
        if signalling is None:
            raise BadMessage(f"not an RTVI message: {_first(error, 'text')}") from error
        return _check_signalling(signalling)
    return Incoming(envelope.id, _body(envelope))


def _first(error: ValidationError, whole: str) -> str:
    """Where the first fault is, and what; `whole` is what to call the thing itself."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where or whole}: {first['msg']}"


def _signalling(text: str) -> _Signalling | None:
    try:
        return _Signalling.model_validate_json(text)
    except ValidationError:
        return None


def _check_signalling(signalling: _Signalling) -> Incoming | None:
    """A track's status; what else a client signals is none of ours."""
    try:
        return Incoming("", TrackStatus.model_validate(signalling.message))
    except ValidationError:
        return None


def _body(envelope: _Envelope) -> Body:
    """The data checked by the message's type."""
    if envelope.type == "client-ready":
        return _client_ready(envelope.data)
    if depth(envelope.data) > MAX_DEPTH:
        raise BadMessage(f"the data is nested deeper than {MAX_DEPTH}", envelope.id)
    if envelope.type == "client-message":
        asked = _check(_ClientMessage, envelope.data, "client-message", envelope.id)
        wanted = _CLIENT_KINDS.get(asked.t)
        if wanted is None:
            raise BadMessage(f"unknown client-message {asked.t!a}", envelope.id)
        return _check(wanted, asked.d, f"client-message {asked.t}", envelope.id)
    kind = _KINDS.get(envelope.type)
    if kind is None:
        raise BadMessage(f"unknown message type {envelope.type!a}", envelope.id)
    return _check(kind, envelope.data, envelope.type, envelope.id)


def _client_ready(data: Any) -> ClientReady:
    """Never refused: the client would wait for ever."""
    version = data.get("version") if isinstance(data, dict) else None
    return ClientReady(version=version if isinstance(version, str) else "")


def _check(model: type[Checked], data: Any, what: str, id: str) -> Checked:
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:
        raise BadMessage(f"{what}: {_first(error, 'data')}", id) from error


def depth(value: Any) -> int:
    """How many objects and lists lie inside each other in JSON data: 0 for a number, 1 for a list of numbers."""
    level, layer = 0, [value]
    while layer := [each for each in layer if isinstance(each, dict | list)]:
        level += 1
        layer = [item for each in layer for item in (each.values() if isinstance(each, dict) else each)]
    return level
