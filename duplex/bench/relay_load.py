"""Many calls at once to one agent on this machine: how soon each is answered, and what the computing goes into.

The agent runs in this process behind the server that takes real calls; all callers run in one other process, each of
them a real caller who speaks for 30 % of the time. Then all of them speak in the same moments.
"""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from duplex.agent.engines import engines_for
from duplex.agent.loader import load_agent
from duplex.agent.session import Engines, Session
from duplex.audio.levels import level_dbfs
from duplex.audio.pcm import Pcm
from duplex.bench.conversation import ANSWER_LIMIT, read_questions
from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.bench.speaker import Speaker
from duplex.bench.turns import first_audio
from duplex.graph import perf_seconds
from duplex.resources import config_path
from duplex.server.app import create_app
from duplex.server.serve import serving
from duplex.transport.webrtc.caller import RATE, Caller
from duplex.transport.webrtc.errors import CallError

COMMAND = "duplex bench relay --part load"
AGENT = "lakes"
CALLS = 8
SPEAKS = 0.3
"""Share of the time in which each caller speaks."""
TURNS, AT_ONCE = 8, 3
"""Questions of each caller, staggered and all at once."""
SEED = 11
AUDIBLE_DBFS = -45.0
OUT = Path("out/bench-relay")
_CLIENT = "from duplex.bench.relay_load import main; main()"
"""Imported, not run as a module: what it pickles must be of a module that this process knows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What each caller says and when, in seconds since they began; an answer that still goes on is heard out."""

    url: str
    turns: list[list[tuple[float, Pcm]]]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question: when it ended, and how many seconds after that the answer was heard; None where it never was."""

    end: float
    latency: float | None


def run() -> list[Measure]:
    """The figures of many calls at once."""
    speaker = Speaker(OUT / "voice")
    questions = read_questions(config_path("bench/call.yaml"))
    clips = [speaker.say(question.text) for question in questions]  # before the calls, which it would disturb
    return anyio.run(_measure, clips)


def staggered(clips: Sequence[Pcm], calls: int = CALLS, turns: int = TURNS) -> list[list[tuple[float, Pcm]]]:
    """When each caller says what: they begin at random, and each speaks for `SPEAKS` of the time."""
    seeded, plan = random.Random(SEED), []
    for _ in range(calls):
        at, said = seeded.uniform(0.0, 8.0), []
        for pcm in seeded.sample(list(clips), turns):
            said.append((at, pcm))
            at += len(pcm) / RATE / SPEAKS * seeded.uniform(0.8, 1.2)
        plan.append(said)
    return plan


def together(clips: Sequence[Pcm], calls: int = CALLS, turns: int = AT_ONCE) -> list[list[tuple[float, Pcm]]]:
    """All of them at the same moments."""
    return [
        [(12.0 * turn, clips[(call + turn) % len(clips)]) for turn in range(turns)] for call in range(calls)
    ]


async def _measure(clips: list[Pcm]) -> list[Measure]:
    measures: list[Measure] = []
    async with engines_for(load_agent(AGENT)) as engines:
        app = create_app(lambda: Session(engines), max_sessions=CALLS, loopback=True)
        async with serving(app) as url:
            for name, plan in (("load", staggered(clips)), ("load_at_once", together(clips))):
                measures += await _crowd(name, Plan(url, plan), engines)
    return measures


async def _crowd(name: str, plan: Plan, engines: Engines) -> list[Measure]:
    before, since = _busy(engines), perf_seconds()
    result = await anyio.run_process([sys.executable, "-c", _CLIENT], input=pickle.dumps(plan), stderr=None)
    seconds, turns = perf_seconds() - since, pickle.loads(result.stdout)
    parts = {part: busy - before.get(part, 0.0) for part, busy in _busy(engines).items()}
    heard = [1000 * turn.latency for turn in turns if turn.latency is not None]
    head = f"relay.{name}"
    measures = [of_share(f"{head}_lost_share", len(turns) - len(heard), len(turns), COMMAND)]
    if heard:
        measures.append(of_quantile(f"{head}_first_audio_p50_ms", heard, "ms", COMMAND, 0.5, 0))
        measures.append(of_quantile(f"{head}_first_audio_p90_ms", heard, "ms", COMMAND, 0.9, 0))
    for part, busy in sorted(parts.items(), key=lambda each: -each[1]):
        share = round(busy / seconds, 4)
        measures.append(Measure(f"{head}_busy.{part}", share, "cores", len(turns), None, COMMAND))
    return measures


def _busy(engines: Engines) -> dict[str, float]:
    """Seconds for which a thread was busy with each kind of job so far."""
    return {name: each.run for name, each in engines.lanes.statistics().items()}


def main() -> None:
    """What the callers' process does: a pickled `Plan` in, the pickled turns out."""
    plan: Plan = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(anyio.run(_call_all, plan)))


async def _call_all(plan: Plan) -> list[Turn]:
    """Recordings are looked at when all have hung up: while they speak, the callers have no time for it."""
    spoken: list[tuple[Caller, list[tuple[float, float]], int]] = []
    ready = [anyio.Event() for _ in plan.turns]
    begin = anyio.Event()

    async def call(number: int) -> None:
        async with Caller(plan.url, loopback=True) as caller:
            await caller.connect(timeout=60)
            await anyio.sleep(1.0)
            ready[number].set()
            await begin.wait()
            said = plan.turns[number]
            spoken.append((caller, await _talk(caller, said), len(said)))
            await caller.hang_up()

    async with anyio.create_task_group() as tasks:
        for number in range(len(plan.turns)):
            tasks.start_soon(call, number)
        for each in ready:
            await each.wait()
        begin.set()
    return [turn for caller, spans, planned in spoken for turn in _turns(caller, spans, planned)]


async def _talk(caller: Caller, said: list[tuple[float, Pcm]]) -> list[tuple[float, float]]:
    """When each question began and ended; of a call that ends too soon, those that could be asked."""
    zero, spans = caller.now, list[tuple[float, float]]()
    try:
        for at, pcm in said:
            await anyio.sleep(max(0.0, zero + at - caller.now))
            while level_dbfs(caller.heard(caller.now - 0.4, caller.now)) > AUDIBLE_DBFS:  # noqa: ASYNC110
                await anyio.sleep(0.1)
            spans.append(await caller.say(pcm))
        await anyio.sleep(ANSWER_LIMIT)
    except CallError as error:
        print(f"after {caller.now - zero:.0f} s: {error}", file=sys.stderr)
    return spans


def _turns(caller: Caller, spans: list[tuple[float, float]], planned: int) -> list[Turn]:
    """What was answered when; what a call could not ask is lost."""
    _, agent = caller.recording()
    starts = [start for start, _ in spans[1:]] + [len(agent) / RATE]
    asked = [
        Turn(end, first_audio(agent, RATE, end, min(until, end + ANSWER_LIMIT)))
        for (_, end), until in zip(spans, starts, strict=True)
    ]
    return asked + [Turn(len(agent) / RATE, None)] * (planned - len(spans))
