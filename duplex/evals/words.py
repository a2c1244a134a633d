"""Words as audio: what lets a whole session run on words alone.

Every word is a run of samples that all hold the word's number. The detector hears a voice wherever there is a number,
the recogniser reads the numbers, each word as it ends, and the voice gives a marker for as long as a word would take.
So turns are taken by the agent's own rules, on words that come on a clock, without speech models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from asr.types import Hypothesis, Word
from duplex.audio.pcm import Pcm
from duplex.evals.metrics.spans import merge
from duplex.evals.prepare import Prepared
from duplex.evals.record import RATE
from duplex.evals.scenario import Channel, Item, Scenario, ScenarioError
from duplex.evals.spoken import parted
from duplex.evals.timeline import AGENT_RATE
from tts.types import SpeechChunk, WordTime

if TYPE_CHECKING:
    from asr.vad import SileroVad

PACE = 0.4
"""Seconds that a word takes where nobody knows: 150 words a minute."""
SPOKEN = 0.36
"""Seconds of them in which it sounds."""
_FIRST = 1_000  # the first word's number; under it there is a voice, but no word
_LAST = 32_767
_VOICE = 999
_BRIDGE = 0.2
"""Seconds between two words in which the voice goes on."""
_WINDOW = 512
_MUTE = ("noise", "background_speech", "silence", "pause")
"""Kinds of items that nobody has put into words."""


def as_words(scenario: Scenario) -> Prepared:
    """The scenario with its words as audio, and without levels and echoes.

    Raises:
        ScenarioError: it has more words than there are numbers, or an item that is said has none.
    """
    items, audio, number = [], {}, _FIRST
    for item in scenario.timeline:
        words = _words(item)
        if not words and item.kind not in _MUTE:
            raise ScenarioError(f"{scenario.id}: {item.id}: the text lane needs its `words` or its `text`")
        if number + len(words) > _LAST:
            raise ScenarioError(
                f"{scenario.id}: more than {_LAST - _FIRST} words are too many for the text lane"
            )
        seconds = max(item.dur or 0.0, max((end for _, _, end in words), default=0.0))
        audio[item.id] = _numbered(words, seconds, number)
        number += len(words)
        speech = item.speech or tuple(merge([(start, end) for _, start, end in words], _BRIDGE))
        made = {"words": words, "speech": speech, "dur": seconds, "gain_db": 0.0, "snr_db": None}
        items.append(item.model_copy(update=made))
    update = {"timeline": tuple(items), "channel": Channel()}
    return Prepared(scenario.model_copy(update=update), audio)


def table(scenario: Scenario) -> list[str]:
    """The words of a scenario that `as_words` made, by number from the first."""
    return [text for item in scenario.timeline for text, _, _ in item.words]


def _words(item: Item) -> tuple[tuple[str, float, float], ...]:
    if item.words or item.kind in _MUTE:
        return item.words if item.kind not in _MUTE else ()
    said = item.text or str((item.tts or {}).get("text", ""))
    if not said:
        return ()
    try:
        parts, pauses = parted(said)
    except ValueError as error:
        raise ScenarioError(f"{item.id}: {error}") from error
    out, at = [], item.speech[0][0] if item.speech else 0.0
    for part, pause in zip(parts, (*pauses, 0.0), strict=True):
        texts = part.split()
        out += [(text, at + i * PACE, at + i * PACE + SPOKEN) for i, text in enumerate(texts)]
        at += len(texts) * PACE + pause
    return tuple(out)


def _numbered(words: Sequence[tuple[str, float, float]], seconds: float, number: int) -> Pcm:
    pcm = np.zeros(round(seconds * RATE), np.int16)
    before: float | None = None
    for at, (_, start, end) in enumerate(words):
        if before is not None and start - before <= _BRIDGE:
            pcm[round(before * RATE) : round(start * RATE)] = _VOICE
        pcm[round(start * RATE) : round(end * RATE)] = number + at
        before = end
    return pcm


class WordDetector:
    """Stands for the voice detector; shared and per session at once, since a side has one user."""

    def __init__(self) -> None:
        self._rest: Pcm = np.zeros(0, np.int16)

    def stream(self) -> WordDetector:
        """Itself."""
        return self

    def accept(self, pcm: Pcm) -> list[float]:
        """1.0 for each window of 512 samples in which there is a number, else 0.0."""
        heard = np.concatenate((self._rest, pcm))
        whole = len(heard) // _WINDOW * _WINDOW
        self._rest = heard[whole:]
        return [float(window.any()) for window in heard[:whole].reshape(-1, _WINDOW)]

    def reset(self) -> None:
        """Forget what was heard."""
        self._rest = np.zeros(0, np.int16)


class WordReader:
    """Stands for the recogniser: the words of the scenario, each from its end on, none of them in doubt."""

    def __init__(self, words: Sequence[str]) -> None:
        self._texts = list(words)
        self.reset()

    def stream(self) -> WordReader:
        """Itself."""
        return self

    def reset(self) -> None:
        """Forget all words; time starts at 0 again."""
        self._words: list[Word] = []
        self._samples, self._number, self._since = 0, 0, 0

    def accept(self, pcm: Pcm) -> None:
        """Read int16 [n]."""
        changes = np.flatnonzero(np.diff(pcm)) + 1
        for start in (0, *changes.tolist()):
            if len(pcm) and int(pcm[start]) != self._number:
                self._end(self._samples + start)
                self._number, self._since = int(pcm[start]), self._samples + start
        self._samples += len(pcm)

    def _end(self, at: int) -> None:
        """The run that is being read is over; what two voices make of each other is no word."""
        place = self._number - _FIRST
        if 0 <= place < len(self._texts):
            self._words.append(Word(self._texts[place], self._since / RATE, at / RATE))

    def hypothesis(self) -> Hypothesis:
        """The words that have ended."""
        return Hypothesis(tuple(self._words), len(self._words))

    def finalise(self) -> Hypothesis:
        """The same, for good."""
        last = self._words[-1].end - self._words[-1].start if self._words else None
        return Hypothesis(tuple(self._words), len(self._words), final=True, last=last)


class WordVoice:
    """Stands for the voice: no sound, but for each word a marker as long as it would take to say it."""

    sample_rate = AGENT_RATE

    def stream(self) -> WordUtterance:
        """A new utterance."""
        return WordUtterance()


class WordUtterance:
    """One utterance of markers."""

    def __init__(self) -> None:
        self._words = 0

    def feed(self, text: str) -> Iterator[SpeechChunk]:
        """A chunk for each word."""
        for word in text.split():
            start = self._words * PACE
            self._words += 1
            pcm = np.zeros(round(PACE * AGENT_RATE), np.int16)
            pcm[: round(SPOKEN * AGENT_RATE)] = _FIRST
            yield SpeechChunk(pcm, start, (WordTime(word, start, start + SPOKEN),))

    def finish(self) -> Iterator[SpeechChunk]:
        """Nothing is left."""
        return iter(())

    def cancel(self) -> None:
        """There is nothing to stop."""


def detector() -> SileroVad:
    """A `WordDetector` where a session wants its detector."""
    return cast("SileroVad", WordDetector())
