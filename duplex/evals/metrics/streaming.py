"""Section E: streaming tool calls (Stream RAG). Times against t_eos, the end of the user's last word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from duplex.evals.metrics.tally import Tally
from duplex.evals.metrics.view import Turn, View

TOP = 5
"""Documents that a call is judged by."""
Verdict = Literal["accurate", "missing", "hallucination"]
POINTS: dict[Verdict, int] = {"accurate": 1, "missing": 0, "hallucination": -1}


@dataclass(slots=True)
class Call:
    """One call: when it was issued and its result came, or it was cancelled."""

    id: Any
    issued: float
    result: float | None = None
    cancelled: float | None = None
    committed: float | None = None
    docs: tuple[str, ...] = field(default=())


def calls_of(view: View, turn: Turn) -> list[Call]:
    """The calls that were issued in a turn, in order."""
    calls: dict[Any, Call] = {}
    for record in view.replay.of("tool_call", "tool_result", "tool_cancel", "tool_commit"):
        key = record.payload.get("id")
        if record.type == "tool_call":
            if turn.start <= record.t < turn.until:
                calls.setdefault(key, Call(key, record.t))
            continue
        if (call := calls.get(key)) is None:
            continue
        if record.type == "tool_cancel":
            call.cancelled = record.t
            continue
        call.docs = tuple(map(str, record.payload.get("docs") or call.docs))
        if record.type == "tool_result":
            call.result = record.t if call.result is None else call.result
        else:
            call.committed = record.t
    return list(calls.values())


def committed(calls: Sequence[Call]) -> Call | None:
    """c*: the call that the answer rests on, the last that was committed."""
    return max((call for call in calls if call.committed is not None), key=_committed, default=None)


def _committed(call: Call) -> float:
    return call.committed or 0.0


def perceived(call: Call, end: float) -> float | None:
    """T_s = max(0, r* - t_eos): what of a call's time the user waits through."""
    return None if call.result is None else max(0.0, call.result - end)


def parallel(calls: Sequence[Call]) -> int:
    """The most that were under way at once."""
    ends = [
        min(each for each in (call.result, call.cancelled, float("inf")) if each is not None)
        for call in calls
    ]
    return max(
        (
            sum(1 for other, end in zip(calls, ends, strict=True) if other.issued <= call.issued < end)
            for call in calls
        ),
        default=0,
    )


def same_documents(docs: Sequence[str], final: Sequence[str]) -> bool:
    """D = D_F: the same top five, in any order."""
    return set(docs[:TOP]) == set(final[:TOP])


def oracle_lead(
    blocks: Sequence[tuple[float, Sequence[str]]], final: Sequence[str], end: float
) -> float | None:
    """t_eos - t(b*), b* the first block from which on all top fives are those of the full transcript.

    Args:
        blocks: time and documents of a query after each block of words, in order.
        final: those of the full transcript.
        end: t_eos.
    """
    since: float | None = None
    for t, docs in blocks:
        if not same_documents(docs, final):
            since = None
        elif since is None:
            since = t
    return None if since is None else end - since


def oracle(tally: Tally, leads: Sequence[float], oracle_leads: Sequence[float]) -> None:
    """Add oracle_lead, and efficiency = sum of max(0, lead) / sum of oracle leads."""
    tally.each("oracle_lead", oracle_leads)
    tally.ratio("efficiency", sum(max(0.0, lead) for lead in leads), sum(oracle_leads))


def judged(view: View, turn: Turn) -> Verdict | None:
    """CRAG's verdict on the answer; None where there is no gold, no words are known, or no scorer."""
    answer = view.scenario.answer
    if answer is None or not view.has_words:
        return None
    try:
        from duplex.evals.crag.scorer import score
    except ImportError:
        return None
    said = " ".join(word[0] for word in view.reply(turn))
    question = " ".join(placed.item.text for placed in turn.items)
    return score(said, answer.gold, answer.kind, question)


def measure(view: View, tally: Tally, open_book: View | None = None) -> None:
    """Section E of one replay. `open_book`: the paired run, which calls only at the endpoint, with the same seed."""
    scenario = view.scenario
    if not scenario.tools and scenario.tool_calls is None and scenario.answer is None:
        return
    pairs = dict(enumerate(open_book.due)) if open_book is not None else {}
    for at, turn in enumerate(view.due):
        calls = calls_of(view, turn)
        used = committed(calls)
        _counts(calls, used, tally)
        decision = decided(view, turn)
        tally.add("endpoint_delay", None if decision is None else decision - turn.end)
        answer = view.answer(turn)
        tally.add("first_token_latency", None if answer is None else answer.start - turn.end)
        if used is not None:
            tally.add("tool_lead", turn.end - used.issued)
            tally.add("tool_lead_positive", used.issued < turn.end)
            tally.add("tool_latency_perceived", perceived(used, turn.end))
        verdict = judged(view, turn) if turn is view.due[-1] else None
        if verdict is not None:
            tally.add("crag_score", POINTS[verdict])
            for name in POINTS:
                tally.add(f"crag_{name}", verdict == name)
        if open_book is not None and at in pairs:
            _paired(turn, used, verdict, pairs[at], committed(calls_of(open_book, pairs[at])), tally)


def decided(view: View, turn: Turn) -> float | None:
    """When the agent last took the turn for ended, before the next turn began."""
    times = [record.t for record in view.replay.of("eot_decision") if turn.start <= record.t < turn.until]
    return times[-1] if times else None


def _counts(calls: Sequence[Call], used: Call | None, tally: Tally) -> None:
    wasted = len(calls) - (used is not None)
    tally.add("tool_calls", len(calls))
    tally.add("wasted_calls", wasted)
    tally.ratio("waste_rate", wasted, len(calls))
    tally.add("cancelled_calls", sum(1 for call in calls if call.cancelled is not None))
    tally.put("parallel_calls", parallel(calls))


def _paired(
    turn: Turn, used: Call | None, verdict: Verdict | None, their_turn: Turn, final: Call | None, tally: Tally
) -> None:
    waited = None if used is None else perceived(used, turn.end)
    if final is None or final.result is None or used is None or waited is None:
        return
    paid = final.result - their_turn.end
    tally.add("tool_latency_open_book", paid)
    tally.add("tool_saved", paid - waited)
    tally.ratio("tool_savings", paid - waited, paid)
    tally.add("tool_helped", paid > waited)
    faithful = same_documents(used.docs, final.docs)
    tally.add("fidelity", faithful)
    if verdict is not None:
        tally.add("stale_answer", not faithful and verdict != "accurate")
