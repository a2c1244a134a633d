"""What a run comes to: every metric by task, the panels, what opposes what, the trade-off, what failed.

`summarise` is all there is to say about a folder of scenarios as plain data; `summary.json` holds it and every other
view (report.md, report.html, gates) is made of it.
"""

from __future__ import annotations

import json
import statistics as stdlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from duplex.evals.beside import beside
from duplex.evals.metrics.endpointing import Silence
from duplex.evals.panels import Row, make_panels
from duplex.evals.record import RATE, load_replay
from duplex.evals.results import Json, Result, ResultError, read_json, read_results
from duplex.evals.statistics import describe, names
from duplex.evals.tradeoff import silences, tradeoff
from duplex.models.store import write_atomically

FORMAT = "duplex-eval-summary/1"
_FRAMES = RATE // 320
"""A second."""
PAIRS = (
    ("Waits, and is quick", ("fdb", "pause_tor_fdb"), ("fdb", "turn_response_latency")),
    ("Yields, but not to a nod", ("tau", "r_y"), ("tau", "s_bc")),
    ("Tells the truth, and tells it", ("streaming", "crag_score"), ("streaming", "crag_missing")),
    ("Calls early, and not in vain", ("streaming", "tool_lead"), ("streaming", "waste_rate")),
)
"""Figures that are each easy to have alone: a title, and two rows of panels."""


def summarise(folder: Path, others: Iterable[Path] = ()) -> Json:
    """Summarise a run and write `summary.json` and `report.md` into its folder.

    Args:
        folder: the run's.
        others: runs that are set beside it, next to those in its `baselines`.

    Returns:
        the summary: format, run, tasks (`all` and each task: metric -> figures), panels, pairs, tradeoff, expected,
        beside.

    Raises:
        ResultError: there is no scenario in it, or one cannot be read.
    """
    from duplex.evals.markdown import render

    summary = make_summary(folder, others)
    text = json.dumps(summary, indent=1, allow_nan=False) + "\n"
    write_atomically(folder / "summary.json", text.encode())
    write_atomically(folder / "report.md", render(summary).encode())
    return summary


def read_summary(path: Path) -> Json:
    """A summary from its file, or from the folder of its run.

    Raises:
        ResultError: it cannot be read, or is none.
    """
    file = path / "summary.json" if path.is_dir() else path
    found = read_json(file)
    if found.get("format") != FORMAT:
        raise ResultError(
            f"{file}: format: is {found.get('format')!r}, not {FORMAT!r}; make it anew: duplex eval report"
        )
    return found


def make_summary(folder: Path, others: Iterable[Path] = ()) -> Json:
    """The summary alone; nothing is written."""
    results = read_results(folder)
    done = [each for each in results if not each.error]
    head = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
    panels = make_panels(done)
    summary = {
        "format": FORMAT,
        "run": _run(head, results),
        "tasks": _tasks(done),
        "panels": panels,
        "pairs": _pairs(panels),
        "tradeoff": tradeoff([row for each in done for row in _silences(each)]),
        "expected": _expected(done),
    }
    return summary | {"beside": beside(summary, folder, others)}


def _run(head: Json, results: Sequence[Result]) -> Json:
    done = [each for each in results if not each.error]
    heads = [each.head for each in results if each.head]
    floors = [each["echo_floor"] for each in heads if each.get("echo_floor") is not None]
    seconds = sum(_seconds(each) for each in done)
    late = {each.id: int(each.head.get("late_frames", 0)) for each in done}
    return {
        "agent": _common(heads, "agent_name"),
        "contender": head.get("contender"),
        "lane": _common(heads, "lane"),
        "compute": _common(heads, "compute"),
        "commit": head.get("commit"),
        "version": head.get("version"),
        "machine": head.get("machine"),
        "suite": head.get("suite"),
        "scenarios": len(results),
        "done": len(done),
        "seconds": round(seconds, 2),
        "wall": head.get("wall"),
        "late_frames": sum(late.values()),
        "late_in": {id: count for id, count in late.items() if count},
        "frames": round(seconds * _FRAMES),
        "echo_floor": round(stdlib.median(floors), 4) if floors else None,
        "failed": {each.id: each.error for each in results if each.error},
        "missed": {each.id: each.missed for each in done if each.missed},
        "not_for_this_lane": head.get("not_for_this_lane", []),
    }


def _tasks(done: Sequence[Result]) -> Json:
    tasks = {"all": list(done)} | {
        task: [each for each in done if each.task == task] for task in sorted({each.task for each in done})
    }
    return {task: dict(_described(task, results)) for task, results in tasks.items()}


def _described(task: str, results: Sequence[Result]) -> Iterable[tuple[str, Json]]:
    for name in names(results):
        if (found := describe(name, results, task)) is not None:
            yield name, found


def _pairs(panels: Mapping[str, Mapping[str, Row]]) -> list[Json]:
    """Those of which at least one figure was measured; the other is None then."""
    found = []
    for title, *sides in PAIRS:
        rows = [panels.get(panel, {}).get(key) for panel, key in sides]
        if any(rows):
            refs = [f"{panel}.{key}" for panel, key in sides]
            found.append({"title": title, "rows": refs, "figures": rows})
    return found


def _expected(done: Sequence[Result]) -> Json:
    """By behaviour (or metric, where no behaviour is named): how many came true, were judged, could not be."""
    found: dict[str, dict[str, int]] = {}
    for each in (row for result in done for row in result.expect):
        name = str(each.get("behaviour") or each.get("metric"))
        counts = found.setdefault(name, {"ok": 0, "n": 0, "unjudged": 0})
        if each.get("ok") is None:
            counts["unjudged"] += 1
        else:
            counts["n"] += 1
            counts["ok"] += bool(each["ok"])
    return dict(sorted(found.items()))


def _silences(result: Result) -> list[Silence]:
    if not result.head:
        return []
    try:
        return silences(load_replay(result.folder))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(
            f"{result.folder}: its replay cannot be read: {type(error).__name__}: {error}"
        ) from error


def _common(heads: Sequence[Json], key: str) -> str:
    """What all replays have in common; several in one folder are all named."""
    return ", ".join(dict.fromkeys(str(each.get(key)) for each in heads)) or "unknown"


def _seconds(result: Result) -> float:
    return float(result.head.get("scenario", {}).get("duration") or 0.0)
