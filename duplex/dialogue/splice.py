"""Where the fast path's words and the slow one's become one reply, and the floor is held while there are none.

The prefix is said first, then what of the answer is not said by it. Where the answer is late the agent holds the floor
as people do (Clark & Fox Tree 2002): shortly, honestly, never twice with the same words; in the end it apologises. So
there are never three seconds of nothing, and whoever waits for a reply gets one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duplex.dialogue.events import Commit, Discarded, Eager, ReplyText, Resumed, Transcript, Yield
from duplex.dialogue.relay_events import Prefix
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired, to_ticks
from duplex.llm.continuing import continued
from duplex.llm.drafts import Source

Action = Event | SetTimer | CancelTimer

HOLD = "splice.hold"
QUIET = 2.2
"""Seconds of silence after which the floor is held; what is said then takes a moment to be made."""
_PER_WORD, _LEAST = 0.3, 0.2
"""Seconds that a word takes, and that any speech takes: how long what was handed on will last, roughly."""
HOLDS = (
    *("One moment.", "Let me check that.", "Still looking.", "Bear with me.", "It takes a little longer."),
    *("I'm nearly there, I hope.", "Thank you for waiting."),
)
REPAIRS = (
    *("— sorry, let me put it differently.", "— no, let me start again.", "— well, I'll say it another way."),
    "— or rather, like this.",
)
NOT_HEARD = "— sorry, I didn't catch that."
"""The prefix was said, and then there were no words to answer."""


@dataclass(slots=True)
class _Reply:
    """The reply in the making.

    Attributes:
        attempt: its number.
        begun: the prefix that was said and that nothing has followed yet, and from what `source` it was.
        spoken: some of the slow path's words were handed on.
        over: all of it was handed on, or was given up.
        held: how often the floor was held.
    """

    attempt: int
    begun: str = ""
    source: Source = "opener"
    spoken: bool = False
    over: bool = False
    held: int = 0


class Splice:
    """`on(event) -> actions`: prefixes and the slow path's pieces in, the pieces of one reply out."""

    def __init__(self, apology: str, holds: Sequence[str] = HOLDS) -> None:
        self._apology, self._holds = apology, tuple(holds)
        self._reply = self._before = _Reply(-1, over=True)
        self._cut = False
        self._committed = -1
        self._hold = self._repair = 0

    @property
    def begun(self) -> str:
        """Words that were said and that the answer has to go on from; any answer may follow an opener or a subject, in
        whose frame a model would only go on framing."""
        return "" if self._reply.source in ("opener", "talk", "topic") else self._reply.begun

    def on(self, event: Event) -> list[Action]:
        """Take what happened; say what follows."""
        match event:
            case Eager():
                return self._open(event.attempt)
            case Prefix() if event.attempt == self._reply.attempt and not self._said:
                self._reply.begun, self._reply.source = event.text, event.source
                return self._say(event.t, event.text)
            case ReplyText():
                return self._answered(event)
            case Transcript(final=True) if not event.text.strip() and event.attempt == self._reply.attempt:
                return self._not_heard(event.t)
            case Commit():
                self._committed = event.attempt
                answered = event.attempt == self._reply.attempt and event.reason != "resumption"
                waits = answered and not self._reply.over and not self._reply.begun
                return [SetTimer(HOLD, max(event.t, event.end + to_ticks(QUIET)))] if waits else []
            case TimerFired(id=timer) if timer == HOLD and not self._reply.over:
                return self._late(event.t)
            case Yield():
                self._cut = event.keep
                return self._end(event.attempt)
            case Resumed() | Discarded():
                return self._end(event.attempt)
        return []

    def _open(self, attempt: int) -> list[Action]:
        if self._cut:
            self._before = self._reply
        self._reply, self._cut = _Reply(attempt), False
        return [CancelTimer(HOLD)]

    def _end(self, attempt: int) -> list[Action]:
        if self._cut:
            return [CancelTimer(HOLD)]
        if self._reply.attempt <= attempt:
            self._reply = _Reply(attempt, over=True)
        return [CancelTimer(HOLD)]

    @property
    def _said(self) -> bool:
        return self._reply.spoken or self._reply.over or bool(self._reply.begun)

    def _answered(self, piece: ReplyText) -> list[Action]:
        """A piece of the slow path's answer; one that continues words that were said loses those."""
        reply = self._reply if piece.attempt == self._reply.attempt else self._before
        if piece.attempt != reply.attempt:
            return [piece]
        if reply.over:
            return []
        text = piece.text
        if text and reply.begun:
            text = continued(reply.begun, text, self._next_repair).text
            reply.begun = ""
        reply.spoken, reply.over = reply.spoken or bool(piece.text), piece.last
        told = ReplyText(t=piece.t, attempt=piece.attempt, text=text, last=piece.last, sources=piece.sources)
        return [told, *(self._wait(piece.t, text) if reply is self._reply else [])]

    def _say(self, t: int, text: str, last: bool = False) -> list[Action]:
        self._reply.over = last
        return [ReplyText(t=t, attempt=self._reply.attempt, text=text, last=last), *self._wait(t, text)]

    def _wait(self, t: int, text: str) -> list[Action]:
        """Until when the words that were handed on keep the floor."""
        if self._reply.over:
            return [CancelTimer(HOLD)]
        if self._committed < self._reply.attempt and not self._reply.begun:
            return []
        return [SetTimer(HOLD, t + to_ticks(_LEAST + _PER_WORD * len(text.split()) + QUIET))]

    def _late(self, t: int) -> list[Action]:
        """Nothing has come for too long."""
        self._reply.held += 1
        if self._reply.held > len(self._holds):
            return self._say(t, self._apology, last=True)
        self._hold += 1
        return self._say(t, self._holds[self._hold % len(self._holds)])

    def _not_heard(self, t: int) -> list[Action]:
        """What sounded like words was none after all: nobody will answer it."""
        return self._say(t, NOT_HEARD, last=True) if self._reply.begun else []

    def _next_repair(self) -> str:
        self._repair += 1
        return REPAIRS[self._repair % len(REPAIRS)]
