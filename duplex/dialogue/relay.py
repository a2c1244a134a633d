"""The fast path: begin to speak within the gap that people leave, with words that the slow path can go on from.

    words so far ──► draft ──► rule, verifier ──► rehearse          while the user speaks
    silence, P(end | quick words) high, rehearsed ──► Prefix, and the floor is asked for      (RelayS2S's hand-over)

While the user speaks, the answer's first words are drafted again and again and their audio is made; nothing of it
leaves. After a short silence, if the words that the quick recogniser heard sound complete, the floor is asked to commit
and the prefix is said; words that have the shape of a whole question, and whose answer was drafted, need not sound it
as much. The final words, the search and the model follow meanwhile; `duplex.dialogue.splice` joins what they come to
with what was said. Where the final words are there before, the fast path asks for nothing; but if the turn is committed
before there is an answer, its subject is said: what is being written need not go on from other words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from duplex.dialogue.events import (
    Commit,
    Discarded,
    Eager,
    EndProbability,
    ReplyText,
    Resumed,
    Transcript,
    TurnStarted,
    Yield,
)
from duplex.dialogue.relay_events import Drafted, EarlyEnd, Prefix, Rehearse, Rehearsed
from duplex.dialogue.relay_settings import FRAMES as FRAMES
from duplex.dialogue.relay_settings import OPENERS as OPENERS
from duplex.dialogue.relay_settings import RelaySettings as RelaySettings
from duplex.dialogue.relay_settings import Spent as Spent
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired, to_ticks
from duplex.llm.drafts import Draft, plain, topic, whole_question

Action = Event | SetTimer | CancelTimer

SILENCE, PATIENCE = "relay.silence", "relay.patience"
_SOME = 2
"""Words of which the last may have been cut and the others still tell what is spoken of."""
_REMEMBERED = 32
"""Rehearsed texts that are remembered; the voice keeps as many."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What else is known when a draft is judged.

    Attributes:
        heard: the words of the turn so far.
        drafted: those that it was drafted for.
        stable: the share of the words that will not change any more.
        end: P(the user has finished | words); None while nobody asked.
    """

    heard: str
    drafted: str
    stable: float = 1.0
    end: float | None = None


class Verifier(Protocol):
    """Keeps a draft, shortens it or drops it."""

    def verified(self, draft: Draft, sight: Sight, least: float | None) -> Draft | None:
        """The longest beginning of a draft that the answer will go on from with at least this probability.

        None stands for the probability that it was trained for.
        """


@dataclass(slots=True)
class _Open:
    """An attempt that is not decided."""

    attempt: int
    due: bool = False
    late: bool = False
    p: float | None = None
    final: bool = False


@dataclass(slots=True)
class _Turn:
    """What is known of the user's turn."""

    heard: str = ""
    stable: float = 0.0
    drafted: Drafted | None = None
    """The latest draft."""
    about: Drafted | None = None
    """The latest that is the question's subject: what is left where a better one is dropped, or comes too late."""


class Relay:
    """`on(event) -> actions`; see the module's picture."""

    def __init__(
        self, settings: RelaySettings | None = None, verifier: Verifier | None = None, first: int = 0
    ) -> None:
        """`first` says with which opener and which frame this session begins, so that not all begin alike."""
        self.settings = settings or RelaySettings()
        self.spent = Spent()
        self._verifier = verifier
        self._turn = _Turn()
        self._open: _Open | None = None
        self._made: dict[str, None] = {}
        """Texts whose audio was made, the latest last."""
        self._asked = ""
        self._frame = self._opener = first
        self._cut = False
        """The agent was stopped, and it is not decided whether the user wants anything."""

    @property
    def affordable(self) -> bool:
        """Whether more may be drafted in this session."""
        tokens, speech = self.settings.tokens, self.settings.speech
        return (not tokens or self.spent.tokens < tokens) and (not speech or self.spent.speech < speech)

    def on(self, event: Event) -> list[Action]:
        """Take what happened; say what follows."""
        match event:
            case TurnStarted():
                self._turn = _Turn()
                return self._rehearse(event.t, self._next_opener())
            case Drafted():
                return self._drafted(event)
            case Rehearsed():
                self.spent.speech += 0.0 if event.text in self._made else event.seconds
                self._made[event.text] = None
                if len(self._made) > _REMEMBERED:
                    del self._made[next(iter(self._made))]
                return self._maybe(event.t)
            case Transcript(final=True) if self._open is not None and event.attempt == self._open.attempt:
                self._turn.heard, self._open.final = event.text, True
                return _no_timers()
            case ReplyText() if self._open is not None and event.attempt == self._open.attempt:
                return self._close()
            case Transcript(final=False):
                self._turn.heard = event.text
                self._turn.stable = event.stable / max(1, len(event.text.split()))
                return self._renewed(event.t)
            case Eager(text=None) if not self._cut:
                self._open = _Open(event.attempt)
                silence = event.end + to_ticks(self.settings.silence)
                later = silence + to_ticks(self.settings.patience)
                return [SetTimer(SILENCE, silence), SetTimer(PATIENCE, later)]
            case EarlyEnd() if self._open is not None and event.attempt == self._open.attempt:
                self._open.p = event.p
                return self._maybe(event.t)
            case TimerFired(id=timer) if self._open is not None and timer in (SILENCE, PATIENCE):
                self._open.due, self._open.late = True, timer == PATIENCE
                return self._maybe(event.t)
            case Yield():
                self._cut = event.keep
                return self._close()
            case Commit():
                self._cut = self._cut and event.reason == "timeout"
                return self._committed(event)
            case Resumed() | Discarded():
                self._asked = ""  # what was being rehearsed was dropped
                return self._close()
        return []

    def _close(self) -> list[Action]:
        if self._open is None:
            return []
        self._open = None
        return _no_timers()

    def _committed(self, commit: Commit) -> list[Action]:
        """The turn is over, and its answer, which is not there yet, is being written: any goes on from the subject."""
        attempt = self._open
        if attempt is None or not attempt.final or attempt.attempt != commit.attempt:
            return self._close()
        prefix = next((each for each in self._ready() if each.source == "topic"), None)
        return [*self._close(), *([] if prefix is None else [self._say(commit.t, commit.attempt, prefix)])]

    def _drafted(self, event: Drafted) -> list[Action]:
        self.spent.drafts += 1
        if event.draft is not None:
            self.spent.tokens += event.draft.tokens
        self._turn.drafted = event
        if event.draft is None or event.draft.source == "topic":
            self._turn.about = event
        return self._renewed(event.t)

    def _renewed(self, t: int) -> list[Action]:
        """Words or a draft are new: rehearse what would be said now."""
        prefix = next(self._prefixes(), None)
        if prefix is None:
            return self._maybe(t)
        return [*self._rehearse(t, prefix.text), *self._maybe(t)]

    def _rehearse(self, t: int, text: str) -> list[Action]:
        if not text or text == self._asked or not self.affordable:
            return []
        self._asked = text
        return [Rehearse(t=t, text=text)]

    def _next_opener(self) -> str:
        openers = self.settings.openers
        return openers[self._opener % len(openers)] if openers else ""

    def _prefixes(self, now: bool = False) -> Iterator[Draft]:
        """What would be said, best first, in full, or may be said `now`."""
        for drafted in (self._turn.drafted, self._turn.about):
            if drafted is not None and (prefix := self._prefix(drafted, now)) is not None:
                yield prefix

    def _prefix(self, drafted: Drafted, now: bool) -> Draft | None:
        """What would be said of a draft. What costs no time to draft is drafted for all words before it may be said,
        but for the subject, which stays it as long as no other is named."""
        turn, draft = self._turn, drafted.draft
        if draft is None or not goes_on(drafted, turn.heard):
            return None
        if draft.source == "topic" and topic(drafted.words) == topic(turn.heard):
            framed = FRAMES[self._frame % len(FRAMES)].format(draft.text)
            return Draft(framed[:1].upper() + framed[1:], "topic")
        if now and draft.source != "model" and _bare(drafted.words) != _bare(turn.heard):
            return None
        if self._verifier is not None:
            p = None if self._open is None else self._open.p
            sight = Sight(turn.heard, drafted.words, turn.stable, p)
            verified = self._verifier.verified(draft, sight, self.settings.keep)
            if verified is None:
                return None
            draft = verified
        return draft

    def _maybe(self, t: int) -> list[Action]:
        """Speak, if all is there."""
        attempt = self._open
        if attempt is None or attempt.final or not attempt.due:
            return []
        sure = self.settings.sure
        least = sure - self.settings.whole * whole_question(self._turn.heard)
        if attempt.p is None or attempt.p < least:
            return []
        prefix = next(self._ready(), None)
        if prefix is None and attempt.p >= sure and self._nothing_to_say(attempt.late):
            prefix = Draft(self._next_opener(), "opener")
        if prefix is None or prefix.text not in self._made:
            return []
        said = self._say(t, attempt.attempt, prefix)
        return [*self._close(), said, EndProbability(t=t, attempt=attempt.attempt, p=max(attempt.p, sure))]

    def _ready(self) -> Iterator[Draft]:
        """The prefixes that may be said now and whose audio is there, best first."""
        return (each for each in self._prefixes(now=True) if each.text in self._made)

    def _say(self, t: int, attempt: int, prefix: Draft) -> Prefix:
        self._frame += prefix.source == "topic"
        self._opener += prefix.source == "opener"
        self.spent.used += 1
        return Prefix(t=t, attempt=attempt, text=prefix.text, source=prefix.source)

    def _nothing_to_say(self, late: bool) -> bool:
        """No draft is worth waiting for: it is late, or there is none for these very words. An agent without a drafter
        waits for its answer."""
        drafted = self._turn.drafted
        if not self.settings.openers or drafted is None:
            return False
        return late or (drafted.draft is None and drafted.words == self._turn.heard)


def goes_on(drafted: Drafted, heard: str) -> bool:
    """Whether a draft still stands now that these words were heard: they are those that it was made for, or go on from
    them, but for the last, which may have been cut. A reply to small talk is one to all of the words."""
    before, now = _bare(drafted.words), _bare(heard)
    if drafted.draft is not None and drafted.draft.source == "talk":
        return before == now
    sure = before if len(before) < _SOME else before[:-1]
    return len(now) >= len(before) and now[: len(sure)] == sure


def _no_timers() -> list[Action]:
    return [CancelTimer(SILENCE), CancelTimer(PATIENCE)]


def _bare(text: str) -> list[str]:
    return [bare for word in text.split() if (bare := plain(word))]
