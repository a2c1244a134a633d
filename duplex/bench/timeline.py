"""The page of a recorded call: both voices on one time axis, with what the agent decided and when.

One file that opens from a disk or a build's artifacts, beside `call.wav`; it loads nothing else. What was said in
the call is somebody else's text, so it goes in as data only: never as markup, and the page's policy runs no script
but its own.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from duplex.bench.conversation import Exchange, clock_offset
from duplex.bench.timeline_data import prepare
from duplex.evals.embed import embedded
from duplex.transport.webrtc.caller import Caller

_SCRIPTS = ("wave.js", "turns.js", "page.js")
"""In the order in which they run."""


def write_timeline(
    out: Path, call: Caller, turns: list[Exchange], events: list[dict[str, object]], title: str
) -> None:
    """Write `out/timeline.html`, which plays the `call.wav` that lies beside it."""
    data = prepare(call.recording(), turns, events, clock_offset(call, events), title)
    (out / "timeline.html").write_text(render(data), encoding="utf-8")


def render(data: Mapping[str, Any]) -> str:
    """The page as one HTML text; `data` is what `timeline_data.prepare` gives."""
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
    return (resources.files("duplex.bench") / "timeline_page" / name).read_text(encoding="utf-8")
