"""One client of a session: what it is told and what it asks, from its first connection to its last. Pure.

It outlives a connection, so that a client that comes back goes on where it was; it does not greet again then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from duplex.graph.event import Event
from duplex.transport.rtvi.feed import Feed
from duplex.transport.rtvi.incoming import (
    AskClock,
    BadMessage,
    ClientReady,
    DisconnectBot,
    Dtmf,
    Incoming,
    SendText,
    TellPlayout,
    TrackStatus,
    WatchEvents,
    parse,
)
from duplex.transport.rtvi.messages import (
    MAJOR,
    VERSION,
    Message,
    bot_ready,
    error_response,
    server_response,
)
from duplex.transport.rtvi.outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class Say:
    """Take a typed message as if it had been said, or only remember it."""

    text: str
    answer: bool = True


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Delay:
    """The client plays what it receives so many milliseconds later."""

    ms: float


@dataclass(frozen=True, slots=True)
class Now:
    """The time at which a message came, in milliseconds: on the server's clock and since the session began."""

    server: float
    session: float


Act = Say | HangUp | Delay


class Client:
    """`on_event(event) -> messages`, `on_message(text, now) -> messages and what to do`."""

    def __init__(self, started: datetime) -> None:
        """`started`: the wall clock's time at the session's tick 0."""
        self.muted = False
        """The client's microphone is switched off."""
        self._outgoing = Outgoing(started)
        self._feed = Feed()

    def on_event(self, event: Event) -> tuple[list[Message], list[Message]]:
        """What a client is told of `event`, and what of it the debug view gets."""
        return self._outgoing.on(event), self._feed.on(event)

    def on_message(self, text: str | bytes, now: Now) -> list[Message | Act]:
        """What a client's message brings about; a faulty one brings its refusal."""
        try:
            incoming = parse(text)
            return [] if incoming is None else self._serve(incoming, now)
        except BadMessage as error:
            return [error_response(error.id, str(error))]

    def _serve(self, incoming: Incoming, now: Now) -> list[Message | Act]:
        id = incoming.id
        match incoming.body:
            case ClientReady(version=version):
                return _ready(id, version)
            case SendText(content=content, options=options):
                if options.run_immediately and not options.audio_response:
                    raise BadMessage("send-text: this agent answers aloud only", id)
                return [Say(content, options.run_immediately)]
            case DisconnectBot():
                return [HangUp()]
            case Dtmf():
                raise BadMessage("dtmf: this agent takes no keys", id)
            case WatchEvents(on=on):
                return [server_response(id, "events", {"on": on}), *self._feed.switch(on)]
            case AskClock(at=at):
                times = {"at": at, "received": now.server, "sent": now.server, "session_ms": now.session}
                return [server_response(id, "clock", times)]
            case TellPlayout(delay_ms=ms):
                return [server_response(id, "playout", {"delay_ms": ms}), Delay(ms)]
            case TrackStatus(receiver_index=0, enabled=enabled):
                self.muted = not enabled
        return []


def _ready(id: str, version: str) -> list[Message | Act]:
    """The client's `connect()` ends with `bot-ready` whatever its version is; of a foreign one it is warned."""
    out: list[Message | Act] = [bot_ready(id)]
    if version.split(".")[0] != str(MAJOR):
        said = f"version {version[:32]!a}" if version else "no version"
        warning = f"client-ready: {said}, but this server speaks RTVI {VERSION}; what it sends may not fit"
        out.insert(0, error_response(id, warning))
    return out
