"""The agent's own backchannels: a short "mm-hm" while the user goes on (Yngve 1970). Pure.

One is due in a pause, some words into a turn, where the words say that more will come, the core is sure that the turn
is not over, and its projection of voice activity has the user speak again: all three, since an "mm-hm" behind the
user's end is taken for the answer. The core's state head, which learnt where people put theirs, is too weak to be
asked (F1 .24 in validation), so that this is a rule of pause and continuation. In 27 validation dialogues all three
agreed in 24 of 118 pauses within longer turns, and behind none of 110 ends.

An "mm-hm" is no reply: it has no attempt, takes no floor, and stands in no history.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from duplex.dialogue.anticipation import CoreFrame
from duplex.dialogue.events import (
    Commit,
    Discarded,
    Eager,
    EndProbability,
    PlayoutStarted,
    Resumed,
    TurnStarted,
    VoiceStarted,
    VoiceStopped,
)
from duplex.graph.event import Event, to_ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class Backchannel(Event):
    """The agent says that it listens, and the user goes on: `text` is heard now, and is no reply."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Murmur(Event):
    """A backchannel's sound, int16 [n] at 24 kHz."""

    pcm: NDArray[np.int16] = field(repr=False)


@dataclass(frozen=True, slots=True)
class BackchannelSettings:
    """When one is due; chosen on validation dialogues. Seconds and probabilities.

    Attributes:
        texts: what is said, in turns.
        speech: of the turn, before the first.
        apart: from one to the next, at least.
        pause, late: of silence from and until which one is in time.
        words: the most that P(end | words) may be.
        over: the most that the core's P(the turn is over) may be.
        goes_on: the least that its P(the user speaks again soon) must be.
    """

    texts: tuple[str, ...] = ("Mm-hm.", "Uh-huh.")
    speech: float = 2.0
    apart: float = 5.0
    pause: float = 0.24
    late: float = 0.72
    words: float = 0.5
    over: float = 0.3
    goes_on: float = 0.3


class Backchannels:
    """`on(event) -> [Backchannel] | []`."""

    def __init__(self, settings: BackchannelSettings | None = None) -> None:
        self._settings = settings or BackchannelSettings()
        self._since: int | None = None
        """Where the user's turn began; None where nobody listens to one."""
        self._silent: int | None = None
        """Where his voice ended; None while it is on."""
        self._attempt: int | None = None
        self._words: float | None = None
        """P(end | words) of the pause."""
        self._last: int | None = None
        self._count = 0

    def on(self, event: Event) -> list[Event]:
        """Take what happened; say what is to be murmured."""
        match event:
            case TurnStarted():
                self._since, self._silent = event.onset, None
            case VoiceStarted() | Resumed():
                self._silent = self._attempt = self._words = None
            case VoiceStopped():
                self._silent = event.end
            case Eager(text=None):
                self._attempt, self._words = event.attempt, None
            case EndProbability() if event.attempt == self._attempt:
                self._words = event.p
            case Commit() | Discarded() | PlayoutStarted() | Eager():
                self._since = None
            case CoreFrame() if self._due(event):
                self._last, self._silent = event.t, None  # once a pause
                self._count += 1
                texts = self._settings.texts
                return [Backchannel(t=event.t, text=texts[(self._count - 1) % len(texts)])]
        return []

    def _due(self, frame: CoreFrame) -> bool:
        if self._since is None or self._silent is None or self._words is None:
            return False
        wanted, silent = self._settings, frame.t - self._silent
        return (
            to_ticks(wanted.pause) <= silent <= to_ticks(wanted.late)
            and self._silent - self._since >= to_ticks(wanted.speech)
            and (self._last is None or frame.t - self._last >= to_ticks(wanted.apart))
            and self._words <= wanted.words
            and frame.over <= wanted.over
            and frame.goes_on >= wanted.goes_on
        )
