"""Suites are run, kept, gone on with and failed scenario by scenario; without models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from evals_contenders import LOADED, Beeper, Unloadable, double, refuse

from duplex.evals.job import Options
from duplex.evals.record import load_replay
from duplex.evals.runner import Ran, RunError, run_suite
from duplex.evals.scenario import ScenarioError
from duplex.evals.suite import find_suite, read_suite
from duplex.evals.workers import Failed, WorkerError, work


def scene(folder: Path, name: str, *items: dict[str, Any], **rest: Any) -> Path:
    """Write a scenario of 2 s, compute-free in all but what it says."""
    head = {"schema": "duplex-scenario/1", "id": name, "task": "silence", "duration": 2.0, "expect": []}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(head | {"timeline": items} | rest))
    return file


def speech(clip: str, at: object = 0.5, **rest: Any) -> dict[str, Any]:
    return {"id": "u1", "kind": "user_speech", "at": at, "clip": clip} | rest


def run(suite: Path, out: Path, make: type[Beeper] = Beeper, **options: Any) -> Ran:
    return run_suite(make, "beeper", Options(suite, out, compute="zero", **options))


def metrics(out: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / name / "metrics.json").read_text())
    return found


def test_a_run_leaves_what_it_did_and_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, out, loaded = tmp_path / "suite", tmp_path / "out", tmp_path / "loaded"
    monkeypatch.setenv(LOADED, str(loaded))
    for name in ("a", "b", "c"):
        scene(suite / "deep", name, {"id": "z", "kind": "silence", "at": 0.0, "dur": 2.0})
    scene(suite, "other", lanes=["webrtc"])
    (suite / "gates.yaml").write_text("gates: []")
    told: list[tuple[str, int]] = []
    ran = run_suite(
        Beeper, "beeper", Options(suite, out, compute="zero"), lambda done, of: told.append((done.id, of))
    )
    assert [(each.id, each.error, each.kept) for each in ran.done] == [(name, "", False) for name in "abc"]
    assert told == [("a", 3), ("b", 3), ("c", 3)]
    assert ran.others == ("other",)
    assert len(loaded.read_text().split()) == 1, "loaded once"
    replay = load_replay(out / "a")
    assert (replay.agent_name, replay.lane, replay.compute, replay.error) == ("beeper", "virtual", "zero", "")
    assert len(replay.user) == len(replay.agent) == 32_000
    spans = [(record.payload["edge"], record.t) for record in replay.of("agent_audio")]
    assert spans == [("onset", 0.0), ("offset", 0.5), ("onset", 1.0), ("offset", 1.5)]
    assert [record.payload["frames"] for record in replay.of("frame_in")] == [50, 50]
    row = metrics(out, "a")
    assert {"id", "task", "lane", "compute", "error", "metrics", "expect"} <= row.keys()
    assert row["metrics"]
    head = json.loads((out / "run.json").read_text())
    assert (head["done"], head["scenarios"], head["not_for_this_lane"]) == (3, 3, ["other"])
    assert (out / "summary.json").is_file()
    assert (out / "report.html").is_file()

    scene(suite / "deep", "b", duration=1.0)  # another now
    (out / "c" / "metrics.json").unlink()  # as if it had been stopped there
    again = run(suite, out)
    assert {each.id: each.kept for each in again.done} == {"a": True, "b": False, "c": False}
    assert load_replay(out / "b").seconds == 1.0
    assert [each.kept for each in run(suite, out, only="a", fresh=True).done] == [False]
    assert [row["id"] for row in json.loads((out / "run.json").read_text())["runs"]] == ["b", "c", "a"]
    run(suite, out)
    assert len(loaded.read_text().split()) == 3, "nothing is loaded where all is done"


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    suite, out = tmp_path / "suite", tmp_path / "out"
    scene(suite, "a")
    scene(suite, "b")
    run(suite, out)
    other = Options(suite, out, compute="fixed", only="b")
    with pytest.raises(RunError, match="holds a run with another compute: give another --out, or --fresh"):
        run_suite(Beeper, "beeper", other)
    with pytest.raises(RunError, match="another contender"):
        run_suite(Beeper, "changed", Options(suite, out, compute="zero"))
    assert (out / "a" / "metrics.json").exists()
    (out / "notes.txt").write_text("mine")
    run_suite(Beeper, "beeper", replace(other, fresh=True))
    assert not (out / "a").exists(), "it was another run's"
    assert metrics(out, "b")["compute"] == "fixed"
    assert (out / "notes.txt").exists()


def test_what_breaks_in_a_scenario_is_its_own_affair(tmp_path: Path) -> None:
    suite, out = tmp_path / "suite", tmp_path / "out"
    for name in ("a", "dies_b", "ends_c", "raises_d", "unready_e", "z"):
        scene(suite, name)
    scene(suite, "bad_f", speech("x.wav"), duration=-1)
    (suite / "no_yaml.yaml").write_text("{")
    ran = run(suite, out)
    errors = {each.id: each.error for each in ran.done}
    assert errors == {each: metrics(out, each)["error"] for each in errors}
    assert errors["a"] == errors["z"] == ""
    assert errors["dies_b"] == "its process died (exit status 3)"
    assert errors["ends_c"] == "the agent ended the conversation after 1.0 s"
    assert errors["raises_d"] == "ValueError: it broke"
    assert errors["unready_e"] == "LookupError: there is no side"
    assert "bad_f.yaml: duration: " in errors["bad_f"]
    assert "no_yaml.yaml: is no YAML" in errors["no_yaml"]
    assert len(load_replay(out / "raises_d").user) == pytest.approx(16_000, abs=640), "what was is kept"
    assert json.loads((out / "summary.json").read_text())["run"]["done"] == 2


def test_a_crashed_scenario_is_tried_again(tmp_path: Path) -> None:
    suite, out = tmp_path / "suite", tmp_path / "out"
    scene(suite, "raises")
    scene(suite, "a")
    assert [each.id for each in run(suite, out).failed] == ["raises"]
    assert {each.id: each.kept for each in run(suite, out).done} == {"a": True, "raises": False}


def tone(rate: int, channels: int = 1) -> np.ndarray:
    wave = 0.2 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)
    return np.stack([wave] * channels, axis=1)


def test_clips_of_any_kind_and_none(tmp_path: Path) -> None:
    suite, data, out = tmp_path / "suite", tmp_path / "data", tmp_path / "out"
    data.mkdir()
    soundfile.write(data / "stereo.wav", tone(16_000, 2), 16_000)
    soundfile.write(data / "narrow.wav", tone(8_000), 8_000)
    soundfile.write(data / "empty.wav", np.zeros(0), 16_000)
    (data / "text.wav").write_text("not audio")
    for clip in ("stereo", "narrow", "empty", "text", "missing"):
        scene(suite, clip, speech(f"{clip}.wav"))
    scene(suite, "no_corpus", tools=[{"name": "find", "corpus": "docs.jsonl"}])
    scene(
        suite,
        "no_item",
        {"id": "u1", "kind": "user_speech", "at": {"after": "u2.end", "offset": 0}, "text": "x"},
    )
    ran = run(suite, out, data=data)
    errors = {each.id: each.error for each in ran.done}
    assert errors["stereo"] == errors["narrow"] == ""
    for clip in ("stereo", "narrow"):
        user = load_replay(out / clip).user.astype(float)
        spectrum = np.abs(np.fft.rfft(user[8_000:24_000]))
        assert np.argmax(spectrum) == 500, "Hz: it is neither faster nor slower"
        assert np.abs(user[:7_900]).max() <= 1
        assert np.abs(user[10_000:20_000]).max() == pytest.approx(0.2 * 32_768, rel=0.02)
    assert "there is no audio in it" in errors["empty"]
    assert "no sound file" in errors["text"]
    assert "missing.wav: there is nothing of that name" in errors["missing"]
    assert "docs.jsonl: there is nothing of that name" in errors["no_corpus"]
    assert "there is no item called 'u2'" in errors["no_item"]


def test_an_event_that_never_comes_is_told(tmp_path: Path) -> None:
    suite, out = tmp_path / "suite", tmp_path / "out"
    soundfile.write(tmp_path / "a.wav", tone(16_000), 16_000)
    scene(suite, "waits", speech("a.wav", {"after": "agent.speech_start", "offset": 0.1, "nth": 9}))
    ran = run(suite, out)
    assert ran.failed == []
    replay = load_replay(out / "waits")
    assert (replay.missed, replay.placed, replay.seconds) == (["u1"], [], 2.0)
    assert not replay.user.any()


def test_several_processes_do_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite, loaded = tmp_path / "suite", tmp_path / "loaded"
    monkeypatch.setenv(LOADED, str(loaded))
    for name in ("a", "b", "c", "d", "e"):
        scene(suite, name)
    one = run(suite, tmp_path / "one")
    loaded.unlink()
    two = run(suite, tmp_path / "two", jobs=2)
    assert len(loaded.read_text().split()) == 2
    assert sorted(each.id for each in two.done) == [each.id for each in one.done]
    for name in ("a", "e"):
        both = [(tmp_path / out / name / "events.jsonl").read_bytes() for out in ("one", "two")]
        assert both[0] == both[1]


@pytest.mark.parametrize("lane", ["virtual", "webrtc"])
def test_processes_that_slow_each_other_down_are_refused(tmp_path: Path, lane: Any) -> None:
    scene(tmp_path, "a")
    with pytest.raises(RunError, match="--jobs 2 would falsify"):
        run_suite(Beeper, "beeper", Options(tmp_path, tmp_path / "out", lane=lane, jobs=2))


def test_what_cannot_be_loaded_ends_the_run(tmp_path: Path) -> None:
    scene(tmp_path / "suite", "a")
    with pytest.raises(WorkerError, match="no model here"):
        run(tmp_path / "suite", tmp_path / "out", Unloadable)


def ids(suite: Path, only: str = "*") -> list[str]:
    return [case.id for case in read_suite(suite, "virtual", only)[0]]


def test_which_scenarios_are_run(tmp_path: Path) -> None:
    scene(tmp_path / "x", "pause_2", task="pause_handling")
    scene(tmp_path / "x" / "y", "pause_1", task="pause_handling")
    one = scene(tmp_path, "silent")
    (tmp_path / "x" / "gates.yml").write_text("schema: duplex-gates/1")
    (tmp_path / "list.json").write_text("[1, 2]")
    assert ids(tmp_path) == ["pause_1", "pause_2", "silent"]
    assert ids(tmp_path, "pause_*") == ids(tmp_path, "pause_handling") == ["pause_1", "pause_2"]
    assert ids(one) == ["silent"]
    with pytest.raises(ScenarioError, match="none of its 3 scenarios matches 'loud'"):
        ids(tmp_path, "loud")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScenarioError, match="there is no scenario in it"):
        ids(tmp_path / "empty")
    scene(tmp_path / "again", "silent")
    with pytest.raises(ScenarioError, match=r"the id .silent. is also in .*; rename one"):
        ids(tmp_path)


def test_an_id_may_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    scene(tmp_path / "suite", "up", id="..")
    ran = run(tmp_path / "suite", tmp_path / "deep" / "out")
    assert "names no scenario" in ran.done[0].error
    assert not (tmp_path / "deep" / "metrics.json").exists()


def test_suites_by_path_and_by_name(tmp_path: Path) -> None:
    assert find_suite(str(tmp_path)) == tmp_path
    assert find_suite("everyday").name == "everyday"
    with pytest.raises(
        ScenarioError, match="no such shipped suite; there are: barista, desk, everyday, lakes"
    ):
        find_suite("nowhere")


def done(jobs: Sequence[int], processes: int = 2, patience: float = 60.0) -> dict[int, int | Failed]:
    return dict(work(double, jobs, processes, lambda job: patience))


def test_workers_do_every_job_once_and_outlive_those_that_break() -> None:
    results = done([1, 2, -1, 3, 4, 5, 6])
    broken = results.pop(-1)
    assert results == {job: 2 * job for job in (1, 2, 3, 4, 5, 6)}
    assert broken == Failed("its process died (exit status 7)")


def test_a_job_that_hangs_is_stopped() -> None:
    results = done([-2, 1], processes=1, patience=2.0)
    assert results == {-2: Failed("took more than 2 s and was stopped"), 1: 2}


def test_workers_that_cannot_start() -> None:
    with pytest.raises(WorkerError, match="nothing to load"):
        list(work(refuse, [1], 1, lambda job: 60.0))
    assert list(work(refuse, [], 3, lambda job: 60.0)) == []
