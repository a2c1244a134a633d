"""Two voices at once: how soon the agent gives way, whom it does not give way to, and what it then knows was heard.

Real models. In virtual time each scenario is run with the agent's rule, which listens to the words, and with the rule
that most frameworks have, which stops for any voice (`any_`). Over real calls (`webrtc_`) some of them are run once,
and read off what the caller recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import anyio

from duplex.agent.spec import AgentSpec
from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.bench.progress import Progress
from duplex.bench.relay_agent import Tapped, in_virtual_time, running
from duplex.bench.relay_cases import Case, Kind, judged, scripted
from duplex.bench.relay_sound import agreement
from duplex.evals.contender import AgentContender
from duplex.evals.drivers.webrtc import replay_webrtc
from duplex.evals.prepare import Prepared, prepare
from duplex.evals.record import Replay
from duplex.evals.scenario import Scenario
from duplex.evals.side import Contender
from duplex.graph.virtual import Mode
from duplex.resources import config_path

OVERLAP, ANY, CALLS = (f"duplex bench relay --part {part}" for part in ("overlap", "any", "calls"))
SCRIPT = "relay.yaml"
CALLED = 16
"""Interruptions that are also said over a call, and half as many of each other kind."""
ON_THE_WAY = 1.0
"""Seconds, at most, that a frame takes to its place in the caller's recording, on a busy machine."""

Rule = Literal["words", "any"]
Play = Callable[[Prepared, Contender], Replay]


def virtual(rule: Rule, compute: Mode) -> list[Measure]:
    """The figures of a rule in virtual time."""
    done = list(cases(rule, scripted(SCRIPT), partial(in_virtual_time, compute)))
    head, command = ("relay.", OVERLAP) if rule == "words" else ("relay.any_", ANY)
    return measured(done, head, f"{command} --compute {compute}")


def over_calls() -> list[Measure]:
    """The figures over real calls."""
    done = list(cases("words", called(scripted(SCRIPT)), _over_a_call))
    return measured(done, "relay.webrtc_", CALLS)


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


def measured(done: list[Case], head: str, command: str) -> list[Measure]:
    """The figures of one rule; those that nothing was measured for are absent."""
    turns = [case for case in done if case.kind == "turn"]
    rows: list[Measure] = []
    if ducks := [1000 * case.duck for case in turns if case.duck is not None]:
        rows.append(of_quantile(f"{head}duck_p50_ms", ducks, "ms", command, digits=0))
    if stops := [1000 * case.stop for case in turns if case.stop is not None and case.yielded]:
        rows.append(of_quantile(f"{head}stop_p50_ms", stops, "ms", command, digits=0))
        rows.append(of_quantile(f"{head}stop_p90_ms", stops, "ms", command, q=0.9, digits=0))
    if turns:
        rows.append(of_share(f"{head}yield_share", sum(case.yielded for case in turns), len(turns), command))
    rows += _holds(done, head, command)
    if stopped := [case.resumed for case in done if case.kind != "turn" and case.resumed is not None]:
        rows.append(of_share(f"{head}resume_share", sum(stopped), len(stopped), command))
    if words := [case.words for case in turns if case.words is not None]:
        both, either, invented = agreement([heard for heard, _ in words], [knows for _, knows in words])
        if either:
            rows.append(of_share(f"{head}heard_word_accuracy", both, either, command))
        rows.append(Measure(f"{head}unheard_words", invented, "words", len(words), None, command))
    return rows


def _holds(done: list[Case], head: str, command: str) -> list[Measure]:
    kinds: tuple[Kind, ...] = ("backchannel", "side", "noise")
    held = {kind: [case.held for case in done if case.kind == kind] for kind in kinds}
    all_held = [each for some in held.values() for each in some]
    if not all_held:
        return []
    rows = [of_share(f"{head}backchannel_hold_share", sum(all_held), len(all_held), command)]
    return rows + [
        of_share(f"{head}hold_{kind}_share", sum(some), len(some), command)
        for kind, some in held.items()
        if some
    ]


def cases(
    rule: Rule, scenarios: Sequence[Scenario], play: Play, folder: Path | None = None
) -> Iterator[Case]:
    """Run scenarios against an agent with this rule, and say of each what came of it."""
    spec = AgentSpec.model_validate({"name": "relay", "turns": {"overlap": rule}})
    over_calls = play is _over_a_call
    contender = Tapped(AgentContender(spec, "webrtc" if over_calls else "virtual"))
    progress = Progress("call" if over_calls else rule, len(scenarios))
    with running(contender):
        for scenario in scenarios:
            prepared = prepare(scenario, folder or config_path(f"bench/{SCRIPT}").parent, contender.voices)
            replay = play(prepared, contender)
            case = None if replay.error else judged(replay, contender.events, ON_THE_WAY * over_calls)
            progress.tell(
                f"{scenario.id}: {replay.error or 'no voice came over its speech'}"
                if case is None
                else told(case)
            )
            if case is not None:
                yield case


def told(case: Case) -> str:
    """A case in a line."""
    times = (("softer after", case.duck), ("silent after", case.stop))
    parts = [f"{what} {1000 * at:.0f} ms" for what, at in times if at is not None]
    parts += ["gave way"] * case.yielded + ["went on"] * case.held + ["took it up again"] * bool(case.resumed)
    if case.words is not None:
        parts.append(f"{case.words[0]} words heard, {case.words[1]} known")
    return f"{case.id}: {', '.join(parts) or 'disturbed'}"


def _over_a_call(prepared: Prepared, contender: Contender) -> Replay:
    return anyio.run(replay_webrtc, prepared, contender)
