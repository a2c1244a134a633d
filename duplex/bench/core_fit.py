"""How far the core is relied on: `python -m duplex.bench.core_fit DATA...` chooses it on validation dialogues.

DATA are folders that `duplex train data --split validation` filled. What is chosen goes to `reliance.json` beside the
weights, and what it comes to on dialogues that it was not chosen by (five folds) beside it, the floor alone for
comparison. A mode is only worth its place in an agent where those figures are better.

- Turn ends: a logistic regression on the silences of turns gives the weights, and of all constants the one with the
  fewest cut-ins is taken among those that are no slower than the floor alone, at the median and at p90.
- Overlaps: for each kind, one after the other and all once more, how sure the core has to be, or that it is not asked:
  the most that goes right of interruptions, echoes, backchannels and talk to others, each of them counting alike, with
  no fewer interruptions given way to than by the floor alone, and no fewer in time.
- What the user's own voice wants the words tell too, so that of this (`OWN`) the core is asked only if, in five folds,
  that loses no single interruption of dialogues that it was not chosen by.
- Ends that are foreseen while the user still speaks: the most that can be had while no more than 35 % of the attempts
  are wasted; one is, unless the turn is over within 0.8 s.
- Talk to others while the agent is silent: from half of the way to certainty on, counted from the user's voice that
  sounds most like it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from asr.vad import SileroVad
from duplex.agent.anticipating import RELIANCE, save_reliance
from duplex.bench.core_figures import progress, say
from duplex.bench.core_floor import SOON, Stops, Trial, asked, ended, foreseen, stopped
from duplex.bench.core_rules import Judge, Scene, final_words, stops
from duplex.bench.core_words import Judged
from duplex.core.data.ear import voice_edges
from duplex.core.follow import audible, follow
from duplex.core.judge import EARLY, Ends, judged
from duplex.core.runtime import DuplexCore
from duplex.core.streams.dialogue import dialogue_files, load_dialogue
from duplex.core.streams.layout import STATES, frame_of
from duplex.core.tune import WASTED, positive
from duplex.core.turns import patient, turns
from duplex.dialogue.anticipation import Reliance, Sure, signs
from duplex.dialogue.events import OverlapKind
from duplex.graph.event import to_ticks
from duplex.models import model_folder
from duplex.resources import config_path

FOLDS = 5
SHIFTS = tuple(0.25 * step for step in range(-16, 17))
SURE = (None, *(Sure(p, frames) for p in (0.5, 0.6, 0.7, 0.8, 0.9) for frames in (1, 2, 3, 4)))
KINDS: tuple[OverlapKind, ...] = ("echo", "nobody", "side", "noise")
"""Whose a voice is."""
OWN: tuple[OverlapKind, ...] = ("backchannel",)
"""What the user's own wants. The core is asked for a turn only in a voice that it had let pass: it takes "mm-hm" for
one in some voices."""
_LONGEST = 1.6
"""Seconds of a silence that are learnt from."""
_FIRST = 0.16
"""Seconds after which the floor may know that a voice has ended."""
Row = tuple[tuple[float, ...], bool]


def trials(
    folders: Sequence[Path], core: DuplexCore, judge: Judged, split: str = "validation"
) -> list[Trial]:
    """The dialogues of a split, followed by the core and with P(end | words) where the floor will ask for it."""
    files = dict.fromkeys(file.resolve() for folder in folders for file in dialogue_files(folder, split))
    talks = [patient(load_dialogue(file)) for file in files]  # a dialogue of two folders counts once
    vad = SileroVad(model_folder("silero-vad"))
    scenes = [Scene(talk, voice_edges(talk.user_pcm, vad)) for talk in talks]
    judge.ask([text for scene in scenes for text in asked(scene)], progress("P(end | words)"))
    followed = follow(core, talks, told=progress("core"))
    return [Trial.of(scene, judge, each) for scene, each in zip(scenes, followed, strict=True)]


def rows(trial: Trial, judge: Judge) -> list[Row]:
    """The evidence in each frame of each silence, once the words are known, and whether the turn was over."""
    found: list[Row] = []
    for turn in judged(turns(trial.scene.dialogue)):
        for edge, after in stops(trial.scene.within(turn)):
            at, text = final_words(trial.scene.dialogue, edge, min(after, edge.t + SOON))
            if at >= after or not text:
                continue
            p, over = judge(text, trial.scene.said_before(edge.t)), edge.t >= turn.over - EARLY
            for frame in trial.between(max(at, edge.edge + _FIRST), min(after, edge.edge + _LONGEST)):
                found.append((signs(frame, p, frame.t - to_ticks(edge.edge)), over))
    return found


def chosen(data: Sequence[Trial], judge: Judge, own: bool) -> Reliance:
    """The best reliance on these dialogues; `own`: the core may be asked what the user's own voice wants."""
    weights = _weights([row for trial in data for row in rows(trial, judge)])
    shifted = [Reliance(weights=(*weights[:-1], weights[-1] + shift)) for shift in SHIFTS]
    alone = ended(data)
    ends = max(shifted, key=lambda each: _ending(ended(data, reliance=each), alone))
    eager = max(SURE, key=lambda sure: _foreseeing(data, sure))
    return replace(overlapping(data, own), weights=ends.weights, ignore=_ignore(data), eager=eager)


def _foreseeing(data: Sequence[Trial], sure: Sure | None) -> tuple[bool, int]:
    """Whether little enough is wasted, and how many ends are foreseen."""
    made, leads = foreseen(data, Reliance(eager=sure))
    return len(leads) >= (1 - WASTED) * made, len(leads)


def overlapping(data: Sequence[Trial], own: bool) -> Reliance:
    """The best reliance in overlaps on these dialogues; none where each costs an interruption."""
    alone = stopped(data)

    def worth(option: Reliance, strict: bool = True) -> tuple[bool, float]:
        found = stopped(data, reliance=option)
        return not strict or _gives_way(found, alone), _stopping(found)

    reliance = Reliance()
    for strict in (False, True):  # what a kind costs in interruptions, asking again may make good
        for kind in KINDS:
            reliance = max(_options(reliance, kind), key=partial(worth, strict=strict))
        reliance = max([replace(reliance, again=sure) for sure in SURE], key=worth)
    if not worth(reliance)[0]:
        return Reliance()
    for kind in OWN if own else ():
        before = stopped(data, reliance=reliance)
        given = [(option, stopped(data, reliance=option)) for option in _options(reliance, kind)]
        kept = [(option, found) for option, found in given if not lost(before, found)]
        reliance = max(kept, key=lambda each: _stopping(each[1]))[0]
    return reliance


def _options(reliance: Reliance, kind: OverlapKind) -> list[Reliance]:
    """The same with each way of asking for a kind, or not asking."""
    others = {name: sure for name, sure in reliance.overlaps.items() if name != kind}
    return [replace(reliance, overlaps={**others, kind: sure} if sure else others) for sure in SURE]


def lost(before: Stops, found: Stops) -> int:
    """How many interruptions were given way to before, and are not any more; of the same dialogues."""
    return sum(was and not now for was, now in zip(before.stopped, found.stopped, strict=True))


def _gives_way(found: Stops, alone: Stops) -> bool:
    """To no fewer interruptions than the floor alone, and to no fewer in time."""
    pairs = ((found.stopped, alone.stopped), (found.overlaps.yields, alone.overlaps.yields))
    return all(sum(ours) >= sum(theirs) for ours, theirs in pairs)


def _voices(data: Sequence[Trial]) -> Iterator[tuple[float, bool]]:
    """Each voice while the agent is silent: the mean P(ignore), and whether it is the user's; others are left out."""
    for trial in data:
        labels = trial.scene.dialogue.labels
        speaks = np.array(audible(trial.scene.dialogue), np.bool_)
        for began, after in pairwise(trial.scene.edges):
            heard = slice(frame_of(began.t), frame_of(after.t) + 1)
            user = labels.vad[heard, 0].mean() > 0.5
            aside = (labels.state[heard] == STATES.index("ignore")).mean() > 0.5
            if began.began and not speaks[heard].any() and user != aside:
                yield float(np.mean([frame.ignore for frame in trial.frames[heard]])), bool(user)


def _ignore(data: Sequence[Trial]) -> float | None:
    """Half of the way to certainty from the user's voice that sounds most like talk to others; None without any."""
    found = [p for p, user in _voices(data) if user]
    return (1 + max(found)) / 2 if found else None


def _weights(data: Sequence[Row]) -> tuple[float, ...]:
    given, over = np.array([row for row, _ in data]), np.array([over for _, over in data], np.bool_)
    if not over.any() or over.all():
        raise ValueError("no silences to learn from: make more validation dialogues")
    return tuple(float(weight) for weight in positive(given, over))


def _ending(found: Ends, alone: Ends) -> tuple[bool, float, float]:
    """No slower than the floor alone; then few cut-ins, then little delay."""
    slow = any(_quantile(found.delays, q) > _quantile(alone.delays, q) + 1e-6 for q in (0.5, 0.9))
    return not slow, -_mean(found.cuts), -_quantile(found.delays, 0.5)


def _stopping(found: Stops) -> float:
    """What goes right. An interruption is given way to: a little later costs less than a stop for nothing."""
    overlaps = found.overlaps
    given_way = 0.9 * _mean(found.stopped) + 0.1 * _mean(overlaps.yields)
    return given_way + 1 - _mean(overlaps.echoes) + _mean(overlaps.backchannels) + _mean(found.sides)


def told(ends: Ends, stops: Stops, voices: Sequence[tuple[bool, bool]] = ()) -> dict[str, float | int]:
    """Figures, and what they are of."""
    overlaps = stops.overlaps
    return {
        "turns": len(ends.cuts),
        "cut_in_share": _mean(ends.cuts),
        "pause_cut_in_share": _mean(ends.pauses),
        "end_delay_p50": _quantile(ends.delays, 0.5),
        "end_delay_p90": _quantile(ends.delays, 0.9),
        "echoes": len(overlaps.echoes),
        "echo_false_stop_share": _mean(overlaps.echoes),
        "backchannels": len(overlaps.backchannels),
        "backchannel_hold_share": _mean(overlaps.backchannels),
        "sides": len(stops.sides),
        "side_hold_share": _mean(stops.sides),
        "interruptions": len(overlaps.yields),
        "yield_in_time_share": _mean(overlaps.yields),
        "yield_share": _mean(stops.stopped),
        "voices": sum(user for _, user in voices),
        "voice_ignored_share": _mean([passed for passed, user in voices if user]),
        "asides": sum(not user for _, user in voices),
        "aside_ignored_share": _mean([passed for passed, user in voices if not user]),
    }


def ignored(data: Sequence[Trial], reliance: Reliance) -> list[tuple[bool, bool]]:
    """Of each voice while the agent is silent, whether it is passed over, and whether it is the user's."""
    least = reliance.ignore
    return [(least is not None and p >= least, user) for p, user in _voices(data)]


@dataclass(slots=True)
class Outcome:
    """What a choice comes to."""

    ends: Ends = field(default_factory=Ends)
    stops: Stops = field(default_factory=Stops)
    voices: list[tuple[bool, bool]] = field(default_factory=list)

    def add(self, data: Sequence[Trial], reliance: Reliance | None) -> Outcome:
        """On these dialogues too; None for the floor alone."""
        ended(data, reliance=reliance, found=self.ends)
        stopped(data, reliance=reliance, found=self.stops)
        self.voices += ignored(data, reliance or Reliance())
        return self

    def told(self) -> dict[str, float | int]:
        """Figures, and what they are of."""
        return told(self.ends, self.stops, self.voices)


def validated(data: Sequence[Trial], judge: Judge, own: bool) -> Outcome:
    """What the choice comes to on dialogues that it was not made by."""
    found = Outcome()
    for fold in range(FOLDS):
        rest = [trial for number, trial in enumerate(data) if number % FOLDS != fold]
        reliance = chosen(rest, judge, own)
        found.add(data[fold::FOLDS], reliance)
        say(f"fold {fold + 1} of {FOLDS}: {reliance}")
    return found


def fitted(data: Sequence[Trial], judge: Judge) -> tuple[Reliance, dict[str, Any]]:
    """The reliance, and the figures that it was chosen with."""
    without, within = (validated(data, judge, own) for own in (False, True))
    taken = lost(without.stops, within.stops)
    reliance = chosen(data, judge, own=not taken)
    return reliance, {
        "dialogues": len(data),
        "floor": Outcome().add(data, None).told(),
        "cross_validated": (without if taken else within).told(),
        "interruptions_lost_by_asking_what_the_voice_wants": taken,
        "chosen_on_all": Outcome().add(data, reliance).told(),
        "foreseen": _foretold(data, reliance),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose, write, and tell."""
    parser = argparse.ArgumentParser(prog="python -m duplex.bench.core_fit")
    parser.add_argument("data", nargs="+", type=Path, help="folders of validation dialogues")
    parser.add_argument(
        "--core", type=Path, default=None, help="of an exported core; by default the shipped one"
    )
    options = parser.parse_args(arguments)
    folder: Path = options.core or config_path("core/frame.onnx").parent
    judge = Judged(options.data[0] / "ends-validation.json")
    data = trials(options.data, DuplexCore(folder), judge)
    reliance, figures = fitted(data, judge)
    save_reliance(folder / RELIANCE, reliance, {"validation": figures})
    print((folder / RELIANCE).read_text(encoding="utf-8"))


def _foretold(data: Sequence[Trial], reliance: Reliance) -> dict[str, float | int]:
    made, leads = foreseen(data, reliance)
    return {"attempts": made, "held": len(leads), "lead_p50": _quantile(leads, 0.5)}


def _mean(values: Sequence[bool]) -> float:
    return round(float(np.mean(values)), 4) if values else 0.0


def _quantile(values: Sequence[float], q: float) -> float:
    return round(float(np.quantile(values, q)), 4) if values else 0.0


if __name__ == "__main__":
    main()
