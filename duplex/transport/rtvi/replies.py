"""What a client is told of the agent's side of the dialogue. Pure.

What is made for an attempt that may still be dropped is held back until it is committed: nothing speculative is
shown, and no function call of it reaches a handler of the client's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from duplex.dialogue.events import (
    Commit,
    Discarded,
    Heard,
    PlayoutEnded,
    PlayoutStarted,
    ReplyText,
    Resumed,
    Speech,
    ToolEnded,
    ToolStarted,
    Yield,
)
from duplex.graph.event import Event
from duplex.transport.rtvi.messages import Message, message, server_message
from duplex.transport.rtvi.segments import Segment, Segments

KEPT = 8
"""Replies that are remembered."""
MAX_HELD = 200
"""Messages held back for one attempt."""
MAX_RESULT = 2_000
"""Characters of a tool's result."""


@dataclass(slots=True)
class _Reply:
    """One attempt's reply, as far as it is known."""

    segments: Segments = field(default_factory=Segments)
    held: list[Message] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)
    """Tools at work."""
    written: bool = False
    writing: bool = False
    voicing: bool = False
    playing: bool = False
    over: bool = False


class Replies:
    """`on(event) -> messages`."""

    def __init__(self) -> None:
        self._replies: dict[int, _Reply] = {}
        self._committed = -1
        self._segments = 0
        self._handlers: dict[type[Event], Callable[[Any], list[Message]]] = {
            Commit: self._commit,
            Resumed: self._dropped,
            Discarded: self._dropped,
            Yield: self._dropped,
            ToolStarted: self._tool_started,
            ToolEnded: self._tool_ended,
            ReplyText: self._reply_text,
            Speech: self._speech,
            PlayoutStarted: self._playout_started,
            Heard: self._heard,
            PlayoutEnded: self._playout_ended,
        }

    def on(self, event: Event) -> list[Message]:
        """The messages that tell a client of `event`."""
        handler = self._handlers.get(type(event))
        return [] if handler is None else handler(event)

    def _reply(self, attempt: int) -> _Reply:
        reply = self._replies.setdefault(attempt, _Reply())
        while len(self._replies) > KEPT:
            self._replies.pop(min(self._replies))
        return reply

    def _tell(self, attempt: int, *messages: Message) -> list[Message]:
        """Now, once the attempt is committed, or never."""
        reply = self._reply(attempt)
        if attempt > self._committed:
            reply.held += messages[: MAX_HELD - len(reply.held)]
        elif attempt == self._committed and not reply.over:
            return list(messages)
        return []

    def _commit(self, event: Commit) -> list[Message]:
        self._committed = event.attempt
        reply = self._reply(event.attempt)
        if event.text:  # said unasked: nobody writes it
            self._add(event.attempt, event.text.split())
        held, reply.held = reply.held, []
        return held

    def _dropped(self, event: Resumed | Discarded | Yield) -> list[Message]:
        """Of a reply that is playing, its end will tell more."""
        reply = self._replies.get(event.attempt)
        if reply is None or reply.playing or reply.over:
            return []
        if event.attempt == self._committed:
            return [message("bot-interrupted"), *self._close(reply)]
        if event.attempt > self._committed:
            del self._replies[event.attempt]
        return []

    def _close(self, reply: _Reply) -> list[Message]:
        """The reply is over; whatever was begun ends."""
        out: list[Message] = []
        if reply.writing:
            out.append(message("bot-llm-stopped"))
        if reply.voicing:
            out.append(message("bot-tts-stopped"))
        reply.writing = reply.voicing = reply.playing = False
        reply.over = True
        return out

    # What is made

    def _tool_started(self, event: ToolStarted) -> list[Message]:
        self._reply(event.attempt).calls.add(event.call)
        progress = {
            "tool_call_id": event.call,
            "function_name": event.name,
            "arguments": dict(event.arguments),
        }
        return self._tell(
            event.attempt,
            message("llm-function-call-started", {"function_name": event.name}),
            message("llm-function-call-in-progress", progress),
        )

    def _tool_ended(self, event: ToolEnded) -> list[Message]:
        reply = self._replies.get(event.attempt)
        if reply is None or event.call not in reply.calls:
            return []
        reply.calls.remove(event.call)
        stopped = {"tool_call_id": event.call, "function_name": event.name, "cancelled": event.cancelled}
        if not event.cancelled:
            stopped["result"] = event.result[:MAX_RESULT]
        told = message("llm-function-call-stopped", stopped)
        # A call that a client was told of ends for it too, though its reply is over.
        return [told] if reply.over else self._tell(event.attempt, told)

    def _reply_text(self, event: ReplyText) -> list[Message]:
        reply = self._reply(event.attempt)
        out: list[Message] = []
        if not reply.written:
            reply.written = reply.writing = True
            out.append(message("bot-llm-started"))
        if event.text.strip():
            out.append(message("bot-llm-text", {"text": event.text}))
            out += self._add(event.attempt, event.text.split(), event.sources)
        if event.last and reply.writing:
            reply.writing = False
            out.append(message("bot-llm-stopped"))
        return self._tell(event.attempt, *out)

    def _add(self, attempt: int, words: list[str], sources: tuple[str, ...] = ()) -> list[Message]:
        """A further piece; where the reply is being heard already, the client is told at once."""
        reply = self._reply(attempt)
        self._segments += 1
        segment = Segment(self._segments, words, sources)
        reply.segments.add(segment)
        return _begun(attempt, segment) if reply.playing else []

    def _speech(self, event: Speech) -> list[Message]:
        reply = self._reply(event.attempt)
        out: list[Message] = []
        if not reply.voicing and not event.last:
            reply.voicing = True
            out.append(message("bot-tts-started"))
        if event.last and reply.voicing:
            reply.voicing = False
            out.append(message("bot-tts-stopped"))
        return self._tell(event.attempt, *out)

    # What is heard

    def _playout_started(self, event: PlayoutStarted) -> list[Message]:
        reply = self._reply(event.attempt)
        if event.attempt != self._committed or reply.over:
            return []
        if event.words:  # taken up again: nobody writes it anew
            self._add(event.attempt, [word.text for word in event.words])
        reply.playing = True
        out = [message("bot-started-speaking")]
        for segment in reply.segments:
            out += _begun(event.attempt, segment)
        return out

    def _heard(self, event: Heard) -> list[Message]:
        reply = self._replies.get(event.attempt)
        return self._spoken(reply, event.text) if reply is not None and reply.playing else []

    def _spoken(self, reply: _Reply, text: str, whole: bool = False) -> list[Message]:
        changed, new = reply.segments.hear(text, whole)
        out = [segment.progress() for segment in changed]
        return [*out, message("bot-tts-text", {"text": new})] if new else out

    def _playout_ended(self, event: PlayoutEnded) -> list[Message]:
        reply = self._replies.get(event.attempt)
        if reply is None or not reply.playing:
            return []
        out = self._spoken(reply, event.heard, whole=not event.interrupted)
        if event.interrupted:
            out.append(message("bot-interrupted"))
        out += self._close(reply)
        if event.heard:
            out.append(message("bot-transcription", {"text": event.heard}))
        return [*out, message("bot-stopped-speaking")]


def _begun(attempt: int, segment: Segment) -> list[Message]:
    """A piece of a reply begins to be heard."""
    out = [segment.output("new")]
    if segment.sources:
        sources = {"kind": "sources", "attempt": attempt, "text": segment.text}
        out.append(server_message({**sources, "sources": list(segment.sources)}))
    return out
