"""Figures of `duplex bench core`, made of what the judges counted; what has no case is said to be absent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from duplex.bench.core_speed import COMMAND
from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.core.judge import Ends, Leads, Overlaps


def of_ends(name: str, ends: Ends) -> list[Measure]:
    """Cut-ins and delays."""
    found = share(f"{name}.cut_in_share", ends.cuts) + share(f"{name}.pause_cut_in_share", ends.pauses)
    delays = [1e3 * delay for delay in ends.delays]
    for label, q in (("p50", 0.5), ("p90", 0.9)):
        found += quantile(f"{name}.end_delay_{label}_ms", delays, q)
    return found


def of_leads(name: str, leads: Leads) -> list[Measure]:
    """Speculations: how many were for nothing, and how early the others were."""
    found = []
    if leads.wasted is not None:
        found = share(
            f"{name}.wasted_share", [True] * (leads.made - len(leads.leads)) + [False] * len(leads.leads)
        )
    return found + quantile(f"{name}.lead_ms", [1e3 * lead for lead in leads.leads], 0.5)


def of_overlaps(name: str, overlaps: Overlaps) -> list[Measure]:
    """Stops that were false, needless and in time."""
    return [
        *share(f"{name}.echo_false_stop_share", overlaps.echoes),
        *share(f"{name}.backchannel_hold_share", overlaps.backchannels),
        *share(f"{name}.yield_share", overlaps.yields),
    ]


def share(name: str, hits: Sequence[bool]) -> list[Measure]:
    """A share, if there is a case."""
    if not hits:
        absent(name)
        return []
    return [of_share(name, sum(hits), len(hits), COMMAND)]


def quantile(name: str, values: Sequence[float], q: float) -> list[Measure]:
    """A quantile, if there is a case."""
    if not values:
        absent(name)
        return []
    return [of_quantile(name, values, "ms", COMMAND, q, digits=0)]


def absent(name: str, why: str = "these dialogues have no case of it") -> None:
    """Say that a figure is not there, and why."""
    say(f"absent: {name}: {why}")


def progress(what: str) -> Callable[[int, int], None]:
    """Says how far something is."""
    return lambda done, total: say(f"{what}: {done} of {total}")


def say(text: str) -> None:
    """Tell on stderr."""
    print(text, file=sys.stderr, flush=True)
