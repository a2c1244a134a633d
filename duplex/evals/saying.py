"""How a baseline speaks: fixed texts, said in advance, and the events that a session would tell of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from duplex.audio.detect import first_audible
from duplex.audio.pcm import Pcm
from duplex.dialogue.events import Commit, Speech, SpokenWord, Yield
from duplex.dialogue.playout import Playout
from duplex.evals.scenario import Lane
from duplex.evals.timeline import AGENT_RATE
from duplex.evals.words import WordVoice
from duplex.graph import Event, to_ticks
from duplex.models import ModelError, model_folder
from tts.types import Synthesiser

Listener = Callable[[Event], None]
_WORD = 0.3
"""Seconds of a tone that stands for a word."""


class Sayings:
    """Texts as speech, each made once: from its first audible sample on, so that nothing but the rule is late."""

    def __init__(self, lane: Lane) -> None:
        self._engine = WordVoice() if lane == "text" else _piper()
        self._said: dict[str, tuple[Pcm, tuple[SpokenWord, ...]]] = {}

    @property
    def spoken(self) -> bool:
        """They are in a voice; where none is on this machine, each word is a tone."""
        return self._engine is not None

    def say(self, text: str) -> tuple[Pcm, tuple[SpokenWord, ...]]:
        """Int16 [n] at 24 kHz, and its words."""
        if text not in self._said:
            self._said[text] = _tones(text) if self._engine is None else _speech(self._engine, text)
        return self._said[text]


def _piper() -> Synthesiser | None:
    try:
        folder = model_folder("piper-joe", offline=True)
    except ModelError:
        return None
    from tts import PiperSynthesiser

    return PiperSynthesiser(folder)


def _speech(engine: Synthesiser, text: str) -> tuple[Pcm, tuple[SpokenWord, ...]]:
    from duplex.audio.resample import resample

    utterance = engine.stream()
    chunks = [*utterance.feed(text), *utterance.finish()]
    pcm = resample(np.concatenate([chunk.pcm for chunk in chunks]), engine.sample_rate, AGENT_RATE)
    lead = first_audible(pcm, AGENT_RATE) or 0.0
    words = tuple(
        SpokenWord(word.text, to_ticks(max(0.0, word.start - lead)), to_ticks(max(0.0, word.end - lead)))
        for chunk in chunks
        for word in chunk.words
    )
    return pcm[round(lead * AGENT_RATE) :], words


def _tones(text: str) -> tuple[Pcm, tuple[SpokenWord, ...]]:
    words = text.split()
    t = np.arange(round(len(words) * _WORD * AGENT_RATE)) / AGENT_RATE
    pcm = (np.sin(2 * np.pi * 300 * t) * 5_000 * (t % _WORD < 0.8 * _WORD)).astype(np.int16)
    spans = [
        SpokenWord(word, to_ticks(at * _WORD), to_ticks((at + 0.8) * _WORD)) for at, word in enumerate(words)
    ]
    return pcm, tuple(spans)


class Mouth:
    """Says one thing at a time. Times are ticks of the side's clock."""

    def __init__(self, sayings: Sayings, tell: Listener) -> None:
        self._sayings, self._tell = sayings, tell
        self._playout = Playout()
        self._attempt = self._turn = 0

    @property
    def busy(self) -> bool:
        """Something is being said."""
        return self._playout.ready

    @property
    def next(self) -> int:
        """The attempt that will be said next."""
        return self._attempt + 1

    def announce(self, t: int, text: str) -> None:
        """Say something that was not asked for."""
        self._commit(t, t, "announcement", text)
        self.say(t, text)

    def decide(self, t: int, end: int) -> None:
        """A turn whose last word ended at `end` is over: `say` is to follow."""
        self._turn += 1
        self._commit(t, end, "words")

    def _commit(self, t: int, end: int, reason: str, text: str = "") -> None:
        self.stop(t)
        self._attempt += 1
        turn = 0 if text else self._turn
        self._take(Commit(t=t, attempt=self._attempt, turn=turn, end=end, reason=reason, text=text))

    def say(self, t: int, text: str) -> None:
        """Say what was decided on."""
        pcm, words = self._sayings.say(text)
        self._take(Speech(t=t, attempt=self._attempt, pcm=pcm, words=words, last=True))

    def _take(self, event: Event) -> None:
        self._playout.on(event)
        self._tell(event)

    def stop(self, t: int) -> None:
        """Say no more of it."""
        if not self.busy:
            return
        stop = Yield(t=t, attempt=self._attempt)
        self._tell(stop)
        for event in self._playout.on(stop):
            self._tell(event)

    def pull(self, t: int) -> Pcm:
        """The next 20 ms, int16 [480] at 24 kHz."""
        frame, events = self._playout.pull(t)
        for event in events:
            self._tell(event)
        return frame
