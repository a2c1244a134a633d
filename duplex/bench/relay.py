"""Two voices at once: how soon the agent gives way, whom it does not give way to, and what it then knows was heard.

Real models. In virtual time each scenario is run twice: with the agent's rule, which listens to the words, and with the
rule that most frameworks have, which stops for any voice (`any_`). Over real calls (`webrtc_`) some of them are run
once, and read off what the caller recorded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import anyio

from duplex.agent.loader import load_agent
from duplex.agent.relay_spec import RelaySection
from duplex.agent.spec import AgentSpec
from duplex.bench import relay_fast, relay_load
from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.bench.relay_cases import Case, Kind, judged, scripted
from duplex.bench.relay_sound import agreement
from duplex.evals.contender import AgentContender
from duplex.evals.drivers.virtual import replay_virtual
from duplex.evals.drivers.webrtc import replay_webrtc
from duplex.evals.prepare import Prepared, prepare
from duplex.evals.record import Replay
from duplex.evals.scenario import Scenario
from duplex.evals.side import Contender, Side
from duplex.graph import Event, perf_seconds
from duplex.resources import config_path

COMMAND = "duplex bench relay"
SCRIPT = "relay.yaml"
CALLED = 16
"""Interruptions that are also said over a call, and half as many of each other kind."""
ON_THE_WAY = 1.0
"""Seconds, at most, that a frame takes to its place in the caller's recording, on a busy machine."""

Rule = Literal["words", "any"]
Play = Callable[[Prepared, Contender], Replay]


def run(load: bool = False) -> list[Measure]:
    """All measures of `duplex bench relay`, or only those of many calls at once."""
    if load:
        return relay_load.run()
    scenarios = scripted(SCRIPT)
    return [
        *relay_fast.measures(_with_fast_path, relay_fast.questions(), relay_fast.halves()),
        *measured(list(cases("words", scenarios)), "relay."),
        *measured(list(cases("any", scenarios)), "relay.any_"),
        *measured(list(cases("words", called(scenarios), over_calls=True)), "relay.webrtc_"),
    ]


def _with_fast_path(fast: bool, scenarios: Sequence[Scenario]) -> Iterator[tuple[Replay, list[Event]]]:
    """Replays against the agent that begins to speak before it knows its answer, or the same without."""
    spec = load_agent(relay_fast.AGENT)
    contender = _Tapped(AgentContender(spec.model_copy(update={"relay": RelaySection(enabled=fast)})))
    anyio.run(contender.load)
    try:
        for scenario in scenarios:
            replay = replay_virtual(prepare(scenario, Path(), contender.voices), contender)
            if replay.error:
                print(f"{scenario.id}: {replay.error}", flush=True)
            else:
                yield replay, contender.events
    finally:
        anyio.run(contender.aclose)


def called(scenarios: Iterable[Scenario]) -> list[Scenario]:
    """Those that are run over a call: the first of each heading."""
    kept: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        kept.setdefault(scenario.id.rpartition("_")[0], []).append(scenario)
    return [
        scenario
        for heading, each in kept.items()
        for scenario in each[: CALLED if heading == "interruptions" else CALLED // 2]
    ]


def measured(done: list[Case], head: str) -> list[Measure]:
    """The figures of one rule; those that nothing was measured for are absent."""
    turns = [case for case in done if case.kind == "turn"]
    rows: list[Measure] = []
    if ducks := [1000 * case.duck for case in turns if case.duck is not None]:
        rows.append(of_quantile(f"{head}duck_p50_ms", ducks, "ms", COMMAND, digits=0))
    if stops := [1000 * case.stop for case in turns if case.stop is not None and case.yielded]:
        rows.append(of_quantile(f"{head}stop_p50_ms", stops, "ms", COMMAND, digits=0))
        rows.append(of_quantile(f"{head}stop_p90_ms", stops, "ms", COMMAND, q=0.9, digits=0))
    if turns:
        rows.append(of_share(f"{head}yield_share", sum(case.yielded for case in turns), len(turns), COMMAND))
    rows += _holds(done, head)
    if stopped := [case.resumed for case in done if case.kind != "turn" and case.resumed is not None]:
        rows.append(of_share(f"{head}resume_share", sum(stopped), len(stopped), COMMAND))
    if words := [case.words for case in turns if case.words is not None]:
        both, either, invented = agreement([heard for heard, _ in words], [knows for _, knows in words])
        if either:
            rows.append(of_share(f"{head}heard_word_accuracy", both, either, COMMAND))
        rows.append(Measure(f"{head}unheard_words", invented, "words", len(words), None, COMMAND))
    return rows


def _holds(done: list[Case], head: str) -> list[Measure]:
    kinds: tuple[Kind, ...] = ("backchannel", "side", "noise")
    held = {kind: [case.held for case in done if case.kind == kind] for kind in kinds}
    all_held = [each for some in held.values() for each in some]
    if not all_held:
        return []
    rows = [of_share(f"{head}backchannel_hold_share", sum(all_held), len(all_held), COMMAND)]
    return rows + [
        of_share(f"{head}hold_{kind}_share", sum(some), len(some), COMMAND)
        for kind, some in held.items()
        if some
    ]


def cases(
    rule: Rule, scenarios: list[Scenario], folder: Path | None = None, over_calls: bool = False
) -> Iterator[Case]:
    """Run scenarios against an agent with this rule, and say of each what came of it."""
    spec = AgentSpec.model_validate({"name": "relay", "turns": {"overlap": rule}})
    contender = _Tapped(AgentContender(spec, "webrtc" if over_calls else "virtual"))
    lane = "call" if over_calls else rule
    play: Play = _over_a_call if over_calls else replay_virtual
    anyio.run(contender.load)
    try:
        for number, scenario in enumerate(scenarios, 1):
            began = perf_seconds()
            prepared = prepare(scenario, folder or config_path(f"bench/{SCRIPT}").parent, contender.voices)
            replay = play(prepared, contender)
            case = None if replay.error else judged(replay, contender.events, ON_THE_WAY * over_calls)
            told = case or f"{scenario.id}: {replay.error or 'no voice came over its speech'}"
            print(f"{lane:5} {number:3}/{len(scenarios)} {perf_seconds() - began:5.1f} s  {told}", flush=True)
            if case is not None:
                yield case
    finally:
        anyio.run(contender.aclose)


def _over_a_call(prepared: Prepared, contender: Contender) -> Replay:
    return anyio.run(replay_webrtc, prepared, contender)


class _Tapped:
    """An agent whose events are kept: those of the scenario that was run last."""

    def __init__(self, inner: AgentContender) -> None:
        self.events: list[Event] = []
        self._inner = inner
        self.name, self.voices = inner.name, inner.voices
        self.load, self.aclose = inner.load, inner.aclose

    @asynccontextmanager
    async def side(self, scenario: Scenario) -> AsyncIterator[Side]:
        """A session, heard."""
        self.events = []
        async with self._inner.side(scenario) as side:
            side.subscribe(self.events.append)
            yield side
