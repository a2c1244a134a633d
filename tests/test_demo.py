"""The demo as a newcomer runs it: a real call between two processes, and the right answers at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile


@pytest.mark.models
def test_five_questions_are_answered_right(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "duplex", "demo", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 of 5 right" in done.stdout
    audio, rate = soundfile.read(tmp_path / "call.wav")
    assert audio.shape[1] == 2
    assert len(audio) / rate > 20
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert sum(event["type"] == "PlayoutEnded" for event in events) >= 5
    assert "Lake Baikal" in (tmp_path / "timeline.html").read_text()
