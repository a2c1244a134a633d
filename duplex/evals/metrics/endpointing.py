"""Section G, endpointing: eot-bench's sweep and TurnBench's matching."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from duplex.evals.metrics.spans import Spans
from duplex.evals.metrics.streaming import decided
from duplex.evals.metrics.tally import Tally
from duplex.evals.metrics.view import View
from duplex.evals.scenario import Span

SHORTEST = 0.1
"""Seconds; shorter silences are not looked at."""
EARLY, LATE = 0.25, 3.0
"""A decision belongs to an event if it comes in [t - EARLY, t + LATE] (TurnBench)."""
FP_BUDGET = 0.1


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence of the user's.

    Attributes:
        length: seconds until the user speaks again, or the recording's rest.
        end_of_turn: it is the last, so firing in it is right; else it is a hold.
        probabilities: (seconds into the silence, end-of-turn probability), in order.
    """

    length: float
    end_of_turn: bool
    probabilities: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """What one setting comes to.

    Attributes:
        cutoff: holds that were fired on / holds.
        latencies: seconds from the start of each end-of-turn silence until firing; `missed` were never fired on.
    """

    threshold: float
    delay: float
    timeout: float
    cutoff: float
    latencies: tuple[float, ...]
    missed: int

    @property
    def median(self) -> float:
        """Seconds, missed ones as infinite; NaN without an end of turn."""
        every = [*self.latencies, *([float("inf")] * self.missed)]
        return float(np.percentile(every, 50, method="lower")) if every else float("nan")


def fires(silence: Silence, threshold: float, delay: float, timeout: float) -> float | None:
    """Seconds into a silence at which the turn is taken for ended; None where the user speaks again before.

    The action follows the first probability at or above the threshold after `delay`; a silence of `timeout` ends the
    turn whatever the probability.
    """
    crossed = (t + delay for t, p in silence.probabilities if p >= threshold)
    at = min(next(crossed, timeout), timeout)
    return at if at < silence.length else None


def point(silences: Sequence[Silence], threshold: float, delay: float, timeout: float) -> Point:
    """One setting over silences of at least 0.1 s."""
    looked = [each for each in silences if each.length >= SHORTEST - 1e-9]
    holds = [fires(each, threshold, delay, timeout) for each in looked if not each.end_of_turn]
    ends = [fires(each, threshold, delay, timeout) for each in looked if each.end_of_turn]
    fired = [at for at in ends if at is not None]
    cutoff = sum(at is not None for at in holds) / len(holds) if holds else float("nan")
    return Point(threshold, delay, timeout, cutoff, tuple(fired), len(ends) - len(fired))


def sweep(
    silences: Sequence[Silence],
    thresholds: Iterable[float],
    delays: Iterable[float] = (0.0,),
    timeouts: Iterable[float] = (3.0,),
) -> list[Point]:
    """Every combination."""
    return [point(silences, *setting) for setting in product(thresholds, delays, timeouts)]


def silence_timeouts(silences: Sequence[Silence], timeouts: Iterable[float]) -> list[Point]:
    """The baseline on the same sweep: a timer alone."""
    return sweep(silences, (float("inf"),), (0.0,), timeouts)


def latency_at(points: Sequence[Point], cutoff: float) -> float | None:
    """The least median latency of the settings that cut in on at most this share; None where none does."""
    return min((each.median for each in points if each.cutoff <= cutoff + 1e-9), default=None)


def cutoff_at(points: Sequence[Point], latency: float) -> float | None:
    """The least share cut in on of the settings whose median latency is at most this; None where none is."""
    return min((each.cutoff for each in points if each.median <= latency + 1e-9), default=None)


def matches(events: Sequence[float], decisions: Sequence[float]) -> list[tuple[float, float]]:
    """Events and decisions paired one to one, each decision in [t - 0.25, t + 3.0]; events in order."""
    free, pairs = sorted(decisions), []
    for event in sorted(events):
        found = next((t for t in free if event - EARLY - 1e-9 <= t <= event + LATE + 1e-9), None)
        if found is not None:
            free.remove(found)
            pairs.append((event, found))
    return pairs


@dataclass(frozen=True, slots=True)
class TurnBench:
    """TurnBench's figures for one setting; `latency` is P50 over matched events, only within the budget of fp."""

    recall: float
    fp: float
    latency: float | None


def turnbench(events: Sequence[float], decisions: Sequence[float], spans: Spans) -> TurnBench:
    """Ends of turns, decisions, and the pauses and backchannels in which no decision may fall."""
    pairs = matches(events, decisions)
    fired = [any(start <= t < end for t in decisions) for start, end in spans]
    fp = sum(fired) / len(fired) if fired else 0.0
    late = [decision - event for event, decision in pairs]
    latency = float(np.median(late)) if late and fp <= FP_BUDGET else None
    return TurnBench(len(pairs) / len(events) if events else float("nan"), fp, latency)


def measure(view: View, tally: Tally) -> None:
    """The agent's own decisions against the scenario's truth; nothing where it tells none."""
    times = [record.t for record in view.replay.of("eot_decision")]
    if not times:
        return
    for turn in view.turns:
        tally.each("eot_cutoff", (_any(times, pause) for pause in turn.pauses))
    for turn in view.due:
        last = decided(view, turn)
        tally.add("eot_delay", None if last is None else last - turn.end)


def _any(times: Sequence[float], span: Span) -> bool:
    return any(span[0] <= t < span[1] for t in times)
