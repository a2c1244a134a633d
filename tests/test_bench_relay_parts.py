"""`duplex bench relay` part by part: what is kept where one is run alone, and the figures of drafts and of answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from duplex.bench import relay
from duplex.bench.measure import Measure, merge_json
from duplex.bench.relay_cli import RelayPart
from duplex.bench.relay_drafted import COMMAND, labelled, measures, of_auroc
from duplex.bench.relay_quality import Ran, figures, prefix_of
from duplex.evals.crag.rows import Row
from duplex.evals.crag.scorer import Verdict
from duplex.evals.record import Record, Replay
from duplex.evals.scenario import Scenario

DATA = Path(__file__).parent / "data" / "relay_pairs.jsonl"


def figure(name: str, command: str, value: float = 1.0) -> Measure:
    return Measure(name, value, "ms", 3, (0.5, 1.5), command)


def test_a_part_takes_the_place_of_its_own_figures_alone(tmp_path: Path) -> None:
    path = tmp_path / "relay.json"
    merge_json([figure("a", "one"), figure("b", "one")], path)
    merge_json([figure("c", "other")], path)
    merge_json([figure("a", "one", 2.0)], path)
    kept = json.loads(path.read_text(encoding="utf-8"))["measures"]
    assert [(row["name"], row["value"]) for row in kept] == [("c", 1.0), ("a", 2.0)]


def test_a_part_is_in_the_file_before_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(compute: str) -> list[Measure]:
        raise KeyboardInterrupt

    parts = {RelayPart.fast: lambda compute: [figure("a", compute)], RelayPart.overlap: stopped}
    monkeypatch.setattr(relay, "PARTS", parts)
    path = tmp_path / "relay.json"
    with pytest.raises(KeyboardInterrupt):
        relay.run((), path, "fixed")
    (row,) = json.loads(path.read_text(encoding="utf-8"))["measures"]
    assert (row["name"], row["command"]) == ("a", "fixed")
    assert relay.run([RelayPart.fast]) == [figure("a", "measured")]


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"measures": [{"wrong": 1}]}', encoding="utf-8")
    with pytest.raises(ValueError, match="holds no measures"):
        merge_json([figure("a", "one")], path)
    assert "wrong" in path.read_text(encoding="utf-8")


def test_the_labelled_pairs_give_their_figures_and_absent_drafts_none(tmp_path: Path) -> None:
    rows = {row.name: row for row in measures(DATA, tmp_path / "none.jsonl")}
    assert rows["relay.bad_prefix_share"].value <= 0.1
    assert rows["relay.pairs_kept_share"].n == len(labelled(DATA)[0]) >= 200
    assert "relay.verifier_auroc" not in rows
    assert {row.command for row in rows.values()} == {COMMAND}
    assert measures(tmp_path / "none.jsonl", tmp_path / "none.jsonl") == []


def test_an_auroc_lies_in_its_interval() -> None:
    rng = np.random.default_rng(1)
    good = (rng.random(100) < 0.6).astype(float)
    found = of_auroc("x", good + rng.standard_normal(100), good)
    assert found.ci95 is not None
    assert found.ci95[0] < found.value < found.ci95[1]


ROW = Row("q", "own", "0", 0.0, "How deep?", "answer", ("9 m",))


def ran(verdict: Verdict, prefix: str = "") -> Ran:
    return Ran(replace(ROW, verdict=verdict), prefix)


def test_what_is_lost_by_pairs_and_of_those_that_were_right() -> None:
    pairs = [
        *[(ran("accurate"), ran("accurate", "Well,"))] * 7,
        (ran("accurate"), ran("hallucination", "It is")),
        *[(ran("missing"), ran("accurate"))] * 2,
    ]
    rows = {row.name: row for row in figures(pairs)}
    assert rows["relay.quality_delta_points"].value == 0.0  # 2 questions lost, 2 gained
    assert rows["relay.quality_delta_of_right_points"].value == -25.0
    assert rows["relay.quality_off_truthfulness_points"].value == 80.0
    assert rows["relay.quality_on_accurate_share"].value == 0.9
    assert rows["relay.quality_prefix_share"].value == 0.8
    low, high = rows["relay.quality_delta_points"].ci95 or (0, 0)
    assert low < -10 < 10 < high
    assert figures([]) == []


def test_the_prefix_is_that_of_the_reply_that_was_given() -> None:
    scenario = Scenario.model_validate(
        {"schema": "duplex-scenario/1", "id": "q", "task": "smooth_turn_taking", "seed": 1, "duration": 2.0}
        | {"agent": {}, "timeline": [], "expect": []}
    )
    replay = Replay(scenario, "test", "virtual", "fixed")
    replay.records = [
        Record(1.0, "session", "Prefix", {"attempt": 1, "text": "So,"}),
        Record(1.5, "session", "Prefix", {"attempt": 2, "text": "Well,"}),
        Record(1.6, "session", "Commit", {"attempt": 2}),
    ]
    assert prefix_of(replay) == "Well,"
    replay.records.append(Record(2.0, "session", "Commit", {"attempt": 3}))
    assert prefix_of(replay) == ""
