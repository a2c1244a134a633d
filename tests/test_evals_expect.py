"""What scenarios expect, judged: each metric that the format's examples name, and what cannot be measured."""

from __future__ import annotations

from typing import Any

import pytest
from evals_replays import replay, said, spoke, told

from duplex.evals.metrics import measure
from duplex.evals.record import Record

Spans = list[tuple[float, float]]
PAUSED = said("u1", (1.0, 2.0), (3.0, 4.0), ends_turn=False)
ASKED = said("u1", (1.0, 3.0))
CUT = said("i1", (2.0, 2.8), kind="interruption", text='[intent] {"slots": {"a": "mocha", "b": "large"}}')
MHM = said("b1", (2.0, 2.4), kind="backchannel", claims_floor=False, ends_turn=False)
NOISE = {"id": "n1", "kind": "noise", "at": 0.0, "dur": 3.0, "claims_floor": False}
SILENT = {"id": "z1", "kind": "silence", "at": 0.0, "dur": 9.0}
OPENING = spoke(0.5, 1, ("on", 0.5, 8.0), reason="announcement")
ALL = (0, "end")


def expected(
    item: dict[str, Any],
    metric: str,
    behaviour: str | None,
    window: tuple[float | str, float | str],
    agent: Spans,
    records: list[Record] | None = None,
    max_s: float | None = None,
    **scenario: Any,
) -> tuple[bool | None, float | None]:
    """The verdict and the value of one expectation."""
    wanted = {"metric": metric, "window": {"from": window[0], "to": window[1]}, "max_s": max_s}
    if behaviour:
        wanted["behaviour"] = behaviour
    got = measure(replay(item, agent=agent, records=records or [], expect=[wanted], **scenario))["expect"]
    assert len(got) == 1
    assert (got[0]["metric"], got[0]["behaviour"]) == (metric, behaviour)
    return got[0]["ok"], got[0]["value"]


TURN = ("u1.speech_end", "u1.speech_end+3.0")
REST = ("u1.speech_end", "end")
STOP = ("i1.speech_start", "i1.speech_start+2.0")
FALSE = ("b1.speech_start", "b1.speech_start+1.0")
EACH = ("each pause in u1.speech", "pause end")
LONG: Spans = [(3.5, 5.0)]


@pytest.mark.parametrize(
    ("item", "metric", "behaviour", "window", "agent", "max_s", "ok", "value"),
    [
        (PAUSED, "tor_fdb", "hold", ALL, [], None, True, 0),
        (PAUSED, "tor_fdb", "hold", ALL, [(2.2, 3.5)], None, False, 1),
        (PAUSED, "tor_pause_window", "hold", EACH, [(2.2, 2.5)], None, False, 1),
        (PAUSED, "tor_pause_window", "hold", EACH, [(4.5, 5.5)], None, True, 0),
        (PAUSED, "tor_pause_window", "hold", ("u1.speech_end", "u2.speech_start"), [], None, None, None),
        (ASKED, "tor_fdb", "take_turn", TURN, LONG, None, True, 1),
        (ASKED, "tor_fdb", "take_turn", TURN, [], None, False, 0),
        (ASKED, "tor_fdb", "take_turn", TURN, [(6.5, 9.0)], None, False, 0),
        (ASKED, "response_latency", "take_turn", REST, LONG, 0.8, True, 0.5),
        (ASKED, "response_latency", "take_turn", REST, LONG, 0.4, False, 0.5),
        (ASKED, "response_latency", "take_turn", REST, LONG, None, True, 0.5),
        (ASKED, "response_latency", "take_turn", REST, [], 0.8, False, None),
        (ASKED, "response_latency", None, REST, LONG, None, None, 0.5),
        (CUT, "stop_latency", "stop", STOP, [(0.5, 2.3)], 0.6, True, 0.3),
        (CUT, "stop_latency", "stop", STOP, [(0.5, 2.9)], 0.6, False, 0.9),
        (CUT, "stop_latency", "stop", STOP, [(0.5, 8.0)], 0.6, False, 6.0),
        (CUT, "stop_latency", "stop", STOP, [(0.5, 8.0)], None, False, 6.0),
        (CUT, "stop_latency", "stop", STOP, [], 0.6, None, None),  # it was not speaking
        (MHM, "false_stop", "continue", FALSE, [(0.5, 8.0)], None, True, 0),
        (MHM, "false_stop", "continue", FALSE, [(0.5, 2.5)], None, False, 1),
        (MHM, "false_stop", "stop", FALSE, [(0.5, 2.5)], None, True, 1),
        (MHM, "false_stop", "ignore", FALSE, [], None, None, None),
        (NOISE, "false_response", "ignore", ("n1.start", "n1.end+2.0"), [(4.0, 5.0)], None, False, 1),
        (NOISE, "false_response", "ignore", ("n1.start", "n1.end+2.0"), [(5.1, 6.0)], None, True, 0),
        (SILENT, "false_response", "hold", (0, 9), [], None, True, 0),
        (SILENT, "false_response", "hold", (0, 9), [(4.0, 5.0)], None, False, 1),
        (ASKED, "no_such_metric", "hold", ALL, [], None, None, None),
        (ASKED, "wer", None, ALL, [], None, None, None),  # no transcript
    ],
)
def test_verdicts(
    item: dict[str, Any],
    metric: str,
    behaviour: str | None,
    window: tuple[float | str, float | str],
    agent: Spans,
    max_s: float | None,
    ok: bool | None,
    value: float | None,
) -> None:
    got = expected(item, metric, behaviour, window, agent, max_s=max_s, task="pause_handling")
    assert got == (ok, None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("agent", "metric", "ok", "value"),
    [
        ([(1.0, 1.4)], "tor_bc", True, 0),
        ([(1.0, 2.4)], "tor_bc", False, 1),
        ([(1.0, 1.4)], "bc_frequency", None, 0.1),
        ([], "bc_jsd", None, 1),
    ],
)
def test_backchannels(agent: Spans, metric: str, ok: bool | None, value: float) -> None:
    behaviour = "backchannel_ok" if metric == "tor_bc" else None
    user = said("u1", (0.0, 10.0), ends_turn=False)
    words = [each for start, end in agent for each in spoke(start, 1, ("mhm", start, end))]
    got = expected(user, metric, behaviour, ALL, agent, words, task="backchannel")
    assert got == (ok, pytest.approx(value))


@pytest.mark.parametrize(("word", "ok", "share"), [("mocha", True, 0.5), ("tea", False, 0.0)])
def test_relevance_wants_half_of_what_was_asked(word: str, ok: bool, share: float) -> None:
    records = [*OPENING, *spoke(3.5, 2, (word, 3.5, 4.5))]
    agent = [(0.5, 2.2), (3.5, 4.5)]
    window = ("i1.speech_end", "end")
    got = expected(
        CUT, "post_interrupt_relevance", "respond", window, agent, records, task="user_interruption"
    )
    assert got == (ok, share)


def called(t: float, *more: Record) -> list[Record]:
    row = told(t, "tool_call", id="c", name="search", query="q", args={})
    return [row, told(t + 0.5, "tool_result", id="c", docs=[]), *more]


COMMIT = told(3.6, "tool_commit", id="c", name="search", args={}, docs=[])
DURING = ("u1.start", "u1.speech_end")


@pytest.mark.parametrize(
    ("metric", "behaviour", "window", "records", "ok", "value"),
    [
        ("tool_lead", "call_tool", DURING, called(2.4, COMMIT), True, 0.6),
        ("tool_lead", "call_tool", DURING, called(3.4, COMMIT), False, -0.4),
        ("tool_lead", "call_tool", DURING, called(2.4), False, None),  # never committed
        ("tool_lead", "call_tool", DURING, [], False, None),
        ("tool_latency_perceived", None, REST, called(2.8, COMMIT), None, 0.3),
        ("wasted_calls", None, ALL, called(2.4), None, 1),
        ("tool_call_latency", "call_tool", ALL, called(2.4), True, -0.6),
        ("tool_call_latency", "call_tool", ALL, [], None, None),
        ("pass_at_1", None, ALL, called(2.4, COMMIT), True, 1),
        ("pass_at_1", None, ALL, called(2.4), False, 0),
        ("pass_at_1", "no_call", ALL, called(2.4, COMMIT), True, 1),
        ("pass_at_1", "no_call", ALL, called(2.4), False, 0),
        ("interruption_rate", "hold", (0, "u1.speech_end"), spoke(4.0, 1, ("so", 4.0, 5.0)), True, 0),
        ("interruption_rate", "hold", (0, "u1.speech_end"), spoke(2.0, 1, ("so", 2.0, 5.0)), False, 1),
        ("first_response_latency", None, REST, spoke(4.0, 1, ("so", 4.0, 5.0)), None, 1.0),
        ("crag_score", None, REST, spoke(4.0, 1, ("fifty", 4.0, 5.0)), True, 1),
        ("crag_score", None, REST, spoke(4.0, 1, ("sixty", 4.0, 5.0)), False, -1),
    ],
)
def test_tools(
    metric: str,
    behaviour: str | None,
    window: tuple[float | str, float | str],
    records: list[Record],
    ok: bool | None,
    value: float | None,
) -> None:
    started = [each.t for each in records if each.type == "response_start"]
    more = {"tools": [{"name": "search"}], "answer": {"gold": ["50"]}, "task": "disfluent_tool"}
    more["tool_calls"] = [{"name": "search", "args": {}}]
    got = expected(ASKED, metric, behaviour, window, [(t, 5.0) for t in started], records, **more)
    assert got == (ok, None if value is None else pytest.approx(value))


def test_every_verdict_says_why_it_is_none() -> None:
    wanted = [
        {"metric": "no_such_metric", "window": {"from": 0, "to": "end"}},
        {"metric": "wer", "window": {"from": 0, "to": "end"}},
        {"metric": "stop_latency", "window": {"from": "x.start", "to": "end"}},
        {"metric": "missed_items", "window": {"from": 0, "to": "end"}},
    ]
    notes = [row["note"] for row in measure(replay(ASKED, expect=wanted))["expect"]]
    assert notes == [
        "no metric is called 'no_such_metric'",
        "it could not be measured here",
        "the window never came about",
        "no bound is named",
    ]
