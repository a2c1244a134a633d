"""Summaries: what is averaged, what is pooled, what is told of few, what failed."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from eval_runs import leave, leave_replay, leave_shares
from hypothesis import given, settings
from hypothesis import strategies as st

import duplex
from duplex.evals.markdown import cell, figure
from duplex.evals.metrics.endpointing import Silence
from duplex.evals.origin import commit
from duplex.evals.record import Record
from duplex.evals.results import Result, ResultError
from duplex.evals.statistics import describe
from duplex.evals.summary import make_summary, read_summary, summarise
from duplex.evals.tradeoff import silences, tradeoff


def result(id: str, task: str = "tool_streaming", **metrics: float) -> Result:
    dotted = {name.replace("__", "."): value for name, value in metrics.items()}
    return Result(Path(id), id, task, "", dotted)


def test_a_mean_is_over_scenarios_and_a_pool_over_cases() -> None:
    found = describe(
        "response_latency",
        [
            result("a", response_latency=1.0, response_latency__sum=1.0, response_latency__n=1),
            result("b", response_latency=2.0, response_latency__sum=6.0, response_latency__n=3),
            result("c"),
        ],
    )
    assert found is not None
    shown = {key: found[key] for key in ("n", "mean", "p50", "sum", "count", "pooled", "unit", "few")}
    assert shown == {
        "n": 2, "mean": 1.5, "p50": 1.5, "sum": 7.0, "count": 4, "pooled": 1.75, "unit": "s", "few": True,
    }  # fmt: skip
    assert found["p90"] == pytest.approx(1.9)


def test_what_nobody_has_is_not_described() -> None:
    assert describe("fto", [result("a")]) is None


@pytest.mark.parametrize(("cases", "few"), [(9, True), (10, False)])
def test_a_share_of_few_cases_is_marked(cases: int, few: bool) -> None:
    found = describe(
        "eot_cutoff", [result("a", eot_cutoff=0.5, eot_cutoff__sum=cases / 2, eot_cutoff__n=cases)]
    )
    assert found is not None
    assert found["few"] is few


def test_a_run_is_summarised_by_task(tmp_path: Path) -> None:
    leave_shares(tmp_path, {f"pause{n}": int(n < 3) for n in range(12)})
    leave_shares(tmp_path, {f"turn{n}": 1 for n in range(4)}, "smooth_turn_taking")
    leave(tmp_path, "broken", error="RuntimeError: out of voice")
    found = summarise(tmp_path)
    pause = found["tasks"]["pause_handling"]["tor_fdb"]
    assert (pause["mean"], pause["sum"], pause["count"], pause["better"], pause["few"]) == (
        0.25,
        3,
        12,
        "low",
        False,
    )
    assert found["tasks"]["smooth_turn_taking"]["tor_fdb"]["better"] == "high"
    assert found["tasks"]["all"]["tor_fdb"]["n"] == 16
    assert (found["run"]["scenarios"], found["run"]["done"]) == (17, 16)
    assert found["run"]["failed"] == {"broken": "RuntimeError: out of voice"}
    assert found["panels"]["fdb"]["pause_tor_fdb"]["value"] == 0.25
    assert read_summary(tmp_path) == read_summary(tmp_path / "summary.json") == json.loads(json.dumps(found))
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| Pause handling · TOR ↓ | 25.0 % |" in text
    assert "| 4/4 n<10 |" in text
    assert "- **failed** broken: RuntimeError: out of voice" in text


def streaming(saved: float, whole: float, n: int) -> Result:
    return result(f"s{n}", tool_savings=saved / whole, tool_savings__sum=saved, tool_savings__n=whole)


def test_savings_are_a_ratio_of_sums() -> None:
    found = describe("tool_savings", [streaming(0.0, 0.1, 1), streaming(2.0, 3.9, 2)])
    assert found is not None
    assert found["pooled"] == 0.5


def tau(count: int, task: str = "noise_burst") -> dict[str, float | None]:
    names = ("s_bc", "s_vt", "s_nd")
    hits = dict(zip(names, (1.0, 0.5, 0.0), strict=True))
    found: dict[str, float | None] = {}
    for name in names:
        found |= {name: hits[name], f"{name}.sum": hits[name] * count, f"{name}.n": count}
    return found


@pytest.mark.parametrize(("count", "shown"), [(4, False), (6, True)])
def test_selectivity_is_shown_only_where_each_part_has_ten_events(
    tmp_path: Path, count: int, shown: bool
) -> None:
    for id in ("a", "b"):
        leave(tmp_path, id, "noise_burst", tau(count))
    row = make_summary(tmp_path)["panels"]["tau"].get("selectivity")
    assert (row is not None) is shown
    if row:
        assert (row["value"], row["count"]) == (0.5, 2 * count)


def test_f1_is_over_all_calls(tmp_path: Path) -> None:
    leave(tmp_path, "a", "tool_streaming", {"tool_tp": 3, "tool_fp": 0, "tool_fn": 1})
    leave(tmp_path, "b", "tool_streaming", {"tool_tp": 0, "tool_fp": 2, "tool_fn": 0})
    row = make_summary(tmp_path)["panels"]["fdb3"]["f1"]
    assert row["value"] == pytest.approx(6 / 9, abs=1e-6)
    assert (row["count"], row["few"]) == (6, True)


def test_what_opposes_stands_side_by_side(tmp_path: Path) -> None:
    leave(tmp_path, "a", "user_interruption", {"r_y": 1, "r_y.sum": 2, "r_y.n": 2})
    (pair,) = make_summary(tmp_path)["pairs"]
    assert pair["rows"] == ["tau.r_y", "tau.s_bc"]
    assert [row and row["value"] for row in pair["figures"]] == [1.0, None]
    summarise(tmp_path)
    assert "not measured" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_expectations_are_counted_by_behaviour(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"metric": "stop_latency", "behaviour": "stop", "ok": True, "value": 0.3},
        {"metric": "stop_latency", "behaviour": "stop", "ok": False, "value": 1.3},
        {"metric": "fto", "behaviour": None, "ok": None, "value": None},
    ]
    leave(tmp_path, "a", expect=rows)
    assert make_summary(tmp_path)["expected"] == {
        "fto": {"ok": 0, "n": 0, "unjudged": 1},
        "stop": {"ok": 1, "n": 2, "unjudged": 0},
    }


def test_a_run_in_which_all_failed_has_a_summary(tmp_path: Path) -> None:
    leave(tmp_path, "a", error="no")
    found = summarise(tmp_path)
    assert (found["run"]["done"], found["tasks"], found["panels"]) == (0, {"all": {}}, {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "is no JSON object"),
        ("{}", "is not what a scenario leaves"),
        ('{"id": "a", "task": "x", "error": "", "metrics": 3}', "is not what a scenario leaves"),
    ],
)
def test_what_is_no_result_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "metrics.json").write_text(text, encoding="utf-8")
    with pytest.raises(ResultError, match=says) as told:
        make_summary(tmp_path)
    assert "metrics.json" in str(told.value)


def test_an_old_summary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ResultError, match="make it anew"):
        read_summary(tmp_path)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.6449, "s", "0.64 s"), (123.4, "s", "123 s"), (-0.5, "s", "-0.50 s"), (0.125, "share", "12.5 %"),
        (640.4, "ms", "640 ms"), (3.14159, "number", "3.14"), (12_345.6, "number", "12346"), (None, "s", "–"),
    ],
)  # fmt: skip
def test_figures_read_with_their_unit(value: float | None, unit: str, text: str) -> None:
    assert figure(value, unit) == text


def test_somebody_elses_text_is_no_markdown() -> None:
    assert cell("a|b\n# <img> [x](y) `c`") == r"a\|b \# \<img\> \[x\](y) \`c\`"


def test_the_commit_is_this_checkouts_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path(duplex.__file__).parent
    head = subprocess.run(["git", "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True)
    if head.returncode == 0:
        assert head.stdout.startswith(str(commit()).removesuffix("+"))
    monkeypatch.setattr(duplex, "__file__", str(tmp_path / "__init__.py"))
    assert commit() is None


def silence(length: float, over: bool, *readings: tuple[float, float]) -> Silence:
    return Silence(length, over, readings)


def test_both_curves_are_drawn_over_the_same_silences() -> None:
    rows = [silence(0.7, False, (0.3, 0.1)), silence(0.3, False), silence(5.0, True, (0.3, 0.9))]
    found = tradeoff(rows)
    assert (found["holds"], found["ends"], found["readings"]) == (2, 1, 2)
    assert [(each["latency"], each["cutoff"]) for each in found["timer"]] == [
        (0.1, 1.0),
        (0.3, 0.5),
        (0.7, 0.0),
    ]
    assert (found["agent"][0]["latency"], found["agent"][0]["cutoff"]) == (0.3, 0.0)
    assert found["read_off"]["timer"] == {
        "latency_at_5": 0.7, "latency_at_10": 0.7, "cutoff_at_300": 0.5, "cutoff_at_600": 0.5,
    }  # fmt: skip
    assert found["read_off"]["agent"]["latency_at_5"] == 0.3


@pytest.mark.parametrize(
    "rows", [[], [silence(1.0, True)], [silence(1.0, False)], [silence(0.05, False), silence(1.0, True)]]
)
def test_without_both_kinds_of_silence_there_is_no_curve(rows: list[Silence]) -> None:
    found = tradeoff(rows)
    assert (found["agent"], found["timer"], found["read_off"]) == ([], [], {})


def test_without_a_reading_there_is_a_timer_alone() -> None:
    found = tradeoff([silence(0.5, False), silence(2.0, True)])
    assert (found["agent"], list(found["read_off"])) == ([], ["timer"])


@given(
    st.lists(
        st.tuples(st.floats(0.1, 5), st.booleans(), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=2)),
        min_size=2, max_size=12,
    )
)  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_a_curve_only_falls(rows: list[tuple[float, bool, list[tuple[float, float]]]]) -> None:
    found = tradeoff([silence(length, over, *sorted(readings)) for length, over, readings in rows])
    for curve in (found["agent"], found["timer"]):
        assert all(a["latency"] < b["latency"] and a["cutoff"] > b["cutoff"] for a, b in pairwise(curve))


def test_a_users_silences_are_the_scenarios_own(tmp_path: Path) -> None:
    replay = leave_replay(tmp_path, "one")
    replay.records.append(Record(1.8, "session", "EndProbability", {"attempt": 1, "p": 0.75}))
    (found,) = silences(replay)
    assert (found.length, found.end_of_turn) == (2.5, True)
    assert found.probabilities == (pytest.approx((0.3, 0.75)),)


def test_baselines_stand_beside_a_run(tmp_path: Path) -> None:
    run, never, other = tmp_path / "run", tmp_path / "run" / "baselines" / "never", tmp_path / "other"
    for folder, hits in ((run, 1), (never, 0), (other, 1)):
        leave_shares(folder, {f"pause{n}": hits for n in range(12)})
        assert summarise(folder)["beside"] == []
    found = summarise(run, [other, never])["beside"]
    assert [row["rows"]["fdb.pause_tor_fdb"]["value"] for row in found] == [1.0, 0.0, 1.0]
    text = (run / "report.md").read_text(encoding="utf-8")
    assert "## Beside others" in text
    with pytest.raises(ResultError, match="cannot be read"):
        summarise(run, [tmp_path / "none"])
