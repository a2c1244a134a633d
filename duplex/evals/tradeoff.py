"""The endpointing trade-off: how many pauses are cut into against how long the user waits, over all thresholds.

As in eot-bench, each true silence of at least 100 ms within a turn is a hold, the one after its last word an end. The
agent's recorded P(end) is decided anew with every threshold, delay and timeout; a silence timer is swept on the same
silences. Both curves are the best of their sweep on these very silences, so they flatter both alike. Readings stop
once the agent has answered: with a higher threshold it would have waited for the timeout, which flatters neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from duplex.evals.metrics.spans import gaps, merge
from duplex.evals.metrics.view import View
from duplex.evals.record import Replay

LEAST = 0.1
"""Seconds; what is shorter is no silence."""
THRESHOLDS = tuple(round(0.02 + 0.04 * step, 2) for step in range(25))
DELAYS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
TIMEOUTS = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 2.0, 2.5, 3.0)
TIMER = tuple(round(0.1 * step, 1) for step in range(1, 31))
_NEVER = np.inf


@dataclass(frozen=True, slots=True)
class Silence:
    """A true silence of the user.

    Attributes:
        length: seconds until somebody goes on, or the replay ends.
        hold: the user's turn is not over.
        scores: the agent's P(end) readings: seconds since the silence began, and P.
    """

    length: float
    hold: bool
    scores: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """What a policy comes to: the share of holds that it fires in, and the mean wait at ends.

    At an end that it never fires in, the wait is the whole silence.
    """

    cutoffs: float
    latency: float
    threshold: float | None = None
    delay: float | None = None
    timeout: float | None = None


def silences(replay: Replay) -> list[Silence]:
    """The user's silences, from the scenario's truth, with what the agent thought in them."""
    readings = [
        (record.t, float(record.payload["p"]))
        for record in replay.of("EndProbability")
        if record.payload.get("p") is not None
    ]
    found = []
    for turn in View(replay).turns:
        spans = [(span, True) for span in gaps(merge(turn.speech, LEAST - 1e-6), LEAST)]
        if turn.ended and turn.until - turn.end >= LEAST:
            spans.append(((turn.end, turn.until), False))
        for (start, end), hold in spans:
            mine = tuple((t - start, p) for t, p in readings if start <= t < end)
            found.append(Silence(end - start, hold, mine))
    return found


def tradeoff(rows: Sequence[Silence]) -> dict[str, Any]:
    """Both curves and what is read off them, as plain data; `agent` is empty without a reading.

    Keys: holds, ends, readings, agent and timer (lists of {cutoffs, latency, threshold, delay, timeout}), and
    `latency_at_5`, `latency_at_10`, `cutoffs_at_300`, `cutoffs_at_600` of each under `read_off`.
    """
    holds = sum(row.hold for row in rows)
    counts = {
        "holds": holds,
        "ends": len(rows) - holds,
        "readings": sum(len(row.scores) for row in rows),
    }
    enough = holds > 0 and holds < len(rows)
    timer = front(_policy(rows, None, 0.0, wait) for wait in TIMER) if enough else []
    swept = (_policy(rows, *each) for each in product(THRESHOLDS, DELAYS, TIMEOUTS))
    agent = front(swept) if enough and counts["readings"] else []
    curves = {"agent": agent, "timer": timer}
    read_off = {name: _read_off(curve) for name, curve in curves.items() if curve}
    return (
        counts
        | {name: [_plain(point) for point in curve] for name, curve in curves.items()}
        | {"read_off": read_off}
    )


def front(points: Iterable[Point]) -> list[Point]:
    """Those that no other beats in both, by rising latency."""
    best: list[Point] = []
    for point in sorted(points, key=lambda each: (each.latency, each.cutoffs)):
        if not best or point.cutoffs < best[-1].cutoffs - 1e-12:
            best.append(point)
    return best


def latency_at(curve: Sequence[Point], cutoffs: float) -> float | None:
    """The least wait at which at most this share of holds is cut into; None where none does."""
    return min((point.latency for point in curve if point.cutoffs <= cutoffs + 1e-12), default=None)


def cutoffs_at(curve: Sequence[Point], latency: float) -> float | None:
    """The least share of holds cut into within this wait; None where none is that quick."""
    return min((point.cutoffs for point in curve if point.latency <= latency + 1e-12), default=None)


def _policy(rows: Sequence[Silence], threshold: float | None, delay: float, timeout: float) -> Point:
    fired = np.minimum(_passed(rows, threshold) + delay, timeout)
    lengths = np.array([row.length for row in rows])
    hold = np.array([row.hold for row in rows])
    cut = float((fired < lengths)[hold].mean())
    waited = float(np.minimum(fired, lengths)[~hold].mean())
    return Point(cut, waited, threshold, delay, timeout)


def _passed(rows: Sequence[Silence], threshold: float | None) -> NDArray[np.float64]:
    """When the readings first reach the threshold, in seconds of each silence."""
    if threshold is None:
        return np.full(len(rows), _NEVER)
    first = [next((t for t, p in row.scores if p >= threshold), _NEVER) for row in rows]
    return np.array(first, np.float64)


def _read_off(curve: Sequence[Point]) -> dict[str, float | None]:
    return {
        "latency_at_5": latency_at(curve, 0.05),
        "latency_at_10": latency_at(curve, 0.10),
        "cutoffs_at_300": cutoffs_at(curve, 0.3),
        "cutoffs_at_600": cutoffs_at(curve, 0.6),
    }


def _plain(point: Point) -> dict[str, float | None]:
    return {
        "cutoffs": round(point.cutoffs, 5),
        "latency": round(point.latency, 5),
        "threshold": point.threshold,
        "delay": point.delay,
        "timeout": point.timeout,
    }
