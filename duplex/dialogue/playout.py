"""What is being played and what of it has been heard: the agent's audio buffer and its ledger in one machine.

A reply's audio is kept here from the moment it is made. It leaves, 20 ms at a time, only after its attempt was
committed; an attempt that is dropped leaves nothing. Since every sample passes through `pull`, the ledger knows
to the sample what has left, and says `delay` later what of it was heard: a reply is over when its last word was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from duplex.dialogue.events import (
    AGENT_RATE,
    Commit,
    Discarded,
    Duck,
    Heard,
    PlayoutEnded,
    PlayoutStarted,
    Resumed,
    Speech,
    Unduck,
    Yield,
)
from duplex.dialogue.ledger import Ledger
from duplex.graph.event import TICKS, Event

Pcm = NDArray[np.int16]

FRAME = AGENT_RATE // 50
"""Samples in 20 ms."""
TICKS_A_SAMPLE = TICKS // AGENT_RATE
DUCKED = 10 ** (-14 / 20)
"""Gain while the user's voice overlaps ours."""
RAMP = AGENT_RATE // 100
"""Samples over which the gain changes: 10 ms, too short to notice and too long to click."""


class Playout:
    """`on(event) -> events` for what others decide, `pull(t) -> (frame, events)` for the transport's pace."""

    def __init__(self, delay: int = 0) -> None:
        self.delay = delay
        """Ticks between a frame's leaving here and its being heard; the transport measures it."""
        self._attempt: int | None = None
        self._dead = -1
        """Attempts up to this number are over."""
        self._released = -1
        self._audio: list[Pcm] = []
        self._offset = 0
        """Samples of the first array that were played."""
        self._complete = False
        """All of the reply has come."""
        self._ledger = Ledger()
        self._reported = 0
        self._gain = self._target = 1.0
        self._tail: Pcm | None = None

    def on(self, event: Event) -> list[Event]:
        """Take audio, or a decision about it."""
        match event:
            case Speech() if event.attempt > self._dead:
                self._take(event)
            case Commit():
                self._released = event.attempt
            case Duck():
                self._target = DUCKED
            case Unduck():
                self._target = 1.0
            case Resumed() | Yield() | Discarded():
                return self._drop(event.attempt, event.t)
        return []

    def _take(self, event: Speech) -> None:
        if self._attempt is None or event.attempt > self._attempt:
            self._clear()
            self._attempt = event.attempt
        elif event.attempt < self._attempt:
            return
        if event.pcm.size:
            self._audio.append(event.pcm)
        self._ledger.add(event.words)
        self._complete = self._complete or event.last

    def _clear(self) -> None:
        self._attempt = None
        self._audio, self._offset, self._complete = [], 0, False
        self._ledger, self._reported = Ledger(), 0

    def _drop(self, attempt: int, t: int) -> list[Event]:
        """Stop this attempt; if some of it was played, say what was heard."""
        events: list[Event] = []
        if self._attempt == attempt:
            ledger = self._ledger
            if ledger.sent:
                ledger.listen(t, self.delay)
                cut = not self._spoken
                self._tail = self._fade_out()
                events.append(PlayoutEnded(t=t, attempt=attempt, heard=ledger.text, interrupted=cut))
            self._clear()
        self._dead = max(self._dead, attempt)
        self._target = 1.0
        return events

    @property
    def _spoken(self) -> bool:
        """Nothing is left to say or to hear."""
        return self._complete and not self._audio and self._ledger.complete

    @property
    def ready(self) -> bool:
        """The next `pull` gives audio."""
        return bool(self._audio) and self._attempt == self._released

    def _fade_out(self) -> Pcm | None:
        """The next 10 ms, fading: a cut in mid-wave is a click."""
        samples = self._read(RAMP)
        if not samples.size:
            return None
        ramp = np.linspace(self._gain, 0.0, samples.size, dtype=np.float32)
        self._gain = 1.0
        return (samples * ramp).astype(np.int16)

    def pull(self, t: int) -> tuple[Pcm, list[Event]]:
        """The next 20 ms, int16 [480] at 24 kHz, and what its leaving means."""
        frame = np.zeros(FRAME, dtype=np.int16)
        if self._tail is not None:
            frame[: self._tail.size], self._tail = self._tail, None
            return frame, []
        if self._attempt is None or self._attempt != self._released:
            return frame, []
        events = self._report(t, self._attempt)
        samples = self._read(FRAME)
        if samples.size:
            if not self._ledger.sent:
                self._gain = self._target
                events.append(PlayoutStarted(t=t, attempt=self._attempt, delay=self.delay))
            frame[: samples.size] = self._level(samples)
            self._ledger.send(t, samples.size * TICKS_A_SAMPLE)
        elif self._complete and self._ledger.heard == self._ledger.sent:
            events.append(PlayoutEnded(t=t, attempt=self._attempt, heard=self._ledger.whole))
            self._dead = self._attempt
            self._clear()
        return frame, events

    def _report(self, t: int, attempt: int) -> list[Event]:
        """The words that were heard since the last time."""
        self._ledger.listen(t, self.delay)
        if self._ledger.count <= self._reported:
            return []
        self._reported = self._ledger.count
        return [Heard(t=t, attempt=attempt, text=self._ledger.text)]

    def _read(self, count: int) -> Pcm:
        parts: list[Pcm] = []
        while count and self._audio:
            part = self._audio[0][self._offset : self._offset + count]
            self._offset += part.size
            count -= part.size
            parts.append(part)
            if self._offset >= self._audio[0].size:
                self._audio.pop(0)
                self._offset = 0
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)

    def _level(self, samples: Pcm) -> Pcm:
        if self._gain == self._target == 1.0:
            return samples
        gains = np.full(samples.size, self._target, dtype=np.float32)
        ramp = min(RAMP, samples.size)
        gains[:ramp] = np.linspace(self._gain, self._target, ramp, dtype=np.float32)
        self._gain = self._target
        return (samples * gains).astype(np.int16)
