"""What the duplex core adds to the floor's rules: whether the end has come, and what a voice over the agent's is. Pure.

The words say how likely it is that a turn is over (`EndProbability`); the core, which hears how they were said, says so
too. Each is an expert that gives log-odds, and the weighed sum of them and of the length of the silence is what the
floor is told instead (a logarithmic opinion pool, Genest and Zidek 1986).

Of a voice over the agent's speech the core tells the class long before there are words, an echo's above all. What it
is sure of goes to the floor as an `OverlapClass`; all else is left to the words and to how long the voice lasts. A
voice that was let pass is still watched: it may take the floor after all.

Where it is sure that the user will be done, it says so while he still speaks (`Anticipated`), and takes it back.

Without frames, or with old ones, the words are passed on as they are: the floor's rules are the fallback.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from duplex.dialogue.events import (
    Commit,
    Discarded,
    Duck,
    Eager,
    EndProbability,
    OverlapClass,
    OverlapKind,
    PlayoutEnded,
    Resumed,
    Transcript,
    TurnStarted,
    Unduck,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.dialogue.foresight import Anticipated as Anticipated
from duplex.dialogue.foresight import Foresight
from duplex.graph.event import Event, to_ticks

FRAME = to_ticks(0.08)
"""Ticks from one of the core's frames to the next."""
SIGNS = ("over", "start", "complete", "words", "silence", "constant")
"""What the evidence of an end is the weighted sum of."""
_CERTAIN = 6.0
"""Log-odds beyond which more certainty tells nothing more."""
_OLD = to_ticks(0.4)
"""A frame of the core's that is older than this tells nothing of now."""
_NEWS = 0.01
"""The least change of a probability that is told."""
_EARLY = to_ticks(0.16)
"""What an overlap is cannot be known before: nor was it asked for in training."""
_CALM = 3
"""Frames without a voice after which an overlap is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreFrame(Event):
    """What the core says at the end of a frame of 80 ms; all but `state` are probabilities.

    Attributes:
        state: what the agent should do, the likeliest of the core's states.
        over: the user's turn is over.
        soon: it will be, within 640 ms.
        start: it is for the agent to begin, and not to hold or listen.
        complete: the recognised words are all of the turn.
        user: the user speaks.
        goes_on: he will, 0.6 to 1.2 s from now.
        ignore: a voice that does not speak to the agent.
        turn, backchannel, side, echo, noise: what is heard over the agent's speech.
    """

    state: str
    over: float = 0.0
    soon: float = 0.0
    start: float = 0.0
    complete: float = 0.0
    user: float = 0.0
    goes_on: float = 0.0
    ignore: float = 0.0
    turn: float = 0.0
    backchannel: float = 0.0
    side: float = 0.0
    echo: float = 0.0
    noise: float = 0.0

    def overlap(self, kind: OverlapKind) -> float:
        """The probability of a kind of overlap; `nobody`: whatever is heard, it is not the user."""
        p: float = 1 - self.user if kind == "nobody" else getattr(self, kind)
        return p


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure the core has to be of a class: at least `p`, in so many `frames` in a row."""

    p: float
    frames: int


@dataclass(frozen=True, slots=True)
class Reliance:
    """How far the core is relied on; chosen on validation dialogues.

    Attributes:
        weights: of the evidence that a turn is over, in the order of SIGNS: three log-odds of the core's, those of the
            words, the logarithm of the silence in frames, and a constant. None: the words alone count.
        overlaps: how sure it has to be of each kind; of those that are not here it is not asked.
        again: how sure it has to be of a `turn` in a voice that it had let pass.
        ignore: the mean P(ignore) of a turn's voice from which it is taken for somebody else's; None for never.
        eager: how sure it has to be, while the user speaks, that he will be done within 640 ms; None for not asked.
    """

    weights: tuple[float, ...] | None = None
    overlaps: Mapping[OverlapKind, Sure] = field(default_factory=dict)
    again: Sure | None = None
    ignore: float | None = None
    eager: Sure | None = None


@dataclass(slots=True)
class _Overlap:
    """A voice over an attempt's speech."""

    attempt: int
    onset: int
    passed: bool = False
    """It was taken for one that wants nothing."""
    alone: bool = False
    """The agent has ended: what is heard now, is not heard over its speech."""
    calm: int = 0
    """Frames in a row without a voice."""
    runs: dict[OverlapKind, int] = field(default_factory=dict)
    """For how many frames the core has been sure of each kind."""


def signs(frame: CoreFrame, words: float, silence: int) -> tuple[float, ...]:
    """The evidence of an end, in the order of SIGNS.

    Args:
        frame: what the core says.
        words: P(end | words).
        silence: ticks since the user's voice.
    """
    said = (frame.over, frame.start, frame.complete, words)
    return (*map(_log_odds, said), math.log1p(max(0, silence) / FRAME), 1.0)


def fused(frame: CoreFrame, words: float, silence: int, weights: tuple[float, ...]) -> float:
    """P(the turn is over) of core, words and silence together; see `signs`."""
    given = signs(frame, words, silence)
    total = sum(weight * sign for weight, sign in zip(weights, given, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def _log_odds(p: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    return max(-_CERTAIN, min(_CERTAIN, math.log(p / (1 - p))))


class Anticipation:
    """`on(event) -> [EndProbability | OverlapClass | Anticipated]`: between the core, the words and the floor."""

    def __init__(self, reliance: Reliance) -> None:
        self._reliance = reliance
        self._frame: CoreFrame | None = None
        """The core's latest."""
        self._attempt: int | None = None
        """That the user may have finished, and it is not decided yet."""
        self._end = 0
        """Where his voice ended."""
        self._words: float | None = None
        """P(end | words) of the attempt."""
        self._told: float | None = None
        """What the floor was told last."""
        self._overlap: _Overlap | None = None
        self._voiced = False
        """A voice is on now."""
        self._ignored = (0, 0.0)
        """How many frames of the turn had a voice, and the sum of their P(ignore)."""
        self._foresight = Foresight(reliance.eager)

    def on(self, event: Event) -> list[Event]:
        """Take what happened; say what the floor should know."""
        match event:
            case CoreFrame():
                return self._core(event)
            case EndProbability() if event.attempt == self._attempt:
                self._words = event.p
                return self._ending(event.t)
            case Transcript(final=True) if event.attempt == self._attempt and event.text.strip():
                return self._understood(event.t, event.attempt)
            case VoiceStarted():
                self._voiced = True
            case VoiceStopped():
                self._voiced = False
                self._foresight.stop()
                self._end = event.end  # of an attempt that was foreseen too
            case _:
                self._decided(event)
        return []

    def _decided(self, event: Event) -> None:
        """What the floor did."""
        if isinstance(event, TurnStarted):
            self._ignored = (0, 0.0)
        match event:
            case Eager():
                self._attempt, self._end = event.attempt, event.end
                self._words = self._told = None
            case Duck():
                self._overlap = _Overlap(event.attempt, event.onset)
            case Unduck(decided=True) if self._overlap is not None and not self._overlap.passed:
                self._overlap = None
            case PlayoutEnded() if self._overlap is not None and self._overlap.passed:
                self._overlap.alone = True
            case Yield() | PlayoutEnded() | TurnStarted():
                self._overlap = None
            case Resumed() | Commit() | Discarded():
                self._attempt = None

    def _core(self, frame: CoreFrame) -> list[Event]:
        self._frame = frame
        if self._voiced:
            frames, total = self._ignored
            self._ignored = (frames + 1, total + frame.ignore)
        foreseen = self._foresight.see(frame) if self._voiced else []
        return [*foreseen, *self._ending(frame.t), *self._overlapped(frame)]

    def _ending(self, t: int) -> list[Event]:
        """Tell the floor how likely the end is, where that has changed."""
        if self._attempt is None or self._words is None:
            return []
        p = self._words
        weights, frame = self._reliance.weights, self._frame
        if weights is not None and frame is not None and t - frame.t <= _OLD:
            p = fused(frame, p, t - self._end, weights)
        if self._told is not None and abs(p - self._told) < _NEWS:
            return []
        self._told = p
        return [EndProbability(t=t, attempt=self._attempt, p=p)]

    def _understood(self, t: int, attempt: int) -> list[Event]:
        """There are words; but were they for the agent?"""
        least, (frames, total) = self._reliance.ignore, self._ignored
        if least is None or not frames:
            return []
        p = total / frames
        return [OverlapClass(t=t, attempt=attempt, kind="side", p=p)] if p >= least else []

    def _asked(self, overlap: _Overlap) -> Mapping[OverlapKind, Sure]:
        """Of which kinds the core is asked now."""
        if not overlap.passed:
            return self._reliance.overlaps
        return {"turn": self._reliance.again} if self._reliance.again else {}

    def _overlapped(self, frame: CoreFrame) -> list[Event]:
        """Say what a voice over the agent's is, as soon as that is sure."""
        overlap = self._overlap
        if overlap is None or frame.t - overlap.onset < _EARLY:
            return []
        overlap.calm = 0 if self._voiced else overlap.calm + 1
        if overlap.passed and overlap.calm >= _CALM:
            self._overlap = None
            return []
        sure: list[OverlapKind] = []
        for kind, needed in self._asked(overlap).items():
            p = frame.user if overlap.alone else frame.overlap(kind)
            overlap.runs[kind] = overlap.runs.get(kind, 0) + 1 if p >= needed.p else 0
            if overlap.runs[kind] >= needed.frames:
                sure.append(kind)
        if not sure:
            return []
        kind = max(sure, key=frame.overlap)
        overlap.passed, overlap.runs = True, {}
        return [OverlapClass(t=frame.t, attempt=overlap.attempt, kind=kind, p=frame.overlap(kind))]
