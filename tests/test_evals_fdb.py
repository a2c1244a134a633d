"""The layout of Full-Duplex-Bench: recordings in, replays out, and what is no recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from evals_replays import replay, said, spoke, tone
from typer.testing import CliRunner

from duplex.audio.pcm import Pcm
from duplex.evals.cli import app
from duplex.evals.fdb import BadLayout, Recording, find, to_replay
from duplex.evals.fdb_export import export_run
from duplex.evals.metrics import measure
from duplex.evals.metrics.spans import audible

Spans = list[tuple[float, float]]


def by_level(pcm: Pcm) -> Spans:
    """Stands for the voice detector: a tone is no voice."""
    return audible(pcm, 16_000)


def sample(folder: Path, user: Spans, agent: Spans, seconds: float = 10.0, **files: Any) -> Path:
    """A sample's folder; `files` are JSON files without their ending."""
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "input.wav", tone(seconds, *user), 16_000)
    soundfile.write(folder / "output.wav", tone(seconds, *agent), 16_000)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def transcript(*words: tuple[str, float, float]) -> dict[str, Any]:
    return {
        "text": "",
        "chunks": [{"text": f" {text}", "timestamp": [start, end]} for text, start, end in words],
    }


def scored(folder: Path) -> dict[str, Any]:
    """The metrics of the one recording in a tree."""
    (recording,) = find(folder)
    return measure(to_replay(recording, by_level), recording.words)


def test_a_pause(tmp_path: Path) -> None:
    pause = [{"text": "[PAUSE]", "timestamp": [2.0, 3.0]}]
    words = transcript(("yes", 2.2, 2.5))
    sample(tmp_path / "1", [(1.0, 2.0), (3.0, 4.0)], [(2.2, 2.5)], pause=pause, output=words)
    got = scored(tmp_path)
    assert (got["tor_fdb"], got["tor_pause_window"]) == (0, 1)


def test_a_turn_ends_where_its_mark_begins(tmp_path: Path) -> None:
    mark = [{"text": "[TURN-TAKING]", "timestamp": [2.0, 2.4]}]
    words = transcript(("well,", 3.3, 3.6), ("it", 3.6, 3.9), ("is.", 3.9, 4.6))
    sample(tmp_path / "1", [(0.5, 2.1)], [(3.3, 4.6)], turn_taking=mark, output=words)
    got = scored(tmp_path)
    assert (got["tor_fdb"], got["response_latency"]) == (1, pytest.approx(1.3))


def test_an_interruption_is_scored_without_the_turn_before(tmp_path: Path) -> None:
    mark = [{"context": "Any books?", "interrupt": "About fiction?", "timestamp": [4.0, 5.0]}]
    words = transcript(("first", 2.2, 4.3), ("Fiction:", 6.0, 6.5), ("two.", 6.5, 7.5))
    sample(tmp_path / "1", [(0.5, 2.0), (4.0, 5.0)], [(2.2, 4.3), (6.0, 7.5)], interrupt=mark, output=words)
    got = scored(tmp_path)
    assert (got["tor_fdb.n"], got["response_latency"]) == (1, pytest.approx(1.0))
    assert got["stop_latency"] == pytest.approx(0.3)
    assert got["post_interrupt_relevance"] == 1
    assert got["r_r.n"] == 2


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("user_backchannel", "s_bc"),
        ("talking_to_other", "s_nd"),
        ("background_speech", "s_nd"),
    ],
)
def test_overlaps_of_version_15(tmp_path: Path, task: str, kind: str) -> None:
    meta = {"context_text": "Go on.", "current_turn_text": "mhm", "timestamps": [3.0, 3.5]}
    sample(tmp_path / task / "1", [(0.5, 1.0), (2.97, 3.5)], [(1.5, 3.4)], metadata=meta)
    (recording,) = find(tmp_path)
    scene = to_replay(recording, by_level)
    assert (scene.scenario.task, len(scene.placed)) == (task, 2)
    got = measure(scene)
    assert (got["false_stop"], got[kind]) == (1, 0)


def test_the_layout_of_the_web_site(tmp_path: Path) -> None:
    folder = sample(tmp_path / "pause_candor" / "1", [(1.0, 2.0)], [])
    (folder / "output.wav").unlink()
    for system, own in (("moshi", False), ("dGSLM", True)):
        soundfile.write(folder / f"output_{system}.wav", tone(10.0, (2.0, 4.0)), 16_000)
        if own:
            soundfile.write(folder / f"input_{system}.wav", tone(10.0, (1.5, 2.0)), 16_000)
    (folder / "annotation.json").write_text(json.dumps({"user_speech": [[1.1, 1.9]]}))
    found = {each.system: each for each in find(tmp_path)}
    assert found["moshi"].speech == ((1.1, 1.9),)
    assert found["dGSLM"].speech is None  # the annotation is of another input
    assert to_replay(found["dGSLM"], by_level).placed[0].speech == ((1.5, 2.0),)
    assert {each.task for each in found.values()} == {"pause_handling"}


def test_audio_of_any_rate_and_length(tmp_path: Path) -> None:
    folder = sample(tmp_path / "backchannel" / "1", [(1.0, 2.0)], [(1.2, 1.5)])
    stereo = np.stack([tone(6.0, (1.0, 2.0))] * 2, axis=1)
    soundfile.write(folder / "input.wav", np.repeat(stereo, 3, axis=0), 48_000)
    (recording,) = find(tmp_path)
    scene = to_replay(recording, by_level)
    assert len(scene.user) == len(scene.agent) == 160_000
    assert by_level(scene.user) == [(pytest.approx(1.0, abs=0.02), pytest.approx(2.0, abs=0.02))]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("pause.json", "{", "cannot be read"),
        ("pause.json", "{}", "holds no list of objects"),
        ("pause.json", "[1]", "holds no list of objects"),
        ("pause.json", '[{"timestamp": [3, 2]}]', "is no span within a recording"),
        ("pause.json", '[{"timestamp": [NaN, 2]}]', "is no span within a recording"),
        ("pause.json", '[{"timestamp": "12"}]', "is no span of two numbers"),
        ("pause.json", "[{}]", "is no span of two numbers"),
        ("metadata.json", '{"timestamps": [1]}', "is no span of two numbers"),
        ("output.json", "[]", "holds no object"),
        ("annotation.json", '{"user_speech": [["a", "b"]]}', "is no span of two numbers"),
    ],
)
def test_a_bad_sample_is_told_and_the_others_are_scored(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    bad = sample(tmp_path / "pause" / "1", [(1.0, 2.0)], [])
    (bad / name).write_text(content)
    sample(tmp_path / "pause" / "2", [(1.0, 2.0)], [])
    told: list[str] = []
    assert [each.sample for each in find(tmp_path, told.append)] == ["pause/2"]
    assert len(told) == 1
    assert problem in told[0]
    assert name in told[0]


def test_a_transcript_with_holes_is_taken_as_far_as_it_goes(tmp_path: Path) -> None:
    holes = {"chunks": [{"text": "a", "timestamp": [1.0, None]}, {"text": "b"}, 3, {"timestamp": [None, 2]}]}
    sample(tmp_path / "pause", [(1.0, 2.0)], [], output=holes)
    (recording,) = find(tmp_path)
    assert recording.words == (("a", 1.0, 1.0),)


@pytest.mark.parametrize("broken", ["empty", "text"])
def test_what_is_no_recording(tmp_path: Path, broken: str) -> None:
    folder = sample(tmp_path / "pause", [(1.0, 2.0)], [])
    if broken == "empty":
        soundfile.write(folder / "output.wav", np.zeros(0, np.int16), 16_000)
    else:
        (folder / "output.wav").write_text("no sound")
    (recording,) = find(tmp_path)
    with pytest.raises(BadLayout, match=r"output\.wav"):
        to_replay(recording, by_level)


def exported(
    tmp_path: Path, *items: dict[str, Any], task: str, **more: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metrics of a replay, and those of the same after export and import."""
    records = spoke(6.0, 1, ("Right,", 6.0, 6.4), ("go", 6.4, 6.8), ("on.", 6.8, 7.5))
    scene = replay(*items, agent=[(6.0, 7.5)], records=records, task=task, **more)
    scene.user = tone(10.0, *[span for placed in scene.placed for span in placed.speech])
    scene.save(tmp_path / "run" / "scene")
    assert export_run(tmp_path / "run", tmp_path / "out") == {task: 1}
    (recording,) = find(tmp_path / "out")
    assert recording.sample == f"{task}/1"
    return measure(scene), measure(to_replay(recording, by_level), recording.words)


@pytest.mark.parametrize(
    ("task", "items", "same"),
    [
        (
            "pause_handling",
            [said("u1", (1.0, 2.0), (3.0, 8.0), ends_turn=False)],
            ["tor_fdb", "tor_pause_window"],
        ),
        (
            "smooth_turn_taking",
            [said("u1", (1.0, 5.0))],
            ["tor_fdb", "response_latency", "fto", "no_response"],
        ),
        (
            "user_interruption",
            [said("u1", (0.5, 1.5)), said("i1", (4.0, 5.0), kind="interruption", text="turn right")],
            ["tor_fdb", "response_latency", "post_interrupt_relevance"],
        ),
    ],
)
def test_a_replay_that_is_exported_scores_the_same(
    tmp_path: Path, task: str, items: list[dict[str, Any]], same: list[str]
) -> None:
    before, after = exported(tmp_path, *items, task=task)
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_what_the_benchmark_does_not_have_is_left_out(tmp_path: Path) -> None:
    replay(said("u1", (1.0, 2.0)), task="multi_turn").save(tmp_path / "run" / "scene")
    assert export_run(tmp_path / "run", tmp_path / "out") == {}
    got = CliRunner().invoke(app, ["export", str(tmp_path / "run"), str(tmp_path / "out")])
    assert got.exit_code == 1


def test_a_recording_knows_its_files(tmp_path: Path) -> None:
    sample(tmp_path / "moshi" / "pause" / "7", [(1.0, 2.0)], [])
    (recording,) = find(tmp_path)
    assert isinstance(recording, Recording)
    assert (recording.system, recording.sample) == ("moshi", "moshi/pause/7")
