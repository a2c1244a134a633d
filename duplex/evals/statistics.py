"""One metric over scenarios: how many, mean, P50, P90, intervals, and what is pooled of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from duplex.evals import bootstrap
from duplex.evals.bootstrap import Interval
from duplex.evals.catalogue import Meaning, meaning
from duplex.evals.results import Result

FEW = 10
"""What is told of fewer is marked."""
_PARTS = (".sum", ".n")


def names(results: Iterable[Result]) -> list[str]:
    """All metrics that occur, without the names of their parts; in the order of the catalogue, unknown ones last."""
    from duplex.evals.catalogue import MEANINGS

    found = {name for each in results for name in each.metrics if not name.endswith(_PARTS)}
    known = [name for name in MEANINGS if name in found]
    return known + sorted(found - set(known))


def describe(name: str, results: Sequence[Result], task: str = "all") -> dict[str, Any] | None:
    """What these scenarios show of a metric; None where none of them has it.

    Keys: n (scenarios that have it), mean, low, high (the mean over scenarios and its interval), p50, p50_low,
    p50_high, p90, least, most; with parts also sum, count (a share's numerator and denominator) and pooled, pooled_low,
    pooled_high (sum / count); unit, better; few: it tells of fewer than 10 scenarios, or cases where it is a share.
    An interval is None where all are alike, or there is but one.
    """
    have = [each for each in results if name in each.metrics]
    if not have:
        return None
    values = [each.metrics[name] for each in have]
    means = meaning(name)
    parts = [each.parts(name) for each in have]
    rows = [each for each in parts if each is not None]
    about = (
        bootstrap.share(values, [1.0] * len(values)) if _is_share(means, values) else bootstrap.mean(values)
    )
    middle = bootstrap.median(values)
    found: dict[str, Any] = {
        "n": len(values),
        **_told("mean", about),
        **_told("p50", middle),
        "p90": _round(float(np.quantile(values, 0.9))),
        "least": _round(min(values)),
        "most": _round(max(values)),
        "unit": means.unit,
        "better": means.better_in(task),
    }
    if len(rows) == len(have) and sum(below for _, below in rows) > 0:
        found |= {"sum": _round(sum(above for above, _ in rows)), "count": _round(sum(n for _, n in rows))}
        found |= _told("pooled", pool(means, rows))
    found["few"] = (found.get("count", len(values)) if means.unit == "share" else len(values)) < FEW
    return found


def pool(means: Meaning, rows: Sequence[tuple[float, float]]) -> Interval:
    """Sums over sums. A share whose chances are counted gets Wilson's interval where it is 0 or 1."""
    above, below = [a for a, _ in rows], [b for _, b in rows]
    counted = all(float(b).is_integer() and 0 <= a <= b for a, b in rows)
    if means.unit == "share" and counted:
        return bootstrap.share(above, below)
    return bootstrap.ratio(above, below)


def _is_share(means: Meaning, values: Sequence[float]) -> bool:
    return means.unit == "share" and all(0 <= value <= 1 for value in values)


def _told(name: str, found: Interval) -> dict[str, Any]:
    prefix = "" if name == "mean" else f"{name}_"
    low, high = _round(found.low), _round(found.high)
    if low == high:  # all alike: there is nothing to resample, which is no certainty
        low = high = None
    return {name: _round(found.value), f"{prefix}low": low, f"{prefix}high": high}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
