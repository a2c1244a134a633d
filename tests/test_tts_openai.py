"""The speech endpoint's client against a real HTTP server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tts_endpoint import KEY, Endpoint, serve

from tts import OpenAISynthesiser, PiperSynthesiser, SpeechChunk, SpeechError
from tts.types import Pcm

TEXT = "The lake is 12 km long."


def speak(voice: OpenAISynthesiser, text: str = TEXT) -> list[SpeechChunk]:
    utterance = voice.stream()
    return [*utterance.feed(text), *utterance.finish()]


@pytest.fixture(scope="module")
def faulty() -> Iterator[tuple[Endpoint, str]]:
    endpoint = Endpoint()
    with serve(endpoint) as url:
        yield endpoint, url


@pytest.fixture(scope="module")
def piper(model_path: Callable[[str], Path]) -> Iterator[tuple[Endpoint, str, int]]:
    voice = PiperSynthesiser(model_path("piper-joe"))
    endpoint = Endpoint(voice)
    with serve(endpoint) as url:
        yield endpoint, url, voice.sample_rate


def client(url: str, model: str = "tts-1", **more: object) -> OpenAISynthesiser:
    return OpenAISynthesiser(url, model, "alloy", KEY, **{"retries": 0, **more})  # type: ignore[arg-type]


@pytest.mark.models
def test_speech_comes_in_chunks_with_every_written_word(piper: tuple[Endpoint, str, int]) -> None:
    endpoint, url, rate = piper
    voice = client(url, sample_rate=rate)
    chunks = speak(voice)
    voice.close()
    words = [word for chunk in chunks for word in chunk.words]
    length = sum(len(chunk.pcm) for chunk in chunks) / rate
    assert [word.text for word in words] == TEXT.split()
    assert all(word.estimated for word in words)
    assert 1.0 < length < 4.0
    assert len(chunks) > 3, "audio is passed on while it arrives"
    assert words[-1].end <= length + 1e-6
    assert endpoint.asked[-1]["response_format"] == "pcm"
    assert "twelve kilo" in endpoint.asked[-1]["input"]
    assert "speed" not in endpoint.asked[-1]


@pytest.mark.models
def test_an_aligner_gives_measured_times(piper: tuple[Endpoint, str, int]) -> None:
    heard: list[tuple[int, list[str]]] = []

    def align(pcm: Pcm, words: list[str]) -> list[tuple[float, float]]:
        heard.append((len(pcm), list(words)))
        return [(0.1 * at, 0.1 * at + 0.05) for at in range(len(words))]

    voice = client(piper[1], sample_rate=piper[2], aligner=align)
    words = [word for chunk in speak(voice) for word in chunk.words]
    voice.close()
    assert [word.text for word in words] == TEXT.split()
    assert not any(word.estimated for word in words)
    assert heard[0][0] > 16_000
    assert heard[0][1][3] == "twelve"


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("html", "text/plain, not audio"),
        ("wav", "WAV, not raw PCM"),
        ("nothing", "without audio"),
        ("broken", "failed with status 500"),
        ("busy", "too many requests"),
        ("missing", "no such model"),
        ("endless", "more than 120 s"),
    ],
)
def test_a_bad_answer_is_one_clear_line(faulty: tuple[Endpoint, str], model: str, reason: str) -> None:
    voice = client(faulty[1], model)
    with pytest.raises(SpeechError, match=reason) as caught:
        speak(voice)
    voice.close()
    assert "127.0.0.1" in str(caught.value)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stalled_answer_times_out(faulty: tuple[Endpoint, str]) -> None:
    voice = client(faulty[1], "slow", timeout=0.4)
    with pytest.raises(SpeechError, match=r"within 0.4 s"):
        speak(voice)
    voice.close()


def test_samples_may_be_torn_between_packets(faulty: tuple[Endpoint, str]) -> None:
    voice = client(faulty[1], "torn")
    pcm = np.concatenate([chunk.pcm for chunk in speak(voice)])
    voice.close()
    middle = pcm[len(pcm) // 4 : -len(pcm) // 4]
    assert set(middle.tolist()) <= {0x0101, 0x0202, 0x0201}


def test_cancelling_closes_the_request(faulty: tuple[Endpoint, str]) -> None:
    endpoint, url = faulty
    voice = client(url, "endless")
    utterance = voice.stream()
    utterance.feed(TEXT)
    before = endpoint.sent
    step = utterance.finish()
    next(step)
    utterance.cancel()
    assert len(list(step)) <= 1
    voice.close()
    assert endpoint.sent - before < 100 * 48_000, "the server went on sending"


def test_a_wrong_key_and_no_server_are_told_apart(
    faulty: tuple[Endpoint, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)  # the HTTP library logs its requests at this level
    for url, key, reason in (
        (faulty[1], "wrong-key-77", "the key was refused"),
        ("http://127.0.0.1:9/v1", "wrong-key-77", "cannot connect"),
    ):
        voice = OpenAISynthesiser(url, "tts-1", "alloy", key, retries=0)
        with pytest.raises(SpeechError, match=reason) as caught:
            speak(voice)
        voice.close()
        assert key not in str(caught.value)
        assert caught.value.__cause__ is None
    assert "wrong-key-77" not in caplog.text


@pytest.mark.parametrize(
    ("url", "model", "voice", "key", "more"),
    [
        ("ftp://x/v1", "m", "v", "k", {}),
        ("http://x/v1", "", "v", "k", {}),
        ("http://x/v1", "m", "", "k", {}),
        ("http://x/v1", "m", "v", "", {}),
        ("http://x/v1", "m", "v", "k", {"speed": 9.0}),
        ("http://x/v1", "m", "v", "k", {"timeout": 0.0}),
        ("http://x/v1", "m", "v", "k", {"sample_rate": 1}),
    ],
)
def test_bad_settings_are_refused(url: str, model: str, voice: str, key: str, more: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"speech endpoint|must be"):
        OpenAISynthesiser(url, model, voice, key, **more)  # type: ignore[arg-type]
