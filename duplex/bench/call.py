"""`duplex bench call`: what a caller lives through, with real models over a real WebRTC call.

Three calls in one run: questions (how soon, how right), utterances with a pause in the middle (does it cut in), and
barge-ins (how soon it stops). The clock starts at the last word's true end in the sent audio and stops at the first
40 ms above -45 dBFS in the received audio, both on the caller's clock.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import numpy as np
import yaml

from duplex.agent.loader import load_agent
from duplex.agent.spec import CoreMode
from duplex.bench.conversation import (
    ANSWER_LIMIT,
    PAUSE,
    Exchange,
    converse,
    exchanges,
    read_questions,
    write_recording,
)
from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.bench.served import Served, serve
from duplex.bench.speaker import Speaker
from duplex.bench.turns import cut_in, stop_time
from duplex.resources import config_path
from duplex.transport.webrtc.caller import RATE, Caller
from duplex.transport.webrtc.errors import CallError

COMMAND = "duplex bench call --json FILE"
AGENT = "lakes"
OUT = Path("out/bench-call")
PAUSES = (0.5, 1.2)
"""Seconds between the halves of a paused utterance, drawn from a seeded uniform distribution."""
SEED = 7
BARGE_AFTER = (0.6, 1.4)
"""Seconds of the agent's answer before the user talks over it."""


@dataclass(frozen=True, slots=True)
class Halves:
    """An utterance that pauses in the middle."""

    first: str
    second: str


def run(core: CoreMode | None = None) -> list[Measure]:
    """Place the three calls and give the figures; recordings stay in out/bench-call.

    Args:
        core: what the duplex core is asked, in place of the agent's own; the figures are then `call.core_MODE.*`.
    """
    OUT.mkdir(parents=True, exist_ok=True)
    speaker = Speaker(OUT / "voice")
    questions = read_questions(config_path("bench/call.yaml"))
    script = yaml.safe_load(config_path("bench/call_paused.yaml").read_text(encoding="utf-8"))
    paused = [Halves(*row) for row in script["paused"]]
    for question in questions:  # before the calls, so that synthesis does not compete with the agent
        speaker.say(question.text)
    for halves in paused:
        speaker.say_in_halves(halves.first, halves.second)
    spec = load_agent(AGENT)
    measures: list[Measure] = []
    with serve(AGENT if core is None else _asking(core), OUT / "sessions", log=OUT / "server.log") as served:
        before = served.cpu_seconds()
        call, said = anyio.run(converse, served.url, questions, speaker)
        cpu = (served.cpu_seconds() - before) / len(questions)
        write_recording(call, OUT / "questions.wav")
        turns = exchanges(call, said, questions, served, spec.unknown)
        measures += _questions(turns, cpu)
        measures += _paused(served, paused, script["unfinished"], speaker)
        measures += _barge_ins(served, script["barge_in"], speaker)
        measures.append(Measure("call.resident_mb", round(served.resident_mb()), "MB", 1, None, COMMAND))
    for turn in turns:
        mark = "right" if turn.right else "WRONG"
        time = "silent" if turn.latency is None else f"{turn.latency * 1000:.0f} ms"
        print(f"{mark:5} {time:>8}  {turn.question.text} | {turn.heard} | {turn.answer}")
    return measures if core is None else [_renamed(measure, core) for measure in measures]


def _asking(core: CoreMode) -> str:
    """The agent's file, with the core asked for what is given."""
    given = load_agent(AGENT).model_dump(mode="json", exclude_defaults=True)
    file = OUT / f"{AGENT}-core-{core}.yaml"
    file.write_text(yaml.safe_dump({**given, "turns": {"core": core}}), encoding="utf-8")
    return str(file)


def _renamed(measure: Measure, core: CoreMode) -> Measure:
    name = measure.name.replace("call.", f"call.core_{core}.", 1)
    return replace(measure, name=name, command=f"{COMMAND} --core {core}")


def _questions(turns: list[Exchange], cpu: float) -> list[Measure]:
    latencies = [turn.latency * 1000 for turn in turns if turn.latency is not None]
    out = [of_share("call.correct_share", sum(turn.right for turn in turns), len(turns), COMMAND)]
    if latencies:
        out.append(of_quantile("call.first_audio_p50_ms", latencies, "ms", COMMAND, 0.5, 0))
        out.append(of_quantile("call.first_audio_p90_ms", latencies, "ms", COMMAND, 0.9, 0))
    out.append(Measure("call.cpu_seconds_a_turn", round(cpu, 3), "s", len(turns), None, COMMAND))
    return out + stage_measures(turns)


def stage_measures(turns: list[Exchange]) -> list[Measure]:
    """When each stage was reached, as the median over turns of milliseconds after the last word's end."""
    reached: dict[str, list[float]] = {}
    for turn in turns:
        for stage, at in turn.stages.items():
            reached.setdefault(stage, []).append(at * 1000)
    return [
        Measure(f"call.stage.{stage}_ms", round(statistics.median(times)), "ms", len(times), None, COMMAND)
        for stage, times in reached.items()
    ]


def _paused(served: Served, script: list[Halves], unfinished: int, speaker: Speaker) -> list[Measure]:
    """Cut-ins on all, and apart for first halves that are plainly unfinished and for those that could stand alone."""
    seeded = random.Random(SEED)
    pauses = [seeded.uniform(*PAUSES) for _ in script]
    cuts = anyio.run(_speak_paused, served.url, script, pauses, speaker)
    alone = cuts[unfinished:]
    return [
        of_share("call.cut_in_share", sum(cuts), len(cuts), COMMAND),
        of_share("call.cut_in_unfinished_share", sum(cuts[:unfinished]), unfinished, COMMAND),
        of_share("call.cut_in_standing_alone_share", sum(alone), len(alone), COMMAND),
    ]


async def _speak_paused(url: str, script: list[Halves], pauses: list[float], speaker: Speaker) -> list[bool]:
    spans: list[tuple[float, float]] = []
    async with Caller(url) as call:
        await call.connect()
        await call.wait_for_quiet(call.now + 0.5, quiet=PAUSE)
        for halves, pause in zip(script, pauses, strict=True):
            first, second = speaker.say_in_halves(halves.first, halves.second)
            gap = np.zeros(round(pause * RATE), dtype=np.int16)
            start, end = await call.say(np.concatenate([first, gap, second]))
            spans.append((start + len(first) / RATE, end))
            await _hear_out(call, end)
        await call.hang_up()
    write_recording(call, OUT / "paused.wav")
    _, agent = call.recording()
    return [cut_in(agent, RATE, start, end) for start, end in spans]


async def _hear_out(call: Caller, end: float) -> None:
    """Wait until the agent has answered and is quiet, or does not answer."""
    try:
        began = await call.wait_for_speech(end, timeout=ANSWER_LIMIT)
    except TimeoutError:
        return
    await call.wait_for_quiet(began, quiet=PAUSE)


def _barge_ins(served: Served, script: list[list[str]], speaker: Speaker) -> list[Measure]:
    times = anyio.run(_talk_over, served.url, script, speaker)
    stops = [time * 1000 for time in times if time is not None]
    if not stops:
        return []
    return [of_quantile("call.stop_p50_ms", stops, "ms", COMMAND, 0.5, 0)]


async def _talk_over(url: str, script: list[list[str]], speaker: Speaker) -> list[float | None]:
    seeded = random.Random(SEED)
    onsets: list[float] = []
    async with Caller(url) as call:
        await call.connect()
        for question, interruption in script:
            asked, over = speaker.say(question), speaker.say(interruption)
            await call.wait_for_quiet(call.now, quiet=PAUSE)
            _, end = await call.say(asked)
            try:
                began = await call.wait_for_speech(end, timeout=ANSWER_LIMIT)
            except (TimeoutError, CallError):
                continue
            await anyio.sleep(max(0.0, began + seeded.uniform(*BARGE_AFTER) - call.now))
            onset, end = await call.say(over)
            onsets.append(onset)
            await _hear_out(call, end)
        await call.hang_up()
    write_recording(call, OUT / "barge-ins.wav")
    _, agent = call.recording()
    return [stop_time(agent, RATE, onset) for onset in onsets]
