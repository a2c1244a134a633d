"""Scenarios and sounds for the tests of replays, made by code."""

from __future__ import annotations

from typing import Any

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.evals.scenario import Scenario
from duplex.evals.timeline import Player

FRAME = 320
QUIET, LOUD = np.zeros(480, np.int16), np.full(480, 3_000, np.int16)


def scenario(*timeline: dict[str, Any], **rest: Any) -> Scenario:
    """A scenario of these items, 4 s long where nothing else is said."""
    head = {"schema": "duplex-scenario/1", "id": "scene", "task": "user_interruption", "duration": 4.0}
    return Scenario.model_validate(head | {"timeline": timeline, "expect": []} | rest)


def item(name: str, at: object, **rest: Any) -> dict[str, Any]:
    """An item of the user's speech."""
    return {"id": name, "kind": "user_speech", "at": at} | rest


def after(moment: str, offset: float = 0.0, **rest: Any) -> dict[str, Any]:
    """A time that follows from something."""
    return {"after": moment, "offset": offset} | rest


def ramp(seconds: float, first: int = 1) -> Pcm:
    """Samples that are all different, so that a place in them can be told."""
    return np.arange(first, first + round(seconds * 16_000), dtype=np.int16)


def play(player: Player, *speech: tuple[float, float], seconds: float = 4.0) -> Pcm:
    """The user's channel while the agent speaks in these spans."""
    frames = []
    for number in range(round(seconds * 50)):
        at = number * 0.02
        speaks = any(start - 1e-9 <= at < end - 1e-9 for start, end in speech)
        frames.append(player.frame(LOUD if speaks else QUIET))
    return np.concatenate(frames)
