"""Floor, limits, playout and history as one: what a session's machines do together, in virtual time, without models."""

from __future__ import annotations

from collections import deque

import numpy as np

from duplex.dialogue.events import (
    Announce,
    Commit,
    Discarded,
    Eager,
    EndAsked,
    EndProbability,
    Noted,
    PlayoutEnded,
    PlayoutStarted,
    SessionEnded,
    SessionStarted,
    Speech,
    SpokenWord,
    Transcript,
    TurnStarted,
    TypedText,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.dialogue.floor import Floor, FloorSettings
from duplex.dialogue.history import History
from duplex.dialogue.limits import Limits, LimitSettings
from duplex.dialogue.playout import Playout
from duplex.graph.event import TICKS, CancelTimer, Event, SetTimer, TimerFired, to_ticks

FLOOR_TAKES = (
    *(SessionStarted, Announce, TypedText, VoiceStarted, VoiceStopped),
    *(Transcript, EndProbability, PlayoutStarted, PlayoutEnded),
)
LIMITS_TAKE = (
    *(SessionStarted, EndAsked, Noted, TurnStarted, Commit),
    *(Yield, Discarded, PlayoutStarted, PlayoutEnded),
)
PULL = TICKS // 50
WORD = 0.25
"""Seconds that each of the agent's words takes."""
DETECTION = 0.064
"""Seconds until the detector is sure."""
ANY = FloorSettings(overlap="any", barge=0.16)
"""Stops for any voice."""


class Call:
    """`at(seconds)` lets time pass; everybody who speaks is listed in `log` as (seconds, what)."""

    def __init__(
        self, settings: LimitSettings, greeting: str = "", delay: float = 0.0, floor: FloorSettings = ANY
    ) -> None:
        self.floor, self.limits, self.history = Floor(floor), Limits(settings), History()
        self.playout = Playout(to_ticks(delay))
        self.events: list[Event] = []
        self.voiced = False
        self.over_the_user = 0
        """Frames of ours that left while the user's voice was on."""
        self.ended: float | None = None
        self._t = 0
        self._pulled = 0
        self._timers: dict[str, int] = {}
        self.pulling = True
        self.answer = "Yes it is quite deep."
        self._hand(SessionStarted(t=0, greeting=greeting))

    @property
    def seconds(self) -> float:
        return self._t / TICKS

    def at(self, seconds: float) -> Call:
        """Time passes: frames are pulled and timers fire, in their order."""
        until = to_ticks(seconds)
        while self.ended is None:
            due = min([*self._timers.values(), self._pulled])
            if due > until:
                break
            self._t = max(self._t, due)
            if self._pulled <= due:
                self._pull()
                continue
            name = min(self._timers, key=lambda name: self._timers[name])
            self._hand(TimerFired(t=self._timers.pop(name), id=name))
        self._t = max(self._t, until)
        return self

    def says(self, start: float, stop: float | None = None, text: str = "How deep is it?") -> Call:
        """The user speaks from `start` to `stop` (or on and on) and is understood, or makes a noise (no text)."""
        self.at(start + DETECTION)
        self.voiced = True
        self._hand(VoiceStarted(t=self._t, onset=to_ticks(start)))
        return self if stop is None else self.stops(stop, text)

    def stops(self, stop: float, text: str = "How deep is it?") -> Call:
        """The user's voice ends, and is understood or was a noise."""
        self.at(stop + DETECTION)
        self.voiced = False
        self._hand(VoiceStopped(t=self._t, end=to_ticks(stop)))
        eager = next((e for e in reversed(self.events) if isinstance(e, Eager)), None)
        if eager is None or eager.end != to_ticks(stop):
            return self  # over the agent's speech, and decided there
        attempt = eager.attempt
        self._hand(Transcript(t=self._t, turn=1, text=text, final=True, attempt=attempt))
        if text:
            self._hand(EndProbability(t=self._t, attempt=attempt, p=0.9))
        return self

    def overheard(self, at: float, text: str) -> Call:
        """At this time some of what the user says is guessed."""
        self.at(at)
        self._hand(Transcript(t=self._t, turn=1, text=text))
        return self

    def end(self, reason: str) -> Call:
        self._hand(EndAsked(t=self._t, reason=reason))
        return self

    def types(self, text: str) -> Call:
        self._hand(TypedText(t=self._t, text=text))
        return self

    def notes(self, text: str) -> Call:
        self._hand(Noted(t=self._t, text=text))
        return self

    def said(self) -> list[tuple[str, str]]:
        return [(turn.role, turn.text) for turn in self.history.turns]

    def spoken(self) -> list[tuple[float, str]]:
        """What the agent began to say, and when, to a tenth of a second."""
        begun = {event.attempt: event.seconds for event in self.events if isinstance(event, PlayoutStarted)}
        texts = {event.attempt: event.text or "…" for event in self.events if isinstance(event, Commit)}
        return [(round(at, 1), texts[attempt]) for attempt, at in begun.items()]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def _pull(self) -> None:
        self._pulled += PULL
        if not self.pulling:
            return
        frame, events = self.playout.pull(self._t)
        self.over_the_user += bool(self.voiced and frame.any())
        for event in events:
            self._hand(event)

    def _hand(self, event: Event) -> None:
        """Give an event to whoever takes it, as the session's edges do; what follows queues up behind it."""
        waiting = deque([event])
        while waiting and self.ended is None:
            event = waiting.popleft()
            self.events.append(event)
            self.history.on(event)
            if isinstance(event, SessionEnded):
                self.ended = self.seconds
            if isinstance(event, Commit):
                self._speak(event)
            waiting += [each for action in self._decide(event) if (each := self._done(action)) is not None]

    def _decide(self, event: Event) -> list[Event | SetTimer | CancelTimer]:
        if isinstance(event, TimerFired):
            return list((self.limits if event.id.startswith("limits.") else self.floor).on(event))
        actions: list[Event | SetTimer | CancelTimer] = []
        if isinstance(event, FLOOR_TAKES):
            actions += self.floor.on(event)
        if isinstance(event, LIMITS_TAKE):
            actions += self.limits.on(event)
        return actions + self.playout.on(event)

    def _done(self, action: Event | SetTimer | CancelTimer) -> Event | None:
        match action:
            case SetTimer():
                self._timers[action.id] = action.at
            case CancelTimer():
                self._timers.pop(action.id, None)
            case _:
                return action
        return None

    def _speak(self, commit: Commit) -> None:
        """The words of a greeting, an announcement or an answer, a quarter of a second each."""
        words = (commit.text or ("" if commit.reason == "resumption" else self.answer)).split()
        if not words:
            return
        length = to_ticks(WORD)
        times = tuple(SpokenWord(word, i * length, (i + 1) * length) for i, word in enumerate(words))
        pcm = np.full(len(words) * length // 2, 1_000, dtype=np.int16)
        self.playout.on(Speech(t=self._t, attempt=commit.attempt, pcm=pcm, words=times, last=True))
