"""The panels that others publish, pooled over a run: the same rows under the same names.

Full-Duplex-Bench averages over samples; tau-voice, tool use and streaming pool cases over all scenarios. A row says
which way is better and of how many it tells. Ours are only called official where the official rule is followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from duplex.evals import bootstrap
from duplex.evals.bootstrap import Floats, Interval
from duplex.evals.catalogue import meaning
from duplex.evals.results import Result
from duplex.evals.statistics import FEW, describe

Stat = Literal["mean", "pooled", "p50"]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a panel: a metric of some tasks (all where none is named), averaged over scenarios or pooled."""

    key: str
    label: str
    metric: str
    stat: Stat = "pooled"
    tasks: tuple[str, ...] = ()
    note: str = ""


def _task(task: str, prefix: str, *lines: tuple[str, str, Stat, str]) -> list[Line]:
    return [
        Line(f"{prefix}_{metric}", label, metric, stat, (task,), note) for metric, label, stat, note in lines
    ]


_OVERLAPS = {
    "user_interruption": "User interruption",
    "user_backchannel": "User backchannel",
    "talking_to_other": "Talking to other",
    "background_speech": "Background speech",
}
_FDB = [
    *_task("pause_handling", "pause",
           ("tor_fdb", "Pause handling · TOR", "mean", "official"),
           ("tor_pause_window", "Pause handling · starts in a true pause", "pooled", "ours")),
    *_task("backchannel", "backchannel",
           ("tor_bc_fdb", "Backchannel · TOR", "mean", "official"),
           ("bc_frequency_fdb", "Backchannel · frequency, 1/s", "mean", "official"),
           ("bc_jsd", "Backchannel · JSD", "mean", "official"),
           ("tor_bc", "Backchannel · any segment is more", "mean", "ours")),
    *_task("smooth_turn_taking", "turn",
           ("tor_fdb", "Smooth turn taking · TOR", "mean", "official"),
           ("response_latency", "Smooth turn taking · latency", "pooled", "official: only where TOR = 1"),
           ("fto", "Smooth turn taking · FTO, unclipped", "p50", "ours"),
           ("no_response", "Smooth turn taking · no response", "pooled", "ours")),
    *_task("user_interruption", "interruption",
           ("tor_fdb", "User interruption · TOR", "mean", "official"),
           ("response_latency", "User interruption · latency", "pooled", "official: only where TOR = 1"),
           ("post_interrupt_relevance", "User interruption · relevance", "pooled", "ours, not the GPT score")),
]  # fmt: skip
_FDB15 = [
    Line(f"{task}_{metric}", f"{title} · {label}", metric, "pooled", (task,), note)
    for task, title in _OVERLAPS.items()
    for metric, label, note in (
        ("stop_latency_fdb", "stop latency", "official"),
        ("response_latency_fdb15", "response latency", "official"),
        ("behaviour_respond", "RESPOND", "by response ids"),
        ("behaviour_resume", "RESUME", "by response ids"),
        ("behaviour_uncertain", "UNCERTAIN", "by response ids"),
        ("behaviour_unknown", "UNKNOWN", "by response ids"),
    )
] + [
    Line("stop_latency", "Stop latency, yielded to", "stop_latency", "pooled", (), "ours"),
    Line("tail_audio_ms", "Sound after an interruption", "tail_audio_ms", "pooled", (), "ours"),
    Line("false_stop", "Stops for what is no interruption", "false_stop", "pooled", (), "ours"),
    Line("false_flush", "Gives up for what is no interruption", "false_flush", "pooled", (), "ours"),
    Line("false_response", "Answers what asks for nothing", "false_response", "pooled", (), "ours"),
]


def _plain(*metrics: str, note: str = "") -> list[Line]:
    return [Line(metric, meaning(metric).label, metric, "pooled", (), note) for metric in metrics]


_TAU = _plain("r_r", "l_r", "r_y", "l_y", "i_a", "s_bc", "s_vt", "s_nd")
_TOOLS = [
    *_plain("argument_accuracy", note="exact after normalising; official: GPT-4o"),
    *_plain("pass_at_1", "first_response_latency", "interruption_rate", "tool_call_latency"),
    *_plain("task_completion", "filler_rate", "rollback", "forbidden_commit"),
]
_STREAMING = [
    Line("tool_lead", "Lead of the call", "tool_lead"),
    Line("tool_lead_p50", "Lead of the call, P50", "tool_lead", "p50"),
    *_plain("tool_lead_positive", "tool_latency_perceived", "tool_latency_open_book"),
    Line("tool_savings", "Tool latency saved", "tool_savings", note="ratio of sums, paired with open book"),
    *_plain("tool_helped", "endpoint_delay", "first_token_latency", "tool_calls", "waste_rate"),
    *_plain("cancelled_calls", "fidelity", "stale_answer", "oracle_lead", "efficiency"),
    *_plain("crag_accurate", "crag_hallucination", "crag_missing"),
    Line(
        "crag_score", "Truthfulness: accurate - hallucinated", "crag_score", note="CRAG-spoken (local voice)"
    ),
]
_HANDOFF = _plain(
    "fast_first_audio", "slow_first_audio", "seam_gap_ms", "seam_overlap", "fast_share", "fast_abort"
)
_ENDPOINTING = [
    *_plain("eot_cutoff", "eot_delay"),
    Line("eot_delay_p50", "End of turn to decision, P50", "eot_delay", "p50"),
]
_RECOGNITION = _plain("wer", "emission_latency", "first_correct_latency", "ne", "upwr")

_KEPT = ("n", "count", "sum", "p50", "p90", "unit", "better", "few")
PANELS: dict[str, tuple[str, list[Line]]] = {
    "fdb": ("A", _FDB),
    "fdb15": ("B", _FDB15),
    "tau": ("C", _TAU),
    "fdb3": ("D", _TOOLS),
    "streaming": ("E", _STREAMING),
    "handoff": ("F", _HANDOFF),
    "endpointing": ("G", _ENDPOINTING),
    "recognition": ("H", _RECOGNITION),
}
"""By name: its section, and its rows."""


def make_panels(results: Sequence[Result]) -> dict[str, dict[str, Row]]:
    """Each panel's rows by key, in order; rows and panels that nothing was measured for are left out.

    A row: label, value, low, high, n (scenarios), count (cases), sum (of a share: hits), p50, p90, unit, better, note,
    few, metric and tasks.
    """
    panels = {
        name: {line.key: row for line in lines if (row := _row(line, results))}
        for name, (_, lines) in PANELS.items()
    }
    if selectivity := _selectivity(results):
        panels["tau"]["selectivity"] = selectivity
    if f1 := _f1(results):
        panels["fdb3"] = {"f1": f1} | panels["fdb3"]
    return {name: rows for name, rows in panels.items() if rows}


def _row(line: Line, results: Sequence[Result]) -> Row | None:
    chosen = [each for each in results if not line.tasks or each.task in line.tasks]
    task = line.tasks[0] if len(line.tasks) == 1 else "all"
    found = describe(line.metric, chosen, task)
    if found is None:
        return None
    stat = line.stat if line.stat in found else "mean"
    prefix = "" if stat == "mean" else f"{stat}_"
    kept = {key: value for key, value in found.items() if key in _KEPT}
    return {
        "label": line.label,
        "value": found[stat],
        "low": found[f"{prefix}low"],
        "high": found[f"{prefix}high"],
        **kept,
        "stat": stat,
        "note": line.note,
        "metric": line.metric,
        "tasks": list(line.tasks),
    }


def _selectivity(results: Sequence[Result]) -> Row | None:
    """The mean of the three pooled shares, only where each has at least 10 cases."""
    columns = [
        _column(results, f"{name}.{part}") for name in ("s_bc", "s_vt", "s_nd") for part in ("sum", "n")
    ]
    least = min(sum(column) for column in columns[1::2]) if results else 0
    if least < FEW:
        return None

    def figure(sums: Floats) -> Floats:
        each: Floats = sums[:, ::2] / sums[:, 1::2]
        return np.asarray(each.mean(axis=1), np.float64)

    return _made("Selectivity", "mean of S_BC, S_VT, S_ND", bootstrap.of_sums(columns, figure), least)


def _f1(results: Sequence[Result]) -> Row | None:
    """Of all calls together."""
    have = [each for each in results if "tool_tp" in each.metrics]
    columns = [_column(have, name) for name in ("tool_tp", "tool_fp", "tool_fn")]
    calls = sum(map(sum, columns))
    if not calls:
        return None

    def figure(sums: Floats) -> Floats:
        found: Floats = 2 * sums[:, 0] / (2 * sums[:, 0] + sums[:, 1] + sums[:, 2])
        return found

    return _made("Tool F1", "over all calls", bootstrap.of_sums(columns, figure), calls)


def _column(results: Sequence[Result], name: str) -> list[float]:
    return [each.metrics.get(name, 0.0) for each in results]


def _made(label: str, note: str, found: Interval, cases: float) -> Row:
    spread = found.low != found.high  # without one there is nothing to resample, which is no certainty
    figures = {
        "value": round(found.value, 6),
        "low": found.low if spread else None,
        "high": found.high if spread else None,
    }
    numbers = {"n": found.n, "count": cases, "unit": "share", "better": "high", "few": cases < FEW}
    return {"label": label, **figures, **numbers, "stat": "pooled", "note": note}
