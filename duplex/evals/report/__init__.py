"""A run's report, read in a browser."""

from __future__ import annotations

from pathlib import Path

from duplex.evals.results import Json
from duplex.evals.summary import summarise


def write_report(folder: Path) -> Json:
    """Make a run's `summary.json`, `report.md` and `report.html` from what its scenarios left.

    Returns:
        the summary.

    Raises:
        ResultError: there is no scenario in it, or one cannot be read.
    """
    return summarise(folder)
