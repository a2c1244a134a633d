"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from duplex.audio.pcm import Pcm


@pytest.fixture(scope="session")
def model_path() -> Callable[[str], Path]:
    """Where a model's files lie: `model_path("piper-joe")` is its folder in the store, pulled if it is missing."""
    from duplex.models import model_folder

    return model_folder


@pytest.fixture(scope="module")
def voice(model_path: Callable[[str], Path]) -> Callable[[str], Pcm]:
    """Who calls: words to 16 kHz audio, in a voice that no agent of the tests has."""
    import numpy as np
    import soxr

    from tts import KokoroSynthesiser

    engine = KokoroSynthesiser(model_path("kokoro"), voice="bm_george")

    def say(text: str) -> Pcm:
        utterance = engine.stream()
        pcm = np.concatenate([chunk.pcm for chunk in (*utterance.feed(text), *utterance.finish())])
        resampled = soxr.resample(pcm.astype(np.float32), engine.sample_rate, 16_000)
        return np.clip(resampled, -32_768, 32_767).astype(np.int16)

    return say
