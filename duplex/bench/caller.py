"""`duplex call`: one call from the command line, said aloud, with what came back."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import anyio
import numpy as np
from numpy.typing import NDArray

from duplex.audio.wav import read_speech
from duplex.bench.conversation import ANSWER_LIMIT, PAUSE, messages, write_recording
from duplex.bench.speaker import RATE, Speaker
from duplex.bench.turns import first_audio
from duplex.transport.webrtc.caller import Caller

MAX_SECONDS = 120.0
"""Of one WAV file."""


def run_call(url: str, say: list[str], out: Path, as_json: bool) -> int:
    """Call `url`, say each WAV or text, print what was heard and answered; 0 if every turn was answered."""
    out.mkdir(parents=True, exist_ok=True)
    clips = _clips(say)
    rows = anyio.run(_talk, url, clips, out)
    if as_json:
        print(json.dumps({"url": url, "turns": rows, "recording": str(out / "call.wav")}, indent=2))
    else:
        for row in rows:
            latency = row["first_audio_ms"]
            print(f"said    {row['said']}\nheard   {row['heard']}\nanswer  {row['answer']}")
            print("silent\n" if latency is None else f"first audio after {latency} ms\n")
        print(f"recorded in {out / 'call.wav'} (you left, the agent right)")
    return 0 if all(row["first_audio_ms"] is not None for row in rows) else 1


def _clips(say: list[str]) -> list[tuple[str, NDArray[np.int16]]]:
    """What to say: a file is read, a text is spoken."""
    with tempfile.TemporaryDirectory() as cache:
        speaker: Speaker | None = None
        clips = []
        for item in say:
            if Path(item).is_file():
                clips.append((item, read_speech(item, RATE, MAX_SECONDS)))
                continue
            speaker = speaker or Speaker(Path(cache))
            clips.append((item, speaker.say(item)))
    return clips


async def _talk(url: str, clips: list[tuple[str, NDArray[np.int16]]], out: Path) -> list[dict[str, object]]:
    spans: list[tuple[str, float, float]] = []
    async with Caller(url) as call:
        await call.connect()
        for text, pcm in clips:
            await call.wait_for_quiet(call.now, quiet=PAUSE)
            start, end = await call.say(pcm)
            spans.append((text, start, end))
            try:
                began = await call.wait_for_speech(end, timeout=ANSWER_LIMIT)
                await call.wait_for_quiet(began, quiet=PAUSE)
            except TimeoutError:
                continue  # a silent answer is a result; the row says so
        await call.hang_up()
    write_recording(call, out / "call.wav")
    _, agent = call.recording()
    rows: list[dict[str, object]] = []
    ends = [start for _, start, _ in spans[1:]] + [len(agent) / RATE + 1]
    for (text, start, end), until in zip(spans, ends, strict=True):
        heard = " ".join(
            str(m["text"]) for m in messages(call, "user-transcription", start, until) if m["final"]
        )
        answer = " ".join(str(m["text"]) for m in messages(call, "bot-transcription", start, until))
        latency = first_audio(agent, RATE, end, until)
        first = None if latency is None else round(latency * 1000)
        rows.append({"said": text, "heard": heard, "answer": answer, "first_audio_ms": first})
    return rows
