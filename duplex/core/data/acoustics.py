"""What becomes of a voice on its way: rooms, noise, echo, lost packets, level. All on float32 [n] at 16 kHz.

Everything is drawn from a numpy generator, so that a seed gives the same samples again. Kinds of noise belong to one
split each, as voices do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from asr.types import SAMPLE_RATE
from duplex.core.data.lexicon import Split

Wave = NDArray[np.float32]
Generator = np.random.Generator

PACKET = SAMPLE_RATE // 50
"""20 ms: what one lost packet takes away."""


def gain(decibels: float) -> float:
    """The factor of so many dB."""
    return float(10 ** (decibels / 20))


def rms(wave: Wave) -> float:
    """Root mean square of what is not silence: of the samples above -60 dBFS."""
    heard = wave[np.abs(wave) > 1e-3]
    return float(np.sqrt(np.mean(heard**2))) if heard.size else 0.0


def room(rng: Generator, seconds: float, distance: float) -> Wave:
    """An impulse response: the direct sound, six early reflections, and an exponentially decaying tail.

    Args:
        rng: decides.
        seconds: until it has decayed by 60 dB.
        distance: 0 at the mouth to 1 far away: how loud the room is against the direct sound.
    """
    size = max(2, round(seconds * SAMPLE_RATE))
    time = np.arange(size) / SAMPLE_RATE
    tail = rng.standard_normal(size) * np.exp(-6.9 * time / seconds)
    tail[: SAMPLE_RATE // 50] = 0.0  # what comes within 20 ms are single reflections
    tail *= 0.5 * distance / max(1e-9, float(np.sqrt(np.sum(tail**2))))
    tail[0] = 1.0
    for delay in rng.uniform(0.001, 0.03, 6):
        tail[min(size - 1, round(delay * SAMPLE_RATE))] += (
            rng.choice((-1, 1)) * distance * rng.uniform(0.1, 0.5)
        )
    return tail.astype(np.float32)


def convolved(wave: Wave, response: Wave) -> Wave:
    """The wave in the room, as long as before."""
    size = 1 << (len(wave) + len(response) - 1).bit_length()
    spectrum = np.fft.rfft(wave, size) * np.fft.rfft(response, size)
    wet: Wave = np.fft.irfft(spectrum, size)[: len(wave)].astype(np.float32)
    return wet


def banded(wave: Wave, low: float, high: float) -> Wave:
    """Only what lies between two frequencies in Hz, with soft edges (a telephone's: 300 to 3,400)."""
    if not len(wave):
        return wave
    frequency = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
    with np.errstate(divide="ignore"):
        mask = 1 / (1 + (low / np.maximum(frequency, 1e-9)) ** 8) / (1 + (frequency / high) ** 8)
    return np.fft.irfft(np.fft.rfft(wave) * mask, len(wave)).astype(np.float32)


def coloured(rng: Generator, size: int, slope: float) -> Wave:
    """Noise whose power falls with frequency ** slope (0 white, 1 pink, 2 brown), RMS 1."""
    spectrum = np.fft.rfft(rng.standard_normal(max(2, size)))
    frequency = np.maximum(np.fft.rfftfreq(max(2, size), 1 / SAMPLE_RATE), 20.0)
    wave = np.fft.irfft(spectrum / frequency ** (slope / 2), max(2, size))[:size]
    return (wave / max(1e-9, float(np.sqrt(np.mean(wave**2))))).astype(np.float32)


def _white(rng: Generator, size: int) -> Wave:
    return coloured(rng, size, rng.uniform(0.0, 0.4))


def _pink(rng: Generator, size: int) -> Wave:
    return coloured(rng, size, rng.uniform(0.8, 1.3))


def _fan(rng: Generator, size: int) -> Wave:
    time = np.arange(size) / SAMPLE_RATE
    turning = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(2, 8) * time)
    return (coloured(rng, size, 1.2) * turning).astype(np.float32)


def _brown(rng: Generator, size: int) -> Wave:
    return coloured(rng, size, rng.uniform(1.6, 2.2))


def _hum(rng: Generator, size: int) -> Wave:
    time = np.arange(size) / SAMPLE_RATE
    base = rng.choice((50.0, 60.0))
    wave = 0.2 * coloured(rng, size, 0.5)
    for k in (1, 2, 3, 5, 7):
        wave += (np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6)) / k).astype(np.float32)
    return wave


def _rain(rng: Generator, size: int) -> Wave:
    drops = np.where(rng.random(size) < 0.02, rng.standard_normal(size) ** 3, 0.0).astype(np.float32)
    return banded(drops + 0.05 * coloured(rng, size, 0.0), 800.0, 7000.0)


def _clicks(rng: Generator, seconds: float) -> Wave:
    """Keys of a keyboard."""
    wave = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    for at in rng.uniform(0, max(0.01, seconds - 0.03), max(1, round(seconds * 7))):
        hit = rng.standard_normal(320) * np.exp(-np.arange(320) / rng.uniform(20, 60))
        first = round(at * SAMPLE_RATE)
        wave[first : first + 320] += hit[: len(wave) - first].astype(np.float32)
    return wave


def _slam(rng: Generator, seconds: float) -> Wave:
    """A door."""
    size = round(seconds * SAMPLE_RATE)
    return (coloured(rng, size, 1.8) * np.exp(-np.arange(size) / (0.08 * SAMPLE_RATE))).astype(np.float32)


def _rustle(rng: Generator, seconds: float) -> Wave:
    """Paper, or a sleeve at the microphone."""
    size = round(seconds * SAMPLE_RATE)
    knots = rng.uniform(0, 1, max(2, round(seconds * 25))) ** 2
    shape = np.interp(np.linspace(0, 1, size), np.linspace(0, 1, len(knots)), knots)
    return (banded(coloured(rng, size, 0.3), 1000.0, 7000.0) * shape).astype(np.float32)


def _cough(rng: Generator, seconds: float) -> Wave:
    """Two bursts of breath with the resonance of a throat."""
    size = round(seconds * SAMPLE_RATE)
    wave = np.zeros(size, np.float32)
    for part in range(2):
        first = part * size // 2
        length = size // 2
        shape = np.exp(-np.arange(length) / (0.25 * length)) * np.minimum(1, np.arange(length) / 160)
        wave[first : first + length] = banded(coloured(rng, length, 0.6), 300.0, 2500.0) * shape
    return wave


def _beep(rng: Generator, seconds: float) -> Wave:
    """An appliance."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    on = (time * rng.uniform(2, 5)) % 1 < 0.5
    return (np.sin(2 * np.pi * rng.uniform(700, 2500) * time) * on).astype(np.float32)


def _clatter(rng: Generator, seconds: float) -> Wave:
    """Dishes: ringing modes that are struck a few times."""
    size = round(seconds * SAMPLE_RATE)
    wave = np.zeros(size, np.float32)
    for at in rng.integers(0, max(1, size // 2), 4):
        time = np.arange(size - at) / SAMPLE_RATE
        for frequency in rng.uniform(1200, 6500, 4):
            ring = np.sin(2 * np.pi * frequency * time) * np.exp(-time * rng.uniform(20, 60))
            wave[at:] += ring.astype(np.float32)
    return wave


BACKGROUNDS: dict[Split, tuple[Callable[[Generator, int], Wave], ...]] = {
    Split.train: (_white, _pink, _fan),
    Split.validation: (_brown, _hum),
    Split.test: (_rain, _brown),
}
BURSTS: dict[Split, tuple[Callable[[Generator, float], Wave], ...]] = {
    Split.train: (_clicks, _slam, _rustle),
    Split.validation: (_cough, _beep),
    Split.test: (_cough, _clatter),
}


def background(split: Split, rng: Generator, size: int, level: float) -> Wave:
    """Steady noise of a kind of this split, `level` in dBFS."""
    kinds = BACKGROUNDS[split]
    wave = kinds[int(rng.integers(len(kinds)))](rng, size)
    return (wave * (gain(level) / max(1e-9, float(np.sqrt(np.mean(wave**2)))))).astype(np.float32)


def burst(split: Split, rng: Generator, seconds: float, level: float) -> Wave:
    """A short sound of a kind of this split, its loud part at `level` dBFS."""
    kinds = BURSTS[split]
    wave = kinds[int(rng.integers(len(kinds)))](rng, seconds)
    loud = float(np.sqrt(np.mean(np.sort(wave**2)[-max(1, len(wave) // 10) :])))
    return (wave * (gain(level) / max(1e-9, loud))).astype(np.float32)


def echo(agent: Wave, rng: Generator, loss: float, delay: float) -> Wave:
    """The agent's voice back in the microphone: later, softer by `loss` dB, through a small loudspeaker and a room."""
    late = np.zeros_like(agent)
    lag = round(delay * SAMPLE_RATE)
    late[lag:] = agent[: len(agent) - lag]
    through = convolved(banded(late, 250.0, 5500.0), room(rng, rng.uniform(0.1, 0.35), 0.7))
    return through * np.float32(gain(-loss))


def lossy(wave: Wave, rng: Generator, share: float) -> Wave:
    """Packets of 20 ms lost in bursts (Gilbert's model), concealed as decoders do: the last one again, fading."""
    out = wave.copy()
    leave = 0.5  # bursts of two on average
    enter = leave * share / max(1e-9, 1 - share)
    lost, since = False, 0
    for first in range(PACKET, len(out) - PACKET + 1, PACKET):
        lost = rng.random() >= leave if lost else rng.random() < enter
        since = since + 1 if lost else 0
        if lost:
            out[first : first + PACKET] = out[first - PACKET : first] * (0.7 if since < 4 else 0.0)
    return out
