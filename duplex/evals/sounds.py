"""Sounds that are nobody's words, made by code: what a scenario names under `sound` needs no recording.

They have the rhythm and the spectrum of their models, not their timbre. The same kind, length and seed always give the
same samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from duplex.audio.pcm import Pcm
from duplex.evals.scenario import Sound
from duplex.evals.spoken import LEVEL_DBFS, RATE

Wave = NDArray[np.float64]
Rng = np.random.Generator

SECONDS: dict[Sound, float] = {
    "door": 0.7,
    "cough": 0.9,
    "keyboard": 4.0,
    "dishes": 1.5,
    "phone": 3.0,
    "music": 6.0,
    "fan": 6.0,
    "rain": 6.0,
}
"""How long each lasts where the scenario does not say."""


def make_sound(kind: Sound, seconds: float, seed: int) -> Pcm:
    """A sound of a kind, int16 [n] at 16 kHz; its loudest half second is as loud as speech."""
    wave = _KINDS[kind](round(seconds * RATE), np.random.default_rng(seed))
    power = np.convolve(wave**2, np.ones(RATE // 2) / (RATE // 2)).max() if len(wave) else 0.0
    if power > 0:
        wave = wave * (32_768 * 10 ** (LEVEL_DBFS / 20) / np.sqrt(power))
    return np.clip(np.rint(wave), -32_768, 32_767).astype(np.int16)


def _shaped(count: int, rng: Rng, gain: Callable[[Wave], Wave]) -> Wave:
    """Noise whose spectrum is `gain` of the frequency in Hz."""
    size = max(count, 2)
    hz: Wave = np.fft.rfftfreq(size, 1 / RATE).astype(np.float64)
    return np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * gain(hz), size)[:count]


def _band(low: float, high: float) -> Callable[[Wave], Wave]:
    return lambda hz: np.exp(
        -((np.log2(np.maximum(hz, 1.0) / np.sqrt(low * high)) / np.log2(high / low)) ** 2) * 4
    )


def _decay(count: int, seconds: float) -> Wave:
    return np.exp(-np.arange(count) / (seconds * RATE))


def _add(out: Wave, at: float, sound: Wave) -> None:
    """Mix in at `at` seconds; what goes over the end is left out."""
    start = round(at * RATE)
    part = sound[: max(0, len(out) - start)]
    out[start : start + len(part)] += part


def _door(count: int, rng: Rng) -> Wave:
    """A latch, then the slam."""
    out = np.zeros(count)
    _add(out, 0.0, 0.3 * _shaped(RATE // 20, rng, _band(1_500, 5_000)) * _decay(RATE // 20, 0.01))
    _add(out, 0.12, 3.0 * _shaped(RATE // 2, rng, _band(50, 400)) * _decay(RATE // 2, 0.09))
    _add(out, 0.12, 0.5 * _shaped(RATE // 4, rng, _band(400, 3_000)) * _decay(RATE // 4, 0.03))
    return out


def _cough(count: int, rng: Rng) -> Wave:
    """Bursts of breath through a throat, each with a hard onset."""
    out, at = np.zeros(count), 0.0
    while at < count / RATE - 0.2:
        length = round(rng.uniform(0.16, 0.26) * RATE)
        burst = _shaped(length, rng, _band(450, 1_600)) + 0.5 * _shaped(length, rng, _band(2_000, 4_500))
        _add(out, at, rng.uniform(0.6, 1.0) * burst * _decay(length, 0.07))
        at += rng.uniform(0.28, 0.45)
    return out


def _keyboard(count: int, rng: Rng) -> Wave:
    """Six keys a second, down and up."""
    out, at = np.zeros(count), 0.02
    while at < count / RATE:
        for offset, level in ((0.0, 1.0), (rng.uniform(0.06, 0.1), 0.4)):
            click = _shaped(RATE // 50, rng, _band(1_200, 6_000)) * _decay(RATE // 50, 0.003)
            _add(out, at + offset, level * rng.uniform(0.5, 1.0) * click)
        at += rng.gamma(4.0, 0.165 / 4.0)
    return out


def _dishes(count: int, rng: Rng) -> Wave:
    """Knocks of china: a few inharmonic tones that die away."""
    out, at = np.zeros(count), 0.0
    while at < count / RATE:
        time = np.arange(RATE // 2) / RATE
        tones = rng.uniform(1_200, 5_500, 5)
        knock = sum(
            np.sin(2 * np.pi * tone * time) * np.exp(-time / rng.uniform(0.02, 0.12)) for tone in tones
        )
        _add(out, at, rng.uniform(0.3, 1.0) * np.asarray(knock))
        at += rng.exponential(0.22)
    return out


def _phone(count: int, rng: Rng) -> Wave:
    """A bell of two tones, 0.8 s on and 0.7 s off."""
    time = np.arange(count) / RATE
    low = rng.uniform(420, 480)
    trill = np.where(
        time % 0.08 < 0.04, np.sin(2 * np.pi * 2 * low * time), np.sin(2 * np.pi * 2.5 * low * time)
    )
    return np.asarray(trill * (time % 1.5 < 0.8))


def _music(count: int, rng: Rng) -> Wave:
    """Broken chords on a plucked string."""
    out, at, step = np.zeros(count), 0.0, 0
    chords = ((0, 4, 7, 12), (-3, 0, 4, 9), (5, 9, 12, 17), (7, 11, 14, 19))
    root = 196.0 * 2 ** (rng.integers(0, 7) / 12)
    time = np.arange(RATE) / RATE
    while at < count / RATE:
        chord = chords[step // 8 % len(chords)]
        pitch = root * 2 ** (chord[int(rng.integers(0, 4))] / 12)
        note = sum(np.sin(2 * np.pi * pitch * k * time) * np.exp(-time * (2 + k)) / k for k in range(1, 7))
        _add(out, at, rng.uniform(0.5, 1.0) * np.asarray(note))
        at, step = at + 0.21, step + 1
    return out


def _fan(count: int, rng: Rng) -> Wave:
    """A motor's hum in its wind."""
    time = np.arange(count) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * k * time + rng.uniform(0, 6)) / k for k in (1, 2, 3, 4, 6))
    return 2.0 * np.asarray(hum) / 5 + _shaped(count, rng, lambda hz: 8 / np.sqrt(np.maximum(hz, 40)))


def _rain(count: int, rng: Rng) -> Wave:
    """A hiss that comes and goes, with drops in it."""
    time = np.arange(count) / RATE
    out = _shaped(count, rng, _band(900, 7_000)) * (
        1 + 0.3 * np.sin(2 * np.pi * 0.4 * time + rng.uniform(0, 6))
    )
    for at in rng.uniform(0, count / RATE, int(12 * count / RATE)):
        drop = _shaped(RATE // 100, rng, _band(2_000, 7_000)) * _decay(RATE // 100, 0.002)
        _add(out, at, 2 * drop)
    return out


_KINDS: dict[Sound, Callable[[int, Rng], Wave]] = {
    "door": _door,
    "cough": _cough,
    "keyboard": _keyboard,
    "dishes": _dishes,
    "phone": _phone,
    "music": _music,
    "fan": _fan,
    "rain": _rain,
}
