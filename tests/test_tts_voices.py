"""The local voices with their real models: what they say is heard, when they say it, and what goes wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soxr

from asr.whisper import WhisperModel
from tts import EspeakSynthesiser, KokoroSynthesiser, PiperSynthesiser, SpeechChunk, Synthesiser

ModelPath = Callable[[str], Path]
AUDIBLE = 10 ** (-45 / 20) * 32_768


@pytest.fixture(scope="module")
def piper(model_path: ModelPath) -> PiperSynthesiser:
    import onnxruntime

    onnxruntime.set_seed(1)  # the voice's noise is drawn anew each time: the recogniser must not be the luck
    return PiperSynthesiser(model_path("piper-joe"), varied=False)


@pytest.fixture(scope="module")
def kokoro(model_path: ModelPath) -> KokoroSynthesiser:
    return KokoroSynthesiser(model_path("kokoro"), voice="bm_george")


@pytest.fixture(scope="module")
def whisper(model_path: ModelPath) -> WhisperModel:
    return WhisperModel(model_path("whisper-base"))


def speak(voice: Synthesiser, *texts: str) -> list[SpeechChunk]:
    utterance = voice.stream()
    return [chunk for text in texts for chunk in utterance.feed(text)] + list(utterance.finish())


def check_timeline(chunks: list[SpeechChunk], rate: int) -> None:
    at, last = 0, 0.0
    for chunk in chunks:
        assert chunk.pcm.dtype == np.int16
        assert round(chunk.start * rate) == at
        at += len(chunk.pcm)
        for word in chunk.words:
            # The last 20 ms of a part, in steps of 5 ms, come with the next.
            assert last <= word.start <= word.end <= at / rate + 0.03
            last = word.end


def heard(whisper: WhisperModel, chunks: list[SpeechChunk], rate: int) -> str:
    pcm = np.concatenate([chunk.pcm for chunk in chunks])
    words = whisper.transcribe(soxr.resample(pcm, rate, 16_000))
    return re.sub(r"[^a-z0-9$%. ]", "", " ".join(word.text for word in words).lower())


@pytest.mark.models
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It covers 82,100 km² of land.", "82100 square k"),
        ("It was founded on March 5, 1994.", "march 5 1994"),
        ("The oven was at 200°C for 3 hours.", "200 degrees celsius for (three|3) hours"),
        ("The company earned $3.2 million in 2023.", r"\$3.2 million in 2023"),
        ("It grew by 12.5% last year.", "12.5%"),
        (
            "Dr. Smith was seen on Main St. near St. Louis.",
            "(dr.|doctor) smith was seen on main street near (st.|saint) louis",
        ),
    ],
)
def test_figures_are_heard_right(
    piper: PiperSynthesiser, whisper: WhisperModel, text: str, expected: str
) -> None:
    assert re.search(expected, heard(whisper, speak(piper, text), piper.sample_rate))


@pytest.mark.models
def test_kokoro_is_heard_right(kokoro: KokoroSynthesiser, whisper: WhisperModel) -> None:
    chunks = speak(kokoro, "The tower opened in 1889 and holds 12,100 cubic metres of water.")
    check_timeline(chunks, kokoro.sample_rate)
    text = heard(whisper, chunks, kokoro.sample_rate)
    assert "tower opened in 1889 and holds 12100 cubic meters of water" in text.replace("metres", "meters")


@pytest.mark.models
@pytest.mark.parametrize("name", ["piper", "kokoro"])
def test_streamed_text_is_one_gapless_timeline(name: str, request: pytest.FixtureRequest) -> None:
    voice: Synthesiser = request.getfixturevalue(name)
    text = "In the north, near the border, it is cold. Of the 5 lakes, it's the deepest!"
    chunks = speak(voice, *re.findall(r".{1,7}", text))
    check_timeline(chunks, voice.sample_rate)
    assert len(chunks) > 2
    assert [word.text for chunk in chunks for word in chunk.words] == text.split()
    assert not any(word.estimated for chunk in chunks for word in chunk.words)
    pcm = np.concatenate([chunk.pcm for chunk in chunks]).astype(np.float64)
    assert np.flatnonzero(np.abs(pcm) > AUDIBLE)[0] <= 0.02 * voice.sample_rate
    edges = np.cumsum([len(chunk.pcm) for chunk in chunks])[:-1]
    assert np.abs(np.diff(pcm))[edges - 1].max() < 300  # no click where chunks meet


@pytest.mark.models
def test_words_are_cut_where_they_say(piper: PiperSynthesiser, whisper: WhisperModel) -> None:
    """What is heard up to a word's end is what was said up to there: an interrupted agent knows its words."""
    chunks = speak(piper, "Seven yellow gardens grow beside nine old railway bridges.")
    pcm = np.concatenate([chunk.pcm for chunk in chunks])
    words = [word for chunk in chunks for word in chunk.words]
    for count in (3, 6):
        cut = pcm[: round(words[count - 1].end * piper.sample_rate)]
        expected = [word.text.lower() for word in words[:count]]
        text = heard(whisper, [SpeechChunk(cut, 0.0, ())], piper.sample_rate).replace(".", "")
        assert text.replace("7", "seven").replace("9", "nine").split() == expected


@pytest.mark.models
def test_cancelling_and_bad_use(piper: PiperSynthesiser) -> None:
    utterance = piper.stream()
    parts = utterance.feed("This is one, and this is two. And this is three. ")
    assert next(parts).words[0].text == "This"
    utterance.cancel()
    assert list(parts) == []
    assert list(utterance.finish()) == []
    with pytest.raises(ValueError, match="finished"):
        utterance.feed("more")


@pytest.mark.models
@pytest.mark.parametrize("text", ["", " \n", "?!... --", "😀🎉", "世界 мир", "\x00\x1b[31m\x07", "[[ˈ]]"])
def test_what_cannot_be_said_is_silence(
    piper: PiperSynthesiser, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert speak(piper, text) == []
    assert ("2 words were left out" in caplog.text) == (text == "世界 мир")
    assert "мир" not in caplog.text


@pytest.mark.models
def test_long_texts_are_made_piece_by_piece(piper: PiperSynthesiser) -> None:
    utterance = piper.stream()
    chunks = utterance.feed("lake water and stone " * 476)  # 9,996 characters, not one full stop
    first = next(chunks)
    assert len(first.words) <= 30
    assert len(first.pcm) < 20 * piper.sample_rate
    with pytest.raises(ValueError, match="20000 characters"):
        utterance.feed("a" * 20_000)
    speechless = speak(piper, "a" * 3_000)
    assert sum(len(chunk.pcm) for chunk in speechless) < 600 * piper.sample_rate


@pytest.mark.models
def test_a_part_sounds_as_it_does_in_the_whole(
    piper: PiperSynthesiser, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "The deepest part of the lake lies close to its northern shore."
    in_parts = speak(piper, text)
    assert len(in_parts) > 2
    assert len(in_parts[0].pcm) < 0.9 * piper.sample_rate
    monkeypatch.setattr("tts.piper.PARTS", (1e9,))
    (whole,) = speak(piper, text)
    joined = np.concatenate([chunk.pcm for chunk in in_parts])
    window = piper.sample_rate // 200  # in which the end of the last sound is looked for
    assert abs(len(joined) - len(whole.pcm)) <= window
    length = min(len(joined), len(whole.pcm)) - 2 * window
    assert np.abs(joined[:length].astype(int) - whole.pcm[:length]).max() <= 2
    again = speak(piper, text)
    np.testing.assert_array_equal(again[0].pcm, whole.pcm)  # without variation: the same samples each time


@pytest.mark.models
def test_speed(model_path: ModelPath, piper: PiperSynthesiser) -> None:
    fast = PiperSynthesiser(model_path("piper-joe"), speed=2.0)
    normal, quick = (
        sum(len(chunk.pcm) for chunk in speak(voice, "One two three four five.")) for voice in (piper, fast)
    )
    assert quick < 0.75 * normal
    with pytest.raises(ValueError, match=r"0\.5 to 2"):
        PiperSynthesiser(model_path("piper-joe"), speed=3)


@pytest.mark.models
def test_damaged_and_missing_files(model_path: ModelPath, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no Piper voice"):
        PiperSynthesiser(tmp_path)
    for file in model_path("piper-joe").glob("*.onnx*"):
        shutil.copy(file, tmp_path)
    voice = next(tmp_path.glob("*.onnx"))
    voice.write_bytes(voice.read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match="cannot load the Piper voice"):
        PiperSynthesiser(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no Kokoro voice 'bm_nobody'.*af_heart"):
        KokoroSynthesiser(model_path("kokoro"), voice="bm_nobody")
    with pytest.raises(FileNotFoundError, match="no Kokoro voice"):
        KokoroSynthesiser(model_path("kokoro"), voice="../../etc/passwd")


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is a program of the system")
def test_espeak_speaks_with_guessed_times() -> None:
    voice = EspeakSynthesiser()
    chunks = speak(voice, "Hello there, -v this is 5 km.")
    check_timeline(chunks, voice.sample_rate)
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == ["Hello", "there,", "-v", "this", "is", "5", "km."]
    assert all(word.estimated for word in words)
    with pytest.raises(ValueError, match="espeak-ng failed"):
        EspeakSynthesiser(voice="xx-nowhere")


def test_without_espeak_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="apt-get install espeak-ng"):
        EspeakSynthesiser()


def test_importing_is_cheap() -> None:
    heavy = ("onnxruntime", "piper", "onnx", "openai", "num2words")
    code = f"import sys, tts; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
