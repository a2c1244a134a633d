"""Replays for the tests of metrics, put together by hand: the user's speech, the agent's sound, the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.evals.record import RATE, Placed, Record, Replay
from duplex.evals.scenario import Scenario

Spans = Sequence[tuple[float, float]]


def tone(seconds: float, *spans: tuple[float, float], dbfs: float = -15.0) -> Pcm:
    """300 Hz in each span, silence elsewhere."""
    pcm = np.zeros(round(seconds * RATE), np.int16)
    loudness = 32_768 * 10 ** (dbfs / 20) * np.sqrt(2)
    for start, end in spans:
        at = np.arange(round(start * RATE), round(end * RATE))
        pcm[at] = (loudness * np.sin(at * 2 * np.pi * 300 / RATE)).astype(np.int16)
    return pcm


def said(name: str, *speech: tuple[float, float], **more: Any) -> dict[str, Any]:
    """An item at 0 whose spans of speech are in seconds of the scenario."""
    return {"id": name, "kind": "user_speech", "at": 0.0, "speech": [list(each) for each in speech]} | more


def replay(
    *items: dict[str, Any],
    agent: Spans = (),
    records: Sequence[Record] = (),
    seconds: float = 10.0,
    **scenario: Any,
) -> Replay:
    """A replay in which the agent is audible in these spans."""
    head = {"schema": "duplex-scenario/1", "id": "scene", "task": "smooth_turn_taking", "duration": seconds}
    made = Scenario.model_validate(head | {"timeline": items, "expect": []} | scenario)
    return Replay(
        made,
        "nobody",
        "virtual",
        "zero",
        placed=[Placed(item, 0.0, item.dur or seconds) for item in made.timeline],
        records=sorted(records, key=lambda record: record.t),
        user=tone(seconds),
        agent=tone(seconds, *agent),
    )


def spoke(t: float, response: int, *words: tuple[str, float, float], **more: Any) -> list[Record]:
    """A response that starts at t, and its words."""
    start = {"id": response, "turn": 1, "path": "slow", "reason": "words"} | more
    return [
        Record(t, "agent", "response_start", start),
        Record(t, "agent", "agent_text", {"id": response, "words": [list(word) for word in words]}),
    ]


def told(t: float, what: str, **payload: Any) -> Record:
    """One record of the agent's."""
    return Record(t, "agent", what, payload)
