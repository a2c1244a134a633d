"""Recordings with what is known of their words, fed to recognisers as a live call feeds them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from asr_speech import RATE, TEXTS, clip
from typer.testing import CliRunner

from asr.types import Hypothesis, Word
from duplex.evals import recordings, speech
from duplex.evals.cli import app
from duplex.evals.recordings import Recording, in_folder
from duplex.evals.scenario import ScenarioError
from duplex.evals.speech import follow, load, measure, recalled


class Clockwork:
    """A recogniser that hears a word a second of sound, the last of them wrong until the next is there.

    It computes for as long as it is told to, on a clock that stands still otherwise.
    """

    def __init__(self, cost: float) -> None:
        self.cost, self.now, self.samples = cost, 0.0, 0

    def clock(self) -> float:
        return self.now

    def stream(self) -> Clockwork:
        self.samples = 0
        return self

    def accept(self, pcm: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        assert len(pcm) == 320
        self.samples += int(np.count_nonzero(pcm))

    def _words(self) -> list[Word]:
        texts = ["alpha", "beta", "gamma", "delta"][: self.samples // RATE]
        return [Word(text, at, at + 1.0) for at, text in enumerate(texts)]

    def hypothesis(self) -> Hypothesis:
        self.now += self.cost
        words = self._words()
        shown = [*words[:-1], Word("wrong", 0, 0)] if words else []
        return Hypothesis(tuple(shown), max(0, len(words) - 1))

    def finalise(self) -> Hypothesis:
        self.now += self.cost
        words = self._words()
        return Hypothesis(tuple(words), len(words), final=True)

    def reset(self) -> None:
        self.samples = 0


TIMES = (("Alpha,", 0.0, 1.0), ("beta", 1.0, 2.0), ("gamma.", 2.0, 3.0))
SPOKEN = Recording("a", "set", np.full(3 * RATE, 1_000, np.int16), words=TIMES)


@pytest.mark.parametrize(("cost", "partials"), [(0.0, 12), (0.1, 12), (0.4, 8)])
def test_the_clock_is_the_audios_and_computing_comes_on_top(
    monkeypatch: pytest.MonkeyPatch, cost: float, partials: int
) -> None:
    engine = Clockwork(cost)
    monkeypatch.setattr(speech, "perf_seconds", engine.clock)
    heard = follow(SPOKEN, engine, (0.0, 3.0))  # type: ignore[arg-type]
    assert heard.seconds == pytest.approx(3.3, abs=0.021)
    assert len(heard.partials) == partials + 1
    assert heard.computed == pytest.approx(cost * len(heard.partials))
    times = [each.t for each in heard.partials]
    assert times == sorted(times)
    assert times[0] == pytest.approx(0.26 + cost)
    assert times[-1] >= 3.3 + cost - 1e-6
    assert heard.partials[-1].words == ("alpha", "beta", "gamma")


def test_figures_follow_from_what_was_heard_when(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Clockwork(0.0)
    monkeypatch.setattr(speech, "perf_seconds", engine.clock)
    heard = follow(SPOKEN, engine, (0.0, 3.0))  # type: ignore[arg-type]
    (row,) = measure("clockwork", [heard], [[("alpha", 0.0, 1.0), ("beta", 1.0, 2.0), ("gamma", 2.0, 3.0)]])
    figures = {name: each.value for name, each in row.figures.items()}
    assert (row.recordings, row.words, row.slots) == (1, 3, 0)
    assert figures["wer"] == 0
    assert figures["ne"] == pytest.approx(1.0), "each word was wrong once"
    assert figures["upwr"] == pytest.approx(1.0)
    assert figures["rtf"] == 0
    # alpha is shown once beta is there, a second late; gamma with the final words, .3 s after its end.
    assert figures["emission_p50_s"] == pytest.approx(1.0, abs=0.27)
    assert figures["first_correct_p50_s"] == figures["emission_p50_s"]
    assert json.loads(json.dumps(row.plain()))["wer"]["n"] == 1


def test_words_whose_times_nobody_knows_have_no_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Clockwork(0.0)
    monkeypatch.setattr(speech, "perf_seconds", engine.clock)
    heard = follow(SPOKEN, engine, (0.0, 3.0))  # type: ignore[arg-type]
    nowhere = [("alpha", math.nan, math.nan), ("bravo", math.nan, math.nan)]
    (row,) = measure("clockwork", [heard], [nowhere])
    assert row.figures["wer"].value == 1.0  # bravo is wrong, gamma too many
    assert "emission_p50_s" not in row.figures


def test_slots_stand_in_for_words_that_nobody_wrote_down(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recalled("twelve ounce", ("a", "twelve", "ounce", "cup"))
    assert recalled("12 ounce", ("a", "twelve", "ounce", "cup"))
    assert not recalled("twelve ounce", ("twelve", "large", "ounce"))
    engine = Clockwork(0.0)
    monkeypatch.setattr(speech, "perf_seconds", engine.clock)
    order = Recording("b", "orders", SPOKEN.pcm, slots=("alpha beta", "delta"))
    (row,) = measure("clockwork", [follow(order, engine, (0.0, 3.0))], [[]])  # type: ignore[arg-type]
    assert row.figures["slot_recall"].value == 0.5
    assert "wer" not in row.figures


def tone(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (3_000 * np.sin(np.arange(8_000) / 3)).astype(np.int16), RATE)


def test_transcripts_are_found_however_they_are_laid_out(tmp_path: Path) -> None:
    for name in ("a/1.wav", "b/2.wav", "b/3.flac", "c/4.wav", "d/5.wav", "d/6.wav"):
        tone(tmp_path / name)
    (tmp_path / "a/1.txt").write_text("beside it\n")
    (tmp_path / "b/transcripts.json").write_text(json.dumps({"2.wav": "by file", "3.flac": None}))
    (tmp_path / "c/labels.json").write_text(json.dumps({"4.wav": {"intent": "x", "slots": {"s": " one "}}}))
    (tmp_path / "d/test.transcription").write_text("<s> in a list </s> (5)\n")
    found, without = in_folder(tmp_path)
    told = {each.id: (each.origin, each.text, each.slots) for each in found}
    assert told == {
        "a/1.wav": ("a", "beside it", ()),
        "b/2.wav": ("b", "by file", ()),
        "c/4.wav": ("c", "", ("one",)),
        "d/5.wav": ("d", "in a list", ()),
    }
    assert without == ["b/3.flac", "d/6.wav"]


def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no such folder"):
        in_folder(tmp_path / "gone")
    with pytest.raises(ScenarioError, match="no recording"):
        in_folder(tmp_path)
    tone(tmp_path / "1.wav")
    (tmp_path / "transcripts.json").write_text("{")
    with pytest.raises(ScenarioError, match="is no JSON"):
        in_folder(tmp_path)


def test_a_recogniser_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="there are: whisper, "):
        load("ear")
    with pytest.raises(ScenarioError, match="no encoder"):
        load(f"sherpa:{tmp_path}")


def test_packages_that_are_not_installed_give_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recordings, "_PROMPTS", tmp_path)
    ran = CliRunner().invoke(app, ["speech", "--packaged"])
    assert isinstance(ran.exception, ScenarioError)
    assert "apt-get install asterisk-core-sounds-en" in str(ran.exception)


@pytest.mark.models
def test_speech_is_measured_from_the_command_line(tmp_path: Path) -> None:
    for name in ("ferry", "museum"):
        soundfile.write(tmp_path / f"{name}.wav", clip(name), RATE)
        (tmp_path / f"{name}.txt").write_text(TEXTS[name])
    ran = CliRunner().invoke(app, ["speech", str(tmp_path), "--recogniser", "whisper-tiny.en", "--json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    (row,) = told["rows"]
    assert (row["recogniser"], row["recordings"]) == ("whisper-tiny.en", 2)
    assert row["wer"]["value"] < 0.3
    assert 0 < row["emission_p50_s"]["value"] < 5
    assert row["rtf"]["value"] > 0
    assert "Whisper base aligns" in " ".join(told["notes"])
