"""Who has the floor: the machine that decides when the agent may speak, and when it must stop.

    QUIET ── voice ──► USER ── silence ──► ENDING ── words complete, or timeout ──► AGENT
                        ▲                    │ voice (Resumed)                        │
                        └────────────────────┴──────────── voice, over speech ◄───────┘
                                                     Duck, then Yield or Unduck

The end of a turn is predicted before it is believed (Deepgram Flux's eager end of turn): at the first moment of
silence, or before where that is foreseen, an *attempt* opens. A reply is prepared for it, and heard only once the words
sound complete after a short silence, may be complete after a longer one, or after the longest whatever the words. A
voice in between drops it. What the agent says unasked is an attempt of its own, given a QUIET floor alone.

Over a voice the agent first speaks more softly, then goes on or stops, as its words, a model or its length tell. Where
it stopped and nothing was said, it takes up again what was cut: a reply to an empty attempt, the `resumption`.
"""

from __future__ import annotations

from duplex.dialogue import floor_timers as timers
from duplex.dialogue.events import (
    Announce,
    Commit,
    Discarded,
    Duck,
    Eager,
    EndProbability,
    Heard,
    OverlapClass,
    PlayoutEnded,
    PlayoutStarted,
    ReplyText,
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
from duplex.dialogue.floor_settings import FloorSettings as FloorSettings
from duplex.dialogue.floor_settings import State as State
from duplex.dialogue.foresight import Anticipated
from duplex.dialogue.overlap import Cut, Overlap, Saying, claim_of, says_nothing
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired, to_ticks

Action = Event | SetTimer | CancelTimer

UNASKED = ("greeting", "announcement", "resumption")


class Floor:
    """`on(event) -> actions`; see the module's picture."""

    def __init__(self, settings: FloorSettings | None = None) -> None:
        self.settings = settings or FloorSettings()
        self.state = State.QUIET
        self._turn = self._attempt = self._end = self._onset = 0
        self._least: float | None = None
        """The least P(end | words) that ends the turn now; None as long as the silence is too short for any."""
        self._p: float | None = None
        self._empty: bool | None = None  # the attempt's words want nothing; None while there are none
        self._voiced = self._passed = False  # a voice is on now; a model took it for one that wants nothing
        self._echoes = False  # the agent hears itself: a voice right after it began is no turn that goes on
        self._reason = ""  # why the agent has the floor
        self._audible_from: int | None = None  # the current reply's first sample; None before it has left
        self._overlap: Overlap | None = None
        self._saying = Saying()
        self._cut: Cut | None = None  # until a turn came of it
        self._led = False  # back into this reply

    def on(self, event: Event) -> list[Action]:
        """Take what happened; say what follows."""
        ending = self._attempt if self.state is State.ENDING else None
        match event:
            case SessionStarted() if event.greeting:
                return self._commit(event.t, "greeting", event.greeting)
            case Announce() if self.state is State.QUIET:
                self._attempt, self._end = self._attempt + 1, event.t
                return self._commit(event.t, "announcement", event.text)
            case VoiceStarted():
                self._voiced, self._passed, self._onset = True, False, event.onset
                return self._voice_started(event)
            case VoiceStopped():
                self._voiced = False
                return self._voice_stopped(event)
            case TimerFired(id=timer):
                return self._timer(timer, event.t)
            case EndProbability() if event.attempt == ending:
                self._p = event.p
                return self._maybe_commit(event.t)
            case Transcript(final=True):
                return self._understood(event)
            case Transcript() if self._overlap is not None:
                return self._overheard(event.t, self._overlap, event.text)
            case OverlapClass() if self._overlap is not None and self._saying.asks and event.kind != "turn":
                pass  # it may be the answer, and its words will tell
            case OverlapClass() if self._overlap is not None and event.attempt == self._attempt:
                self._passed = event.kind != "turn"
                self._echoes = self._echoes or event.kind in ("echo", "nobody")
                return self._hold(event.t) if self._passed else self._take_floor(event.t)
            case OverlapClass(kind="turn") if (
                self._voiced and self._passed and event.attempt == self._attempt
            ):
                quiet = self.state is State.QUIET
                return self._begin_turn(event.t) if quiet else self._take_floor(event.t)
            case OverlapClass(kind="side") if event.attempt == ending:
                return self._nothing_said(event.t)
            case Anticipated() if self._voiced:
                return self._foresee(event)
            case TypedText():
                return self._typed(event)
            case PlayoutStarted() if self.state is State.AGENT and event.attempt == self._attempt:
                self._audible_from = event.t + event.delay
            case PlayoutEnded() if self.state is State.AGENT and event.attempt == self._attempt:
                return self._played(event.t)
            case PlayoutEnded(interrupted=False) if self._cut and event.attempt == self._cut.attempt:
                self._cut = None  # it was heard to its end after all
                return [Yield(t=event.t, attempt=event.attempt)]
            case ReplyText() | Heard():
                self._saying.on(event)
        return []

    def _voice_started(self, event: VoiceStarted) -> list[Action]:
        if self.state is State.QUIET:
            return self._begin_turn(event.t)
        if self.state is State.ENDING:
            self.state = State.USER
            return [Resumed(t=event.t, attempt=self._attempt), *timers.no_end()]
        if self.state is not State.AGENT:
            return []
        if self._reason == "announcement" and self._unheard(event.onset):
            return [Yield(t=event.t, attempt=self._attempt), *self._begin_turn(event.t)]
        if self._goes_on(event.onset) and not self._echoes:
            self.state = State.USER
            return [Yield(t=event.t, attempt=self._attempt), Resumed(t=event.t, attempt=self._attempt)]
        barge, louder = timers.overlapped(event.t, event.onset, self.settings)
        if self._overlap is not None:  # a pause within it
            self._overlap.stopped = None
            return [barge]
        self._overlap = Overlap(event.onset)
        return [Duck(t=event.t, attempt=self._attempt, onset=event.onset), barge, louder]

    def _overheard(self, t: int, overlap: Overlap, text: str) -> list[Action]:
        """Words of a voice over the agent's: do they want the floor?"""
        if self.settings.overlap == "any":
            return []
        claim = claim_of(text, self._saying.asks, self.settings.own, whole=False)
        if claim in ("turn", "other"):
            return self._take_floor(t) if claim == "turn" else self._hold(t)
        overlap.waits = overlap.waits or claim == "backchannel"
        return self._hold(t) if overlap.waits and overlap.stopped is not None else []

    def _hold(self, t: int) -> list[Action]:
        """The voice wants nothing: go on."""
        self._overlap = None
        return [*timers.no_overlap(), Unduck(t=t, attempt=self._attempt)]

    def _take_floor(self, t: int) -> list[Action]:
        """The voice wants the floor, or lasts: stop, and listen to what it says, or hear what it said."""
        overlap, self._overlap = self._overlap, None
        keep, asks = self.settings.overlap == "words", self._saying.asks
        self._cut = Cut(self._attempt, t, asks) if keep else None
        stop = Yield(t=t, attempt=self._attempt, keep=keep, asked=keep and asks)
        return [*timers.no_overlap(), stop, *self._begin_turn(t, overlap)]

    def _goes_on(self, onset: int) -> bool:
        """Nothing the user could have reacted to was heard: the old turn continues."""
        if self._reason in UNASKED:
            return False  # they answer no turn
        return self._unheard(onset - to_ticks(self.settings.reaction))

    def _unheard(self, t: int) -> bool:
        """At `t` nothing of the reply had been heard."""
        return self._audible_from is None or t < self._audible_from

    def _voice_stopped(self, event: VoiceStopped) -> list[Action]:
        if self._overlap is not None:
            self._overlap.stopped = event.end
            hold = self.settings.overlap == "any" or self._overlap.waits
            return self._hold(event.t) if hold else [CancelTimer(timers.BARGE)]
        if self.state is State.ENDING:  # which was foreseen
            if event.end <= self._end:
                self._end = event.end
                return [*timers.silences(event.end, self.settings)]
            return [Resumed(t=event.t, attempt=self._attempt), *self._maybe_ending(event.t, event.end)]
        return self._maybe_ending(event.t, event.end) if self.state is State.USER else []

    def _maybe_ending(self, t: int, end: int) -> list[Action]:
        """The user's voice ended: perhaps the turn did."""
        self._open_attempt(end)
        eager = Eager(t=t, attempt=self._attempt, turn=self._turn, end=end)
        return [eager, *timers.silences(end, self.settings)]

    def _foresee(self, event: Anticipated) -> list[Action]:
        """The user will be done at once: an attempt, of which nothing can come before he is; or he will not."""
        if event.sure and self.state is State.USER:
            self._open_attempt(event.t)
            return [Eager(t=event.t, attempt=self._attempt, turn=self._turn, end=event.t)]
        if not event.sure and self.state is State.ENDING:
            self.state = State.USER
            return [Resumed(t=event.t, attempt=self._attempt)]
        return []

    def _open_attempt(self, end: int) -> None:
        self.state = State.ENDING
        self._attempt += 1
        self._end, self._least, self._p, self._empty = end, None, None, None

    def _timer(self, timer: str, t: int) -> list[Action]:
        if timer in (timers.BARGE, timers.DUCK):
            return [] if self._overlap is None else self._overlap_lasts(timer, t, self._overlap)
        if self.state is not State.ENDING:
            return []
        if (least := timers.least(timer, self.settings)) is not None:
            self._least = least
            return self._maybe_commit(t)
        return self._commit(t, "timeout") if timer == timers.TIMEOUT else []

    def _overlap_lasts(self, timer: str, t: int, overlap: Overlap) -> list[Action]:
        if timer == timers.BARGE and not overlap.waits:
            return self._take_floor(t)
        if timer == timers.BARGE:  # "yeah, yeah, of course": once more
            overlap.waits = False
            return [SetTimer(timers.BARGE, t + to_ticks(self.settings.barge))]
        if overlap.stopped is not None:
            return self._hold(t)
        return [Unduck(t=t, attempt=self._attempt, decided=False)]

    def _understood(self, event: Transcript) -> list[Action]:
        """The final words of an attempt, which a timeout may have committed without them."""
        late = self.state is State.AGENT and self._reason == "timeout" and self._audible_from is None
        if event.attempt != self._attempt or not (late or self.state is State.ENDING):
            return []
        cut = self._cut = self._cut and self._cut.after(event.text)
        self._empty = says_nothing(event.text, cut is not None, bool(cut and cut.asked), self.settings.own)
        if cut is not None and not self._empty:  # a turn that goes on may come to nothing after all
            self._cut = None if late else cut.with_words()
        if late:
            return self._nothing_said(event.t) if self._empty else []
        return self._maybe_commit(event.t)

    def _nothing_said(self, t: int) -> list[Action]:
        """What sounded like a turn was none: the agent takes up what it was saying, if it was."""
        if self._cut is None:
            self.state = State.QUIET
            return [*timers.no_end(), Discarded(t=t, attempt=self._attempt, turn=self._turn)]
        long_ago = t - self._cut.t > to_ticks(self.settings.long_ago) and not self._led
        self._cut = None
        self._led = self._led or long_ago
        return [*timers.no_end(), *self._commit(t, "resumption", self.settings.lead if long_ago else "")]

    def _maybe_commit(self, t: int) -> list[Action]:
        if self._least is None:
            return []
        if self._empty:
            return self._nothing_said(t)
        if self._p is not None and self._p >= self._least:
            return [*timers.no_end(), *self._commit(t, "words")]
        return []

    def _commit(self, t: int, reason: str, text: str = "") -> list[Action]:
        self.state, self._reason, self._audible_from = State.AGENT, reason, None
        self._led = self._led and reason == "resumption"
        self._cut = None if self._empty is False else self._cut
        commit = Commit(t=t, attempt=self._attempt, turn=self._turn, end=self._end, reason=reason, text=text)
        self._saying.on(commit)
        return [commit]

    def _typed(self, event: TypedText) -> list[Action]:
        """A typed message takes the floor from whoever has it."""
        before: list[Action] = []
        if self.state is State.AGENT:
            before = [Yield(t=event.t, attempt=self._attempt), *timers.no_overlap()]
        elif self.state is State.ENDING:
            before = [Resumed(t=event.t, attempt=self._attempt), *timers.no_end()]
        self._turn += 1
        self._overlap = self._cut = None
        self._open_attempt(event.t)
        eager = Eager(t=event.t, attempt=self._attempt, turn=self._turn, end=event.t, text=event.text)
        started = TurnStarted(t=event.t, turn=self._turn, onset=event.t)
        return [*before, started, eager, *self._commit(event.t, "typed")]

    def _begin_turn(self, t: int, overlap: Overlap | None = None) -> list[Action]:
        """A turn begins, or has begun with a voice over the agent's, and may have ended again."""
        self.state, self._passed = State.USER, False
        self._turn += 1
        onset = self._onset if overlap is None else overlap.onset
        started = TurnStarted(t=t, turn=self._turn, onset=onset)
        stopped = None if overlap is None else overlap.stopped
        return [started, *([] if stopped is None else self._maybe_ending(t, stopped))]

    def _played(self, t: int) -> list[Action]:
        """The reply is over; a voice that was overlapping it begins a turn."""
        self.state = State.QUIET
        overlap, self._overlap = self._overlap, None
        begins = overlap is not None or (self._voiced and not self._passed)
        return [*timers.no_overlap(), *self._begin_turn(t, overlap)] if begins else []
