"""Whether virtual time charges what a real call costs: the same questions over both lanes, and what lies between."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from duplex.bench.measure import Measure, of_quantile
from duplex.bench.search import dev_questions
from duplex.evals.clips import VOICES
from duplex.evals.job import Options
from duplex.evals.prepare import prepare
from duplex.evals.runner import agent, run_suite
from duplex.evals.scenario import Lane, load_scenario

COMMAND = "duplex bench replay"
AGENT = "lakes"
QUESTIONS, SECONDS = 28, 7.5


def lanes() -> Iterator[Measure]:
    """`replay.lane_gap_ms`: the median response latency in virtual time with measured compute, against the median over
    WebRTC less the echo floor that its report prints; over the questions answered in both. Beside it the median
    of the questions' own gaps, signed: a median of one lane jumps where few answers lie.
    """
    with tempfile.TemporaryDirectory() as scratch:
        suite = Path(scratch, "suite")
        write_questions(suite)
        virtual, _ = _run(suite, Path(scratch, "virtual"), "virtual")
        real, floor = _run(suite, Path(scratch, "webrtc"), "webrtc")
    both = sorted(virtual.keys() & real.keys())
    if not both or floor is None:
        raise RuntimeError(
            f"nothing to compare: {len(virtual)} answers in virtual time, {len(real)} over calls"
        )
    gaps = [virtual[name] - (real[name] - floor) for name in both]
    for name, gap in zip(both, gaps, strict=True):
        print(f"{name}: {virtual[name]:.0f} ms virtual, {real[name]:.0f} ms over a call, gap {gap:.0f} ms")
    charged = statistics.median(virtual[name] for name in both)
    lasted = statistics.median(real[name] for name in both)
    figures = {"lane_gap": abs(charged - (lasted - floor)), "lane_virtual": charged, "lane_webrtc": lasted}
    for name, ms in (figures | {"lane_echo_floor": floor}).items():
        yield Measure(f"replay.{name}_ms", round(ms, 1), "ms", len(both), None, COMMAND)
    yield of_quantile("replay.lane_gap_paired_ms", gaps, "ms", COMMAND, digits=1)


def write_questions(folder: Path) -> None:
    """Writes scenarios in which one of the development questions is asked, and has them spoken."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, question in enumerate(dev_questions()[:QUESTIONS]):
        said = {"text": question.text, "voice": VOICES[number % len(VOICES)]}
        head = {"schema": "duplex-scenario/1", "id": f"question_{number:02}", "task": "smooth_turn_taking"}
        item = {"id": "u1", "kind": "user_speech", "at": 0.5, "tts": said}
        rest = {"duration": SECONDS, "lanes": ["virtual", "webrtc"], "timeline": [item], "expect": []}
        file = folder / f"question_{number:02}.json"
        file.write_text(json.dumps(head | rest), encoding="utf-8")
        prepare(load_scenario(file), folder)


def _run(suite: Path, out: Path, lane: Lane) -> tuple[dict[str, float], float | None]:
    """Response latencies by scenario and the echo floor, in milliseconds."""
    make, identity = agent(AGENT, lane)
    ran = run_suite(make, identity, Options(suite, out, lane=lane))
    if ran.failed:
        raise RuntimeError(f"{ran.failed[0].id}: {ran.failed[0].error}")
    latencies: dict[str, float] = {}
    floors: list[float] = []
    for done in ran.done:
        metrics = json.loads((out / done.id / "metrics.json").read_text(encoding="utf-8"))["metrics"]
        if "fto" in metrics:
            latencies[done.id] = 1000 * metrics["fto"]
        if metrics.get("echo_floor_ms") is not None:
            floors.append(metrics["echo_floor_ms"])
    return latencies, statistics.median(floors) if floors else None
