"""Gates: what falls, why and by how much; what is wrong with a file of gates, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eval_runs import duplex

from duplex.evals.gate import Gate, check, load_gates
from duplex.evals.results import ResultError
from duplex.evals.summary import FORMAT
from duplex.resources import config_path

SUMMARY: dict[str, Any] = {
    "run": {"late_frames": 3, "agent": "lakes"},
    "tasks": {
        "pause_handling": {
            "tor_fdb": {"n": 6, "mean": 0.25, "count": 12, "sum": 3, "unit": "share", "p50": 0.0},
            "response_latency": {"n": 4, "mean": 0.8, "count": 40, "unit": "s"},
        }
    },
    "panels": {"tau": {"r_y": {"value": 0.9, "n": 6, "count": 10, "unit": "share", "low": None}}},
}


@pytest.mark.parametrize(
    ("metric", "bounds", "fallen"),
    [
        ("pause_handling.tor_fdb.mean", {"max": 0.25}, ""),
        ("pause_handling.tor_fdb.mean", {"max": 0.2}, "0.25 is above max 0.2 by 0.05"),
        ("pause_handling.tor_fdb.mean", {"min": 0.4}, "0.25 is below min 0.4 by 0.15"),
        ("pause_handling.tor_fdb.mean", {"min": 0.2, "max": 0.3}, ""),
        ("pause_handling.tor_fdb.p50", {"max": 0}, ""),
        ("pause_handling.tor_fdb.mean", {"max": 1, "min_n": 12}, ""),
        ("pause_handling.tor_fdb.mean", {"max": 1, "min_n": 13}, "tells of 12 cases, fewer than min_n 13"),
        ("pause_handling.response_latency.mean", {"max": 1, "min_n": 5}, "tells of 4 cases, fewer than min_n 5"),
        ("panels.tau.r_y.value", {"min": 0.9, "min_n": 10}, ""),
        ("tau.r_y.value", {"min": 0.95}, "0.9 is below min 0.95 by 0.05"),
        ("run.late_frames", {"max": 2}, "3 is above max 2 by 1"),
        ("run.late_frames", {"max": 3, "min_n": 1}, ""),
        ("run.agent", {"max": 1}, "is no figure but str; name one of its own, such as run.agent.mean"),
        ("pause_handling.tor_fdb", {"max": 1},
         "is no figure but dict; name one of its own, such as pause_handling.tor_fdb.mean"),
        ("pause_handling.fto.mean", {"max": 1}, "is absent: pause_handling has no fto"),
        ("pause_handling.tor_fdb.p99", {"max": 1}, "is absent: pause_handling.tor_fdb has no p99"),
        ("panels.tau.s_bc.value", {"min": 1}, "is absent: panels.tau has no s_bc"),
        ("panels.tau.r_y.low", {"min": 1}, "is absent: panels.tau.r_y.low was not measured"),
        ("silence.tor_fdb.mean", {"max": 1}, "is absent: the summary has no silence (tasks: pause_handling)"),
    ],
)  # fmt: skip
def test_a_gate_falls_with_a_reason(metric: str, bounds: dict[str, Any], fallen: str) -> None:
    (verdict,) = check(SUMMARY, [Gate(metric=metric, **bounds)])
    assert verdict.fallen == fallen


def test_the_order_of_gates_is_kept() -> None:
    gates = [Gate(metric="run.late_frames", max=1), Gate(metric="run.late_frames", max=9)]
    assert [bool(each.fallen) for each in check(SUMMARY, gates)] == [True, False]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("gates:\n- {metric: a.b, max: 1}\n- {metric: a.c, mix: 1}\n", 3, "gates.1.mix: Extra inputs"),
        ("gates:\n- metric: a.b\n  max: soon\n", 3, "gates.0.max: Input should be a valid number"),
        ("gates:\n- {max: 1}\n", 2, "gates.0.metric: Field required"),
        ("gates:\n- {metric: a.b}\n", 2, "gates.0: a gate needs min or max"),
        ("gates:\n- {metric: a.b, min: 2, max: 1}\n", 2, "gates.0: min is above max"),
        ("gates:\n- {metric: a.b, max: .nan}\n", 2, "gates.0.max: Input should be a finite number"),
        ("gates:\n- {metric: a.b, max: 1, min_n: 0}\n", 2, "gates.0.min_n: Input should be greater"),
        ("gates: []\n", 1, "gates: Tuple should have at least 1 item"),
        ("doors: []\n", 1, "gates: Field required"),
        ("- {metric: a.b, max: 1}\n", 1, "the file is a list"),
        ("gates:\n- {metric: a.b, max: 1\n", 3, "not YAML"),
        ("gates:\n- !!python/object:os.system {}\n", 2, "the tag"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    file = tmp_path / "gates.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ResultError) as told:
        load_gates(file)
    assert str(told.value).startswith(f"{file}:{line}: ")
    assert says in str(told.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="cannot be read"):
        load_gates(tmp_path / "none.yaml")


@pytest.mark.parametrize(("bound", "status"), [(0.9, 0), (0.95, 1)])
def test_the_command_fails_where_a_gate_falls(
    tmp_path: Path, bound: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "summary.json").write_text(json.dumps({"format": FORMAT} | SUMMARY), encoding="utf-8")
    gates = tmp_path / "gates.yaml"
    gates.write_text(f"gates:\n- {{metric: tau.r_y.value, min: {bound}, why: it yields}}\n", encoding="utf-8")
    assert duplex("eval", "gate", tmp_path, gates) == status
    told = capsys.readouterr()
    if status:
        assert told.out == "fallen: tau.r_y.value: 0.9 is below min 0.95 by 0.05 (it yields)\n"
        assert told.err == "1 of 1 gates fell\n"
    else:
        assert told.out == "held: tau.r_y.value 0.9 (it yields)\n"
    duplex("eval", "gate", tmp_path / "summary.json", gates, "--json")
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["value"], row["n"], bool(row["fallen"])) == (0.9, 10, bool(status))


def test_the_shipped_example_can_be_read() -> None:
    assert len(load_gates(config_path("evals/gates.yaml"))) >= 5
