import io
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from asr_speech import TEXTS, clip, errors, silence

from asr import OpenAIOptions, OpenAIRecogniser, TranscriptionError
from asr.openai import wav

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def url(model_path: Callable[[str], Path]) -> Iterator[str]:
    command = [
        sys.executable,
        str(Path(__file__).parent / "asr_http_server.py"),
        str(model_path("whisper-tiny.en")),
    ]
    repository = str(Path(__file__).parent.parent)
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=repository,
        env={"PYTHONPATH": repository},
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(10) == 0


@pytest.fixture
def engine(url: str, request: pytest.FixtureRequest) -> Iterator[OpenAIRecogniser]:
    options: OpenAIOptions = request.param
    engine = OpenAIRecogniser(url, "right-key", options)
    yield engine
    engine.close()


def using(**options: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("engine", [OpenAIOptions(**options)], indirect=True, ids=[str(options)])


@using(model="tiny")
def test_an_utterance_is_sent_once_when_it_is_finalised(engine: OpenAIRecogniser) -> None:
    stream = engine.stream()
    pcm = np.concatenate([silence(0.5), clip("ferry")])
    for at in range(0, len(pcm), 320):
        stream.accept(pcm[at : at + 320])
        assert stream.hypothesis().words == ()
    final = stream.finalise()
    assert final.final
    assert errors(TEXTS["ferry"], final.text) <= 2
    assert final.words[0].start == pytest.approx(0.5, abs=0.15)
    assert stream.finalise() is final
    stream.accept(clip("deepest"))
    assert errors(f"{TEXTS['ferry']} {TEXTS['deepest']}", stream.finalise().text) <= 4
    stream.reset()
    assert stream.finalise().words == ()


@using(model="plain", longest=5.0)
def test_only_the_end_of_a_long_utterance_is_sent_and_times_stay_true(engine: OpenAIRecogniser) -> None:
    stream = engine.stream()
    for _ in range(300):
        stream.accept(silence(0.1))
    stream.accept(clip("ferry"))
    final = stream.finalise()
    assert errors(TEXTS["ferry"], final.text) <= 2
    assert final.words[0].start == pytest.approx(30 + len(clip("ferry")) / 16_000 - 5)
    assert final.words[-1].end == pytest.approx(30 + len(clip("ferry")) / 16_000)


@using(model="tiny", partial_hop=1.0)
def test_partials_can_be_asked_for(engine: OpenAIRecogniser) -> None:
    stream = engine.stream()
    stable = 0
    for at in range(0, len(clip("ferry")), 8_000):
        stream.accept(clip("ferry")[at : at + 8_000])
        belief = stream.hypothesis()
        assert belief.stable >= stable
        stable = belief.stable
    assert stable >= 1
    assert len(belief.words) >= 6


@using(model="broken", retries=0)
def test_a_failing_endpoint_is_named(engine: OpenAIRecogniser) -> None:
    stream = engine.stream()
    stream.accept(clip("ferry"))
    with pytest.raises(
        TranscriptionError, match=r"no transcript from http://127.0.0.1:\d+/v1: .*out of order"
    ):
        stream.finalise()


@using(model="strange", retries=0)
def test_a_strange_answer_is_an_error(engine: OpenAIRecogniser) -> None:
    with pytest.raises(TranscriptionError, match="not numbers"):
        engine.transcribe(clip("ferry"))


@using(model="slow", retries=0, timeout=0.3)
def test_a_slow_endpoint_is_given_up(engine: OpenAIRecogniser) -> None:
    with pytest.raises(TranscriptionError, match="APITimeoutError"):
        engine.transcribe(clip("ferry"))


def test_the_key_is_in_no_error(url: str) -> None:
    engine = OpenAIRecogniser(url, "sk-wrong-secret")
    with pytest.raises(TranscriptionError, match="wrong key") as caught:
        engine.transcribe(clip("ferry"))
    assert "sk-wrong-secret" not in str(caught.value)
    assert caught.value.__suppress_context__
    engine.close()


def test_no_endpoint_at_all_is_an_error() -> None:
    engine = OpenAIRecogniser("http://127.0.0.1:9/v1", "any", OpenAIOptions(retries=0))
    with pytest.raises(TranscriptionError, match="APIConnectionError"):
        engine.transcribe(clip("ferry"))
    engine.close()


@pytest.mark.parametrize(("url", "key"), [("localhost:8000", "key"), ("http://localhost/v1", "")])
def test_what_cannot_work_is_refused(url: str, key: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        OpenAIRecogniser(url, key)


def test_the_wav_file_holds_the_samples() -> None:
    with wave.open(io.BytesIO(wav(clip("ferry")))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        np.testing.assert_array_equal(np.frombuffer(file.readframes(10**6), "<i2"), clip("ferry"))
