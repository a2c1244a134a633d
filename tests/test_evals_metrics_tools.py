"""Sections D to F of the metrics, worked out by hand from SCENARIO_FORMAT's formulas."""

from __future__ import annotations

from typing import Any

import pytest
from evals_replays import replay, said, spoke, told

from duplex.evals.metrics import fdb3, handoff, measure, normal, streaming
from duplex.evals.metrics.tally import Tally
from duplex.evals.record import Record, Replay
from duplex.evals.scenario import ToolCall


def call(name: str, **args: Any) -> ToolCall:
    return ToolCall(name=name, args=args)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (100, "100", True),
        (100, "a hundred", True),
        (1_250.0, "1,250", True),
        ("Two hundred and five", 205, True),
        ("2026-03-03", "March 3rd, 2026", True),
        ("New York", "new york.", True),
        ("the red one", "Red one", True),
        (["b", "a"], ["A", "B"], True),
        (True, "true", True),
        (100, 1_000, False),
        ("2026-03-03", "2026-03-04", False),
    ],
)
def test_arguments_are_compared_in_one_form(one: object, other: object, same: bool) -> None:
    assert (normal.normal(one) == normal.normal(other)) is same


@pytest.mark.parametrize(
    ("expected", "actual", "counts", "f1", "right", "passed"),
    [
        ([call("a", n=1)], [call("a", n="one")], (1, 0, 0), 1.0, (1, 1), True),
        ([call("a", n=1)], [call("a", n=2)], (1, 0, 0), 1.0, (0, 1), False),
        ([call("a"), call("b")], [call("a")], (1, 0, 1), 2 / 3, (1, 1), False),
        ([call("a")], [call("a"), call("a")], (1, 1, 0), 2 / 3, (1, 1), False),  # an extra call
        ([call("a")], [call("b")], (0, 1, 1), 0.0, (0, 0), False),
        ([call("a", n=1), call("a", n=2)], [call("a", n=2), call("a", n=1)], (2, 0, 0), 1.0, (2, 2), True),
        ([call("a", n=1)], [call("a", n=1, note=None)], (1, 0, 0), 1.0, (1, 1), True),
        ([call("a", n=1)], [call("a", n=1, more="x")], (1, 0, 0), 1.0, (0, 1), False),
        ([], [], (0, 0, 0), None, (0, 0), True),
    ],
)
def test_tool_use(
    expected: list[ToolCall],
    actual: list[ToolCall],
    counts: tuple[int, int, int],
    f1: float | None,
    right: tuple[int, int],
    passed: bool,
) -> None:
    assert fdb3.names(expected, actual) == counts
    assert fdb3.f1(*counts) == (None if f1 is None else pytest.approx(f1))
    assert fdb3.arguments(expected, actual) == right
    assert fdb3.pass_at_1(expected, actual) is passed


def asked(*records: Record, agent: list[tuple[float, float]] | None = None, **scenario: Any) -> Replay:
    """A question that ends at 3.0 s."""
    tools = [{"name": "search"}]
    return replay(
        said("u1", (1.0, 3.0), text="how deep is it"),
        agent=agent or [],
        records=records,
        **({"task": "tool_streaming", "tools": tools} | scenario),
    )


def issued(
    t: float, name: str, result: float | None = None, docs: tuple[str, ...] = (), **args: Any
) -> list[Record]:
    """A call and its result."""
    rows = [told(t, "tool_call", id=name, name="search", query="q", args=args)]
    if result is not None:
        rows.append(told(result, "tool_result", id=name, name="search", docs=list(docs)))
    return rows


def committed(t: float, name: str, docs: tuple[str, ...] = (), **args: Any) -> Record:
    return told(t, "tool_commit", id=name, name="search", docs=list(docs), args=args)


ANSWER = spoke(4.0, 1, ("One", 4.0, 4.2), ("moment.", 4.2, 4.6), ("It's", 4.8, 5.0), ("50.", 5.0, 5.5))


def test_tool_calls_of_a_replay() -> None:
    scene = asked(
        *issued(2.5, "c1", 3.5, depth="fifty"),
        committed(3.6, "c1", depth="fifty"),
        *ANSWER,
        agent=[(4.0, 4.6), (4.8, 5.5)],
        tool_calls=[{"name": "search", "args": {"depth": 50}}],
        forbidden_calls=[{"name": "search", "args": {"depth": 40}}],
        answer={"gold": ["50"]},
        task="disfluent_tool",
    )
    got = measure(scene)
    assert (got["tool_f1"], got["argument_accuracy"], got["pass_at_1"], got["rollback"]) == (1, 1, 1, 1)
    assert got["forbidden_commit"] == 0
    assert got["tool_call_latency"] == pytest.approx(-0.5)
    assert got["first_response_latency"] == pytest.approx(1.0)
    assert got["interruption_rate"] == 0
    assert got["filler_rate"] == 1  # its first sentence has no fact
    assert got["task_completion"] == pytest.approx(1.8)


def test_a_forbidden_call_is_told_and_a_cut_in_is_negative() -> None:
    scene = asked(
        *issued(2.5, "c1", 2.7, depth=40),
        committed(3.6, "c1", depth="forty"),
        *spoke(2.2, 1, ("Yes?", 2.2, 2.8)),
        agent=[(2.2, 2.8)],
        tool_calls=[{"name": "search", "args": {"depth": 50}}],
        forbidden_calls=[{"name": "search", "args": {"depth": 40}}],
    )
    got = measure(scene)
    assert (got["forbidden_commit"], got["rollback"], got["interruption_rate"]) == (1, 0, 1)
    assert got["first_response_latency"] == pytest.approx(-0.8)


def test_a_call_that_was_never_committed_is_not_made() -> None:
    got = measure(asked(*issued(2.5, "c1", 2.7), tool_calls=[{"name": "search", "args": {}}]))
    assert (got["pass_at_1"], got["tool_fn"], got["tool_f1"]) == (0, 1, 0)
    assert "argument_accuracy" not in got


def test_streaming_times() -> None:
    scene = asked(
        *issued(1.5, "c1", 2.0),
        *issued(2.0, "c2"),
        told(2.2, "tool_cancel", id="c2"),
        *issued(2.4, "c3", 3.7),
        told(3.4, "eot_decision", turn=1),
        committed(3.7, "c3"),
        *ANSWER,
        agent=[(4.0, 5.5)],
    )
    got = measure(scene)
    assert got["tool_lead"] == pytest.approx(0.6)
    assert got["tool_lead_positive"] == 1
    assert got["tool_latency_perceived"] == pytest.approx(0.7)
    assert got["endpoint_delay"] == pytest.approx(0.4)
    assert got["first_token_latency"] == pytest.approx(1.0)
    assert (got["tool_calls"], got["wasted_calls"], got["cancelled_calls"]) == (3, 2, 1)
    assert (got["waste_rate"], got["waste_rate.sum"], got["waste_rate.n"]) == (pytest.approx(2 / 3), 2, 3)
    assert got["parallel_calls"] == 1  # c2 was issued when c1 had come back, c3 when c2 was gone
    assert not {"tool_saved", "fidelity", "crag_score"} & got.keys()


def test_nothing_is_waited_for_where_the_result_was_there_before() -> None:
    got = measure(asked(*issued(1.5, "c1", 2.0), *issued(1.8, "c2", 2.9), committed(3.4, "c2")))
    assert got["tool_latency_perceived"] == 0
    assert got["parallel_calls"] == 2


def test_no_call_leaves_lead_out_and_counts_none() -> None:
    got = measure(asked())
    assert (got["tool_calls"], got["wasted_calls"]) == (0, 0)
    assert not {"tool_lead", "waste_rate", "tool_latency_perceived"} & got.keys()


def test_saved_against_the_paired_open_book_run() -> None:
    open_book = asked(*issued(3.4, "o", 5.0, ("a", "b")), committed(5.0, "o", ("a", "b")))
    early = asked(*issued(2.4, "c", 3.7, ("b", "a")), committed(3.7, "c", ("b", "a")))
    got = measure(early, open_book=open_book)
    assert got["tool_latency_open_book"] == pytest.approx(2.0)
    assert got["tool_saved"] == pytest.approx(1.3)
    assert (got["tool_savings.sum"], got["tool_savings.n"]) == (pytest.approx(1.3), pytest.approx(2.0))
    assert (got["tool_helped"], got["fidelity"]) == (1, 1)
    stale = asked(
        *issued(2.4, "c", 3.7, ("c",)),
        committed(3.7, "c", ("c",)),
        *spoke(4.0, 1, ("It's", 4.0, 4.4), ("60.", 4.4, 5.0)),
        agent=[(4.0, 5.0)],
        answer={"gold": ["50"]},
    )
    got = measure(stale, open_book=open_book)
    assert (got["fidelity"], got["stale_answer"], got["crag_score"]) == (0, 1, -1)


@pytest.mark.parametrize(
    ("words", "score", "kind"),
    [
        ([("It's", 4.0, 4.4), ("50.", 4.4, 5.0)], 1, "crag_accurate"),
        ([("I", 4.0, 4.2), ("don't", 4.2, 4.4), ("know.", 4.4, 5.0)], 0, "crag_missing"),
        ([("It's", 4.0, 4.4), ("60.", 4.4, 5.0)], -1, "crag_hallucination"),
    ],
)
def test_answers_are_scored(words: list[tuple[str, float, float]], score: int, kind: str) -> None:
    got = measure(asked(*spoke(4.0, 1, *words), agent=[(4.0, 5.0)], answer={"gold": ["50"]}))
    assert got["crag_score"] == score
    assert got[kind] == 1
    assert sum(got[f"crag_{each}"] for each in ("accurate", "missing", "hallucination")) == 1


def test_an_answer_whose_words_nobody_knows_is_not_scored() -> None:
    assert "crag_score" not in measure(asked(agent=[(4.0, 5.0)], answer={"gold": ["50"]}))


@pytest.mark.parametrize(
    ("blocks", "lead"),
    [
        ([(1.0, ["x"]), (1.5, ["a", "b"]), (2.0, ["b", "a"])], 1.5),
        ([(1.0, ["a", "b"]), (1.5, ["x"]), (2.0, ["a", "b"])], 1.0),  # it has to stay so
        ([(1.0, ["a", "b"]), (2.0, ["x"])], None),
        ([(1.0, list("abcdef")), (2.0, list("abcdeg"))], None),
        ([], None),
    ],
)
def test_oracle_lead(blocks: list[tuple[float, list[str]]], lead: float | None) -> None:
    assert streaming.oracle_lead(blocks, ["a", "b"], 3.0) == lead


def test_only_the_top_five_count() -> None:
    assert streaming.same_documents(list("abcdef"), list("edcbag"))
    assert not streaming.same_documents(list("abcd"), list("abcde"))


def test_efficiency_is_a_ratio_of_sums() -> None:
    tally = Tally()
    streaming.oracle(tally, leads=[1.0, -0.5, 0.5], oracle_leads=[2.0, 1.0, 1.0])
    got = tally.flat()
    assert got["efficiency"] == pytest.approx(1.5 / 4.0)
    assert got["oracle_lead"] == pytest.approx(4.0 / 3)


def test_handoff() -> None:
    fast = spoke(3.5, 1, ("Well,", 3.5, 3.8), ("yes,", 3.8, 4.0), path="fast")
    slow = spoke(4.1, 2, ("it", 4.1, 4.4), ("is", 4.4, 4.7), ("fifty.", 4.7, 5.5), path="slow")
    got = measure(asked(*fast, *slow, agent=[(3.5, 4.0), (4.1, 5.5)]))
    assert got["fast_first_audio"] == pytest.approx(0.5)
    assert got["slow_first_audio"] == pytest.approx(1.1)
    assert got["seam_gap_ms"] == pytest.approx(100)
    assert (got["seam_overlap"], got["fast_abort"]) == (0, 0)
    assert (got["fast_share"], got["fast_share.sum"], got["fast_share.n"]) == (0.4, 2, 5)
    dropped = measure(asked(*fast, told(3.9, "playout_flush", id=1), agent=[(3.5, 3.9)]))
    assert dropped["fast_abort"] == 1
    assert "seam_gap_ms" not in dropped
    assert "fast_abort" not in measure(asked(*ANSWER, agent=[(4.0, 5.5)]))  # there is no fast path


def test_figures_of_marked_sets() -> None:
    assert handoff.contradiction_rate([True, False, False, False]) == 0.25
    assert handoff.contradiction_rate([]) is None
    assert handoff.quality_retained(0.495, 0.5) == pytest.approx(0.99)
    assert handoff.quality_retained(0.1, 0.0) is None
    assert handoff.seam_gap(4.0, 3.9) == pytest.approx(-100)
