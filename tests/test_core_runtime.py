"""The exported core and its runtime: what was trained, for any number of sessions, each by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_core_streams import dialogue

from duplex.audio.wav import read_speech
from duplex.core.runtime import CoreOutput, CoreSession, DuplexCore
from duplex.core.runtime.engine import FRAME_FILE, WORD_FILE
from duplex.core.streams import layout
from duplex.core.streams.dialogue import Dialogue
from duplex.core.streams.frames import clocks, scan_streams
from duplex.core.streams.layout import FRAME_SAMPLES, HORIZON, STATES, Layout, frame_end
from duplex.core.streams.words import shipped_table
from duplex.core.training import export as exporting
from duplex.core.training.config import ModelConfig
from duplex.core.training.model import CLOCK, CODE, Core, WordPath
from duplex.resources import config_path

SIZES = {
    "ssd": ModelConfig("ssd", dim=32, layers=2, inner=32, head=16, memory=8, words=12),
    "attention": ModelConfig("attention", dim=32, layers=2, inner=48, head=16, memory=10, words=12),
}
FRAMES = 24


def tiny(backbone: str) -> tuple[Core, WordPath]:
    torch.manual_seed(3)
    config = SIZES[backbone]
    return Core(config).eval(), WordPath(config.vector, config.words).eval()


@pytest.fixture(scope="module", params=list(SIZES))
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Core, WordPath, Path]:
    core, path = tiny(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    found = exporting.export(core, path, folder)
    assert found.difference < exporting.TOLERANCE
    assert set(found.files) == {FRAME_FILE, WORD_FILE}
    return core, path, folder


@pytest.fixture
def runtime(trained: tuple[Core, WordPath, Path]) -> DuplexCore:
    return DuplexCore(trained[2])


class Speaker:
    """Feeds a dialogue to a session as it happens."""

    def __init__(self, session: CoreSession, talk: Dialogue) -> None:
        self.session, self.talk = session, talk
        self.heard, self.said = list(talk.heard), list(talk.agent_words)
        self.hints = list(talk.hints)

    def offer(self, at: int) -> None:
        streams, talk = self.session.streams, self.talk
        while self.heard and self.heard[0].t <= frame_end(at):
            streams.hear(self.heard[0].words, self.heard.pop(0).stable)
        while self.said and self.said[0].start <= frame_end(at):
            streams.word(layout.AGENT_WORDS, self.said.pop(0).text)
        while self.hints and self.hints[0].start <= frame_end(at):
            streams.word(layout.HINT, self.hints.pop(0).text)
        assert talk.decision is not None
        assert talk.tool is not None
        streams.token(layout.DECISION, int(talk.decision[at]))
        streams.token(layout.TOOL, int(talk.tool[at]))
        piece = slice(at * FRAME_SAMPLES, (at + 1) * FRAME_SAMPLES)
        self.session.offer(talk.user_pcm[piece], talk.agent_pcm[piece])


def run_alone(runtime: DuplexCore, talk: Dialogue, frames: int = FRAMES) -> list[CoreOutput]:
    speaker = Speaker(runtime.session(), talk)
    found = []
    for at in range(frames):
        speaker.offer(at)
        assert runtime.step() == 1
        assert speaker.session.output is not None
        found.append(speaker.session.output)
    return found


def same(one: CoreOutput, other: CoreOutput, atol: float = 1e-5) -> bool:
    arrays = ("state", "ends", "projection", "overlap")
    return (
        all(np.allclose(getattr(one, name), getattr(other, name), atol=atol) for name in arrays)
        and abs(one.complete - other.complete) < atol
    )


def test_the_runtime_says_what_the_trained_core_says(
    trained: tuple[Core, WordPath, Path], runtime: DuplexCore
) -> None:
    """The whole way: a dialogue through torch's scan, and frame by frame through ONNX Runtime."""
    core, path, _ = trained
    talk, table = dialogue(FRAMES), shipped_table()
    streams = scan_streams(talk, table, Layout())
    beliefs = streams.beliefs
    with torch.no_grad():
        codes, complete = path(
            torch.from_numpy(table.vectors[beliefs.ids]), torch.from_numpy(beliefs.tentative)
        )
        inputs = {name: torch.from_numpy(part)[None] for name, part in streams.audio.items()}
        for name, ids in streams.tokens.items():
            word = name in (layout.AGENT_WORDS, layout.HINT)
            inputs[name] = torch.from_numpy(table.vectors[ids] if word else ids.astype(np.int64))[None]
        index = torch.from_numpy(beliefs.index.astype(np.int64))
        inputs[CODE] = codes[index][None]
        inputs[CLOCK] = torch.from_numpy(clocks(streams.age, beliefs.count[beliefs.index]))[None]
        scanned, _ = core.scan(inputs)
    expected = torch.softmax(scanned["state"][0], -1).numpy()
    words = torch.sigmoid(complete)[index].numpy()
    for at, output in enumerate(run_alone(runtime, talk)):
        np.testing.assert_allclose(output.state, expected[at], atol=1e-4)
        count = beliefs.count[beliefs.index[at]]
        assert output.complete == pytest.approx(words[at] if count else 0.0, abs=1e-4)
        assert np.all(np.diff(output.ends) >= -1e-6)
        assert output.frame == at + 1


def test_sessions_in_one_call_are_as_they_are_alone(runtime: DuplexCore) -> None:
    talks = [dialogue(FRAMES, seed) for seed in range(3)]
    alone = [run_alone(runtime, talk) for talk in talks]
    speakers = [Speaker(runtime.session(), talk) for talk in talks]
    for at in range(FRAMES):
        here = [row for row in range(3) if row != 1 or at % 2 == 0]  # the second comes to every other call
        for row in here:
            speakers[row].offer(at // 2 if row == 1 else at)
        assert runtime.step() == len(here)
        for row in here:
            output = speakers[row].session.output
            assert output is not None
            assert same(output, alone[row][at // 2 if row == 1 else at])


def test_a_fork_of_a_session_tries_a_future_and_comes_back(runtime: DuplexCore) -> None:
    talk, other = dialogue(FRAMES), dialogue(FRAMES, seed=8)
    expected = run_alone(runtime, talk)
    speaker = Speaker(runtime.session(), talk)
    for at in range(10):
        speaker.offer(at)
        runtime.step()
    fork = speaker.session.fork()
    trial = runtime.session()
    trial.restore(fork)
    for at in range(6):
        Speaker(trial, other).offer(at)
        runtime.step()
    assert not np.array_equal(trial.state, speaker.session.state)
    for at in range(10, FRAMES):
        speaker.offer(at)
        runtime.step()
        assert speaker.session.output is not None
        assert same(speaker.session.output, expected[at])


def test_a_session_begun_anew_is_a_new_one(runtime: DuplexCore) -> None:
    session = runtime.session()
    Speaker(session, dialogue(3)).offer(0)
    runtime.step()
    session.reset()
    assert not session.state.any()
    assert session.frames == 0


def test_late_frames_are_merged_into_one_step(runtime: DuplexCore) -> None:
    speaker = Speaker(runtime.session(), dialogue(FRAMES))
    for at in range(9):
        speaker.offer(at)
    assert runtime.step() == 1
    assert runtime.step() == 0
    assert speaker.session.output is not None
    assert speaker.session.output.frame == 9


def test_what_a_session_holds_does_not_grow(runtime: DuplexCore) -> None:
    """A quarter of an hour: the state is one array of one size, and nothing else is kept."""
    session, quiet = runtime.session(), np.zeros(FRAME_SAMPLES, np.int16)
    before = session.state
    for _ in range(800):
        session.offer(quiet, quiet)
        runtime.step()
    assert session.state is before
    assert np.isfinite(session.state).all()
    assert not runtime._waiting


def test_outputs_are_read_by_name(runtime: DuplexCore) -> None:
    output = run_alone(runtime, dialogue(FRAMES), 5)[-1]
    assert sum(output.p_state(name) for name in STATES) == pytest.approx(1, abs=1e-5)
    assert output.p_state(output.best_state) == output.state.max()
    assert output.p_overlap(output.best_overlap) == output.overlap.max()
    assert output.ends_within(0) == output.ends[0]
    assert output.ends_within(0.48) == output.ends[6]
    assert output.ends_within(99) == output.ends[HORIZON - 1]
    both = np.concatenate((output.speaks_next(0), output.speaks_next(1)))
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    np.testing.assert_allclose(both, output.projection @ bits, atol=1e-5)


def test_an_export_that_computes_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "frame_difference", lambda *arguments: 0.01)
    with pytest.raises(exporting.ParityError, match=r"0\.01"):
        exporting.export(*tiny("ssd"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_shipped_core_is_small_and_hears_a_person_speak() -> None:
    folder = config_path(f"core/{FRAME_FILE}").parent
    assert (
        sum(path.stat().st_size for path in folder.glob("*.onnx")) + (folder / "words.npz").stat().st_size
        < 16 << 20
    )
    assert (folder / "MODEL_CARD.md").is_file()
    runtime = DuplexCore()
    session, quiet = runtime.session(), np.zeros(FRAME_SAMPLES, np.int16)
    speech = read_speech(Path(__file__).with_name("data") / "asr_deepest.flac", 16_000, 30)
    voiced = []
    for at in range(len(speech) // FRAME_SAMPLES):
        session.offer(speech[at * FRAME_SAMPLES :][:FRAME_SAMPLES], quiet)
        runtime.step()
        assert session.output is not None
        voiced.append(session.output.user)
    for _ in range(20):
        session.offer(quiet, quiet)
        runtime.step()
    assert np.mean(np.array(voiced) > 0.5) > 0.5
    assert session.output is not None
    assert session.output.user < 0.2


def test_a_folder_without_a_core_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=FRAME_FILE):
        DuplexCore(tmp_path)
    (tmp_path / FRAME_FILE).write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a readable ONNX model"):
        DuplexCore(tmp_path)
    with pytest.raises(FileNotFoundError, match="duplex train core"):
        exporting.load_run(tmp_path)
