"""From voice probabilities to "began" and "ended": the hysteresis between the detector and the floor.

Short runs are what barge-in needs and what a silence rule must not believe, so beginning and ending have
thresholds and lengths of their own (as Silero's own iterator has), and both report the moment in the audio, not
the moment of the decision.
"""

from __future__ import annotations

from dataclasses import dataclass

from duplex.dialogue.events import VoiceStarted, VoiceStopped
from duplex.graph.event import Event

WINDOW = 1_536
"""Ticks between two probabilities: 32 ms, Silero's window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceProbability(Event):
    """P(voice) of the 32 ms that end at `t`."""

    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceHint(Event):
    """One window of voice after silence: it may be the beginning of one, and is not believed yet."""


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """When a voice has begun and when it has ended.

    Attributes:
        start: probability at or above which a window counts as voice.
        stop: probability below which a window counts as silence; between the two nothing changes.
        start_windows: windows of voice, in a row, before it has begun.
        stop_windows: windows of silence, in a row, before it has ended.
    """

    start: float = 0.5
    stop: float = 0.35
    start_windows: int = 2
    stop_windows: int = 2


class VoiceMachine:
    """`on(VoiceProbability) -> [VoiceHint] | [VoiceStarted] | [VoiceStopped] | []`."""

    def __init__(self, settings: VoiceSettings | None = None) -> None:
        self._settings = settings or VoiceSettings()
        self._speaking = False
        self._run = 0
        """Windows in a row that speak for the other state."""
        self._edge = 0
        """Where that run began."""

    def on(self, event: Event) -> list[Event]:
        """Take one probability; report the change that it completes, if it does."""
        if not isinstance(event, VoiceProbability):
            return []
        against = event.p < self._settings.stop if self._speaking else event.p >= self._settings.start
        if not against:
            self._run = 0
            return []
        if self._run == 0:
            self._edge = max(0, event.t - WINDOW)
        self._run += 1
        needed = self._settings.stop_windows if self._speaking else self._settings.start_windows
        if self._run < needed:
            return [] if self._speaking or self._run > 1 else [VoiceHint(t=event.t)]
        self._run = 0
        self._speaking = not self._speaking
        if self._speaking:
            return [VoiceStarted(t=event.t, onset=self._edge)]
        return [VoiceStopped(t=event.t, end=self._edge)]
