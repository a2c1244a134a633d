"""The session's events themselves, for a debug view and for evaluators. Pure.

They are what `events.jsonl` holds, audio as its digest. The latest are kept, so that who looks in late sees a past.
"""

from __future__ import annotations

import json
from collections import deque

from duplex.dialogue.anticipation import CoreFrame
from duplex.graph.event import Event
from duplex.graph.log import line
from duplex.transport.rtvi.messages import Message, server_message

MAX_ENTRY = 8_192
"""Characters of one event; a longer one is cut down to its type and times."""
MAX_KEPT = 65_536
"""Characters of all that are kept: some four turns."""


class Feed:
    """`on(event) -> messages`, none unless it is on."""

    def __init__(self) -> None:
        self._on = False
        self._kept: deque[str] = deque()
        self._size = 0

    def on(self, event: Event) -> list[Message]:
        """Keep an event, and tell of it if anybody listens; of the core's frames there are too many to be read."""
        if isinstance(event, CoreFrame):
            return []
        entry = line("session", event.t, event)
        if len(entry) > MAX_ENTRY:
            entry = json.dumps({"at": event.t, "edge": "session", "t": event.t, "type": type(event).__name__})
        self._kept.append(entry)
        self._size += len(entry)
        while self._size > MAX_KEPT:
            self._size -= len(self._kept.popleft())
        return [_told(entry)] if self._on else []

    def switch(self, on: bool) -> list[Message]:
        """Begin with what was kept, or end."""
        self._on = on
        return [_told(entry) for entry in self._kept] if on else []


def _told(entry: str) -> Message:
    return server_message({"kind": "event", "event": json.loads(entry)})
