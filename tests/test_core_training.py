"""Training the core: targets, losses, what is stored, and a run that learns, stops and goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from duplex.core.cli import app
from duplex.core.data.scripts import Script
from duplex.core.runtime import DuplexCore
from duplex.core.streams.dialogue import Dialogue, Heard, Labels, TimedWord, save_dialogue
from duplex.core.streams.layout import FRAME_SAMPLES, HORIZON, STATES, UNKNOWN, VAP_CLASSES, Layout
from duplex.core.streams.words import belief, shipped_table
from duplex.core.training.config import ModelConfig, TrainConfig, model_config
from duplex.core.training.examples import Faults, from_beliefs, from_scripts
from duplex.core.training.loop import LOG
from duplex.core.training.losses import hazard_loss, vap_classes
from duplex.core.training.measure import _run
from duplex.core.training.metrics import auc, f1_by_class, matched_auc, passed_holds
from duplex.core.training.model import WordPath
from duplex.core.training.pipeline import Job, source, train
from duplex.core.training.plots import plot
from duplex.core.training.prefixes import INSIDE, UNASKED, from_turns
from duplex.core.training.sampled import turns
from duplex.core.training.store import store
from duplex.core.training.wordpath import WordTraining, vectors_of
from duplex.core.turns import unhurried

MODEL = ModelConfig(dim=32, layers=1, inner=32, head=16, memory=8, words=16, dropout=0.0)
FRAMES = 60


def turn_taking(seed: int) -> Dialogue:
    """Noise where the user speaks, a tone where the agent does; the turn ends when the noise does."""
    draw = np.random.default_rng(seed)
    begin, end = int(draw.integers(5, 15)), int(draw.integers(25, 40))
    user = np.zeros(FRAMES * FRAME_SAMPLES, np.int16)
    user[begin * FRAME_SAMPLES : end * FRAME_SAMPLES] = draw.normal(0, 3000, (end - begin) * FRAME_SAMPLES)
    agent = np.zeros_like(user)
    reply = min(FRAMES, end + 5)
    agent[reply * FRAME_SAMPLES :] = 4000 * np.sin(np.arange((FRAMES - reply) * FRAME_SAMPLES) * 0.2)
    at = np.arange(FRAMES)
    state = np.where((at >= end) & (at < reply), STATES.index("start"), STATES.index("listen")).astype(
        np.int8
    )
    end_in = np.where((at >= begin) & (at < reply), np.maximum(0, end - 1 - at), UNKNOWN).astype(np.int16)
    vad = np.stack(((at >= begin) & (at < end), at >= reply), axis=1)
    complete = np.where(at >= end, 1, np.where(at >= begin + 8, 0, UNKNOWN)).astype(np.int8)
    overlap = np.zeros(FRAMES, np.int8)
    heard = (
        Heard(begin * 0.08, seed, ()),
        Heard((begin + 8) * 0.08, seed, ("what", "is"), 1),
        Heard(end * 0.08 + 0.01, seed, ("what", "is", "this"), 3),
    )
    words = (TimedWord("well", reply * 0.08, reply * 0.08 + 0.2),)
    return Dialogue(user, agent, heard, words, Labels(state, end_in, vad, complete, overlap))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split, count, first in (("train", 6, 0), ("validation", 2, 50)):
        (tmp_path / split).mkdir()
        for at in range(count):
            save_dialogue(tmp_path / split / f"{at:02}.npz", turn_taking(first + at))
    return tmp_path


def job(data: Path, run: str, **recipe: object) -> Job:
    frames = replace(TrainConfig(crop=40, batch=4, steps=6, every=3, warmup=2, minutes=5), **recipe)
    return Job(data, data / run, MODEL, WordTraining(passes=1, epochs=1), frames, turns=30)


def test_a_run_learns_and_leaves_its_log_and_its_curves(data: Path) -> None:
    told: list[str] = []
    summary = train(job(data, "run", steps=40, every=10, rate=1e-2), lambda stage, row: told.append(stage))
    rows = [json.loads(line) for line in (data / "run" / LOG).read_text().splitlines()]
    assert [row["step"] for row in rows] == [10, 20, 30, 40]
    assert rows[-1]["train_loss"] < 0.8 * rows[0]["train_loss"]
    assert rows[-1]["vad_accuracy"] > 0.9
    assert summary["data"] == {
        "train": {"dialogues": 6, "frames": 540},
        "validation": {"dialogues": 2, "frames": 180},
    }
    assert set(told) == {"prepare", "words", "frames"}
    assert [path.read_text()[:5] for path in plot(data / "run" / LOG)] == ["<?xml"] * 3
    assert model_config(json.loads((data / "run" / "config.json").read_text())["model"]) == MODEL


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(data: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(stage: str, row: dict[str, object]) -> None:
        if stage == "frames":
            raise Stopped

    train(job(data, "whole"))
    # One word path for both: trained twice it differs by a last bit, which Adam makes more of.
    (data / "halves").mkdir()
    shutil.copy(data / "whole" / "words.pt", data / "halves")
    with pytest.raises(Stopped):
        train(job(data, "halves"), stop)
    train(job(data, "halves"))
    whole, halves = (
        torch.load(data / run / "checkpoint.pt", weights_only=True) for run in ("whole", "halves")
    )
    assert halves["progress"]["step"] == 6
    for name, value in whole["core"].items():
        torch.testing.assert_close(halves["core"][name], value, atol=1e-6, rtol=0)


def test_a_run_begins_with_what_another_learnt(data: Path) -> None:
    train(job(data, "first"))
    train(replace(job(data, "second", steps=1, every=1, rate=0.0), start=data / "first"))
    first, second = (torch.load(data / run / "best.pt", weights_only=True) for run in ("first", "second"))
    for name, value in first["core"].items():
        torch.testing.assert_close(second["core"][name], value, msg=name)


def test_two_processes_train_one_core(data: Path) -> None:
    two = replace(job(data, "two", steps=4, every=2), processes=2)
    train(two)
    rows = [json.loads(line) for line in (data / "two" / LOG).read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4]


def test_a_run_stops_when_it_gets_no_better(data: Path) -> None:
    train(job(data, "run", steps=500, every=1, rate=0.0, patience=3))
    rows = (data / "run" / LOG).read_text().splitlines()
    assert len(rows) == 4  # the first is the best, then three in vain


def test_the_attention_backbone_trains_by_the_same_way(data: Path) -> None:
    other = replace(job(data, "run"), model=replace(MODEL, backbone="attention"))
    assert train(other)["frames"]["frames"] == 180


def test_a_folder_with_another_model_is_refused(data: Path) -> None:
    train(job(data, "run"))
    with pytest.raises(ValueError, match="another model"):
        train(replace(job(data, "run"), model=replace(MODEL, layers=2)))


def test_what_is_stored_grows_and_survives_a_break(data: Path) -> None:
    table, layout, out = shipped_table(), Layout(), data / "prepared"
    first = store(data, "train", out, table, layout)
    save_dialogue(data / "train" / "07.npz", turn_taking(7))
    with (out / "train" / "state-i1-1.bin").open("ab") as column:
        column.write(b"half a dialogue")
    later = store(data, "train", out, table, layout)
    assert (len(first), len(later)) == (540, 630)  # the agent waits, which the recorded one did not
    waits = unhurried(turn_taking(7), Random("07.npz"))
    assert np.array_equal(later.frames["state"][540:], waits.labels.state)
    assert np.array_equal(later.frames["user_audio"][:540], first.frames["user_audio"])
    assert later.words["ids"][np.asarray(later.frames["belief"])].shape == (630, 24)
    assert from_beliefs(later.beliefs(), np.asarray(later.frames["complete"])).complete.tolist() == [0, 1] * 7


def test_crops_are_the_same_for_the_same_seed_and_hide_what_they_shall(data: Path) -> None:
    train(job(data, "run"))
    of = source(job(data, "run"), "train")
    one, two = (of.crops(3, 20, (1, 2, 3), blind=0.0) for _ in range(2))
    assert all(torch.equal(one.inputs[name], two.inputs[name]) for name in one.inputs)
    blind = of.crops(3, 20, (1, 2, 3), blind=1.0)
    assert torch.allclose(blind.inputs["agent_audio"], torch.tensor(-2.0))
    assert (blind.inputs["clock"] == torch.tensor([1.0, 0.0])).all()
    assert not blind.inputs["decision"].any()
    assert torch.equal(blind.inputs["user_audio"], one.inputs["user_audio"])
    other = of.crops(3, 20, (1, 2, 3), blind=0.0, colour=0.3).inputs["user_audio"]
    assert not torch.allclose(other, one.inputs["user_audio"])
    assert other.min() >= one.inputs["user_audio"].min() - 1e-3  # what is silent stays so


def test_no_dialogues_are_a_fault_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="duplex train data"):
        train(job(tmp_path, "run"))


def test_the_projection_tells_who_is_active_when() -> None:
    vad = np.zeros((60, 2), np.bool_)
    vad[3:6, 0] = True  # after frame 0: frames 3 to 5 cover .16 to .40 s
    vad[16:26, 1] = True  # 1.2 to 2.0 s
    classes = vap_classes(vad)
    assert classes.max() < VAP_CLASSES
    assert classes[0] == (1 << 1) | (1 << 7)
    assert classes[30] == 0
    assert (classes[35:] == UNKNOWN).all()
    assert (classes[:35] != UNKNOWN).all()


def test_a_hazard_that_knows_the_end_costs_nothing() -> None:
    sure = torch.full((1, HORIZON), -20.0)
    sure[0, 5] = 20.0
    assert hazard_loss(sure, torch.tensor([5])) < 1e-3
    assert hazard_loss(sure, torch.tensor([4])) > 10
    assert hazard_loss(torch.full((1, HORIZON), -20.0), torch.tensor([90])) < 1e-3
    assert hazard_loss(sure, torch.tensor([UNKNOWN])) == 0


def test_measures_of_ranking() -> None:
    scores, truth = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert auc(scores, truth) == pytest.approx(0.75)
    assert auc(np.ones(4), truth) == pytest.approx(0.5)
    assert auc(scores, np.ones(4, np.bool_)) is None
    count = np.array([1, 5, 5, 9])
    assert matched_auc(scores, truth, count) == pytest.approx(0.0)  # .35 against .4 is the only pair
    assert passed_holds(scores, truth) == pytest.approx(0.5)
    assert f1_by_class(np.array([0, 0, 1]), np.array([0, 1, 1]), 3) == [2 / 3, 2 / 3, None]


def test_turns_are_cut_where_people_pause_and_where_they_end() -> None:
    table = shipped_table()
    whole = Script(("what", "is", "the", "time"), (0, 0.4, 0, 0), frozenset({2}), "question", "f")
    trailing = Script(("what", "is"), (0, 0), frozenset(), "question", "f", rest=("the", "time"))
    no_faults = Faults(0, 0, 0)
    found = from_scripts(table, [whole], Random(0), no_faults)
    answers = dict(zip(found.count.tolist(), found.complete.tolist(), strict=True))
    assert answers[4] == 1
    assert answers[2] == 0
    assert from_scripts(table, [trailing], Random(0), no_faults).complete.max() == 0


def test_one_pass_over_a_turn_asks_about_all_of_its_beginnings() -> None:
    table = shipped_table()
    turn = Script(("what", "is", "the", "time"), (0, 0.4, 0, 0), frozenset({2}), "question", "f")
    trailing = Script(("what", "is"), (0, 0), frozenset(), "question", "f", rest=("the", "time"))
    judged = {"what is the time": [0.1, 0.2, 0.3, 0.9]}
    found = from_turns(table, [turn, trailing], judged, Random(0), Faults(0, 0, 0))
    assert found.ids[0, :4].tolist() == table.ids(turn.words)
    assert not found.ids[0, 4:].any()
    assert found.complete[0, :4].tolist() == [0, 0, 0, 1]
    assert found.weight[0, :4].tolist() == pytest.approx([INSIDE, 1, INSIDE, 1])
    assert found.judged[0, :4].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.9])
    assert found.complete[1, :2].tolist() == [0, 0]
    assert (found.judged[1] == UNASKED).all()
    assert (found.complete[:, 4:] == UNASKED).all()
    assert (found.addressed[0, :4] == 1).all()


def test_within_a_word_of_several_parts_nothing_is_asked() -> None:
    table = shipped_table()
    turn = Script(("call", "well-meaning", "people"), (0, 0, 0), frozenset(), "order", "f")
    assert len(table.ids(turn.words)) > 3
    found = from_turns(table, [turn], {}, Random(0), Faults(0, 0, 0))
    assert (found.weight[found.complete == UNASKED] == 0).all()
    assert (found.weight >= 0).all()


def test_talk_to_others_is_asked_whom_it_is_for_and_not_whether_it_is_over() -> None:
    aside = Script(("dinner", "is", "ready"), (0, 0, 0), frozenset(), "side", "f")
    found = from_turns(shipped_table(), [aside], {}, Random(0), Faults(0, 0, 0))
    assert found.addressed[0, :4].tolist() == [0, 0, 0, UNASKED]
    assert not found.weight.any()


def test_where_a_turn_stands_does_not_tell_that_it_is_over() -> None:
    table, count = shipped_table(), 2_000
    turn = Script(("what", "is", "the", "time"), (0, 0.4, 0, 0), frozenset({2}), "question", "f")
    whole = from_turns(table, [turn], {}, Random(0), Faults(0, 0, 0))
    moved = whole.take(np.zeros(count, np.intp), np.random.default_rng(0))
    ids = table.ids(turn.words)
    for row in moved.ids[:50]:
        begin = int(np.flatnonzero(row)[0])
        assert row[begin : begin + 4].tolist() == ids[: 24 - begin]
    last = moved.complete[:, -1]
    assert {0.0, 1.0, UNASKED} == set(last.tolist())
    assert (moved.weight[moved.complete == UNASKED] == 0).all()


def test_behind_each_word_of_a_turn_the_answer_is_that_of_its_beginning() -> None:
    path, table = WordPath(shipped_table().dim, 8).eval(), shipped_table()
    beliefs = [belief(table, ["what", "is", "the", "time"][:n], n) for n in (3, 4)]
    ids = np.stack([b.ids for b in beliefs])
    with torch.no_grad():
        _, alone = path(vectors_of(table, ids), torch.zeros(2, 24))
        every, judged, addressed = path.every(vectors_of(table, ids[1:]), torch.zeros(1, 24))
    assert every.shape == judged.shape == addressed.shape == (1, 24)
    assert every[0, -1] == pytest.approx(float(alone[1]), abs=1e-6)
    assert every[0, -2] == pytest.approx(float(alone[0]), abs=1e-3)  # one word of padding less


def test_a_silence_is_asked_about_once_after_240_ms() -> None:
    mask = torch.tensor([[0, 1, 1, 1, 1, 0, 1, 1], [1, 1, 1, 0, 0, 1, 1, 1]], dtype=torch.bool)
    assert _run(mask).tolist() == [[0, 1, 2, 3, 4, 0, 1, 2], [1, 2, 3, 0, 0, 1, 2, 3]]


def test_a_recogniser_errs_mostly_at_the_end() -> None:
    rng, words = Random(0), ("aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh")
    heard = [Faults(0.1, 0, 0).apply(words, ["other"], rng) for _ in range(2000)]
    wrong = np.mean([[one != other for one, other in zip(words, it, strict=True)] for it in heard], axis=0)
    assert wrong[-1] > 2 * wrong[:-1].max()
    assert wrong[:-1].mean() == pytest.approx(0.1, abs=0.02)


def test_the_commands_train_and_export_and_say_what_came_of_it(data: Path) -> None:
    run, out = data / "run", data / "shipped"
    command = ["core", str(data), "--out", str(run), "--steps", "2", "--batch", "2", "--turns", "20"]
    assert CliRunner().invoke(app, command).exit_code == 0
    result = CliRunner().invoke(app, ["export", str(run), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == {"frame.onnx", "words.onnx", "MODEL_CARD.md"}
    card = (out / "MODEL_CARD.md").read_text()
    assert "6 synthetic dialogues" in card
    assert "| over_auc |" in card
    assert DuplexCore(out).engine.size * 4 < 300_000


def test_nothing_to_train_on_is_told_in_a_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["core", str(tmp_path), "--out", str(tmp_path / "run")])
    assert result.exit_code == 2
    assert "no dialogues in" in result.output


def test_lines_of_a_list_become_turns() -> None:
    text = ' What time is it?\n2. "I\'d like a table for two, please."\nOk.\n4. See http://x.y now.\n5. I was going'
    assert list(turns(text)) == [
        ("What", "time", "is", "it"),
        ("I'd", "like", "a", "table", "for", "two", "please"),
    ]
