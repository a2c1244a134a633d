"""The loudspeaker: what a transport pulls its audio from, and who watches the session."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import numpy as np

from duplex.dialogue.anticipation import Anticipated, CoreFrame
from duplex.dialogue.backchannel import Backchannel, Murmur
from duplex.dialogue.events import (
    AgentError,
    Commit,
    Discarded,
    Duck,
    Eager,
    EndProbability,
    Heard,
    Noted,
    OverlapClass,
    PlayoutEnded,
    PlayoutStarted,
    ReplyText,
    Resumed,
    SessionEnded,
    SessionEnding,
    Speech,
    ToolEnded,
    ToolStarted,
    ToolUsed,
    Transcript,
    TurnStarted,
    TypedText,
    Unduck,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.dialogue.history import History
from duplex.dialogue.playout import Pcm, Playout
from duplex.dialogue.relay_events import Prefix
from duplex.dialogue.voice import VoiceHint
from duplex.graph import Event, In, Node, Out

FLOOR_EVENTS = (TurnStarted, Eager, Resumed, Commit, Discarded, Duck, Unduck, Yield)
"""What the floor decides."""
PLAYOUT_EVENTS = (PlayoutStarted, Heard, PlayoutEnded)
"""What the loudspeaker reports."""
REPLY_EVENTS = (ToolStarted, ToolEnded, ToolUsed, Prefix, ReplyText, Speech, AgentError)
"""What is done and made for a reply."""
ENDING_EVENTS = (SessionEnding, SessionEnded)
"""What the session says of its own end."""
CORE_EVENTS = (CoreFrame, OverlapClass, Anticipated)
"""What the duplex core says, and what its controller makes of it."""
PUBLIC_EVENTS = (
    *(VoiceStarted, VoiceStopped, Transcript, EndProbability, TypedText, Noted),
    *REPLY_EVENTS,
    *FLOOR_EVENTS,
    *CORE_EVENTS,
    Backchannel,
    *PLAYOUT_EVENTS,
    *ENDING_EVENTS,
)
"""What a session shows to its transport, its log and its tests."""


class Loudspeaker(Node):
    """Takes speech and decisions; the transport takes 20 ms at a time. A murmur is heard where nothing else is."""

    events = In(Speech, Commit, Discarded, Duck, Unduck, Resumed, Yield, Murmur, VoiceHint)
    played = Out(*PLAYOUT_EVENTS)

    def __init__(self, playout: Playout) -> None:
        super().__init__("loudspeaker")
        self._playout = playout
        self._listeners: list[Callable[[], None]] = []
        self._murmur: Pcm | None = None
        """What is left of it."""

    async def run(self) -> None:
        """Hand events to the playout machine."""
        async for event in self.events:
            if isinstance(event, Murmur):
                self._murmur = event.pcm
            for result in self._playout.on(event):
                await self.played.send(result)
            if self._playout.ready or self._murmur is not None:
                for listener in tuple(self._listeners):
                    listener()

    def on_ready(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when there is audio to pull; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def delay(self) -> int:
        """Ticks between `pull` and the caller's ear."""
        return self._playout.delay

    @delay.setter
    def delay(self, ticks: int) -> None:
        self._playout.delay = ticks

    def pull(self) -> Pcm:
        """The next 20 ms, int16 [480] at 24 kHz. Called by the transport, on the event loop."""
        ready = self._playout.ready
        frame, events = self._playout.pull(self.clock.now())
        if self._murmur is not None:
            frame = frame if ready else self._murmured(frame)
            self._murmur = None if ready else self._murmur
        for event in events:
            self.played.send_nowait(event)
        return frame

    def _murmured(self, frame: Pcm) -> Pcm:
        """The next 20 ms of the murmur, in place of a silent frame."""
        assert self._murmur is not None
        part, rest = np.split(self._murmur, [len(frame)])
        self._murmur = rest if rest.size else None
        return np.pad(part, (0, len(frame) - len(part)))


class Scribe(Node):
    """Keeps the history and tells everyone who listens."""

    events = In(*PUBLIC_EVENTS)

    def __init__(self, history: History) -> None:
        super().__init__("scribe")
        self._history = history
        self._listeners: list[Callable[[Event], None]] = []

    async def run(self) -> None:
        """Pass every public event on."""
        async for event in self.events:
            self._history.on(event)
            for listener in tuple(self._listeners):
                listener(event)
            await anyio.lowlevel.checkpoint()

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with each public event; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
