"""Recordings of people to measure by: how they are read, staged and judged; on sounds and times made here."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.audio.pcm import Pcm
from duplex.bench.core_floor import Trial
from duplex.bench.core_human import run_human
from duplex.bench.core_human_data import RATE, Clip, clips, silence_of
from duplex.bench.core_human_rules import Ended, Stopped, Tried, ended, ending_rules, stopped, stopping_rules
from duplex.bench.core_human_stage import LEAD, Theatre, empty_dialogue, turn_of_spans
from duplex.bench.core_human_stage import Stage as Staged
from duplex.bench.core_human_text import FILE, Said, text_stages, turns_of
from duplex.bench.core_rules import Scene
from duplex.core.data.ear import VoiceEdge
from duplex.core.streams.dialogue import Heard
from duplex.core.turns import PATIENCE


def sound(seconds: float, level: int = 3_000) -> Pcm:
    return (
        (np.random.default_rng(1).standard_normal(round(seconds * RATE)) * level)
        .clip(-30_000, 30_000)
        .astype(np.int16)
    )


def write(path: Path, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound(seconds), RATE, subtype="PCM_16")


def annotated(data: Path, task: str, seconds: float, spans: list[list[float]]) -> None:
    folder = data / "nc_fdb_site" / task / "1"
    write(folder / "input.wav", seconds)
    (folder / "annotation.json").write_text(json.dumps({"user_speech": spans}))


def test_each_kind_of_folder_is_read_and_what_is_not_there_is_none(tmp_path: Path) -> None:
    assert clips(tmp_path) == []
    annotated(tmp_path, "pause_candor", 4.7, [[0.1, 3.3], [4.0, 4.7]])
    annotated(tmp_path, "turntaking_candor", 6.0, [[0.4, 2.0]])
    annotated(tmp_path, "interruption_synthetic", 12.0, [[0.6, 2.8], [3.2, 4.0], [8.0, 9.0], [9.3, 10.0]])
    write(tmp_path / "vap_phrases" / "a.wav", 2.0)
    write(tmp_path / "vap_phrases" / "b.wav", 3.0)
    head = {"phrase": "p", "tts": "v"}
    one_two, three = [[0, 0.5], [0.5, 1]], [[0, 0.5], [0.5, 1.1], [1.1, 2]]
    phrases = [
        head | {"file": "a.wav", "size": "short", "words": ["one", "two"], "vad": one_two},
        head | {"file": "b.wav", "size": "long", "words": ["one", "two", "three"], "vad": three},
    ]
    (tmp_path / "vap_phrases" / "phrases.json").write_text(json.dumps(phrases))
    write(tmp_path / "noise" / "horn.wav", 14.0)
    found = {clip.source: clip for clip in clips(tmp_path)}
    assert found["fdb_pauses"].spans == ((0.1, 3.3), (4.0, 4.7))
    assert not found["fdb_pauses"].ended
    interruption = found["interruptions"]
    assert interruption.spans == ((8.0, 9.0), (9.3, 10.0))
    assert interruption.claims
    assert interruption.agent == (6.5, 11.5)
    asked = [clip for clip in clips(tmp_path) if clip.source == "fdb_turns"]
    assert [clip.spans for clip in asked] == [((0.6, 2.8), (3.2, 4.0)), ((0.4, 2.0),)]
    assert len(asked[0].pcm) == 8 * RATE, "what follows is no part of the question"
    assert (found["vap_short"].branch, found["vap_long"].branch) == (1.0, 1.1)
    assert [clip.agent for clip in clips(tmp_path) if clip.source == "noises"] == [(0.0, 10.0), (0.0, 4.0)]


def test_what_stands_behind_a_turn_is_the_recordings_own_quiet() -> None:
    pcm = np.concatenate([sound(0.5, 20), sound(1.0), sound(1.0, 40)])
    quiet = silence_of(Clip("orders", "a", pcm, ((0.5, 1.5),)), 3.0)
    assert len(quiet) == 3 * RATE
    assert 10 < np.abs(quiet).std() + np.abs(quiet).mean() < 60
    whole = silence_of(Clip("vap_short", "a", sound(1.0), ((0.0, 1.0),)), 1.0)
    assert np.abs(whole).max() <= 2, "none of the voice"


def tried(clip: Clip, edges: list[VoiceEdge]) -> Tried:
    frames = round((clip.spans[-1][1] + PATIENCE * 0.08 + 0.5) / 0.08)
    heard = tuple(Heard(end + 0.3, 1, ("a", "word")) for _, end in clip.spans)
    scene = Scene(empty_dialogue(frames, clip.spans, heard, ()), edges)
    turn = None if clip.agent else turn_of_spans(clip.spans)
    return Tried(Staged(clip, scene, turn, clip.agent, clip.spans), Trial(scene, lambda words, agent: 0.0))


TURN = Clip("orders", "a", sound(4.0), ((1.0, 2.0), (2.8, 4.0)))
EDGES = [
    VoiceEdge(1.06, True, 1.0),
    VoiceEdge(2.06, False, 2.0),
    VoiceEdge(2.86, True, 2.8),
    VoiceEdge(4.06, False, 4.0),
]


@pytest.mark.parametrize(
    ("rule", "came"),
    [
        ("silence_500", Ended(True, (True,), pytest.approx(0.5))),  # type: ignore[arg-type]
        ("silence_1000", Ended(False, (False,), pytest.approx(1.0))),  # type: ignore[arg-type]
        ("floor", Ended(False, (False,), pytest.approx(1.6, abs=0.01))),  # type: ignore[arg-type]
    ],
)
def test_a_rule_is_judged_on_a_turn(rule: str, came: Ended) -> None:
    assert ended(tried(TURN, EDGES), ending_rules(None, {}, None)[rule]) == came


def test_a_recording_that_ends_before_its_turn_tells_of_no_delay() -> None:
    clip = Clip("fdb_pauses", "a", TURN.pcm, TURN.spans, ended=False)
    assert ended(tried(clip, EDGES), ending_rules(None, {}, None)["silence_1000"]).delay is None


@pytest.mark.parametrize(
    ("at", "came"),
    [
        ([3.3], Stopped(False, False, True, True)),
        ([4.0], Stopped(False, False, False, True)),
        ([1.5], Stopped(False, True, False, False)),
        ([], Stopped(True, False, False, False)),
        ([9.0], Stopped(True, False, False, False)),  # the agent had ended
    ],
)
def test_stops_for_an_interruption_are_in_time_late_or_false(at: list[float], came: Stopped) -> None:
    clip = Clip("interruptions", "a", sound(6.0), ((3.0, 4.5),), agent=(1.0, 6.0), claims=True)
    assert stopped(tried(clip, []), lambda _: at) == came
    noise = Clip("noises", "a", sound(6.0), ((0.0, 6.0),), agent=(0.0, 6.0))
    assert stopped(tried(noise, []), lambda _: at).held == (at in ([], [9.0]))
    assert "any_voice" in stopping_rules(None, {})


def words(side: str, start: float, text: str) -> list[Said]:
    return [Said(side, start + 0.3 * n, start + 0.3 * n + 0.25, word) for n, word in enumerate(text.split())]


def test_a_turn_by_its_times_ends_where_the_other_is_waited_for() -> None:
    talk = [
        *words("A", 1.0, "do you like the sea"),
        *words("B", 3.0, "well i was there"),
        *words("A", 4.6, "uh huh"),
        *words("B", 6.2, "once with them"),
        *words("A", 7.0, "and did you swim"),  # he cannot wait
        *words("B", 9.0, "no"),
    ]
    found = [
        (" ".join(w.text for w in turn), " ".join(w.text for w in before)) for turn, before in turns_of(talk)
    ]
    assert found == [("do you like the sea", ""), ("and did you swim", "well i was there once with them")]


def test_switchboards_file_becomes_turns_without_sound(tmp_path: Path) -> None:
    assert text_stages(tmp_path) == []
    (tmp_path / FILE.parent).mkdir()
    said = [*words("A", 1.0, "do you like the sea"), *words("B", 5.0, "well i was there")]
    rows = [[w.side, w.start, w.end, w.text] for w in said] + [["A", 3.0, 3.2, "[noise]"]]
    with gzip.open(tmp_path / FILE, "wt") as file:
        file.write(json.dumps({"conversation": "x", "words": rows}) + "\n")
    (stage,) = text_stages(tmp_path)
    assert stage.turn is not None
    assert stage.turn.over == pytest.approx(LEAD + 1.45)
    assert not stage.scene.dialogue.user_pcm.any()
    assert stage.scene.dialogue.heard[-1].words == ("do", "you", "like", "the", "sea")
    assert [edge.began for edge in stage.scene.edges] == [True, False]


def test_without_data_there_are_no_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DUPLEX_EVALDATA", raising=False)
    assert run_human(None, None, {}) == []
    monkeypatch.setenv("DUPLEX_EVALDATA", str(tmp_path))
    assert run_human(None, None, {}) == []


@pytest.mark.models
def test_a_recording_is_heard_as_a_call_hears_it(voice: Callable[[str], Pcm]) -> None:
    said = voice("I would like a large latte, please.")
    length = len(said) / RATE
    stage = Theatre().stage(Clip("orders", "a", said, ((0.0, length),)))
    assert stage.turn is not None
    assert stage.turn.over == pytest.approx(LEAD + length)
    assert "latte" in " ".join(stage.scene.dialogue.heard[-1].words).lower()
    assert stage.scene.edges[0].began
    over = Theatre().stage(
        Clip("interruptions", "b", said, ((0.0, length),), agent=(0.0, length + 1), claims=True)
    )
    assert np.abs(over.scene.dialogue.agent_pcm).max() > 3_000
    assert over.scene.dialogue.agent_words
