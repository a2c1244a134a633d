"""The agent's own backchannels on dialogues with labels: how often they come, and how many behind the user's end."""

from __future__ import annotations

from collections.abc import Sequence

from duplex.bench.core_figures import share
from duplex.bench.core_floor import Trial, happens
from duplex.bench.core_speed import COMMAND
from duplex.bench.measure import Measure
from duplex.core.judge import EARLY, judged
from duplex.core.streams.layout import frame_end
from duplex.core.turns import turns
from duplex.dialogue.backchannel import Backchannels
from duplex.graph.event import to_seconds


def murmurs(trials: Sequence[Trial]) -> list[Measure]:
    """The agent's own backchannels: how often, and how many come behind the user's end."""
    late, spoken = list[bool](), 0.0
    for trial in trials:
        for turn in judged(turns(trial.scene.dialogue)):
            machine = Backchannels()
            said = [each for event in happens(trial, turn) for each in machine.on(event)]
            late += [to_seconds(each.t) >= turn.over - EARLY for each in said]
            spoken += turn.over - frame_end(turn.first)
    rate = round(60 * len(late) / spoken, 2) if spoken else 0.0
    return [
        *share("core.murmur_behind_end_share", late),
        Measure("core.murmurs_a_minute", rate, "1/min", len(late), None, COMMAND),
    ]
