"""The examples run as they are: an agent in eight lines of YAML, served and fed by hand from Python."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from duplex.agent.loader import load_agent

EXAMPLES = Path(__file__).parent.parent / "examples"
QUESTION = "How hot should the water be for green tea?"
BEFORE = 3.0
"""Seconds that frames.py leaves for the greeting."""


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]


def test_the_smallest_agent_is_eight_lines_and_its_program_fifteen() -> None:
    assert len(lines(EXAMPLES / "tea.yaml")) == 8
    assert len((EXAMPLES / "serve.py").read_text().splitlines()) <= 15
    assert load_agent(EXAMPLES / "tea.yaml").name == "tea"


@pytest.fixture
def question(tmp_path: Path) -> Path:
    """The question as a WAV, mono at 16 kHz."""
    from tts import EspeakSynthesiser

    engine = EspeakSynthesiser()
    utterance = engine.stream()
    chunks = [chunk.pcm for chunk in (*utterance.feed(QUESTION), *utterance.finish())]
    path = tmp_path / "question.wav"
    soundfile.write(path, soxr.resample(np.concatenate(chunks), engine.sample_rate, 16_000), 16_000)
    return path


@pytest.mark.models
def test_frames(question: Path, tmp_path: Path, model_path: Callable[[str], Path]) -> None:
    """It greets, waits, and answers after the question."""
    answer = tmp_path / "answer.wav"
    subprocess.run([sys.executable, EXAMPLES / "frames.py", question, answer], check=True, timeout=120)
    pcm, rate = soundfile.read(answer, dtype="int16")
    asked = BEFORE + soundfile.info(question).duration
    assert (rate, pcm.ndim) == (24_000, 1)
    assert audible(pcm[: int(BEFORE * rate)]) > 0.5, "the greeting"
    assert audible(pcm[int(asked * rate) :]) > 0.5, "the answer"
    assert audible(pcm[int((asked - 0.5) * rate) : int(asked * rate)]) == 0, "no word while it is spoken to"


def audible(pcm: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    """Seconds above -45 dBFS, in steps of 20 ms of audio at 24 kHz."""
    frames = pcm[: len(pcm) // 480 * 480].reshape(-1, 480).astype(np.float64)
    return float((np.sqrt((frames**2).mean(axis=1)) > 10 ** (-45 / 20) * 32_768).sum() * 0.02)


@pytest.mark.models
def test_serve(model_path: Callable[[str], Path]) -> None:
    """It prints an address, becomes ready, and shows the page."""
    model_path("gemma-3-270m")
    with subprocess.Popen(
        [sys.executable, EXAMPLES / "serve.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            url = line[line.index("http://") :].split()[0]
            until = time.monotonic() + 60
            while not (ready := get(f"{url}/ready")) and time.monotonic() < until:
                time.sleep(0.1)
            assert json.loads(ready) == {"ready": True}
            assert b"<html" in get(url)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def get(url: str) -> bytes:
    """What is there, or nothing if it is not (yet)."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            body: bytes = reply.read()
            return body
    except (urllib.error.URLError, OSError):
        return b""
