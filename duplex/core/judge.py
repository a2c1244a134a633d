"""How good decisions are against the labels of a dialogue: turn ends, speculations, overlaps. Pure.

Turns that trail off are left out: whether and when they are over, nobody can say. So are those in which the recorded
agent itself began to speak: the user reacts to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from duplex.core.decide import Act
from duplex.core.streams.dialogue import Labels
from duplex.core.streams.layout import FRAME_SECONDS, OVERLAPS, frame_end
from duplex.core.turns import PATIENCE, Turn, runs

EARLY = 0.16
"""Seconds before the last word's end from which on a decision cuts nobody off."""
LATEST = PATIENCE * FRAME_SECONDS
"""What a decision that never came counts as, in seconds."""
LONGEST_LEAD = 0.8
"""Seconds before the end beyond which a speculation is wasted: it knows too few of the words."""
ONSET = 0.16
"""Seconds of an overlap before its label."""
AFTER = 0.24
"""Seconds after an overlap in which a stop is still due to it."""
IN_TIME = 0.45
"""Seconds after the onset within which the agent should stop for the user."""
_JOIN = 3
"""Frames between two parts of the same overlap."""

Events = Sequence[tuple[float, Act]]


@dataclass(slots=True)
class Ends:
    """Turn ends of any number of dialogues.

    Attributes:
        cuts: for each turn, whether it was taken for ended before it was.
        pauses: for each pause within a turn, whether it was taken for the end.
        delays: seconds from each turn's end to the decision; LATEST where none came. Turns that were cut off and not
            taken up again have none.
    """

    cuts: list[bool] = field(default_factory=list)
    pauses: list[bool] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    def add(self, turns: Iterable[Turn], commits: Sequence[float]) -> None:
        """Judge the decisions (seconds, in order) on a dialogue's turns."""
        for turn in judged(turns):
            start, due = frame_end(turn.first), turn.over - EARLY
            early = [t for t in commits if start <= t < due]
            self.cuts.append(bool(early))
            self.pauses += [any(a <= t < b for t in early) for a, b in turn.pauses]
            then = next((t for t in commits if due <= t < turn.over + LATEST), None)
            if then is not None or not early:
                self.delays.append(LATEST if then is None else then - turn.over)


def judged(turns: Iterable[Turn]) -> list[Turn]:
    """Those that count: said to their end and answered, or not yet."""
    return [turn for turn in turns if turn.ended and turn.clean and turn.last >= turn.frame + PATIENCE - 2]


@dataclass(slots=True)
class Leads:
    """Speculations on the ends of turns: how many there were, and how early those were that held."""

    made: int = 0
    leads: list[float] = field(default_factory=list)

    @property
    def wasted(self) -> float | None:
        """The share of speculations that were dropped, came far too early or to nothing; None without any."""
        return None if not self.made else 1 - len(self.leads) / self.made

    def add(self, turns: Iterable[Turn], events: Events) -> None:
        """Judge a dialogue's; a lead is seconds from the speculation to the end of the turn."""
        for turn in judged(turns):
            start, held = frame_end(turn.first), None
            for t, act in events:
                if not start <= t < turn.over + LATEST:
                    continue
                if act is Act.EAGER:
                    self.made, held = self.made + 1, t
                elif act is Act.RESUMED:
                    held = None
                elif act is Act.COMMIT and t >= turn.over - EARLY:
                    break
            if held is not None and turn.over - held <= LONGEST_LEAD:
                self.leads.append(turn.over - held)


@dataclass(slots=True)
class Overlaps:
    """What was done about overlaps: false stops for an echo, backchannels spoken through, stops in time."""

    echoes: list[bool] = field(default_factory=list)
    backchannels: list[bool] = field(default_factory=list)
    yields: list[bool] = field(default_factory=list)

    def add(self, labels: Labels, stops: Sequence[float]) -> None:
        """Judge the stops (seconds) of a dialogue. Overlaps that end before a stop is due are not asked for one."""
        for start, end in spans(labels, "echo"):
            self.echoes.append(any(start <= t <= end + AFTER for t in stops))
        for start, end in spans(labels, "backchannel"):
            self.backchannels.append(not any(start <= t <= end + AFTER for t in stops))
        for start, end in spans(labels, "takes_floor"):
            if end - start >= IN_TIME - 1e-6:
                self.yields.append(any(start <= t <= start + IN_TIME + 1e-6 for t in stops))


def spans(labels: Labels, name: str) -> list[tuple[float, float]]:
    """When an overlap of a class is heard, in seconds, from its onset on."""
    found = runs(labels.overlap == OVERLAPS.index(name), join=_JOIN)
    return [
        (frame_end(first - 1) - (0 if name == "echo" else ONSET), frame_end(after - 1))
        for first, after in found
    ]
