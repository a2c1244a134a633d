"""A recording as the user: whole calls with real models in virtual time, as the command line makes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from duplex.audio.detect import first_audible, silent_from
from duplex.cli import main
from duplex.graph import TICKS
from duplex.transport.costs import CostsError, read_costs

QUESTION = Path(__file__).parent / "data" / "asr_deepest.flac"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def duplex(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process: its exit status, what it printed, and what it complained of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@dataclass
class Left:
    """What a call left in its folder."""

    folder: Path

    @property
    def log(self) -> bytes:
        return (self.folder / "events.jsonl").read_bytes()

    @property
    def wav(self) -> bytes:
        return (self.folder / "call.wav").read_bytes()

    def sides(self) -> tuple[Any, Any, int]:
        both, rate = soundfile.read(self.folder / "call.wav", dtype="int16")
        return both[:, 0].copy(), both[:, 1].copy(), rate

    def at(self, kind: str, field: str = "t") -> list[float]:
        """When events of a kind were, in seconds."""
        events = [json.loads(line) for line in self.log.splitlines()]
        return [event[field] / TICKS for event in events if event["type"] == kind]


@pytest.mark.models
def test_equal_seeds_and_fixed_costs_give_equal_bytes(duplex: Command, tmp_path: Path) -> None:
    def arguments(seed: int, name: str) -> list[str]:
        fixed = ["--compute", "fixed", "--seed", str(seed), "--json"]
        return ["run", "lakes", str(QUESTION), "--out", str(tmp_path / name), *fixed]

    code, printed, _ = duplex(*arguments(3, "a"))
    assert code == 0
    # In a process of its own, whose sets and dictionaries of strings have another order.
    other = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", "duplex", *arguments(3, "b")]
    again = subprocess.run(command, env=other, capture_output=True, text=True, check=True, timeout=120)
    assert duplex(*arguments(4, "c"))[0] == 0
    first, second = json.loads(printed), json.loads(again.stdout)
    a, b, c = (Left(tmp_path / name) for name in "abc")
    assert a.log == b.log
    assert a.wav == b.wav
    assert a.wav != c.wav, "the seed is the voice's"
    assert first["said"] == second["said"]
    assert [line["who"] for line in first["said"]] == ["agent", "user", "agent"]
    assert "deepest lake" in first["said"][1]["text"].lower()
    assert "Baikal" in first["said"][2]["text"]
    assert (first["ended"], first["late_frames"]) == ("heard", 0)
    assert first["jobs"]["llm.answer"]["mean_ms"] == 1000 * read_costs()["llm.answer"]
    _check_times(a, first)


def _check_times(call: Left, report: dict[str, Any]) -> None:
    """The recording and the log tell the same story: both sides begin at 0, the user speaks after the greeting, the
    answer is heard out, and then the call ends."""
    user, agent, rate = call.sides()
    assert len(user) == len(agent) == pytest.approx(report["seconds"] * rate, abs=rate // 50)
    begun, answered = call.at("PlayoutStarted")
    greeted, done = call.at("PlayoutEnded")
    assert first_audible(agent, rate) == pytest.approx(begun, abs=0.15)
    spoke = first_audible(user, rate)
    assert spoke is not None
    assert spoke > greeted + 0.4
    assert call.at("VoiceStarted", "onset")[0] == pytest.approx(spoke, abs=0.15)
    assert first_audible(agent, rate, after_s=greeted + 0.3) == pytest.approx(answered, abs=0.15)
    quiet = silent_from(agent, rate, after_s=answered + 0.5)
    assert quiet is not None
    assert done == pytest.approx(report["seconds"] - 1.0, abs=0.1), "a second of quiet, and no more"
    original, file_rate = soundfile.read(QUESTION, dtype="int16")
    onset = first_audible(original, file_rate)
    assert onset is not None
    assert np.abs(user[: round((spoke - onset) * rate) - rate // 50]).max() <= 2, (
        "nothing before the recording"
    )


@pytest.mark.models
def test_measured_time_is_charged_and_what_was_said_is_printed(duplex: Command, tmp_path: Path) -> None:
    """The user talks over the greeting, in a stereo file at a telephone's rate, and is answered all the same."""
    pcm, rate = soundfile.read(QUESTION, dtype="float32")
    assert rate == 16_000
    soundfile.write(tmp_path / "asked.wav", np.stack([pcm[::2], pcm[::2]], axis=1), 8_000)
    out = tmp_path / "deep" / "out"
    code, printed, _ = duplex("run", "lakes", str(tmp_path / "asked.wav"), "--out", str(out), "--at-once")
    assert code == 0
    assert "times real time" in printed
    assert "user   " in printed
    assert "Baikal" in printed
    call = Left(out)
    user, _, rate = call.sides()
    spoke = first_audible(user, rate)
    assert spoke == pytest.approx(first_audible((pcm * 32_767).astype(np.int16), 16_000), abs=0.03)
    commit, probability = call.at("Commit")[-1], call.at("EndProbability")[-1]
    eager = call.at("Eager")[-1]
    assert eager < probability <= commit, "recognition and judgement took virtual time"


def test_what_cannot_be_heard_is_explained(duplex: Command, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), 16_000)
    soundfile.write(tmp_path / "long.wav", np.zeros(8_000 * 1_801, np.int16), 8_000, subtype="PCM_U8")
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "costs.yaml").write_text("vad: 0.001\nasr.final: soon\n")
    (tmp_path / "taken").write_text("a file where a folder is wanted")
    here, question = str(tmp_path / "out"), str(QUESTION)
    table = str(tmp_path / "costs.yaml")
    faults = [
        (("run", "lakes", "missing.wav"), 1, "missing.wav: there is no such file"),
        (("run", "lakes", str(tmp_path / "empty.wav")), 1, "there is no audio in it; record it again"),
        (("run", "lakes", str(tmp_path / "long.wav")), 1, "at most 1800 s are taken; cut it"),
        (("run", "lakes", str(tmp_path / "text.wav")), 1, "no sound file"),
        (("run", "nobody", question), 1, "nobody"),
        (("run", "lakes", question, "--costs", table), 2, "a table is for --compute fixed"),
        (
            ("run", "lakes", question, "--costs", table, "--compute", "fixed"),
            1,
            "costs.yaml:2: asr.final: seconds",
        ),
        (("run", "lakes", question, "--out", str(tmp_path / "taken")), 1, "taken: File exists"),
    ]
    for arguments, status, message in faults:
        options = () if "--out" in arguments else ("--out", here)
        code, _, complained = duplex(*arguments, *options)
        assert (code, message in complained) == (status, True), complained
        assert "Traceback" not in complained
    assert not (tmp_path / "out").exists(), "nothing is left of a call that cannot be made"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vad: -1", "costs.yaml:1: vad: seconds are wanted, 0 to 600"),
        ("vad: 0\ntts: 601", "costs.yaml:2: tts: seconds"),
        ("vad: true", "vad: seconds"),
        ("vad: .nan", "vad: seconds"),
        ("vad: {a: 1}", "vad: seconds"),
        ("- vad", "costs.yaml:1: "),
        ("vad: [", "not YAML"),
    ],
)
def test_a_table_of_costs_is_checked(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "costs.yaml"
    file.write_text(text)
    with pytest.raises(CostsError, match=message):
        read_costs(file)
    with pytest.raises(CostsError, match="cannot be read"):
        read_costs(tmp_path / "none.yaml")


def test_a_table_goes_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "costs.yaml").write_text("vad: 7\nown: 0\n")
    assert read_costs(tmp_path / "costs.yaml") == read_costs() | {"vad": 7.0, "own": 0.0}
