"""The caller's voice in the demo and the benches: never the agent's own.

Kokoro where it can be had, else espeak-ng, said in one line. Clips end with the last audible sample, so that
the end of the last word is known to the sample, and are kept, so that a second run does not pay for them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tts.types import Synthesiser

Pcm = NDArray[np.int16]
RATE = 16_000
AUDIBLE = 10 ** (-45 / 20) * 32_768
"""-45 dBFS: below this nothing is heard, as in the measures."""

logger = logging.getLogger(__name__)


HOP = RATE // 100
NEAR = 6
"""Hops around a word boundary in which a pause may be put: word times are that uncertain."""


def audible(pcm: Pcm) -> slice:
    """From the first to the last audible 10 ms of int16 [n] at 16 kHz."""
    loud = np.flatnonzero(_levels(pcm) >= AUDIBLE)
    return slice(loud[0] * HOP, (loud[-1] + 1) * HOP) if loud.size else slice(0, 0)


def _levels(pcm: Pcm) -> NDArray[np.float64]:
    """RMS of each whole 10 ms."""
    count = len(pcm) // HOP
    frames = pcm[: count * HOP].astype(np.float64).reshape(count, HOP)
    levels: NDArray[np.float64] = np.sqrt((frames**2).mean(axis=1))
    return levels


def split(pcm: Pcm, boundary: float) -> tuple[Pcm, Pcm]:
    """Two halves of a clip, cut where it is quietest near `boundary` seconds and faded over 10 ms against clicks."""
    levels, near = _levels(pcm), round(boundary * 100)
    first, last = max(1, near - NEAR), min(len(levels) - 1, near + NEAR)
    cut = (first + int(levels[first : last + 1].argmin())) * HOP + HOP // 2
    fade = np.linspace(0.0, 1.0, HOP)
    head, tail = pcm[:cut].copy(), pcm[cut:].copy()
    head[-HOP:] = head[-HOP:] * fade[::-1]
    tail[:HOP] = tail[:HOP] * fade
    return head[audible(head)], tail[audible(tail)]


class Speaker:
    """Says text in a voice that is not the agent's.

    Args:
        cache: folder that keeps the clips.
        voice: a Kokoro voice.
        offline: do not fetch Kokoro.
    """

    def __init__(self, cache: Path, voice: str = "af_heart", offline: bool = False) -> None:
        self._cache = cache
        self._engine, self.name = _engine(voice, offline)
        cache.mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> Pcm:
        """The words as int16 [n] at 16 kHz, from the first audible sample to the last."""
        return self._clip(text)[0]

    def say_in_halves(self, first: str, second: str) -> tuple[Pcm, Pcm]:
        """One sentence in one breath, cut between two words: a pause in it has the melody of a sentence that goes on.

        Two texts said one after the other would each end as a sentence does.
        """
        pcm, times = self._clip(f"{first} {second}")
        words = len(first.split())
        if len(times) != words + len(second.split()):  # a voice without word times
            return self.say(first), self.say(second)
        return split(pcm, (times[words - 1][1] + times[words][0]) / 2)

    def _clip(self, text: str) -> tuple[Pcm, list[list[float]]]:
        """The clip and the start and end of its words in seconds; none where the voice gives no word times."""
        key = hashlib.sha256(f"{self.name}\n{text}".encode()).hexdigest()[:16]
        sound, notes = self._cache / f"{key}.wav", self._cache / f"{key}.json"
        if sound.exists() and notes.exists():
            return soundfile.read(sound, dtype="int16")[0], json.loads(notes.read_text())
        utterance = self._engine.stream()
        chunks = [*utterance.feed(text), *utterance.finish()]
        audio = np.concatenate([chunk.pcm for chunk in chunks]).astype(np.float32)
        resampled = soxr.resample(audio, self._engine.sample_rate, RATE)
        pcm = np.clip(resampled, -32_768, 32_767).astype(np.int16)
        kept = audible(pcm)
        lead = kept.start / RATE
        times = [[word.start - lead, word.end - lead] for chunk in chunks for word in chunk.words]
        soundfile.write(sound, pcm[kept], RATE)
        notes.write_text(json.dumps(times))
        return pcm[kept], times


def _engine(voice: str, offline: bool) -> tuple[Synthesiser, str]:
    from duplex.models import ModelError, model_folder
    from tts import EspeakSynthesiser, KokoroSynthesiser

    try:
        return KokoroSynthesiser(model_folder("kokoro", offline=offline), voice=voice), f"Kokoro {voice}"
    except ModelError as error:
        logger.warning("Kokoro cannot be had (%s): the caller speaks with espeak-ng", error)
        return EspeakSynthesiser(), "espeak-ng"
