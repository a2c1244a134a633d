from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from asr_speech import clip, hum, noise, silence
from hypothesis import given, settings
from hypothesis import strategies as st

from asr import SileroVad

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def vad(model_path: Callable[[str], Path]) -> SileroVad:
    return SileroVad(model_path("silero-vad"))


def test_speech_is_told_from_silence_and_noise(vad: SileroVad) -> None:
    stream = vad.stream()
    before = stream.accept(silence(0.5))
    during = stream.accept(clip("ferry"))
    after = stream.accept(silence(1.0))
    assert max(before) < 0.2
    assert np.median(during) > 0.9
    assert max(after[12:]) < 0.2
    for sound in (noise(2, -30), noise(2, -50), hum(2)):
        assert np.median(vad.stream().accept(sound)) < 0.2


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 2_000), max_size=30))
def test_how_audio_is_cut_into_calls_does_not_matter(vad: SileroVad, sizes: list[int]) -> None:
    pcm = clip("deepest")[:16_000]
    whole = vad.stream().accept(pcm)
    assert len(whole) == 16_000 // 512
    stream, pieces, at = vad.stream(), [], 0
    for size in [*sizes, len(pcm)]:
        pieces += stream.accept(pcm[at : at + size])
        at += len(pcm[at : at + size])
    assert pieces == pytest.approx(whole, abs=1e-6)


def test_reset_forgets(vad: SileroVad) -> None:
    stream = vad.stream()
    first = stream.accept(clip("ferry")[:10_000])
    stream.reset()
    assert stream.accept(clip("ferry")[:10_000]) == first


def test_speakers_can_share_one_run(vad: SileroVad) -> None:
    rows = np.stack([clip(name)[8_000:8_576] for name in ("ferry", "deepest")]).astype(np.float32) / 32_768
    both, state = vad.step(rows, np.zeros((2, 2, 128), np.float32))
    assert state.shape == (2, 2, 128)
    for row, probability in zip(rows, both, strict=True):
        alone, _ = vad.step(row[None], np.zeros((2, 1, 128), np.float32))
        assert alone[0] == pytest.approx(probability, abs=1e-5)


@pytest.mark.parametrize("pcm", [np.zeros(512, np.float32), np.zeros((1, 512), np.int16), [0] * 512])
def test_other_audio_is_refused(vad: SileroVad, pcm: np.ndarray) -> None:
    with pytest.raises(ValueError, match="one-dimensional int16"):
        vad.stream().accept(pcm)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        SileroVad(tmp_path)
    broken = tmp_path / "silero_vad.onnx"
    broken.write_bytes(b"garbage")
    with pytest.raises(ValueError, match=str(broken)):
        SileroVad(broken)
