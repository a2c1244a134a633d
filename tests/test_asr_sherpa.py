from pathlib import Path

import numpy as np
import pytest
from asr_transducer import write_transducer

from asr import SherpaRecogniser
from asr.sherpa import words_of

pytest.importorskip("sherpa_onnx", reason="sherpa-onnx is an optional engine")

LOUD = (np.random.default_rng(0).standard_normal(16_000) * 3_000).astype(np.int16)
QUIET = np.zeros(16_000, dtype=np.int16)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> SherpaRecogniser:
    return SherpaRecogniser(write_transducer(tmp_path_factory.mktemp("transducer")))


def test_words_come_while_it_is_loud(engine: SherpaRecogniser) -> None:
    stream = engine.stream()
    stable = 0
    for at in range(0, 16_000, 320):
        stream.accept(QUIET[at : at + 320])
    assert stream.hypothesis().words == ()
    for at in range(0, 4_800, 320):
        stream.accept(LOUD[at : at + 320])
        belief = stream.hypothesis()
        assert stable <= belief.stable <= len(belief.words)
        stable = belief.stable
    final = stream.finalise()
    assert final.final
    assert final.stable == len(final.words)
    assert final.text.startswith("hello world hello")
    assert {word.text for word in final.words} == {"hello", "world"}
    assert 0.9 < final.words[0].start < 1.1
    assert final.words[-1].end <= 1.3
    assert all(0.9 < word.probability <= 1 for word in final.words)


def test_a_stream_goes_on_after_it_was_finalised_with_true_times(engine: SherpaRecogniser) -> None:
    stream = engine.stream()
    stream.accept(LOUD[:1_600])
    first = stream.finalise()
    assert stream.finalise() == first
    stream.accept(QUIET)
    stream.accept(LOUD[:1_600])
    again = stream.finalise()
    assert again.words[: len(first.words)] == first.words
    late = again.words[len(first.words) :]
    assert late
    assert all(1.0 < word.start <= word.end <= 1.2 for word in late)
    stream.reset()
    assert stream.finalise().words == ()


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt"])
def test_a_missing_or_broken_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_transducer(tmp_path)
    (folder / name).write_bytes(b"garbage")
    with pytest.raises(ValueError, match=str(folder)):
        SherpaRecogniser(folder)
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name.split(".")[0]):
        SherpaRecogniser(folder)


def test_an_onnx_file_that_is_no_transducer_is_refused(tmp_path: Path) -> None:
    folder = write_transducer(tmp_path)
    (folder / "encoder.onnx").write_bytes((folder / "joiner.onnx").read_bytes())
    with pytest.raises(ValueError, match="no streaming transducer"):
        SherpaRecogniser(folder)


def test_pieces_join_into_words() -> None:
    words = words_of([" HE", "LLO", "▁", "W", "ORLD"], [0.1, 0.2, 0.5, 0.6, 0.7], [0.0, -2.0], 0.72)
    assert [(word.text, word.start, word.end) for word in words] == [
        ("hello", 0.1, pytest.approx(0.24)),
        ("world", 0.5, 0.72),
    ]
    assert words_of([], [], [], 1.0) == ()
