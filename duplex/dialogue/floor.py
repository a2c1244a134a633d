"""Who has the floor: the machine that decides when the agent may speak, and when it must stop.

    QUIET ── voice ──► USER ── silence ──► ENDING ── words complete, or timeout ──► AGENT
                        ▲                    │ voice (Resumed)                        │
                        └────────────────────┴──────────── voice, over speech ◄───────┘
                                                     Duck, then Yield or Unduck

The end of a turn is predicted before it is believed (Deepgram Flux's eager end of turn): at the first moment
of silence an *attempt* opens, a reply is prepared for it, and it is heard only once the words sound complete
after a short silence, may be complete after a longer one, or after the longest whatever the words. A voice in between
drops the attempt.
What the agent says unasked is an attempt of its own, and only a QUIET floor is given to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from duplex.dialogue.events import (
    Announce,
    Commit,
    Discarded,
    Duck,
    Eager,
    EndProbability,
    PlayoutEnded,
    PlayoutStarted,
    Resumed,
    SessionStarted,
    Transcript,
    TurnStarted,
    TypedText,
    Unduck,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired, to_ticks

Action = Event | SetTimer | CancelTimer

SILENCE, DOUBT, TIMEOUT, BARGE = "floor.silence", "floor.doubt", "floor.timeout", "floor.barge"


@dataclass(frozen=True, slots=True)
class FloorSettings:
    """How patient the agent is. Seconds are counted from the end of the user's voice.

    Attributes:
        silence: the shortest silence after which a turn may end.
        doubt: the silence that ends a turn whose words may well be all, but need not.
        timeout: the silence that ends a turn whatever its words.
        sure: the least P(end | words) at which the short silence is enough.
        threshold: the least at which the doubtful one is.
        barge: how long a voice must last over the agent's before the agent stops.
        reaction: a voice that begins this soon after the agent's is the same turn going on, not an answer to it:
            people need about 200 ms to react to what they hear.
    """

    silence: float = 0.24
    doubt: float = 0.8
    timeout: float = 1.6
    sure: float = 0.9
    threshold: float = 0.5
    barge: float = 0.16
    reaction: float = 0.2


class State(Enum):
    """Who has the floor."""

    QUIET = auto()
    USER = auto()
    ENDING = auto()
    AGENT = auto()


class Floor:
    """`on(event) -> actions`; see the module's picture."""

    def __init__(self, settings: FloorSettings | None = None) -> None:
        self.settings = settings or FloorSettings()
        self.state = State.QUIET
        self._turn = 0
        self._attempt = 0
        self._end = 0
        self._least: float | None = None
        """The least P(end | words) that ends the turn now; None as long as the silence is too short for any."""
        self._p: float | None = None
        self._empty = False
        self._voiced = False
        """The user's voice is on now."""
        self._onset = 0
        self._reason = ""
        """Why the agent has the floor."""
        self._audible_from: int | None = None
        """When the current reply's first sample is heard; None before it has left."""

    def on(self, event: Event) -> list[Action]:
        """Take what happened; say what follows."""
        match event:
            case SessionStarted() if event.greeting:
                return self._commit(event.t, "greeting", event.greeting)
            case Announce() if self.state is State.QUIET:
                self._attempt, self._end = self._attempt + 1, event.t
                return self._commit(event.t, "announcement", event.text)
            case VoiceStarted():
                self._voiced, self._onset = True, event.onset
                return self._voice_started(event)
            case VoiceStopped():
                self._voiced = False
                return self._voice_stopped(event)
            case TimerFired(id=timer):
                return self._timer(timer, event.t)
            case EndProbability() if self._current(event.attempt):
                self._p = event.p
                return self._maybe_commit(event.t)
            case Transcript(final=True) if self._current(event.attempt):
                self._empty = not event.text.strip()
                return self._maybe_commit(event.t)
            case TypedText():
                return self._typed(event)
            case PlayoutStarted() if self.state is State.AGENT and event.attempt == self._attempt:
                self._audible_from = event.t + event.delay
            case PlayoutEnded() if self.state is State.AGENT and event.attempt == self._attempt:
                return self._played(event.t)
        return []

    def _current(self, attempt: int) -> bool:
        return self.state is State.ENDING and attempt == self._attempt

    def _voice_started(self, event: VoiceStarted) -> list[Action]:
        if self.state is State.QUIET:
            return self._begin_turn(event.t)
        if self.state is State.ENDING:
            self.state = State.USER
            return [Resumed(t=event.t, attempt=self._attempt), *_no_end()]
        if self.state is not State.AGENT:
            return []
        if self._reason == "announcement" and self._unheard(event.onset):
            return [Yield(t=event.t, attempt=self._attempt), *self._begin_turn(event.t)]
        if self._goes_on(event.onset):
            self.state = State.USER
            return [Yield(t=event.t, attempt=self._attempt), Resumed(t=event.t, attempt=self._attempt)]
        at = max(event.t, event.onset + to_ticks(self.settings.barge))
        return [Duck(t=event.t, attempt=self._attempt), SetTimer(BARGE, at)]

    def _goes_on(self, onset: int) -> bool:
        """Nothing the user could have reacted to was heard: the old turn continues."""
        if self._reason in ("greeting", "announcement"):
            return False  # they answer no turn
        return self._unheard(onset - to_ticks(self.settings.reaction))

    def _unheard(self, t: int) -> bool:
        """At `t` nothing of the reply had been heard."""
        return self._audible_from is None or t < self._audible_from

    def _voice_stopped(self, event: VoiceStopped) -> list[Action]:
        if self.state is State.AGENT:
            return [CancelTimer(BARGE), Unduck(t=event.t, attempt=self._attempt)]
        if self.state is not State.USER:
            return []
        self._open_attempt(event.end)
        return [
            Eager(t=event.t, attempt=self._attempt, turn=self._turn, end=event.end),
            SetTimer(SILENCE, event.end + to_ticks(self.settings.silence)),
            SetTimer(DOUBT, event.end + to_ticks(max(self.settings.doubt, self.settings.silence))),
            SetTimer(TIMEOUT, event.end + to_ticks(self.settings.timeout)),
        ]

    def _open_attempt(self, end: int) -> None:
        self.state = State.ENDING
        self._attempt += 1
        self._end, self._least, self._p, self._empty = end, None, None, False

    def _timer(self, timer: str, t: int) -> list[Action]:
        if timer == BARGE and self.state is State.AGENT and self._voiced:
            return [Yield(t=t, attempt=self._attempt), *self._begin_turn(t)]
        if self.state is not State.ENDING:
            return []
        if timer in (SILENCE, DOUBT):
            self._least = self.settings.sure if timer == SILENCE else self.settings.threshold
            return self._maybe_commit(t)
        if timer == TIMEOUT:
            return self._commit(t, "timeout")
        return []

    def _maybe_commit(self, t: int) -> list[Action]:
        if self._least is None:
            return []
        if self._empty:
            self.state = State.QUIET
            return [Discarded(t=t, attempt=self._attempt, turn=self._turn), *_no_end()]
        if self._p is not None and self._p >= self._least:
            return [*_no_end(), *self._commit(t, "words")]
        return []

    def _commit(self, t: int, reason: str, text: str = "") -> list[Action]:
        self.state, self._reason = State.AGENT, reason
        self._audible_from = None
        commit = Commit(t=t, attempt=self._attempt, turn=self._turn, end=self._end, reason=reason, text=text)
        return [commit]

    def _typed(self, event: TypedText) -> list[Action]:
        """A typed message takes the floor from whoever has it."""
        before: list[Action] = []
        if self.state is State.AGENT:
            before = [Yield(t=event.t, attempt=self._attempt), CancelTimer(BARGE)]
        elif self.state is State.ENDING:
            before = [Resumed(t=event.t, attempt=self._attempt), *_no_end()]
        self._turn += 1
        self._open_attempt(event.t)
        eager = Eager(t=event.t, attempt=self._attempt, turn=self._turn, end=event.t, text=event.text)
        started = TurnStarted(t=event.t, turn=self._turn, onset=event.t)
        return [*before, started, eager, *self._commit(event.t, "typed")]

    def _begin_turn(self, t: int) -> list[Action]:
        self.state = State.USER
        self._turn += 1
        return [TurnStarted(t=t, turn=self._turn, onset=self._onset)]

    def _played(self, t: int) -> list[Action]:
        """The reply is over; a voice that was overlapping it begins a turn."""
        self.state = State.QUIET
        if not self._voiced:
            return []
        return [CancelTimer(BARGE), *self._begin_turn(t)]


def _no_end() -> list[Action]:
    return [CancelTimer(SILENCE), CancelTimer(DOUBT), CancelTimer(TIMEOUT)]
