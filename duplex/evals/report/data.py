"""What the report shows, as plain data: pure functions from a summary and replays to JSON's own types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from duplex.evals.catalogue import SECTIONS, meaning
from duplex.evals.embed import PEAKS_A_SECOND, peaks
from duplex.evals.metrics.spans import onset_after
from duplex.evals.metrics.view import View
from duplex.evals.panels import PANELS
from duplex.evals.record import Record, Replay, load_replay
from duplex.evals.results import Json, Result, ResultError
from duplex.resources import config_path

MARKS = ("Eager", "Resumed", "eot_decision", "Discarded", "Duck", "Unduck", "Yield", "playout_flush")
"""Decisions about the floor that are drawn on the time axis."""
_SHOWN = (
    *MARKS, "vad", "asr_final", "tool_call", "tool_result", "tool_cancel", "tool_commit", "response_start",
    "agent_audio", "EndProbability", "Backchannel",
)  # fmt: skip
"""Records that are listed."""
_LONG = 400
"""Characters of somebody else's text in a row of a list."""


def prepare(summary: Mapping[str, Any], results: Sequence[Result]) -> Json:
    """All that the page needs."""
    run = summary["run"]
    return {
        "title": f"{run['agent']}: {run['done']} of {run['scenarios']} scenarios",
        "summary": {
            key: summary[key] for key in ("run", "tasks", "panels", "pairs", "tradeoff", "expected", "beside")
        },
        "sections": {name: [section, SECTIONS[section]] for name, (section, _) in PANELS.items()},
        "meanings": _meanings(results),
        "anchors": yaml.safe_load(config_path("evals/anchors.yaml").read_text(encoding="utf-8")),
        "rate": PEAKS_A_SECOND,
        "scenarios": [scenario(result) for result in results],
    }


def scenario(result: Result) -> Json:
    """One scenario: what is told of it, and its timeline where it was replayed."""
    metrics = {
        name: value for name, value in sorted(result.metrics.items()) if not name.endswith((".sum", ".n"))
    }
    return {
        "id": result.id,
        "folder": result.folder.name,
        "task": result.task,
        "title": result.title,
        "error": result.error,
        "missed": result.missed,
        "verdict": result.verdict,
        "late": int(result.head.get("late_frames", 0)),
        "metrics": metrics,
        "expect": [_expectation(each) for each in result.expect],
        "timeline": timeline(_replay(result)) if result.head else None,
    }


def timeline(replay: Replay) -> Json:
    """Both channels on one axis, in seconds of the scenario."""
    records = sorted(replay.records, key=lambda record: record.t)
    return {
        "duration": round(max(replay.seconds, 0.1), 3),
        "audio": bool(len(replay.agent)),
        "peaks": {"user": peaks(replay.user), "agent": peaks(replay.agent)},
        "items": [_item(each) for each in replay.placed],
        "spans": spans(records, replay.seconds),
        "gaps": gaps(replay),
        "responses": responses(records),
        "heard": [
            [_t(record.t), str(record.payload.get("text", ""))[:_LONG]]
            for record in records
            if record.type == "asr_final"
        ],
        "marks": [mark(record) for record in records if record.type in MARKS],
        "tools": tools(records, replay.seconds),
        "events": [
            [_t(record.t), record.type, detail(record.payload)] for record in records if record.type in _SHOWN
        ],
    }


def gaps(replay: Replay) -> list[tuple[float, float]]:
    """From the end of each turn of the user to the agent's first sound after it, where it came before the next."""
    view = View(replay)
    onsets = [(turn, onset_after(view.spans, turn.end)) for turn in view.due]
    return [(_t(turn.end), _t(onset)) for turn, onset in onsets if onset is not None and onset < turn.until]


def spans(records: Iterable[Record], end: float) -> list[tuple[float, float]]:
    """Where the agent is audible; what never stops lasts to the end."""
    found: list[tuple[float, float]] = []
    onset: float | None = None
    for record in records:
        if record.type != "agent_audio":
            continue
        if record.payload.get("edge") == "onset":
            onset = record.t if onset is None else onset
        elif onset is not None:
            found.append((_t(onset), _t(record.t)))
            onset = None
    return found if onset is None else [*found, (_t(onset), _t(end))]


def responses(records: Sequence[Record]) -> list[Json]:
    """Each response that was heard: its words with their times, whether it was cut, which path it came by."""
    found: dict[str, Json] = {}
    for record in records:
        id = str(record.payload.get("id"))
        if record.type == "response_start":
            found[id] = {
                "start": _t(record.t),
                "path": str(record.payload.get("path", "")),
                "reason": str(record.payload.get("reason", "")),
                "words": [],
                "cut": False,
            }
        elif record.type == "agent_text":
            row = found.setdefault(
                id, {"start": _t(record.t), "path": "", "reason": "", "words": [], "cut": False}
            )
            row["words"] += [[str(text), _t(start), _t(end)] for text, start, end in record.payload["words"]]
        elif record.type == "playout_flush" and id in found:
            found[id]["cut"] = True
    return list(found.values())


def mark(record: Record) -> Json:
    """A decision about the floor: when, what and why."""
    payload = record.payload
    p = payload.get("p")
    return {
        "t": _t(record.t),
        "kind": record.type,
        "reason": str(payload.get("reason") or "")[:80],
        "p": round(float(p), 3) if isinstance(p, int | float) else None,
    }


def tools(records: Iterable[Record], end: float) -> list[Json]:
    """Each call of a tool: from its issue to its result or cancellation, and whether an answer rests on it."""
    found: dict[str, Json] = {}
    for record in records:
        id = str(record.payload.get("id"))
        if record.type == "tool_call":
            found[id] = {
                "name": str(record.payload.get("name", "")),
                "query": str(record.payload.get("query") or record.payload.get("args") or "")[:_LONG],
                "start": _t(record.t),
                "end": _t(end),
                "state": "open",
                "committed": None,
            }
        elif id in found and record.type in ("tool_result", "tool_cancel"):
            state = "done" if record.type == "tool_result" else "cancelled"
            found[id] |= {"end": _t(record.t), "state": state}
        elif id in found and record.type == "tool_commit":
            found[id]["committed"] = _t(record.t)
    return list(found.values())


def detail(payload: Mapping[str, Any]) -> str:
    """A record's payload in one readable line."""
    told = []
    for key, value in payload.items():
        if value in (None, "", [], (), {}):
            continue
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        told.append(f"{key} {shown}")
    return " · ".join(told)[:_LONG]


def _item(placed: Any) -> Json:
    item = placed.item
    said = item.text or " ".join(word for word, _, _ in item.words) or str((item.tts or {}).get("text", ""))
    return {
        "id": item.id,
        "kind": item.kind,
        "start": _t(placed.start),
        "end": _t(placed.end),
        "speech": [[_t(start), _t(end)] for start, end in placed.speech],
        "text": said[:_LONG],
        "to": item.addressed_to,
    }


def _expectation(row: Mapping[str, Any]) -> Json:
    value = row.get("value")
    return {
        "metric": str(row.get("metric", "")),
        "behaviour": str(row.get("behaviour") or ""),
        "ok": row.get("ok"),
        "value": value if isinstance(value, bool | int | float) else None,
        "note": str(row.get("note") or "")[:_LONG],
    }


def _meanings(results: Sequence[Result]) -> Json:
    names = {name for each in results for name in each.metrics if not name.endswith((".sum", ".n"))}
    found = {}
    for name in sorted(names):
        means = meaning(name)
        found[name] = {"label": means.label, "unit": means.unit, "section": means.section}
    return found


def _replay(result: Result) -> Replay:
    try:
        return load_replay(result.folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(
            f"{result.folder}: its replay cannot be read: {type(error).__name__}: {error}"
        ) from error


def _t(seconds: float) -> float:
    return round(seconds, 3)
