"""`duplex eval score` on recordings, and the bench that compares our spans with somebody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from evals_replays import tone
from typer.testing import CliRunner

from duplex.bench.replay_rows import differing, near, rows_agree
from duplex.evals.cli import app
from duplex.evals.results import Result
from duplex.evals.score import aggregate, render, understood

Spans = list[tuple[float, float]]


def test_the_table_names_system_and_task() -> None:
    rows = [
        (
            "a",
            Result(
                Path(), f"s{at}", "pause_handling", "", {"tor_fdb": tor, "tor_fdb.sum": tor, "tor_fdb.n": 1.0}
            ),
        )
        for at, tor in enumerate((0.0, 1.0, 1.0, 1.0))
    ]
    table = aggregate(rows)
    assert [(row["system"], row["task"], row["metric"]) for row in table] == [
        ("a", "pause_handling", "tor_fdb")
    ]
    assert (table[0]["n"], table[0]["mean"], table[0]["p50"]) == (4, 0.75, 1.0)
    assert render(table).splitlines()[1].split() == [
        "pause_handling",
        "a",
        "tor_fdb",
        "4",
        "0.750",
        "1.000",
        "1.000",
    ]


@pytest.mark.parametrize(
    ("words", "speech", "whole"),
    [
        ([("a", 1.0, 2.0), ("b", 2.2, 3.0)], [(1.0, 3.0)], True),
        ([("a", 1.0, 1.5)], [(1.0, 3.0)], False),
        ([], [(1.0, 1.9)], True),  # a cough has no words
        ([], [], True),
    ],
)
def test_a_recogniser_that_gives_up_is_not_believed(words: Any, speech: Spans, whole: bool) -> None:
    assert understood(words, speech) is whole


def test_score_says_what_it_needs(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["score", str(tmp_path / "none")]).exit_code == 2
    (tmp_path / "empty").mkdir()
    got = runner.invoke(app, ["score", str(tmp_path / "empty")])
    assert got.exit_code == 1
    assert "input.wav and output.wav" in got.output


@pytest.mark.models
def test_score_hears_the_words(tmp_path: Path) -> None:
    """Real speech by a real voice: the words of output.wav are heard, and the JSON holds every sample."""
    from duplex.models import model_folder
    from tts import PiperSynthesiser

    voice = PiperSynthesiser(model_folder("piper-joe"))
    utterance = voice.stream()
    pieces = [*utterance.feed("The lake is five hundred metres deep."), *utterance.finish()]
    spoken = np.concatenate([piece.pcm for piece in pieces])
    folder = tmp_path / "turn_taking" / "1"
    folder.mkdir(parents=True)
    soundfile.write(folder / "input.wav", tone(10.0, (0.5, 2.0)), 16_000)
    late = np.concatenate([np.zeros(3 * voice.sample_rate, np.int16), spoken])
    soundfile.write(folder / "output.wav", late, voice.sample_rate)
    (folder / "turn_taking.json").write_text(json.dumps([{"timestamp": [2.0, 2.1]}]))
    got = CliRunner().invoke(app, ["score", str(tmp_path), "--json", "--offline"])
    assert got.exit_code == 0, got.output
    (only,) = json.loads(got.stdout)["samples"]
    assert only["metrics"]["tor_fdb"] == 1
    assert only["metrics"]["response_latency"] == pytest.approx(1.0, abs=0.3)


ROW = {
    "TOR_energy": 1,
    "resp": [[4.0, 6.0], [9.0, 9.5]],
    "overlap": [[2.0, 3.0]],
}


@pytest.mark.parametrize(
    ("agent", "wrong"),
    [
        ([(2.0, 3.0), (6.0, 7.0), (9.5, 9.9)], ()),
        ([(2.0, 3.03), (6.03, 7.0), (9.5, 9.9)], ()),  # within 32 ms
        ([(2.0, 3.04), (6.0, 7.0), (9.5, 9.9)], ("overlaps",)),
        ([(2.0, 3.0), (6.0, 7.0)], ("gaps",)),
        ([(2.0, 2.5)], ("takeover", "gaps", "overlaps")),
    ],
)
def test_rows_of_the_bench(agent: Spans, wrong: tuple[str, ...]) -> None:
    # The user's 0.5 s of silence is joined over: 2.0 to 4.0 is one span.
    assert differing(ROW, [(2.0, 3.0), (3.5, 4.0), (8.0, 9.0)], agent) == wrong


def test_no_data_no_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert near([], [])
    assert list(rows_agree(tmp_path)) == []
    monkeypatch.delenv("DUPLEX_EVALDATA", raising=False)
    assert list(rows_agree()) == []
