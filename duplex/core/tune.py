"""Choosing the rule's thresholds on validation dialogues: the only place where they are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from duplex.core.decide import Act, Rule, signs
from duplex.core.follow import Followed, acts
from duplex.core.judge import Ends, Leads, Overlaps
from duplex.core.turns import turns

Outcome = dict[str, float | None]
Worth = tuple[bool, float]

CUT_INS, WASTED, FALSE_STOPS = 0.05, 0.35, 0.02
"""The most of each that a rule may have."""
_RIDGE = 1.0
_COMMITS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
_TIMEOUTS = (1.2, 1.6, 2.0)
_EAGERS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
_KEEPS = (0.3, 0.6)
_TAKES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_FRAMES = (1, 2, 3)


def tuned(followed: Sequence[Followed]) -> tuple[Rule, Outcome]:
    """The best rule on these dialogues (made patient), and what it comes to on them.

    Raises:
        ValueError: there is no turn to choose by.
    """
    rule = replace(Rule(), weights=_weights(followed))
    rule = _best(
        followed, [replace(rule, commit=c, timeout=t) for c, t in product(_COMMITS, _TIMEOUTS)], _ending
    )
    rule = _best(followed, [replace(rule, eager=e, keep=k) for e, k in product(_EAGERS, _KEEPS)], _leading)
    rule = _best(followed, [replace(rule, take=t, frames=f) for t, f in product(_TAKES, _FRAMES)], _stopping)
    return rule, outcome(followed, rule)


def outcome(followed: Sequence[Followed], rule: Rule) -> Outcome:
    """Shares and seconds of a rule; None where nothing could be asked."""
    ends, leads, stops = judged(followed, rule)
    return {
        "turns": float(len(ends.cuts)),
        "cut_in_share": _mean(ends.cuts),
        "end_delay_p50": _quantile(ends.delays, 0.5),
        "end_delay_p90": _quantile(ends.delays, 0.9),
        "wasted_share": leads.wasted,
        "lead": _quantile(leads.leads, 0.5),
        "echo_false_stop_share": _mean(stops.echoes),
        "backchannel_hold_share": _mean(stops.backchannels),
        "yield_share": _mean(stops.yields),
    }


def judged(followed: Sequence[Followed], rule: Rule) -> tuple[Ends, Leads, Overlaps]:
    """All that a rule does on these dialogues."""
    ends, leads, stops = Ends(), Leads(), Overlaps()
    for each in followed:
        events, found = acts(each.sights, rule), turns(each.dialogue)
        ends.add(found, [t for t, act in events if act is Act.COMMIT])
        leads.add(found, events)
        stops.add(each.dialogue.labels, [t for t, act in events if act is Act.YIELD])
    return ends, leads, stops


def _best(followed: Sequence[Followed], rules: Sequence[Rule], worth: Callable[[Outcome], Worth]) -> Rule:
    return max(rules, key=lambda rule: worth(outcome(followed, rule)))


def _ending(found: Outcome) -> Worth:
    """Few cut-ins first, then little delay."""
    cut, p50, p90 = found["cut_in_share"], found["end_delay_p50"], found["end_delay_p90"]
    if cut is None or p50 is None or p90 is None:
        raise ValueError("no turn to choose a rule by: make more validation dialogues")
    return (True, -p50 - p90) if cut <= CUT_INS else (False, -cut)


def _leading(found: Outcome) -> Worth:
    wasted, lead = found["wasted_share"], found["lead"]
    if wasted is None or lead is None:
        return (False, -1.0)
    return (True, lead) if wasted <= WASTED else (False, -wasted)


def _stopping(found: Outcome) -> Worth:
    """Few false stops first, then as many stops and as few interruptions by backchannels as there can be."""
    told = (found["yield_share"] or 0.0) + (found["backchannel_hold_share"] or 0.0)
    false = found["echo_false_stop_share"] or 0.0
    return (True, told) if false <= FALSE_STOPS else (False, told - 10 * false)


def _weights(followed: Sequence[Followed]) -> tuple[float, float, float, float, float]:
    """A logistic regression of "the turn is over" on the heads, in the silences of turns."""
    rows, truth, voice = [], [], Rule().voice
    for each in followed:
        over, user = each.dialogue.labels.end_in, each.dialogue.labels.vad[:, 0]
        silent = 0
        for at, sight in enumerate(each.sights):
            silent = 0 if sight.user >= voice else silent + 1
            if silent and over[at] >= 0 and not user[at] and not sight.agent:
                rows.append(signs(sight, silent))
                truth.append(over[at] == 0)
    if not any(truth) or all(truth):
        raise ValueError("no silences to learn from: make more validation dialogues")
    found = positive(np.array(rows), np.array(truth, np.bool_))
    return float(found[0]), float(found[1]), float(found[2]), float(found[3]), float(found[4])


def positive(rows: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`logistic`, with the weights of signs that would speak against what they are signs of set to 0: they have but
    fitted the few dialogues. The last column is the constant's."""
    kept = list(range(rows.shape[1]))
    while True:
        found = logistic(rows[:, kept], truth)
        against = [name for name, weight in zip(kept[:-1], found, strict=False) if weight < 0]
        if not against:
            break
        kept = [name for name in kept if name not in against]
    weights = np.zeros(rows.shape[1])
    weights[kept] = found
    return weights


def logistic(rows: NDArray[np.float64], truth: NDArray[np.bool_], steps: int = 50) -> NDArray[np.float64]:
    """Weights of a logistic regression by Newton's method, with a small ridge; both classes count alike.

    Args:
        rows: [n, k]; a column of ones for the constant.
        truth: [n], with both values.
        steps: of Newton's method, at most.
    """
    each = np.where(truth, 0.5 / truth.mean(), 0.5 / (~truth).mean())
    weights = np.zeros(rows.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (each * (truth - p)) - _RIDGE * weights
        curve = rows.T @ (rows * (each * p * (1 - p))[:, None]) + _RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _mean(values: Sequence[bool]) -> float | None:
    return float(np.mean(values)) if values else None


def _quantile(values: Sequence[float], q: float) -> float | None:
    return float(np.quantile(values, q)) if values else None
