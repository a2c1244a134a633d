"""How fast scenarios are replayed, and whether a replay can be trusted. Each part of it is a function in `PARTS`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from duplex.bench.measure import Measure
from duplex.bench.replay_lanes import lanes
from duplex.bench.replay_rows import rows_agree
from duplex.bench.replay_scorer import scorer
from duplex.bench.search import dev_questions
from duplex.evals.clips import VOICES
from duplex.evals.job import Options
from duplex.evals.prepare import prepare
from duplex.evals.record import Compute
from duplex.evals.runner import Ran, agent, run_suite
from duplex.evals.scenario import load_scenario

COMMAND = "duplex bench replay"
SCENARIOS, SECONDS = 60, 20.0
WARM = 10
"""Scenarios after which a process has all that it needs; what it takes later is growth."""


def speed() -> Iterator[Measure]:
    """Times faster than real time, models loaded within it, and what memory grows by; of calls with two questions."""
    with tempfile.TemporaryDirectory() as scratch:
        suite = Path(scratch, "suite")
        for file in write_calls(suite):
            prepare(load_scenario(file), suite)  # spoken now: a user speaks a suite once
        zero = _run(suite, Path(scratch, "zero"), "zero", jobs=2)
        yield Measure("replay.speed_zero_x", _speed(zero), "x", len(zero.done), None, COMMAND)
        measured = _run(suite, Path(scratch, "measured"), "measured", jobs=1)
        yield Measure("replay.speed_measured_x", _speed(measured), "x", len(measured.done), None, COMMAND)
        growth = measured.done[-1].memory - measured.done[WARM - 1].memory
        yield Measure(
            "replay.memory_growth_mb", round(growth, 1), "MB", len(measured.done) - WARM, None, COMMAND
        )


PARTS: tuple[Callable[[], Iterator[Measure]], ...] = (speed, lanes, rows_agree, scorer)
"""What the bench measures, in this order."""


def run() -> list[Measure]:
    """All measures of `duplex bench replay`."""
    return [measure for part in PARTS for measure in part()]


def write_calls(folder: Path) -> list[Path]:
    """Writes scenarios of 20 s in which two of the development questions are asked; the same every time."""
    folder.mkdir(parents=True, exist_ok=True)
    questions = [question.text for question in dev_questions()]
    files = []
    for number in range(SCENARIOS):
        timeline = []
        for at, start in enumerate((1.0, 10.5)):
            which = (2 * number + at) % len(questions)
            said = {"text": questions[which], "voice": VOICES[which % len(VOICES)]}
            timeline.append({"id": f"u{at + 1}", "kind": "user_speech", "at": start, "tts": said})
        head = {"schema": "duplex-scenario/1", "id": f"call_{number:02}", "task": "multi_turn"}
        rest = {"duration": SECONDS, "timeline": timeline, "expect": []}
        files.append(folder / f"call_{number:02}.json")
        files[-1].write_text(json.dumps(head | rest), encoding="utf-8")
    return files


def _run(suite: Path, out: Path, compute: Compute, jobs: int) -> Ran:
    make, identity = agent("lakes", "virtual")
    ran = run_suite(make, identity, Options(suite, out, compute=compute, jobs=jobs))
    if ran.failed:
        raise RuntimeError(f"{ran.failed[0].id}: {ran.failed[0].error}")
    return ran


def _speed(ran: Ran) -> float:
    return round(sum(each.seconds for each in ran.done) / ran.wall, 2)
