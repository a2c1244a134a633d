"""From the rows of a run to its figures: what is right, what was waited for and what was saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from duplex import __version__
from duplex.evals import bootstrap, origin
from duplex.evals.bootstrap import Interval
from duplex.evals.crag.agreement import shipped
from duplex.evals.crag.questions import kinds
from duplex.evals.crag.rows import Row, faithful
from duplex.evals.crag.run import POLICIES, Options, Ran
from duplex.evals.crag.speech import BUCKETS

NAME = "CRAG-spoken (local voice)"
"""What these figures are called; they are none of AudioCRAG."""
FEW = 10
POINTS = {"accurate": 1.0, "missing": 0.0, "hallucination": -1.0}
Json = dict[str, Any]

_SECONDS: dict[str, Callable[[Row], float | None]] = {
    "first_token": lambda row: row.first_token,
    "first_audio": lambda row: row.first_audio,
    "decision": lambda row: row.decision,
    "perceived": lambda row: row.perceived,
    "lead": lambda row: row.lead,
}
_COUNTS: dict[str, Callable[[Row], float]] = {
    "calls": lambda row: row.calls,
    "early": lambda row: row.early,
    "wasted": lambda row: row.wasted,
    "cancelled": lambda row: row.cancelled,
}


def summarise(ran: Ran, options: Options, agent: str) -> Json:
    """All figures of a run, and its rows.

    Each figure: value, low and high (95 %, None where one question alone gives none), n, unit, few (n under 10);
    seconds also p50 and p90. `delays` has for each delay both policies and what their pairs show.
    """
    said = {row.id: row for row in ran.rows}
    return {
        "name": NAME,
        "agent": agent,
        "lane": options.lane,
        "compute": options.compute,
        "version": __version__,
        "commit": origin.commit(),
        "machine": origin.machine(),
        "questions": {
            "file": options.questions.name,
            "asked": len(ran.questions),
            "done": len(said),
            "kinds": kinds(ran.questions),
            "seed": options.seed,
            "finished": ran.finished,
        },
        "documents": {
            "from": options.docs.name if options.docs else "the questions' pages",
            "passages": ran.docs[1],
        },
        "speech": _speech(list(said.values())),
        "scorer": shipped(),
        "delays": {name: _delay(ran, name) for name in dict.fromkeys(row.delay for row in ran.rows)},
        "oracle_lead": _seconds(list(ran.oracle.values())),
        "rows": [row.as_json() for row in ran.rows],
    }


def _speech(rows: Sequence[Row]) -> Json:
    """Who asked, and how much of it was read back; `wer` is the mean over questions."""
    return {
        "voices": sorted({row.voice for row in rows if row.voice}),
        "repaired": sum(row.repaired for row in rows),
        "wer": _mean([row.wer for row in rows if row.wer is not None], "share"),
    }


def _delay(ran: Ran, name: str) -> Json:
    rows = [row for row in ran.rows if row.delay == name]
    by = {policy: {row.id: row for row in rows if row.policy == policy} for policy in POLICIES}
    tool = [row.seconds for row in by["own"].values()]
    found: Json = {"tool": _seconds(tool)}
    for policy in POLICIES:
        found[policy] = figures(list(by[policy].values()))
    pairs = [(by["own"][id], by["open_book"][id]) for id in by["own"] if id in by["open_book"]]
    found["paired"] = paired(pairs, ran.oracle)
    found["by_readback"] = {
        bucket: {
            policy: _answers([row for row in by[policy].values() if row.bucket == bucket])
            for policy in POLICIES
        }
        for _, bucket in BUCKETS
        if any(row.bucket == bucket for row in rows)
    }
    return found


def figures(rows: Sequence[Row]) -> Json:
    """One policy's figures; over all questions, failed ones being missing."""
    found: Json = _answers(rows)
    for name, of in _SECONDS.items():
        found[name] = _seconds([value for row in rows if (value := of(row)) is not None])
    for name, count in _COUNTS.items():
        found[name] = _mean([count(row) for row in rows], "")
    calls = [float(row.calls) for row in rows]
    if sum(calls):
        found["waste"] = _told(
            bootstrap.ratio([float(row.wasted) for row in rows], calls), "share", round(sum(calls))
        )
    led = [float(row.lead > 0) for row in rows if row.lead is not None]
    found["lead_positive"] = _share(led)
    found["cut_in"] = _share([float(row.cut_in) for row in rows])
    found["no_answer"] = _share([float(row.first_audio is None) for row in rows])
    found["failed"] = sum(bool(row.error) for row in rows)
    found["parallel"] = max((row.parallel for row in rows), default=0)
    return {name: value for name, value in found.items() if value is not None}


def _answers(rows: Sequence[Row]) -> Json:
    found: Json = {name: _share([float(row.verdict == name) for row in rows]) for name in POINTS}
    points = [POINTS[row.verdict] for row in rows]
    truth = _mean(points, "share")
    if truth is not None and len(set(points)) == 1:
        # Resampling says nothing where all are alike: what Wilson's intervals of the two shares leave open.
        right, wrong = found["accurate"], found["hallucination"]
        truth |= {"low": _round(right["low"] - wrong["high"]), "high": _round(right["high"] - wrong["low"])}
    return found | {"truthfulness": truth}


def paired(pairs: Sequence[tuple[Row, Row]], oracle: dict[str, float]) -> Json:
    """What the agent's own way changes against open book, question by question.

    savings = sum of (T_o - T_s) / sum of T_o; both are what of the tool's time is waited through.
    """
    both = [(own, book) for own, book in pairs if own.perceived is not None and book.perceived is not None]
    waited = [(own.perceived or 0.0, book.perceived or 0.0) for own, book in both]
    found: Json = {
        "truthfulness": _mean([POINTS[own.verdict] - POINTS[book.verdict] for own, book in pairs], "share"),
        "first_audio": _seconds(
            [
                own.first_audio - book.first_audio
                for own, book in pairs
                if own.first_audio is not None and book.first_audio is not None
            ]
        ),
        "saved": _seconds([theirs - ours for ours, theirs in waited]),
        "helped": _share([float(theirs > ours) for ours, theirs in waited]),
    }
    if sum(theirs for _, theirs in waited) > 0:
        saved, paid = [theirs - ours for ours, theirs in waited], [theirs for _, theirs in waited]
        found["savings"] = _told(bootstrap.ratio(saved, paid), "share", len(paid))
    same = [(own, match) for own, book in pairs if (match := faithful(own, book)) is not None]
    found["fidelity"] = _share([float(match) for _, match in same])
    found["stale"] = _share([float(not match and own.verdict != "accurate") for own, match in same])
    leads = [
        (max(0.0, own.lead), oracle[own.id]) for own, _ in pairs if own.lead is not None and own.id in oracle
    ]
    if sum(most for _, most in leads) > 0:
        found["efficiency"] = _told(
            bootstrap.ratio([lead for lead, _ in leads], [most for _, most in leads]), "share", len(leads)
        )
    return {name: value for name, value in found.items() if value is not None}


def _seconds(values: Sequence[float]) -> Json | None:
    if not values:
        return None
    middle = bootstrap.median(values)
    more = {"p50": _round(middle.value), "p50_low": _round(middle.low), "p50_high": _round(middle.high)}
    return (
        _told(bootstrap.mean(values), "s", len(values))
        | more
        | {"p90": _round(float(np.quantile(values, 0.9)))}
    )


def _mean(values: Sequence[float], unit: str) -> Json | None:
    return _told(bootstrap.mean(values), unit, len(values)) if values else None


def _share(hits: Sequence[float]) -> Json | None:
    return _told(bootstrap.share(hits, [1.0] * len(hits)), "share", len(hits)) if hits else None


def _told(found: Interval, unit: str, n: int) -> Json:
    """Without an interval where all questions are alike: resampling would call it certain."""
    low, high = (None, None) if found.low == found.high else (_round(found.low), _round(found.high))
    return {"value": _round(found.value), "low": low, "high": high, "n": n, "unit": unit, "few": n < FEW}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
