"""A scripted call: questions are spoken into a real WebRTC call, and what came back is kept with its times."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import numpy as np
import soundfile
import yaml
from numpy.typing import NDArray

from duplex.bench.served import Served
from duplex.bench.speaker import Speaker
from duplex.bench.turns import Said, first_audio, is_right
from duplex.graph import TICKS
from duplex.transport.webrtc.caller import RATE, Caller

Pcm = NDArray[np.int16]
ANSWER_LIMIT = 12.0
"""Seconds to wait for an answer before it counts as silent."""
PAUSE = 0.6
"""Seconds of quiet before the next question, as a person leaves."""

STAGES = ("Eager", "Transcript", "EndProbability", "Commit", "ReplyText", "Speech", "PlayoutStarted")
"""Events that end a stage of a turn, in the order in which they usually come."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask and what is right: one of `accept`, or "I don't know" where it is empty."""

    text: str
    accept: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and what came back.

    Attributes:
        question: what was asked.
        said: when, on the caller's clock.
        heard: what the agent understood.
        answer: the words of the answer that were played.
        latency: seconds from the last word's end to the first audible sample; None for silence.
        right: whether the answer is right and was audible.
        stages: seconds after the last word's end at which each of `STAGES` was reached, as far as known.
    """

    question: Question
    said: Said
    heard: str
    answer: str
    latency: float | None
    right: bool
    stages: dict[str, float]


def read_questions(path: Path) -> list[Question]:
    """Questions from YAML: a list of `{ask, accept}`."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [Question(row["ask"], [str(option) for option in row.get("accept") or []]) for row in rows]


async def ask(call: Caller, question: Question, speaker: Speaker) -> Said:
    """Say the question and wait until the agent has answered and is quiet."""
    pcm = await anyio.to_thread.run_sync(speaker.say, question.text)
    await call.wait_for_quiet(call.now, quiet=PAUSE)
    start, end = await call.say(pcm)
    try:
        began = await call.wait_for_speech(end, timeout=ANSWER_LIMIT)
        await call.wait_for_quiet(began, quiet=PAUSE)
        await call.wait_for_message("bot-stopped-speaking", 5.0, after=began)
    except TimeoutError:
        pass  # a silent answer is a result, and the recording shows it
    return Said(question.text, start, end)


async def converse(
    url: str, questions: list[Question], speaker: Speaker, tell: Callable[[str], None] = lambda text: None
) -> tuple[Caller, list[Said]]:
    """Place a call, hear the greeting out, ask everything, hang up. `tell` is given each question as it is asked."""
    said: list[Said] = []
    async with Caller(url) as call:
        await call.connect()
        with anyio.move_on_after(5):
            await call.wait_for_message("bot-stopped-speaking", 5.0)
        for question in questions:
            tell(question.text)
            said.append(await ask(call, question, speaker))
        await call.hang_up()
    return call, said


def messages(call: Caller, kind: str, start: float, end: float) -> list[dict[str, object]]:
    """The data of the messages of one type that came between two times of the caller's clock."""
    found = [m for m in call.messages if m.data.get("type") == kind and start <= m.at < end]
    return [dict(m.data.get("data") or {}) for m in found]


def clock_offset(call: Caller, events: list[dict[str, object]]) -> float | None:
    """Seconds to add to the session's times to get the caller's: both saw each reply begin."""
    here = [m.at for m in call.messages if m.data.get("type") == "bot-started-speaking"]
    there = [int(str(e["t"])) / TICKS for e in events if e["type"] == "PlayoutStarted"]
    pairs = list(zip(here, there, strict=False))
    return statistics.median(a - b for a, b in pairs) if pairs else None


def stages(events: list[dict[str, object]], offset: float, end: float, until: float) -> dict[str, float]:
    """When each stage of the answered attempt of a turn was first reached, in seconds after `end`."""

    def at(event: dict[str, object]) -> float:
        return int(str(event["t"])) / TICKS + offset

    commits = [e for e in events if e["type"] == "Commit" and end <= at(e) < until]
    if not commits:
        return {}
    mine = [e for e in events if e.get("attempt") == commits[-1]["attempt"]]
    reached: dict[str, float] = {}
    for event in mine:
        kind = str(event["type"])
        if kind in STAGES and kind not in reached:
            reached[kind] = at(event) - end
    return reached


def exchanges(
    call: Caller, said: list[Said], questions: list[Question], served: Served, unknown: str
) -> list[Exchange]:
    """What each question brought, judged on the recording and the messages."""
    _, agent = call.recording()
    events = served.events()
    offset = clock_offset(call, events)
    out: list[Exchange] = []
    ends = [each.start for each in said[1:]] + [len(agent) / RATE + 1]
    for question, each, until in zip(questions, said, ends, strict=True):
        heard = " ".join(
            str(m["text"]) for m in messages(call, "user-transcription", each.start, until) if m["final"]
        )
        answer = " ".join(str(m["text"]) for m in messages(call, "bot-transcription", each.start, until))
        latency = first_audio(agent, RATE, each.end, min(until, each.end + ANSWER_LIMIT))
        right = latency is not None and is_right(answer, question.accept, unknown)
        reached = stages(events, offset, each.end, until) if offset is not None else {}
        out.append(Exchange(question, each, heard, answer, latency, right, reached))
    return out


def write_recording(call: Caller, path: Path) -> None:
    """The call as a two-channel WAV: the user on the left, the agent on the right."""
    user, agent = call.recording()
    soundfile.write(path, np.stack([user, agent], axis=1), RATE)
