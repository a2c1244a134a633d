"""A run's report: one HTML file beside its scenarios' folders, which opens from a disk and loads nothing but audio.

What was said, and what a scenario or an agent is called, is somebody else's text. It goes in as data only, never as
markup, and the page's policy runs no script but its own.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from duplex.evals.embed import embedded
from duplex.evals.report.data import prepare
from duplex.evals.results import Json, read_results
from duplex.evals.summary import summarise
from duplex.models.store import write_atomically

_SCRIPTS = (
    "dom.js", "format.js", "plots.js", "overview.js", "tables.js", "timeline.js", "detail.js", "list.js", "main.js",
)  # fmt: skip
"""In the order in which they run."""


def write_report(folder: Path, others: Iterable[Path] = ()) -> Json:
    """Make a run's `summary.json`, `report.md` and `report.html` from what its scenarios left.

    Args:
        folder: the run's.
        others: runs that are set beside it, next to those in its `baselines`.

    Returns:
        the summary.

    Raises:
        ResultError: there is no scenario in it, or one cannot be read.
    """
    summary = summarise(folder, others)
    page = render(prepare(summary, read_results(folder)))
    write_atomically(folder / "report.html", page.encode())
    return summary


def render(data: Mapping[str, Any]) -> str:
    """The page as one HTML text; `data` is what `data.prepare` gives."""
    script = "\n".join(_part(name) for name in _SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    parts = {
        "POLICY": f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "media-src 'self' file:; base-uri 'none'; form-action 'none'",
        "TITLE": html.escape(str(data["title"])),
        "STYLE": _part("style.css"),
        "DATA": embedded(data),
        "SCRIPT": script,
    }
    # The template is cut first, so that nothing in a part can be taken for a place of another.
    pieces = _part("index.html").split("@@")
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def _part(name: str) -> str:
    return (resources.files("duplex.evals.report") / "page" / name).read_text(encoding="utf-8")
