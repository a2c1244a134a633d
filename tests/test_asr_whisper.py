import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from asr_speech import TEXTS, clip, errors, hum, monologue, noise, shouting, silence

from asr import WhisperModel
from asr.whisper import padded

pytestmark = pytest.mark.models


@pytest.fixture(scope="module", params=["whisper-tiny.en", "whisper-base"])
def whisper(model_path: Callable[[str], Path], request: pytest.FixtureRequest) -> WhisperModel:
    return WhisperModel(model_path(request.param))


@pytest.mark.parametrize(
    ("seconds", "given"), [(0.0, 8.0), (4.0, 8.0), (4.1, 8.5), (5.5, 9.5), (6.0, 10.0), (10.0, 10.0)]
)
def test_a_short_sentence_is_padded_less(seconds: float, given: float) -> None:
    assert padded(int(seconds * 16_000), 8 * 16_000) == given * 16_000


@pytest.mark.parametrize("name", TEXTS)
def test_sentences_are_heard_with_word_times(whisper: WhisperModel, name: str) -> None:
    lead = 0.5
    words = whisper.transcribe(np.concatenate([silence(lead), clip(name), silence(0.3)]))
    assert errors(TEXTS[name], " ".join(word.text for word in words)) <= 2
    length = lead + len(clip(name)) / 16_000
    for before, after in pairwise(words):
        assert before.start <= before.end <= after.start + 1e-9
    assert words[0].start == pytest.approx(lead, abs=0.15)
    assert length - 0.35 < words[-1].end < length  # the clips end in up to 0.3 s of quiet
    assert all(0 < word.probability <= 1 for word in words)


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.3, 3, 9])
def test_silence_is_no_words(whisper: WhisperModel, seconds: float) -> None:
    assert whisper.transcribe(silence(seconds)) == ()


@pytest.mark.parametrize(
    "sound", [noise(0.5, -50), noise(2, -30), noise(5, -15), noise(9, -50), hum(5)], ids=str
)
def test_noise_is_no_words(whisper: WhisperModel, sound: np.ndarray) -> None:
    assert whisper.transcribe(sound) == ()


def test_ten_seconds_of_shouting_end_and_do_not_loop(whisper: WhisperModel) -> None:
    words = whisper.transcribe(shouting(10))
    assert 10 <= len(words) <= 60
    assert words[-1].end <= 10


def test_a_long_monologue_is_heard_whole(whisper: WhisperModel) -> None:
    pcm, text = monologue()
    words = whisper.transcribe(pcm)
    assert errors(text, " ".join(word.text for word in words)) <= 0.15 * len(text.split())
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    assert 22 < starts[-1] < len(pcm) / 16_000


@pytest.mark.parametrize("more", [0, 200])
def test_names_that_are_hinted_at_are_spelled_so(whisper: WhisperModel, more: int) -> None:
    pcm = clip("onega")
    hint = ", ".join(["Baikal", "Onega", "Toba", *(f"Lake Number {at}" for at in range(more))]) + "."
    assert "Onega" not in " ".join(word.text for word in whisper.transcribe(pcm))
    assert "Onega" in " ".join(word.text for word in whisper.transcribe(pcm, hint))
    for sound in (noise(2, -30), noise(5, -15), silence(2)):
        assert whisper.transcribe(sound, hint) == ()


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "config.json"])
def test_a_missing_or_broken_file_is_named(
    model_path: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "whisper"
    shutil.copytree(model_path("whisper-tiny.en"), folder)
    (folder / name).write_bytes(b"garbage")
    with pytest.raises(ValueError, match=str(folder)):
        WhisperModel(folder)
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        WhisperModel(folder)
