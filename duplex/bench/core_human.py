"""The core and every rule on people's speech: `core.human.SOURCE.RULE.*`, part of `duplex bench core`.

DUPLEX_EVALDATA names the folder of recordings (see `core_human_data`); without it these figures are absent. Nothing was
chosen on them. Named beforehand as the rule that is best overall: the floor without the core. What another rule differs
from it by (`minus_floor`) has a 95 % interval over recordings, which are resampled in pairs: of cut-ins and delays more
is worse, of all else better.

- Turn ends are judged as in `duplex.bench.core`: a cut-in is a decision more than 160 ms before the turn's end; delays
  count from there, 2.4 s where no decision came. A recording that ends before its turn does shows cut-ins alone.
- `people` are all sources of turns but the phrases, whose voices are made, and Switchboard's, which have no sound.
- Of the stops for interruptions some are `in_time`, within 450 ms; of meetings and noises it is counted over how many
  pieces of 10 s the agent went on.
- `branch_auc`: whether the core knows, at the word at which a phrase could end, that it does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from duplex.bench.core_figures import absent, progress, quantile, share
from duplex.bench.core_floor import Trial, asked_of
from duplex.bench.core_human_data import clips
from duplex.bench.core_human_rules import (
    FLOOR,
    Ended,
    Stopped,
    Tried,
    ended,
    ending_rules,
    stopped,
    stopping_rules,
)
from duplex.bench.core_human_stage import LEAD, Stage, staged
from duplex.bench.core_human_text import text_stages
from duplex.bench.core_rules import SmartTurn
from duplex.bench.core_speed import COMMAND
from duplex.bench.core_words import Judged
from duplex.bench.measure import Measure
from duplex.core.decide import SOON, Rule
from duplex.core.follow import Without, follow
from duplex.core.runtime import DuplexCore
from duplex.core.streams.layout import frame_of
from duplex.core.training.metrics import auc
from duplex.dialogue.anticipation import Reliance
from duplex.models import ModelError, model_folder

DATA_ENV = "DUPLEX_EVALDATA"
PEOPLE = ("fdb_pauses", "fdb_turns", "requests", "orders")
TEXT = "switchboard"
_ROUNDS = 2_000
_BATCH = 64
"""Dialogues that the core follows at a time."""


def run_human(core: DuplexCore | None, rule: Rule | None, uses: Mapping[str, Reliance]) -> list[Measure]:
    """All measures on people's speech; none without the data.

    Args:
        core: what is measured; None for the rules alone.
        rule: of the core by itself.
        uses: how far the floor relies on the core, by name.
    """
    folder = os.environ.get(DATA_ENV)
    found = clips(Path(folder)) if folder else []
    if not folder or not found:
        absent("core.human", f"{DATA_ENV} names no folder with recordings")
        return []
    rule, uses = (rule, uses) if core is not None else (None, {})
    spoken = _tried(staged(found, progress("recordings heard")), core)
    measures = _of_sources(spoken, ending_rules(rule, uses, _smart_turn()))
    measures += _of_overlaps(spoken, rule, uses)
    measures += _branches(spoken)
    written = _tried(text_stages(Path(folder)), core, Without.audio)
    return measures + _of_sources(written, ending_rules(rule, uses, None))


def _smart_turn() -> SmartTurn | None:
    try:
        return SmartTurn(str(model_folder("smart-turn") / "smart-turn-v3.2-cpu.onnx"))
    except ModelError as error:
        absent("core.human.*.smart_turn", str(error))
        return None


def _tried(
    stages: Sequence[Stage], core: DuplexCore | None, without: Without = Without.nothing
) -> list[Tried]:
    """With P(end | words) and the core's frames where they will be asked for."""
    from duplex.core.data.make import default_folder

    judge = Judged(default_folder() / "ends-people.json")
    texts = [text for stage in stages if stage.turn for text in asked_of(stage.scene, stage.turn)]
    judge.ask(texts, progress("P(end | words), people"))
    if core is None:
        return [Tried(stage, Trial(stage.scene, judge)) for stage in stages]
    found = []
    for first in range(0, len(stages), _BATCH):
        batch = stages[first : first + _BATCH]
        for stage, said in zip(
            batch, follow(core, [each.scene.dialogue for each in batch], without), strict=True
        ):
            found.append(Tried(stage, Trial.of(stage.scene, judge, said), said))
        progress("the core, people")(min(first + _BATCH, len(stages)), len(stages))
    return found


def _of_sources(
    tried: Sequence[Tried], rules: Mapping[str, Callable[[Tried], Sequence[float]]]
) -> list[Measure]:
    """Turn ends by source, and of all people together."""
    turns = [each for each in tried if each.stage.turn is not None]
    done = {name: [ended(each, decide) for each in turns] for name, decide in rules.items()}
    sources = [each.stage.clip.source for each in turns]
    groups = {
        source: [at for at, of in enumerate(sources) if of == source] for source in dict.fromkeys(sources)
    }
    people = [at for at, of in enumerate(sources) if of in PEOPLE]
    if people:
        groups["people"] = people
    return [
        measure
        for source, members in groups.items()
        for name, found in done.items()
        for measure in _of_ends(
            f"core.human.{source}.{name}",
            [found[at] for at in members],
            None if name == FLOOR else [done[FLOOR][at] for at in members],
        )
    ]


def _of_ends(name: str, found: Sequence[Ended], floor: Sequence[Ended] | None) -> list[Measure]:
    measures = share(f"{name}.cut_in_share", [each.cut for each in found])
    measures += share(f"{name}.pause_cut_in_share", [cut for each in found for cut in each.pauses])
    delays = [1e3 * each.delay for each in found if each.delay is not None]
    for label, q in (("p50", 0.5), ("p90", 0.9)):
        measures += quantile(f"{name}.end_delay_{label}_ms", delays, q)
    if floor is None:
        return measures
    pairs = list(zip(found, floor, strict=True))
    cuts = [float(ours.cut) - float(theirs.cut) for ours, theirs in pairs]
    late = [
        1e3 * (ours.delay - theirs.delay)
        for ours, theirs in pairs
        if ours.delay is not None and theirs.delay is not None
    ]
    return [
        *measures,
        *_difference(f"{name}.cut_in_minus_floor", cuts, "share"),
        *_difference(f"{name}.delay_minus_floor_ms", late, "ms"),
    ]


def _of_overlaps(tried: Sequence[Tried], rule: Rule | None, uses: Mapping[str, Reliance]) -> list[Measure]:
    """What is heard over the agent's speech, by source."""
    over = [each for each in tried if each.stage.agent is not None]
    measures = []
    for source in dict.fromkeys(each.stage.clip.source for each in over):
        here = [each for each in over if each.stage.clip.source == source]
        claims = here[0].stage.clip.claims
        floor: list[Stopped] = []
        for name, decide in stopping_rules(rule, uses).items():
            found = [stopped(each, decide) for each in here]
            floor = found if name == FLOOR else floor
            measures += _of_stops(f"core.human.{source}.{name}", found, floor, claims)
    return measures


def _of_stops(name: str, found: Sequence[Stopped], floor: Sequence[Stopped], claims: bool) -> list[Measure]:
    kinds: dict[str, Callable[[Stopped], bool]] = {"hold_share": lambda each: each.held}
    if claims:
        kinds = {
            "yield_share": lambda each: each.in_time,
            "yield_at_all_share": lambda each: each.at_all,
            "false_stop_share": lambda each: each.false,
        }
    measures = []
    for kind, of in kinds.items():
        measures += share(f"{name}.{kind}", [of(each) for each in found])
        if found is not floor:
            apart = [float(of(ours)) - float(of(theirs)) for ours, theirs in zip(found, floor, strict=True)]
            measures += _difference(f"{name}.{kind.removesuffix('_share')}_minus_floor", apart, "share")
    return measures


def _branches(tried: Sequence[Tried]) -> list[Measure]:
    """Phrases that end where others go on, by the core's P(the turn ends within 640 ms) there."""
    known = [each for each in tried if each.stage.clip.branch is not None and each.followed is not None]
    scores, truth = [], []
    for each in known:
        assert each.followed is not None
        assert each.stage.clip.branch is not None
        scores.append(each.followed.outputs[frame_of(each.stage.clip.branch + LEAD)].ends_within(SOON))
        truth.append(each.stage.clip.source == "vap_short")
    area = auc(np.array(scores), np.array(truth, np.bool_)) if known else None
    if area is None:
        absent("core.human.branch_auc")
        return []
    return [Measure("core.human.branch_auc", round(area, 4), "auc", len(known), None, COMMAND)]


def _difference(name: str, apart: Sequence[float], unit: str) -> list[Measure]:
    """The mean of paired differences, and its percentile-bootstrap interval (Efron 1979)."""
    if not apart:
        absent(name)
        return []
    values = np.array(apart)
    draws = np.random.default_rng(0).integers(0, len(values), (_ROUNDS, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    digits = 0 if unit == "ms" else 4
    interval = (round(float(low), digits), round(float(high), digits))
    return [Measure(name, round(float(values.mean()), digits), unit, len(values), interval, COMMAND)]
