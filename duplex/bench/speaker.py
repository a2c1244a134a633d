"""The caller's voice in the demo and the benches: never the agent's own.

Kokoro where it can be had, else espeak-ng, said in one line. Clips end with the last audible sample, so that
the end of the last word is known to the sample, and are kept, so that a second run does not pay for them.
"""

from __future__ import annotations

import hashlib
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


def trim(pcm: Pcm) -> Pcm:
    """Cut what comes before the first and after the last audible 10 ms, int16 [n] at 16 kHz."""
    hop = RATE // 100
    count = len(pcm) // hop
    if not count:
        return pcm
    frames = pcm[: count * hop].astype(np.float64).reshape(count, hop)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=1)) >= AUDIBLE)
    return pcm[loud[0] * hop : (loud[-1] + 1) * hop] if loud.size else pcm[:0]


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
        key = hashlib.sha256(f"{self.name}\n{text}".encode()).hexdigest()[:16]
        path = self._cache / f"{key}.wav"
        if path.exists():
            pcm: Pcm = soundfile.read(path, dtype="int16")[0]
            return pcm
        utterance = self._engine.stream()
        chunks = [chunk.pcm for chunk in (*utterance.feed(text), *utterance.finish())]
        audio = np.concatenate(chunks).astype(np.float32)
        resampled = soxr.resample(audio, self._engine.sample_rate, RATE)
        pcm = trim(np.clip(resampled, -32_768, 32_767).astype(np.int16))
        soundfile.write(path, pcm, RATE)
        return pcm


def _engine(voice: str, offline: bool) -> tuple[Synthesiser, str]:
    from duplex.models import ModelError, model_folder
    from tts import EspeakSynthesiser, KokoroSynthesiser

    try:
        return KokoroSynthesiser(model_folder("kokoro", offline=offline), voice=voice), f"Kokoro {voice}"
    except ModelError as error:
        logger.warning("Kokoro cannot be had (%s): the caller speaks with espeak-ng", error)
        return EspeakSynthesiser(), "espeak-ng"
