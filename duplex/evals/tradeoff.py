"""The endpointing trade-off of a run: how many pauses are cut into against how long the user waits.

The agent's recorded P(end) is decided anew with every threshold, delay and timeout, and a silence timer is swept over
the same silences (`metrics.endpointing`). Each curve is the best of its sweep on these very silences, which flatters
both alike. Readings stop once the agent has answered: with a higher threshold it would have waited for the timeout.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from duplex.evals.metrics.endpointing import (
    SHORTEST,
    Point,
    Silence,
    cutoff_at,
    latency_at,
    silence_timeouts,
    sweep,
)
from duplex.evals.metrics.spans import gaps, merge
from duplex.evals.metrics.view import View
from duplex.evals.record import Replay

THRESHOLDS = tuple(round(0.02 + 0.04 * step, 2) for step in range(25))
DELAYS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
TIMEOUTS = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 2.0, 2.5, 3.0)
TIMER = tuple(round(0.1 * step, 1) for step in range(1, 31))


def silences(replay: Replay) -> list[Silence]:
    """The user's silences, from the scenario's truth, with what the agent thought in them."""
    readings = [
        (record.t, float(record.payload["p"]))
        for record in replay.of("EndProbability")
        if record.payload.get("p") is not None
    ]
    found = []
    for turn in View(replay).turns:
        spans = [(span, False) for span in gaps(merge(turn.speech, SHORTEST - 1e-6), SHORTEST)]
        if turn.ended and turn.until > turn.end:
            spans.append(((turn.end, turn.until), True))
        for (start, end), over in spans:
            mine = tuple((t - start, p) for t, p in readings if start <= t < end)
            found.append(Silence(end - start, over, mine))
    return found


def tradeoff(rows: Sequence[Silence]) -> dict[str, Any]:
    """Both curves and what is read off them, as plain data; `agent` is empty without a reading.

    Keys: holds, ends, readings; agent and timer, lists of {cutoff, latency (P50), mean, missed, threshold, delay,
    timeout} by rising latency; read_off: of each, latency_at_5, latency_at_10, cutoff_at_300 and cutoff_at_600.
    """
    looked = [row for row in rows if row.length >= SHORTEST - 1e-9]
    ends = sum(row.end_of_turn for row in looked)
    readings = sum(len(row.probabilities) for row in looked)
    curves: dict[str, list[Point]] = {"agent": [], "timer": []}
    if 0 < ends < len(looked):
        curves["timer"] = front(silence_timeouts(looked, TIMER))
        if readings:
            curves["agent"] = front(sweep(looked, THRESHOLDS, DELAYS, TIMEOUTS))
    return {
        "holds": len(looked) - ends,
        "ends": ends,
        "readings": readings,
        **{name: [_plain(point) for point in curve] for name, curve in curves.items()},
        "read_off": {name: _read_off(curve) for name, curve in curves.items() if curve},
    }


def front(points: Iterable[Point]) -> list[Point]:
    """Those that no other beats in both, by rising latency; what mostly never fires is left out."""
    best: list[Point] = []
    for point in sorted(points, key=lambda each: (each.median, each.cutoff)):
        if math.isfinite(point.median) and (not best or point.cutoff < best[-1].cutoff - 1e-12):
            best.append(point)
    return best


def _read_off(curve: Sequence[Point]) -> dict[str, float | None]:
    return {
        "latency_at_5": latency_at(curve, 0.05),
        "latency_at_10": latency_at(curve, 0.10),
        "cutoff_at_300": cutoff_at(curve, 0.3),
        "cutoff_at_600": cutoff_at(curve, 0.6),
    }


def _plain(point: Point) -> dict[str, float | None]:
    return {
        "cutoff": round(point.cutoff, 5),
        "latency": round(point.median, 4),
        "mean": round(sum(point.latencies) / len(point.latencies), 4) if point.latencies else None,
        "missed": point.missed,
        "threshold": point.threshold if math.isfinite(point.threshold) else None,
        "delay": point.delay,
        "timeout": point.timeout,
    }
