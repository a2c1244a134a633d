"""The curves of a run as SVG files, from its log."""

from __future__ import annotations

import json
from pathlib import Path

_CURVES = {
    "loss": ("train_loss", "loss"),
    "heads": ("loss_state", "loss_hazard", "loss_vap", "loss_vad", "loss_overlap"),
    "measures": ("state_f1", "overlap_f1", "over_auc", "anticipation_auc", "vad_accuracy"),
}


def plot(log: Path) -> list[Path]:
    """Write `loss.svg`, `heads.svg` and `measures.svg` beside a run's log.

    Raises:
        OSError: there is no such log.
        ImportError: matplotlib is missing.
    """
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in log.read_text().splitlines()]
    written = []
    for name, keys in _CURVES.items():
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        for key in keys:
            points = [(row["step"], row[key]) for row in rows if row.get(key) is not None]
            if points:
                axes.plot(*zip(*points, strict=True), label=key)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize="small")
        written.append(log.with_name(f"{name}.svg"))
        figure.savefig(written[-1])
    return written
