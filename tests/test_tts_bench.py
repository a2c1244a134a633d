"""The reference of the word-boundary measure: where a hiss meets a tone."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.bench.sibilants import boundary_errors
from tts.types import WordTime

RATE = 24_000


def utterance(*kinds: str) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """0.3 s each of "s" (noise above 5 kHz) or "a" (a tone of 300 Hz)."""
    n = int(0.3 * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=n))
    spectrum[np.fft.rfftfreq(n, 1 / RATE) < 5_000] = 0
    noise = np.fft.irfft(spectrum, n)
    sounds = {"s": noise / np.abs(noise).max(), "a": np.sin(np.arange(n) * 2 * np.pi * 300 / RATE)}
    return (np.concatenate([sounds[kind] for kind in kinds]) * 8_000).astype(np.int16)


@pytest.mark.parametrize("late", [0.0, 0.05, -0.04])
@pytest.mark.parametrize(("kinds", "texts"), [("as", ("a", "so")), ("sa", ("is", "a"))])
def test_the_change_between_hiss_and_tone_is_the_boundary(
    kinds: str, texts: tuple[str, str], late: float
) -> None:
    words = [WordTime(texts[0], 0.0, 0.3 + late), WordTime(texts[1], 0.3 + late, 0.6)]
    assert boundary_errors(utterance(*kinds), RATE, words) == pytest.approx([late, late], abs=0.005)


def test_other_boundaries_do_not_count() -> None:
    words = [WordTime("red", 0.0, 0.3), WordTime("show", 0.3, 0.6)]
    assert boundary_errors(utterance("a", "s"), RATE, words) == []
