"""Echo cancellation: the agent's own voice is taken out, the user's stays."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.audio.echo import EchoCanceller
from duplex.audio.resample import resample

pytestmark = pytest.mark.models

Samples = np.ndarray[tuple[int], np.dtype[np.float64]]


def syllables(seconds: float, rate: int, seed: int) -> Samples:
    """Noise shaped like speech: a low-passed carrier that comes and goes four times a second."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate)
    carrier = np.convolve(rng.normal(size=n), np.hanning(12), "same")
    envelope = np.clip(np.sin(2 * np.pi * 2 * np.arange(n) / rate + seed), 0, None)
    return np.asarray(carrier / np.abs(carrier).max() * envelope * 12_000)


def through(echo: Samples, agent: Samples, delay: float) -> Samples:
    """What is left of `echo`, 16 kHz, while `agent`, 24 kHz, plays."""
    canceller, out = EchoCanceller(), []
    for i in range(min(len(echo) // 320, len(agent) // 480)):
        canceller.played(agent[i * 480 : (i + 1) * 480].astype(np.int16))
        out.append(canceller.clean(echo[i * 320 : (i + 1) * 320].astype(np.int16), delay))
    return np.concatenate(out).astype(np.float64)


def level(pcm: Samples) -> float:
    return float(10 * np.log10((pcm**2).mean() + 1e-9))


def likeness(one: Samples, other: Samples) -> float:
    """The best correlation within 20 ms: the canceller's filter bank takes a few."""
    other = other[320:-320]
    parts = (one[320 + lag : 320 + lag + len(other)] for lag in range(-320, 320))
    return float(max(np.corrcoef(part, other)[0, 1] for part in parts))


def room(agent: Samples, delay: float, gain_db: float) -> Samples:
    """The agent as a microphone hears it, at 16 kHz: later, softer, with a tail of reflections."""
    at_16k = resample(agent.astype(np.int16), 24_000, 16_000).astype(np.float64)
    rng = np.random.default_rng(1)
    tail = rng.normal(size=1_600) * np.exp(-np.arange(1_600) / 250) * 0.1
    tail[0] = 1.0
    wet = np.convolve(at_16k, tail)[: len(at_16k)] * 10 ** (gain_db / 20)
    held = round(delay * 16_000)
    return np.concatenate([np.zeros(held), wet])[: len(at_16k)]


@pytest.mark.parametrize(("told", "true"), [(0.04, 0.04), (0.12, 0.12), (0.2, 0.2), (0.06, 0.14)])
def test_an_echo_is_gone_also_where_its_delay_is_not_well_known(told: float, true: float) -> None:
    agent = syllables(8, 24_000, 1)
    echo = room(agent, true, -12)
    left = through(echo, agent, told)
    n = len(left)
    assert level(echo[:n][n // 2 :]) - level(left[n // 2 :]) > 25


def test_a_user_who_speaks_alone_is_not_touched() -> None:
    user = syllables(4, 16_000, 2)
    left = through(user, np.zeros(4 * 24_000), 0.1)
    assert abs(level(user[: len(left)]) - level(left)) < 1


def test_a_user_who_speaks_over_the_agent_is_still_heard() -> None:
    agent, user = syllables(10, 24_000, 1), syllables(10, 16_000, 2)
    user[: 5 * 16_000] = 0  # the canceller has had time to learn the way
    left = through(room(agent, 0.1, -18) + user, agent, 0.1)
    n, half = len(left), 5 * 16_000
    assert level(left[half:]) - level(user[half:n]) > -8
    assert likeness(left[half:], user[half:n]) > 0.5
