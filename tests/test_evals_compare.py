"""Two runs compared over the scenarios that both have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eval_runs import duplex, leave, leave_shares

from duplex.evals.compare import Comparison, Difference, compare, render
from duplex.evals.results import ResultError

IDS = [f"s{number:02}" for number in range(20)]


def row(found: Comparison, metric: str, task: str = "all") -> Difference:
    return next(each for each in found.rows if (each.task, each.metric) == (task, metric))


def two_runs(
    tmp_path: Path, metric: str, a: list[float], b: list[float], task: str = "noise_burst"
) -> Comparison:
    for name, values in (("a", a), ("b", b)):
        for id, value in zip(IDS, values, strict=False):
            leave(tmp_path / name, id, task, {metric: value})
    return compare(tmp_path / "a", tmp_path / "b")


WIDE = [0.2, 1.9, 0.4, 1.1, 0.9, 2.8, 0.3, 1.4, 0.7, 2.2]


@pytest.mark.parametrize(
    ("metric", "change", "better"),
    [
        ("stop_latency", 0.1, "A"),
        ("stop_latency", -0.1, "B"),
        ("stop_latency", 0.0, "same"),
        ("tool_lead", 0.1, "B"),
        ("fto", 0.1, "differs"),
        ("behaviour_unknown", 0.1, "differs"),
        ("a_metric_of_tomorrow", 0.1, "differs"),
    ],
)
def test_a_small_change_shows_in_pairs_however_much_scenarios_differ(
    tmp_path: Path, metric: str, change: float, better: str
) -> None:
    moved = [value + change * (1 + 0.1 * (place % 3)) for place, value in enumerate(WIDE)]
    found = row(two_runs(tmp_path, metric, WIDE, moved), metric)
    assert (found.n, found.better, found.few) == (10, better, False)
    assert found.difference == pytest.approx(found.b - found.a)


def test_what_the_draw_explains_is_unclear(tmp_path: Path) -> None:
    found = row(two_runs(tmp_path, "stop_latency", WIDE, WIDE[::-1]), "stop_latency")
    assert found.better == "unclear"
    assert found.low is not None
    assert found.low < 0 < (found.high or 0)


def test_the_task_decides_whether_taking_the_turn_is_good(tmp_path: Path) -> None:
    for task in ("pause_handling", "smooth_turn_taking"):
        leave_shares(tmp_path / "a", {f"{task}{n}": 0 for n in range(12)}, task)
        leave_shares(tmp_path / "b", {f"{task}{n}": 1 for n in range(12)}, task)
    found = compare(tmp_path / "a", tmp_path / "b")
    assert row(found, "tor_fdb", "pause_handling").better == "A"
    assert row(found, "tor_fdb", "smooth_turn_taking").better == "B"
    assert row(found, "tor_fdb").better == "differs"
    text = render(found)
    assert "pause_handling.tor_fdb" in text
    assert "| tor_fdb" not in text  # over all tasks it says nothing


def test_what_has_no_pair_is_named(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for id in ("both", "crashed", "moved", "old"):
        leave(a, id, metrics={"fto": 1.0})
    leave(b, "both", metrics={"fto": 2.0, "l_r": 1.0})
    leave(b, "crashed", error="it fell over")
    leave(b, "moved", task="silence", metrics={"fto": 1.0})
    leave(b, "new", metrics={"fto": 1.0})
    found = compare(a, b)
    assert found.shared == ("both",)
    assert found.left_out == {
        "crashed": "failed in B",
        "moved": "is pause_handling in A, silence in B",
        "new": "only in B",
        "old": "only in A",
    }
    assert [each.metric for each in found.rows if each.task == "all"] == ["fto"]
    assert json.loads(json.dumps(found.plain()))["rows"][0]["low"] is None


def test_an_answer_that_never_came_is_no_zero(tmp_path: Path) -> None:
    for id in IDS[:4]:
        leave(tmp_path / "a", id, metrics={"response_latency": 1.0})
        leave(
            tmp_path / "b",
            id,
            metrics={"response_latency": None} if id == IDS[0] else {"response_latency": 1.0},
        )
    found = row(compare(tmp_path / "a", tmp_path / "b"), "response_latency")
    assert (found.n, found.only_a, found.only_b, found.better, found.few) == (3, 1, 0, "same", True)
    assert "A alone 1" in render(compare(tmp_path / "a", tmp_path / "b"))


def test_the_other_way_round_turns_every_sign(tmp_path: Path) -> None:
    two_runs(tmp_path, "stop_latency", WIDE, [value * 1.2 for value in WIDE])
    there = row(compare(tmp_path / "a", tmp_path / "b"), "stop_latency")
    back = row(compare(tmp_path / "b", tmp_path / "a"), "stop_latency")
    assert back.difference == pytest.approx(-there.difference)
    assert (there.better, back.better) == ("A", "B")


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    leave(tmp_path / "a", "one")
    with pytest.raises(ResultError, match="no scenario was run there"):
        compare(tmp_path / "a", tmp_path / "b")


def test_runs_without_a_common_scenario_compare_nothing(tmp_path: Path) -> None:
    leave(tmp_path / "a", "one", metrics={"fto": 1.0})
    leave(tmp_path / "b", "two", metrics={"fto": 1.0})
    assert "Nothing to compare." in render(compare(tmp_path / "a", tmp_path / "b"))


def test_the_command_prints_a_table_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_runs(tmp_path, "stop_latency", WIDE, [value + 0.2 + value / 50 for value in WIDE])
    assert duplex("eval", "compare", tmp_path / "a", tmp_path / "b") == 0
    text = capsys.readouterr().out
    assert "| stop_latency | 1.19 s | 1.41 s | +0.22 s |" in text
    assert "A better" in text
    assert "10 scenarios in both" in text
    assert duplex("eval", "compare", tmp_path / "a", tmp_path / "b", "--json") == 0
    assert json.loads(capsys.readouterr().out)["shared"] == IDS[:10]
    assert duplex("eval", "compare", tmp_path / "a", tmp_path / "none") == 1
    assert "no scenario was run there" in capsys.readouterr().err
