"""Folders of runs for tests, as `duplex eval run` leaves them, with figures of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from duplex.audio.pcm import Pcm
from duplex.cli import main
from duplex.evals.record import RATE, Placed, Record, Replay
from duplex.evals.scenario import Scenario


def leave(
    out: Path,
    id: str,
    task: str = "pause_handling",
    metrics: dict[str, float | None] | None = None,
    error: str = "",
    expect: list[dict[str, Any]] | None = None,
) -> Path:
    """One scenario's metrics.json, without a replay."""
    folder = out / id
    folder.mkdir(parents=True)
    row = {"id": id, "task": task, "lane": "virtual", "compute": "zero", "error": error}
    (folder / "metrics.json").write_text(
        json.dumps(row | {"metrics": metrics or {}, "expect": expect or []}), encoding="utf-8"
    )
    return folder


def leave_shares(
    out: Path, hits: dict[str, int], task: str = "pause_handling", name: str = "tor_fdb"
) -> None:
    """A scenario for each id, with a share that is 0 or 1."""
    for id, hit in hits.items():
        leave(out, id, task, {name: hit, f"{name}.sum": hit, f"{name}.n": 1})


def leave_replay(
    out: Path,
    id: str,
    task: str = "smooth_turn_taking",
    title: str = "",
    said: str = "How deep is it?",
    agent: str = "Very deep.",
    sound: bool = True,
    voice: tuple[Pcm, Pcm] | None = None,
    expect: list[dict[str, Any]] | None = None,
) -> Replay:
    """A whole scenario of 4 s: the user from 0.5 to 1.5 s, the agent from 2.0 to 3.0 s, as the drivers leave it.

    Args:
        out: the run's folder.
        id, task, title: the scenario's.
        said, agent: what the two say, and what all else that others write says too.
        sound: write both channels.
        voice: what they sound like, int16 [16,000] each; tones where there is none.
        expect: what was expected of it.
    """
    user, answer = voice or (tone(220), tone(330))
    item = {"id": "u1", "kind": "user_speech", "at": 0.5, "text": said, "speech": [[0.0, 1.0]], "dur": 1.0}
    scenario = Scenario.model_validate(
        {
            "schema": "duplex-scenario/1", "id": id, "task": task, "title": title, "duration": 4.0,
            "timeline": [item], "expect": [],
        }
    )  # fmt: skip
    words = [[word, 2.0 + 0.4 * place, 2.3 + 0.4 * place] for place, word in enumerate(agent.split())]
    replay = Replay(scenario, agent, "virtual", "zero", placed=[Placed(scenario.timeline[0], 0.5, 1.5)])
    replay.records = [
        Record(1.6, "session", "Eager", {"attempt": 1}),
        Record(1.65, "agent", "asr_final", {"turn": 1, "attempt": 1, "text": said}),
        Record(1.7, "agent", "tool_call", {"id": "1", "name": agent, "query": said}),
        Record(1.8, "agent", "tool_result", {"id": "1", "docs": [said]}),
        Record(1.9, "agent", "eot_decision", {"turn": 1, "attempt": 1, "reason": agent, "p": 0.9}),
        Record(2.0, "agent", "response_start", {"id": 1, "turn": 1, "path": "slow", "reason": "words"}),
        Record(2.0, "driver", "agent_audio", {"edge": "onset"}),
        Record(2.5, "agent", "agent_text", {"id": 1, "words": words}),
        Record(3.0, "driver", "agent_audio", {"edge": "offset"}),
    ]
    if sound:
        replay.user, replay.agent = np.zeros(4 * RATE, np.int16), np.zeros(4 * RATE, np.int16)
        replay.user[RATE // 2 : RATE // 2 + RATE] = user
        replay.agent[2 * RATE : 3 * RATE] = answer
    else:
        replay.records = [each for each in replay.records if each.type not in ("agent_audio", "agent_text")]
    folder = leave(
        out,
        id,
        task,
        {"response_latency": 0.5, "response_latency.sum": 0.5, "response_latency.n": 1},
        expect=expect,
    )
    replay.save(folder)
    return replay


def tone(hertz: float) -> Pcm:
    """A second of it."""
    t = np.arange(RATE) / RATE
    return np.asarray(8_000 * np.sin(2 * np.pi * hertz * t), np.int16)


def duplex(*arguments: str | Path) -> int:
    """Run the `duplex` command; its exit status."""
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return int(ended.value.code or 0)
