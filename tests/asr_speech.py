"""Speech for the tests: three sentences said by the project's own CC0 voice, and sounds that are no speech."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import soundfile

from asr.types import Pcm

RATE = 16_000
TEXTS = {
    "deepest": "What is the deepest lake in the world, and how deep is it?",
    "ferry": "The ferry across the lake leaves every morning at half past nine.",
    "museum": "The museum closes on Monday, because the keeper visits her mother.",
}


def clip(name: str) -> Pcm:
    """One sentence, 3 to 4 s."""
    pcm, rate = soundfile.read(Path(__file__).parent / "data" / f"asr_{name}.flac", dtype="int16")
    assert rate == RATE
    return pcm


def silence(seconds: float) -> Pcm:
    return np.zeros(int(seconds * RATE), dtype=np.int16)


def noise(seconds: float, dbfs: float, seed: int = 0) -> Pcm:
    """White noise."""
    samples = np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * 32_768 * 10 ** (dbfs / 20)
    return samples.clip(-32_768, 32_767).astype(np.int16)


def hum(seconds: float) -> Pcm:
    """A mains hum with its odd harmonics."""
    t = np.arange(int(seconds * RATE)) / RATE
    return sum(np.sin(2 * np.pi * 50 * k * t) * 3_000 / k for k in (1, 3, 5)).astype(np.int16)


def shouting(seconds: float) -> Pcm:
    """Sentences one after the other without a pause, 24 dB too loud: clipped hard."""
    pcm = np.concatenate([clip(name) for name in TEXTS] * 4)[: int(seconds * RATE)]
    return (pcm.astype(np.float32) * 16).clip(-32_768, 32_767).astype(np.int16)


def monologue() -> tuple[Pcm, str]:
    """More than 25 s of one speaker with pauses of a second at most, and what is said."""
    order = ["ferry", "deepest", "museum", "deepest", "ferry", "museum", "deepest"]
    pauses = [0.3, 0.1, 0.5, 0.2, 1.0, 0.3, 0.4]
    parts = [part for name, pause in zip(order, pauses, strict=True) for part in (clip(name), silence(pause))]
    return np.concatenate(parts), " ".join(TEXTS[name] for name in order)


def plain(text: str) -> list[str]:
    """The words in lower case, without punctuation."""
    return re.sub(r"[^a-z0-9' ]", " ", text.lower()).split()


def errors(reference: str, heard: str) -> int:
    """Word substitutions, insertions and deletions."""
    want, got = plain(reference), plain(heard)
    row = list(range(len(got) + 1))
    for at, word in enumerate(want, 1):
        above, row = row, [at]
        for to, other in enumerate(got, 1):
            row.append(min(above[to] + 1, row[to - 1] + 1, above[to - 1] + (word != other)))
    return row[-1]
