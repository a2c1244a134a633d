"""Other runs beside a run: what a figure is worth shows next to an agent that thinks nothing.

Runs in `FOLDER/baselines/*` stand there by themselves; others are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from duplex.evals.results import Json, read_json

BASELINES = "baselines"
"""The folder within a run's that holds the runs of baselines."""
COLUMNS = (
    "fdb.pause_tor_fdb", "fdb.turn_response_latency", "tau.r_y", "tau.s_bc", "fdb15.stop_latency", "fdb15.false_stop",
    "endpointing.eot_cutoff", "endpointing.eot_delay_p50", "streaming.crag_score", "streaming.crag_missing",
    "streaming.tool_lead", "streaming.waste_rate",
)  # fmt: skip
"""Rows of panels that are set side by side."""
_KEPT = ("label", "value", "low", "high", "n", "count", "sum", "unit", "better", "few", "stat")


def beside(summary: Mapping[str, Any], folder: Path, others: Iterable[Path] = ()) -> list[Json]:
    """The run itself and what stands beside it: name, scenarios and rows by COLUMNS; empty where nothing does.

    Raises:
        ResultError: one that was named has no summary.
    """
    found = sorted(folder.glob(f"{BASELINES}/*/summary.json"))
    named = [each / "summary.json" if each.is_dir() else each for each in others]
    files = list(dict.fromkeys(each.resolve() for each in [*found, *named]))
    if not files:
        return []
    return [_row(summary), *(_row(read_json(file)) for file in files)]


def _row(summary: Mapping[str, Any]) -> Json:
    panels = summary.get("panels", {})
    rows = {column: panels.get(column.split(".")[0], {}).get(column.split(".")[1]) for column in COLUMNS}
    return {
        "name": str(summary.get("run", {}).get("agent", "unknown")),
        "scenarios": summary.get("run", {}).get("done"),
        "rows": {column: {key: row.get(key) for key in _KEPT} for column, row in rows.items() if row},
    }
