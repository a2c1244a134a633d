"""The echo floor: what a path, its framing and its codecs cost when nobody thinks. Pure but for the side it makes.

It is measured as latencies are, from onset to onset, on a call to an agent that plays back what it hears.
"""

from __future__ import annotations

import numpy as np

from duplex.audio.detect import first_audible, silent_from
from duplex.audio.pcm import Pcm
from duplex.evals.baselines import EchoSide
from duplex.evals.prepare import Prepared
from duplex.evals.record import RATE
from duplex.evals.scenario import Channel, Scenario

SOUNDS = 20
SOUND = 0.12
"""Seconds of each; longer than any packet, shorter than the pause after it."""
LONGEST = 30.0
"""Seconds that a measurement may take; a slower path gets fewer sounds."""
SEED = 7


def probe(channel: Channel) -> tuple[Prepared, EchoSide]:
    """A scenario of sounds at odd moments, far enough apart for each to be back before the next, and who answers it."""
    apart = 0.5 + (channel.rtt_ms + channel.jitter_ms) / 1000
    count = max(3, min(SOUNDS, int(LONGEST / apart)))
    random = np.random.default_rng(SEED)
    seconds = count * apart + 1
    audio = np.zeros(round(seconds * RATE), np.int16)
    for number in range(count):
        start = round((0.2 + number * apart + random.uniform(0, 0.02)) * RATE)
        audio[start : start + round(SOUND * RATE)] = _sound()
    item = {"id": "sounds", "kind": "noise", "at": 0.0, "dur": seconds, "claims_floor": False}
    scenario = Scenario.model_validate(
        {
            "schema": "duplex-scenario/1",
            "id": "echo_floor",
            "task": "channel_impairment",
            "seed": SEED,
            "duration": seconds,
            "timeline": [item],
            "expect": [],
        }
    )
    scenario = scenario.model_copy(update={"channel": channel})
    return Prepared(scenario, {"sounds": audio}), EchoSide()


def _sound() -> Pcm:
    """A chord that begins at once: what it is recognised by is its onset."""
    t = np.arange(round(SOUND * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * hz * t) for hz in (330.0, 770.0, 1_430.0))
    samples: Pcm = (np.asarray(wave) * 3_000).astype(np.int16)
    return samples


def measure_floor(user: Pcm, agent: Pcm) -> float | None:
    """The median of the seconds from each sound's onset in `user` to its onset in `agent`, both int16 [n] at 16 kHz.

    A sound that did not come back before the next is left out; None where none came.
    """
    sent = _onsets(user)
    until = [*sent[1:], len(agent) / RATE]
    found = [
        at - start
        for start, end in zip(sent, until, strict=True)
        if (at := first_audible(agent[: round(end * RATE)], RATE, start)) is not None
    ]
    return float(np.median(found)) if found else None


def _onsets(pcm: Pcm) -> list[float]:
    onsets: list[float] = []
    at: float | None = 0.0
    while at is not None and (onset := first_audible(pcm, RATE, at)) is not None:
        onsets.append(onset)
        at = silent_from(pcm, RATE, onset, min_ms=100)
    return onsets
