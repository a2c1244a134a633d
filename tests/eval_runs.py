"""Folders of runs for tests, as `duplex eval run` leaves them, with figures of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


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
