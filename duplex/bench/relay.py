"""`duplex bench relay`: the fast path and voices over the agent's, part by part.

What a part measured is in the file before the next one begins, beside what the file held of others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from duplex.bench import relay_drafted, relay_fast, relay_load, relay_overlap, relay_quality
from duplex.bench.measure import Measure, merge_json
from duplex.bench.relay_cli import RelayPart
from duplex.graph.virtual import Mode

PARTS: dict[RelayPart, Callable[[Mode], list[Measure]]] = {
    RelayPart.fast: relay_fast.measures,
    RelayPart.overlap: partial(relay_overlap.virtual, "words"),
    RelayPart.any: partial(relay_overlap.virtual, "any"),
    RelayPart.drafts: lambda compute: relay_drafted.measures(),
    RelayPart.calls: lambda compute: relay_overlap.over_calls(),
    RelayPart.load: lambda compute: relay_load.run(),
    RelayPart.quality: lambda compute: relay_quality.measures(),
}
"""In this order; the longest, which goes on where it was stopped, last."""


def run(
    parts: Sequence[RelayPart] = (), file: Path | None = None, compute: Mode = "measured"
) -> list[Measure]:
    """The figures of some parts, by default of all.

    Args:
        parts: which.
        file: takes the figures of each part as soon as that is done.
        compute: what computing costs in `fast`, `overlap` and `any`.

    Raises:
        OSError, ValueError: the file cannot be written, or holds something else.
    """
    done: list[Measure] = []
    for part, measure in PARTS.items():
        if parts and part not in parts:
            continue
        print(f"--- {part}", flush=True)
        found = measure(compute)
        done += found
        if file is not None and found:
            merge_json(found, file)
            print(f"--- {part}: {len(found)} figures in {file}", flush=True)
    return done
