"""What is being played and what of it has been heard: the agent's audio buffer and its ledger in one machine.

A reply's audio is kept here from the moment it is made. It leaves, 20 ms at a time, only after its attempt was
committed; an attempt that is dropped leaves nothing. Since every sample passes through `pull`, the ledger knows
to the sample what has left, and says `delay` later what of it was heard: a reply is over when its last word was. One
that is cut off is over at once, with the words that are still on their way to the caller's ear.

What was cut off may be kept, and be taken up again under another attempt: at the word that was cut, or after some
words that lead back into it at the clause. What the caller hears twice then is in the account once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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
    SpokenWord,
    Unduck,
    Yield,
)
from duplex.dialogue.ledger import Ledger
from duplex.dialogue.voice import VoiceHint
from duplex.graph.event import TICKS, Event, to_ticks

Pcm = NDArray[np.int16]

FRAME = AGENT_RATE // 50
"""Samples in 20 ms."""
TICKS_A_SAMPLE = TICKS // AGENT_RATE
DUCKED = 10 ** (-14 / 20)  # gain while the user's voice overlaps ours
HINT, DEAF = to_ticks(0.06), to_ticks(2)
"""For how long a mere hint of a voice lowers ours, and how long the next one has no effect."""
RAMP = AGENT_RATE // 100
"""Samples over which the gain changes: 10 ms, too short to notice and too long to click."""


@dataclass(slots=True)
class _Rest:
    """A reply that was cut off, or that was taken up again and is still being made.

    Attributes:
        attempts: under which its audio comes.
        shift: ticks from the times of the words that come to those here.
        heard: how much of it was heard, in ticks, and how many of its words.
    """

    attempts: set[int]
    shift: int = 0
    audio: list[Pcm] = field(default_factory=list)
    words: list[SpokenWord] = field(default_factory=list)
    heard: tuple[int, int] = (0, 0)
    complete: bool = False

    def add(self, speech: Speech) -> None:
        """More of it was made."""
        self.audio.append(speech.pcm)
        self.words += _moved(speech.words, self.shift)
        self.complete = self.complete or speech.last

    def start(self, clause: bool) -> int:
        """Where to take it up, in ticks: at the word that was cut, the next one, or the beginning of its clause."""
        at, count = self.heard
        cut = next((i for i, word in enumerate(self.words) if word.end > at), len(self.words))
        if clause:
            while cut and self.words[cut - 1].text[-1:] not in tuple(",.;:!?"):
                cut -= 1
        else:
            cut = min(cut, count)
        return max(0, self.words[cut].start) if cut < len(self.words) else at


def _moved(words: Iterable[SpokenWord], by: int) -> list[SpokenWord]:
    return [SpokenWord(word.text, word.start + by, word.end + by) for word in words]


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
        self._next = self._offset = 0
        """The first array that was not played to its end, and the samples of it that were."""
        self._complete = False
        """All of the reply has come."""
        self._ledger = Ledger()
        self._reported = 0
        self._gain = self._target = 1.0
        self._until: int | None = None  # when it is louder again, unless a voice comes of the hint
        self._deaf = 0
        self._tail: Pcm | None = None
        self._cut: _Rest | None = None
        """What was cut off last, while it may yet be taken up."""
        self._rest: _Rest | None = None
        """What is being taken up: the current reply's audio and words, and what comes of them."""
        self._leading = False
        """It is led into first, and what leads is not complete yet."""
        self._again: tuple[SpokenWord, ...] = ()
        """The words that are taken up."""

    def on(self, event: Event) -> list[Event]:
        """Take audio, or a decision about it."""
        match event:
            case Speech():
                self._take(event)
            case Commit():
                self._released = event.attempt
                if event.reason == "resumption":
                    self._resume(event)
            case VoiceHint() if self._target == 1.0 and event.t >= self._deaf:
                self._target, self._until, self._deaf = DUCKED, event.t + HINT, event.t + DEAF
            case Duck():
                self._target, self._until = DUCKED, None
            case Unduck():
                self._target = 1.0
            case Yield():
                return self._drop(event.attempt, event.t, event.keep)
            case Resumed() | Discarded():
                return self._drop(event.attempt, event.t)
        return []

    def _take(self, event: Speech) -> None:
        for rest in (self._cut, self._rest):
            if rest is not None and event.attempt in rest.attempts:
                rest.add(event)
                if rest is self._rest and not self._leading:
                    self._append(event.pcm, _moved(event.words, rest.shift), event.last)
                return
        if event.attempt <= self._dead:
            return
        if self._attempt is None or event.attempt > self._attempt:
            self._clear()
            self._attempt = event.attempt
        elif event.attempt < self._attempt:
            return
        self._append(event.pcm, event.words, event.last and not self._leading)
        if self._leading and event.last:
            self._follow(clause=True)

    def _append(self, pcm: Pcm, words: Iterable[SpokenWord], last: bool) -> None:
        if pcm.size:
            self._audio.append(pcm)
        self._ledger.add(words)
        self._complete = self._complete or last

    def _resume(self, commit: Commit) -> None:
        """Take up what was cut off; where nothing is left, this reply ends at once."""
        rest, self._cut = self._cut or _Rest(set(), complete=True), None
        if self._attempt != commit.attempt:  # else the words that lead to it are there already
            self._clear()
        self._attempt, self._rest, self._leading = commit.attempt, rest, bool(commit.text)
        if self._complete or not self._leading:
            self._follow(clause=self._leading)

    def _follow(self, clause: bool) -> None:
        """Put the rest after what was said under this attempt so far."""
        assert self._rest is not None
        rest, self._leading = self._rest, False
        start = rest.start(clause)
        before = sum(part.size for part in self._audio) * TICKS_A_SAMPLE
        audio = np.concatenate([np.zeros(0, np.int16), *rest.audio])[start // TICKS_A_SAMPLE :].copy()
        ramp = min(RAMP, audio.size)
        audio[:ramp] = audio[:ramp] * np.linspace(0.0, 1.0, ramp)
        rest.shift += before - start
        # The end of a reply that is still being made would come too late for words that lead to it.
        complete = rest.complete or clause
        self._again = tuple(_moved(rest.words[rest.heard[1] :], before - start))
        self._append(audio, self._again, complete)

    def _clear(self) -> None:
        self._attempt = self._rest = None
        self._audio, self._next, self._offset = [], 0, 0
        self._complete = self._leading = False
        self._ledger, self._reported, self._again = Ledger(), 0, ()

    def _keep(self, attempt: int) -> None:
        """Remember what is being cut off."""
        before, ledger = self._rest, self._ledger
        if self._leading:  # nothing of it was heard this time either
            self._cut = before
            return
        attempts, shift = (before.attempts, before.shift) if before else (set[int](), 0)
        heard = (ledger.heard, ledger.count)
        words = list(ledger.words)
        self._cut = _Rest(attempts | {attempt}, shift, self._audio, words, heard, self._complete)

    def _drop(self, attempt: int, t: int, keep: bool = False) -> list[Event]:
        """Stop this attempt; if some of it was played, say what was heard."""
        events: list[Event] = []
        if keep:
            self._cut = _Rest({attempt})
        if self._attempt == attempt:
            ledger = self._ledger
            ledger.land()
            if keep:
                self._keep(attempt)
            if ledger.sent:
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
        return self._complete and not self._left and self._ledger.complete

    @property
    def _left(self) -> bool:
        """Audio is there that was not played."""
        return self._next < len(self._audio)

    @property
    def ready(self) -> bool:
        """The next `pull` gives audio."""
        return self._left and self._attempt == self._released and not self._leading

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
        if self._until is not None and t >= self._until:
            self._target, self._until = 1.0, None
        if self._tail is not None:
            frame[: self._tail.size], self._tail = self._tail, None
            return frame, []
        if self._attempt is None or self._attempt != self._released or self._leading:
            return frame, []
        events = self._report(t, self._attempt)
        samples = self._read(FRAME)
        if samples.size:
            if not self._ledger.sent:
                self._gain = self._target
                events.append(PlayoutStarted(t=t, attempt=self._attempt, delay=self.delay, words=self._again))
                self._cut = None
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
        while count and self._left:
            part = self._audio[self._next][self._offset : self._offset + count]
            self._offset += part.size
            count -= part.size
            parts.append(part)
            if self._offset >= self._audio[self._next].size:
                self._next, self._offset = self._next + 1, 0
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)

    def _level(self, samples: Pcm) -> Pcm:
        if self._gain == self._target == 1.0:
            return samples
        gains = np.full(samples.size, self._target, dtype=np.float32)
        ramp = min(RAMP, samples.size)
        gains[:ramp] = np.linspace(self._gain, self._target, ramp, dtype=np.float32)
        self._gain = self._target
        return (samples * gains).astype(np.int16)
