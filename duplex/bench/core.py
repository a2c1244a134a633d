"""What the core is worth on dialogues it has never met: other texts, voices and noises, the real recogniser's words.

Every rule that it is to beat is measured beside it, on the same dialogues, in the same run. The agent of these
dialogues waits 2.4 s longer than the recorded one did, so that no rule hears its answer before it has decided.

- Turn ends: a cut-in is a decision more than 160 ms before the last word's end; shares are of turns. Delays count
  from the last word's end, 2.4 s where no decision came. Turns that trail off are left out, and so are those in which
  the recorded agent itself began to speak. The time that a model takes is counted only for the recogniser.
- A speculation is wasted if it was dropped, or began more than 0.8 s before the end, or came to nothing.
- Overlaps: of frames (F1), of echoes and backchannels (spoken through), of turns that overlap the agent for 450 ms.

- An end is foreseen where an attempt opens while the user still speaks; its lead counts from there. A murmur of the
  agent's own is `behind_end` where the turn was over.
- `core` is the core by itself, `core.floor` the rules of a call, `core.fused` both together (`turns: {core: full}`).

All thresholds come from `rule.json` and `reliance.json` beside the weights, chosen on validation dialogues (`duplex
train tune`, `python -m duplex.bench.core_fit`). On people's speech: `duplex.bench.core_human`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from asr.vad import SileroVad
from duplex.agent.anticipating import RELIANCE, limited, load_reliance
from duplex.bench.core_figures import absent, of_ends, of_leads, of_overlaps, progress, quantile, say, share
from duplex.bench.core_floor import Trial, asked, ended, foreseen, stopped
from duplex.bench.core_human import run_human
from duplex.bench.core_murmurs import murmurs
from duplex.bench.core_rules import Scene, SmartTurn, any_voice, by_silence
from duplex.bench.core_speed import COMMAND, speed
from duplex.bench.core_words import MODEL, Judged, heard, like_length, trivial
from duplex.bench.measure import Measure
from duplex.core.data.ear import voice_edges
from duplex.core.decide import RULE, Rule, load_rule
from duplex.core.follow import Followed, Without, audible, follow
from duplex.core.judge import Ends, Overlaps
from duplex.core.runtime import DuplexCore
from duplex.core.streams.dialogue import Dialogue, dialogue_files, load_dialogue
from duplex.core.streams.layout import OVERLAPS, STATES
from duplex.core.training.metrics import auc, f1_by_class
from duplex.core.tune import judged
from duplex.core.turns import Turn, patient, turns
from duplex.dialogue.anticipation import Reliance
from duplex.models import ModelError, model_folder
from duplex.resources import ResourceError, config_path

HOURS, SEED = 0.4, 7_000
"""The dialogues that are made where there are none."""
SILENCES = (0.5, 0.7, 1.0)
SOON = 6
"""Frames within which an end is to be anticipated: 480 ms."""
_STATES = ("resume", "backchannel", "ignore")


def run() -> list[Measure]:
    """All measures of `duplex bench core`.

    Raises:
        ModelError: a model is missing and cannot be fetched.
    """
    talks = [patient(talk) for talk in dialogues()]
    say(
        f"{len(talks)} test dialogues, {sum(talk.frames for talk in talks) * 0.08 / 60:.0f} minutes with all waits"
    )
    vad = SileroVad(model_folder("silero-vad"))
    scenes = [Scene(talk, voice_edges(talk.user_pcm, vad)) for talk in talks]
    measures: list[Measure] = []
    followed: list[Followed] = []
    try:
        core, rule = DuplexCore(), load_rule(config_path(f"core/{RULE}"))
    except (ResourceError, ValueError) as error:
        say(f"absent: all of the core itself: {error}")
    else:
        followed = follow(core, talks, told=progress("core"))
        measures += [*of_core("core", followed, rule), *_ablations(core, talks, rule)]
    measures += _words(scenes, followed)
    measures += _rules(scenes, followed)
    if followed:
        measures += speed(core, talks[0], say)
    return measures + _human(core if followed else None, rule if followed else None)


def _human(core: DuplexCore | None, rule: Rule | None) -> list[Measure]:
    """The same on people's speech, the floor relying on the core as the default does, and wholly."""
    reliance = _reliance()
    uses = {} if reliance is None else {"voices": limited(reliance, "voices"), "full": reliance}
    return run_human(core, rule, uses)


def dialogues() -> list[Dialogue]:
    """The test dialogues of this machine; made, with the real recogniser, where there are none."""
    from duplex.core.data.lexicon import Split
    from duplex.core.data.make import Order, default_folder, make

    folder = default_folder()
    if not dialogue_files(folder, Split.test.value):
        say(f"no test dialogues in {folder}: making {HOURS} h, which takes about three times as long")
        order = Order(Split.test, HOURS, folder, folder / "clips", SEED)
        make(order, lambda hours: say(f"{hours:.2f} of {HOURS} h"))
    return [load_dialogue(file) for file in dialogue_files(folder, Split.test.value)]


def of_core(name: str, followed: Sequence[Followed], rule: Rule) -> list[Measure]:
    """What the core with its rule does, and how good its heads are."""
    ends, leads, overlaps = judged(followed, rule)
    return [
        *of_ends(name, ends),
        *of_leads(name, leads),
        *of_overlaps(name, overlaps),
        *_of_heads(name, followed),
    ]


def _of_heads(name: str, followed: Sequence[Followed]) -> list[Measure]:
    """Anticipation, and F1 of overlaps and states, over frames."""
    outputs = [output for each in followed for output in each.outputs]
    labels = [each.dialogue.labels for each in followed]
    end_in, user = (
        np.concatenate([of.end_in for of in labels]),
        np.concatenate([of.vad[:, 0] for of in labels]),
    )
    speaking = user & (end_in > 0)
    scores = np.array([output.ends[SOON] for output in outputs])
    found = []
    area = auc(scores[speaking], end_in[speaking] <= SOON)
    if area is None:
        absent(f"{name}.anticipation_auc")
    else:
        found.append(
            Measure(f"{name}.anticipation_auc", round(area, 4), "auc", int(speaking.sum()), None, COMMAND)
        )
    overlap, state = (
        np.concatenate([of.overlap for of in labels]),
        np.concatenate([of.state for of in labels]),
    )
    guesses = {"overlap": [output.overlap.argmax() for output in outputs]}
    guesses["state"] = [output.state.argmax() for output in outputs]
    found += _f1(
        f"{name}.overlap_macro_f1", np.array(guesses["overlap"]), overlap, OVERLAPS, OVERLAPS[1:], np.mean
    )
    found += _f1(f"{name}.state_f1_min", np.array(guesses["state"]), state, STATES, _STATES, min)
    return found


def _f1(
    name: str,
    guess: NDArray[np.integer],
    truth: NDArray[np.integer],
    names: Sequence[str],
    asked: Sequence[str],
    joined: Callable[[list[float]], float],
) -> list[Measure]:
    """One F1 of several classes, and each of them; a class that is not there makes the whole absent."""
    known = truth >= 0
    found = f1_by_class(guess[known], truth[known], len(names))
    scores = {label: score or 0.0 for label, score in zip(names, found, strict=True)}
    missing = [each for each in asked if not (truth == names.index(each)).any()]
    if missing:
        absent(name, f"no frame is {' or '.join(missing)}")
        return []
    n = int(np.isin(truth, [names.index(each) for each in asked]).sum())
    stem = name.removesuffix("_min").removesuffix("_macro_f1")
    each = [
        Measure(
            f"{stem}.{label}",
            round(scores[label], 4),
            "f1",
            int((truth == names.index(label)).sum()),
            None,
            COMMAND,
        )
        for label in asked
    ]
    return [
        Measure(name, round(float(joined([scores[label] for label in asked])), 4), "f1", n, None, COMMAND),
        *each,
    ]


def _ablations(core: DuplexCore, talks: Sequence[Dialogue], rule: Rule) -> list[Measure]:
    """The same weights with an input withheld at run time; nothing was trained for it."""
    measures = []
    for without in (Without.words, Without.audio, Without.agent):
        followed = follow(core, talks, without, progress(f"core, {without}"))
        measures += of_core(f"core.{without}", followed, rule)
    return measures


def _words(scenes: Sequence[Scene], followed: Sequence[Followed]) -> list[Measure]:
    rows = heard(followed)
    if not rows:
        absent("core.completeness_auc")
        return []
    judge = _judge(scenes, [(row.words, row.agent) for row in rows])
    scores = {"core": np.array([row.core for row in rows]), "core.trivial": trivial(rows)}
    scores["core.lm"] = np.array([judge(row.words, row.agent) for row in rows])
    measures = []
    for name, of in scores.items():
        if (found := like_length(rows, of)) is None:
            absent(f"{name}.completeness_auc")
        else:
            value, interval = found
            measures.append(
                Measure(f"{name}.completeness_auc", round(value, 4), "auc", len(rows), interval, COMMAND)
            )
    return measures


def _judge(scenes: Sequence[Scene], texts: Sequence[tuple[str, str]] = ()) -> Judged:
    """The language model, asked about these texts and all that the floor's rule will want to know."""
    from duplex.core.data.make import default_folder

    judge = Judged(default_folder() / f"ends-{MODEL}.json")
    judge.ask([*texts, *(text for scene in scenes for text in asked(scene))], progress("P(end | words)"))
    return judge


def _rules(scenes: Sequence[Scene], followed: Sequence[Followed]) -> list[Measure]:
    """Timers, the shipped floor alone and with the core, smart-turn, and barge-in on any voice."""
    judge = _judge(scenes)
    measures = []
    for seconds in SILENCES:
        ends = _ends(scenes, partial(by_silence, seconds=seconds))
        measures += of_ends(f"core.silence_{1e3 * seconds:.0f}", ends)
    measures += of_floor("core.floor", [Trial(scene, judge) for scene in scenes])
    measures += _fused(scenes, judge, followed)
    try:
        smart = SmartTurn(str(model_folder("smart-turn") / "smart-turn-v3.2-cpu.onnx"))
    except ModelError as error:
        absent("core.smart_turn", str(error))
    else:
        measures += of_ends("core.smart_turn", _ends(scenes, smart.commits))
    overlaps = Overlaps()
    for scene in scenes:
        overlaps.add(scene.dialogue.labels, any_voice(scene, audible(scene.dialogue)))
    return measures + of_overlaps("core.any_voice", overlaps)


def of_floor(name: str, trials: Sequence[Trial], reliance: Reliance | None = None) -> list[Measure]:
    """What the floor does, with the core's frames where it is relied on."""
    stops = stopped(trials, reliance=reliance)
    return [
        *of_ends(name, ended(trials, reliance=reliance)),
        *of_overlaps(name, stops.overlaps),
        *share(f"{name}.yield_at_all_share", stops.stopped),
        *share(f"{name}.side_hold_share", stops.sides),
    ]


def _fused(scenes: Sequence[Scene], judge: Judged, followed: Sequence[Followed]) -> list[Measure]:
    """The floor with the core, as a call has it with `turns: {core: full}`."""
    reliance = _reliance()
    trials = [Trial.of(scene, judge, each) for scene, each in zip(scenes, followed, strict=bool(followed))]
    if reliance is None or not trials:
        return []
    made, leads = foreseen(trials, reliance)
    return [
        *of_floor("core.fused", trials, reliance),
        *share("core.foreseen_wasted_share", [True] * (made - len(leads)) + [False] * len(leads)),
        *quantile("core.foreseen_lead_ms", [1e3 * lead for lead in leads], 0.5),
        *murmurs(trials),
    ]


def _reliance() -> Reliance | None:
    try:
        return load_reliance(config_path(f"core/{RELIANCE}"))
    except (OSError, ValueError) as error:
        absent("core.fused", str(error))
        return None


def _ends(scenes: Sequence[Scene], rule: Callable[[Scene, Turn], Sequence[float]]) -> Ends:
    ends = Ends()
    for scene in scenes:
        for turn in turns(scene.dialogue):
            ends.add([turn], rule(scene, turn))
    return ends
