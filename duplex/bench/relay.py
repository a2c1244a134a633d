"""Two voices at once: how soon the agent gives way, whom it does not give way to, and what it then knows was heard.

The virtual lane, real models. Every scenario is run twice: with the agent's rule, which listens to the words, and with
the rule that most frameworks have, which stops for any voice (`any_`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import numpy as np
import soxr
import yaml

from duplex.agent.spec import AgentSpec
from duplex.audio.detect import silent_from
from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.bench.relay_sound import RATE, Spoken, agreement, begins, ducked_after, gains, held, words_in
from duplex.dialogue.events import AGENT_RATE, Commit, PlayoutEnded, PlayoutStarted, Speech, Yield
from duplex.evals.clips import VOICES
from duplex.evals.contender import AgentContender
from duplex.evals.drivers.virtual import replay_virtual
from duplex.evals.prepare import prepare
from duplex.evals.record import Placed, Replay
from duplex.evals.scenario import Scenario
from duplex.evals.side import Side
from duplex.evals.suite import find_suite, read_suite
from duplex.graph import Event, to_seconds
from duplex.resources import config_path

COMMAND = "duplex bench relay"
TASKS = ("user_interruption", "user_backchannel", "talking_to_other", "noise_burst")
YIELD_WITHIN = 2.0
"""Seconds in which an interruption has to be given way to."""
AFTER = 1.0
"""Seconds after a voice in which what the agent says must not be disturbed by it."""

Rule = Literal["words", "any"]
Kind = Literal["turn", "backchannel", "side", "noise", "false_start"]


@dataclass(frozen=True, slots=True)
class Case:
    """A voice over the agent's speech, and what came of it.

    Attributes:
        id: the scenario's.
        kind: what the voice was.
        duck, stop: seconds from its onset until the agent was softer, and silent; None where it never was.
        yielded: the agent stopped in time.
        held: the agent went on as if nothing had been.
        resumed: it took up what it was saying; None where it had not stopped.
        words: of what was cut off, the words that the caller heard and those in the history; None where nothing was.
    """

    id: str
    kind: Kind
    duck: float | None
    stop: float | None
    yielded: bool
    held: bool
    resumed: bool | None
    words: tuple[int, int] | None


def run() -> list[Measure]:
    """All measures of `duplex bench relay`."""
    measures: list[Measure] = []
    for rule in ("words", "any"):
        cases = list(_cases(rule))
        for case in cases:
            print(f"{rule:5} {case}")
        measures += measured(cases, "relay." if rule == "words" else "relay.any_")
    return measures


def measured(cases: list[Case], head: str) -> list[Measure]:
    """The figures of one rule; those that nothing was measured for are absent."""
    turns = [case for case in cases if case.kind == "turn"]
    asides = [case for case in cases if case.kind in ("backchannel", "side", "noise")]
    rows: list[Measure] = []
    if ducks := [1000 * case.duck for case in turns if case.duck is not None]:
        rows.append(of_quantile(f"{head}duck_p50_ms", ducks, "ms", COMMAND, digits=0))
    if stops := [1000 * case.stop for case in turns if case.stop is not None and case.yielded]:
        rows.append(of_quantile(f"{head}stop_p50_ms", stops, "ms", COMMAND, digits=0))
        rows.append(of_quantile(f"{head}stop_p90_ms", stops, "ms", COMMAND, q=0.9, digits=0))
    if turns:
        rows.append(of_share(f"{head}yield_share", sum(case.yielded for case in turns), len(turns), COMMAND))
    if asides:
        name = f"{head}backchannel_hold_share"
        rows.append(of_share(name, sum(case.held for case in asides), len(asides), COMMAND))
    for kind in ("backchannel", "side", "noise"):
        if some := [case.held for case in asides if case.kind == kind]:
            rows.append(of_share(f"{head}hold_{kind}_share", sum(some), len(some), COMMAND))
    if stopped := [case.resumed for case in cases if case.kind != "turn" and case.resumed is not None]:
        rows.append(of_share(f"{head}resume_share", sum(stopped), len(stopped), COMMAND))
    if words := [case.words for case in turns if case.words is not None]:
        both, either, invented = agreement([heard for heard, _ in words], [knows for _, knows in words])
        if either:
            rows.append(of_share(f"{head}heard_word_accuracy", both, either, COMMAND))
        rows.append(Measure(f"{head}unheard_words", invented, "words", len(words), None, COMMAND))
    return rows


def _cases(rule: Rule) -> Iterator[Case]:
    spec = AgentSpec.model_validate({"name": "relay", "turns": {"overlap": rule}})
    contender = _Tapped(AgentContender(spec))
    anyio.run(contender.load)
    try:
        for scenario, folder in scenarios():
            prepared = prepare(scenario, folder, contender.voices)
            replay = replay_virtual(prepared, contender)
            if replay.error:
                raise RuntimeError(f"{scenario.id}: {replay.error}")
            yield from judged(replay, contender.events)
    finally:
        anyio.run(contender.aclose)


def scenarios() -> Iterator[tuple[Scenario, Any]]:
    """Those of the suite that are about voices over the agent's, and our own; with the folder of their clips."""
    suite = find_suite("everyday")
    for task in TASKS:
        for case in read_suite(suite, "virtual", task)[0]:
            if case.scenario is not None and case.scenario.agent.opening is not None:
                yield case.scenario, case.file.parent
    script = yaml.safe_load(config_path("bench/relay.yaml").read_text(encoding="utf-8"))
    kinds = {"interruptions": "interruption", "backchannels": "backchannel", "false_starts": "backchannel"}
    for name, kind in kinds.items():
        for number, text in enumerate(script[name]):
            yield _scenario(f"{name}_{number:02}", kind, text, number, script["openings"]), suite


def _scenario(id: str, kind: str, text: str, number: int, openings: list[str]) -> Scenario:
    said = {"text": text, "voice": VOICES[number % len(VOICES)]}
    at = {"after": "agent.speech_start", "offset": 1.5 + 0.37 * (number % 9), "require": "agent_speaking"}
    item = {"id": "v1", "kind": kind, "at": at, "tts": said, "claims_floor": kind == "interruption"}
    opening = {"text": openings[number % len(openings)].strip(), "at": 0.5}
    task = "user_interruption" if kind == "interruption" else "user_backchannel"
    head = {"schema": "duplex-scenario/1", "id": id, "task": task, "seed": number, "duration": 16.0}
    return Scenario.model_validate({**head, "agent": {"opening": opening}, "timeline": [item], "expect": []})


def judged(replay: Replay, events: list[Event]) -> Iterator[Case]:
    """What each voice over the agent's opening did to it, unless there was none."""
    started = next((event for event in events if isinstance(event, PlayoutStarted)), None)
    if started is None or not replay.placed:
        return
    spoken = _spoken(events, started.attempt)
    start = begins(replay.agent, spoken, to_seconds(started.t))
    placed = replay.placed[0]  # a second one comes over an answer
    onset = placed.speech[0][0] if placed.speech else placed.start
    if not start < onset < start + len(spoken.pcm) / RATE - AFTER:
        return
    gave_way = next((event for event in events if isinstance(event, Yield)), None)
    stop = silent_from(replay.agent, RATE, after_s=onset)
    stop = None if stop is None or gave_way is None else stop - onset
    resumed = any(isinstance(event, Commit) and event.reason == "resumption" for event in events)
    until = max([end for _, end in placed.speech] or [placed.end]) + AFTER
    yield Case(
        replay.scenario.id,
        _kind(replay.scenario, placed),
        ducked_after(gains(replay.agent, spoken, start), onset - start),
        stop,
        stop is not None and stop <= YIELD_WITHIN,
        held(replay.agent, spoken, start, onset, min(until, start + len(spoken.pcm) / RATE)),
        None if gave_way is None else resumed,
        None if gave_way is None else _words(replay, events, spoken, start, to_seconds(gave_way.t) + 0.1),
    )


def _kind(scenario: Scenario, placed: Placed) -> Kind:
    if scenario.id.startswith("false_starts"):
        return "false_start"
    by_task: dict[str, Kind] = {"talking_to_other": "side", "noise_burst": "noise"}
    return by_task.get(scenario.task, "turn" if placed.item.kind == "interruption" else "backchannel")


def _spoken(events: list[Event], attempt: int) -> Spoken:
    """All that was synthesised for an attempt."""
    said = [event for event in events if isinstance(event, Speech) and event.attempt == attempt]
    pcm = np.concatenate([event.pcm for event in said]).astype(np.float32)
    resampled = np.clip(np.rint(soxr.resample(pcm, AGENT_RATE, RATE)), -32_768, 32_767).astype(np.int16)
    words = [word for event in said for word in event.words]
    return Spoken(resampled, tuple((w.text, to_seconds(w.start), to_seconds(w.end)) for w in words))


def _words(
    replay: Replay, events: list[Event], spoken: Spoken, start: float, cut: float
) -> tuple[int, int] | None:
    ended = next((event for event in events if isinstance(event, PlayoutEnded)), None)
    if ended is None or not ended.interrupted:
        return None
    return words_in(replay.agent, spoken, start, cut), len(ended.heard.split())


class _Tapped:
    """An agent whose events are kept: those of the scenario that was run last."""

    def __init__(self, inner: AgentContender) -> None:
        self.events: list[Event] = []
        self._inner = inner
        self.name, self.voices = inner.name, inner.voices
        self.load, self.aclose = inner.load, inner.aclose

    @asynccontextmanager
    async def side(self, scenario: Scenario) -> AsyncIterator[Side]:
        self.events = []
        async with self._inner.side(scenario) as side:
            side.subscribe(self.events.append)
            yield side
