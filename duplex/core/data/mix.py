"""A schedule as two channels of sound: each voice in its room, and all that gets into a microphone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr.types import SAMPLE_RATE
from duplex.audio.pcm import Pcm, to_float, to_int16
from duplex.core.data import acoustics
from duplex.core.data.acoustics import Generator, Wave
from duplex.core.data.lexicon import Split
from duplex.core.data.schedule import Kind, Schedule, Sound
from duplex.core.streams.layout import FRAME_SAMPLES

AGENT_LEVEL = -20.0
"""dBFS of the agent's voice."""
DUCK = -12.0
"""dB by which an agent that is not sure speaks more softly."""
_STOP = round(0.03 * SAMPLE_RATE)
"""An agent that stops fades out over this."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a dialogue takes place.

    Attributes:
        level: the user's loudness in dBFS.
        side: how much softer others are, in dB.
        noise: steady noise in dBFS; None for none.
        echo: dB by which the agent's echo is softer than the agent; None where there is none (headphones).
        lag: seconds by which the echo is late.
        reverb: seconds of decay; 0 for none.
        distance: 0..1 from the user to the microphone.
        band: lowest and highest frequency in Hz.
        loss: share of packets that are lost.
    """

    level: float
    side: float
    noise: float | None
    echo: float | None
    lag: float
    reverb: float
    distance: float
    band: tuple[float, float]
    loss: float


@dataclass(frozen=True, slots=True)
class Mixed:
    """Both channels, int16 [T * 1280], and the echo's dBFS in each of T frames (None for no echo)."""

    user: Pcm
    agent: Pcm
    echo: NDArray[np.float64] | None


def draw_scene(rng: Generator) -> Scene:
    """A headset, a laptop on a desk, a telephone, a kitchen: how they sound, not which they are."""
    telephone = rng.random() < 0.2
    return Scene(
        level=float(rng.uniform(-32, -18)),
        side=float(rng.uniform(6, 22)),
        noise=float(rng.uniform(-68, -38)) if rng.random() < 0.75 else None,
        echo=float(rng.uniform(12, 35)) if rng.random() < 0.35 else None,
        lag=float(rng.uniform(0.04, 0.2)),
        reverb=float(rng.uniform(0.12, 0.6)) if rng.random() < 0.6 else 0.0,
        distance=float(rng.uniform(0.05, 0.8)),
        band=(300.0, 3400.0) if telephone else (float(rng.uniform(50, 120)), float(rng.uniform(6500, 7900))),
        loss=float(rng.uniform(0.005, 0.06)) if rng.random() < 0.25 else 0.0,
    )


def mix(schedule: Schedule, scene: Scene, split: Split, rng: Generator) -> Mixed:
    """Both channels of a dialogue; the same generator gives the same samples."""
    frames = int(np.ceil(schedule.length * SAMPLE_RATE / FRAME_SAMPLES))
    size = frames * FRAME_SAMPLES
    agent = np.zeros(size, np.float32)
    for sound in schedule.agent:
        _add(agent, sound.start, _broken_off(sound, AGENT_LEVEL))
    near, far = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for sound in schedule.user:
        if sound.kind is Kind.noise:
            noise = acoustics.burst(split, rng, sound.end - sound.start, scene.level + rng.uniform(-8, 8))
            _add(far, sound.start, noise)
        elif sound.kind is Kind.side:
            _add(far, sound.start, _broken_off(sound, scene.level - scene.side))
        else:
            softer = rng.uniform(0, 6) if sound.kind is Kind.backchannel else rng.uniform(-1.5, 1.5)
            _add(near, sound.start, _broken_off(sound, scene.level - softer))
    user = _in_room(near, far, scene, rng)
    echo = None
    if scene.echo is not None:
        back = acoustics.echo(agent, rng, scene.echo, scene.lag)
        echo = _dbfs(back)
        user += back
    if scene.noise is not None:
        user += acoustics.background(split, rng, size, scene.noise)
    user = acoustics.banded(user, *scene.band)
    if scene.loss:
        user = acoustics.lossy(user, rng, scene.loss)
    return Mixed(to_int16(user), to_int16(agent), echo)


def _in_room(near: Wave, far: Wave, scene: Scene, rng: Generator) -> Wave:
    """The user near the microphone, the others further away in the same room."""
    if not scene.reverb:
        return near + far
    here = acoustics.room(rng, scene.reverb, scene.distance)
    there = acoustics.room(rng, scene.reverb, min(1.0, scene.distance + 0.4))
    return acoustics.convolved(near, here) + acoustics.convolved(far, there)


def _broken_off(sound: Sound, level: float) -> Wave:
    """A sound's clip at a loudness in dBFS, ducked and broken off where it is."""
    assert sound.clip is not None
    wave = to_float(sound.clip.pcm)
    wave = wave * np.float32(acoustics.gain(level) / max(1e-6, acoustics.rms(wave)))
    for start, end in sound.ducked:
        first, last = (max(0, round((at - sound.start) * SAMPLE_RATE)) for at in (start, end))
        wave[first:last] *= acoustics.gain(DUCK)
    kept = round((sound.end - sound.start) * SAMPLE_RATE)
    if kept < len(wave):
        wave = wave[:kept].copy()
        fade = min(_STOP, kept)
        wave[kept - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return wave


def _add(channel: Wave, at: float, wave: Wave) -> None:
    first = round(at * SAMPLE_RATE)
    fits = wave[: max(0, len(channel) - first)]
    channel[first : first + len(fits)] += fits


def _dbfs(wave: Wave) -> NDArray[np.float64]:
    power = (wave.reshape(-1, FRAME_SAMPLES).astype(np.float64) ** 2).mean(axis=1)
    level: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12))
    return level
