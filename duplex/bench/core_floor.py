"""The floor's own machine on labelled dialogues, alone or with the core's frames: when it commits, when it stops.

The dialogues are recorded, so nothing that is decided changes what comes next. Each reply of the recorded agent is one
trial for what overlaps it: after a stop the agent is taken to speak on.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from duplex.bench.core_rules import Judge, Scene, final_words, stops
from duplex.core.data.ear import VoiceEdge
from duplex.core.follow import Followed, audible
from duplex.core.judge import AFTER, IN_TIME, LONGEST_LEAD, Ends, Overlaps, judged, spans
from duplex.core.streams.layout import frame_end
from duplex.core.turns import PATIENCE, Turn, runs, turns
from duplex.dialogue.anticipation import Anticipation, CoreFrame, Reliance
from duplex.dialogue.events import (
    Commit,
    Eager,
    EndProbability,
    PlayoutStarted,
    SessionStarted,
    Transcript,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.dialogue.floor import Floor, FloorSettings
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired, to_seconds, to_ticks
from duplex.nodes.core import frame

SOON = 0.6
"""Seconds after a voice's end in which its last words are awaited."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A dialogue that the floor is tried on.

    Attributes:
        scene: the dialogue and its voice edges.
        judge: P(end | words).
        frames: what the core said of each frame; none for the floor alone.
    """

    scene: Scene
    judge: Judge
    frames: Sequence[CoreFrame] = ()

    @classmethod
    def of(cls, scene: Scene, judge: Judge, followed: Followed) -> Trial:
        """With what the core said."""
        ends = (to_ticks(frame_end(at)) for at in range(len(followed.outputs)))
        return cls(scene, judge, [frame(t, said) for t, said in zip(ends, followed.outputs, strict=True)])

    def between(self, start: float, until: float) -> list[CoreFrame]:
        """The frames that end from `start` on and before `until`, in seconds."""
        first, after = (bisect_left(self.frames, to_ticks(at), key=_time) for at in (start, until))
        return list(self.frames[first:after])


def _time(event: Event) -> int:
    return event.t


class Play:
    """The floor, behind the core's controller where it is relied on, with its timers; fed with events of any time."""

    def __init__(self, settings: FloorSettings | None = None, reliance: Reliance | None = None) -> None:
        self._floor = Floor(settings)
        self._controller = Anticipation(reliance) if reliance else None
        self._queue: list[tuple[int, int, Event]] = []
        self._number = count()
        self._timers: dict[str, int] = {}
        self.log: list[Event] = []
        """All that has happened, and what was decided."""

    def put(self, *events: Event) -> None:
        """These happen, each at its time."""
        for event in events:
            heapq.heappush(self._queue, (event.t, next(self._number), event))

    def run(self) -> Iterator[Event]:
        """What is decided, until nothing happens any more; more may be put meanwhile."""
        while self._queue:
            t, _, event = heapq.heappop(self._queue)
            if isinstance(event, TimerFired):
                if self._timers.get(event.id) != t:
                    continue
                del self._timers[event.id]
            self.log.append(event)
            for action in self._decided(event):
                match action:
                    case SetTimer(id=name, at=at):
                        self._timers[name] = max(at, t)
                        self.put(TimerFired(t=max(at, t), id=name))
                    case CancelTimer(id=name):
                        self._timers.pop(name, None)
                    case _:
                        self.log.append(action)
                        yield action

    def _decided(self, event: Event) -> list[Event | SetTimer | CancelTimer]:
        told = [event]
        if self._controller is not None:
            known = self._controller.on(event)
            told = known if isinstance(event, EndProbability | CoreFrame) else [event, *known]
        actions = [action for each in told for action in self._floor.on(each)]
        for action in actions:
            if self._controller is not None and isinstance(action, Event):
                self._controller.on(action)
        return actions


def asked(scene: Scene) -> list[tuple[str, str]]:
    """What the floor's rule will want to know of a dialogue: words, and what the agent had said last."""
    return [text for turn in turns(scene.dialogue) for text in asked_of(scene, turn)]


def asked_of(scene: Scene, turn: Turn) -> list[tuple[str, str]]:
    """The same, of one turn."""
    return [
        (final_words(scene.dialogue, edge, min(after, edge.t + SOON))[1], scene.said_before(edge.t))
        for edge, after in stops(scene.within(turn))
    ]


def commits(
    trial: Trial, turn: Turn, settings: FloorSettings | None = None, reliance: Reliance | None = None
) -> list[float]:
    """When the turn is taken for ended, in seconds; the time that the models take is left out."""
    done = _decided(trial, turn, Play(settings, reliance))
    return [to_seconds(action.t) for action, _ in done if isinstance(action, Commit)]


def foreseen(trials: Sequence[Trial], reliance: Reliance) -> tuple[int, list[float]]:
    """How many attempts are opened while a voice is on, and how early those are that hold: seconds before the end."""
    made, leads = 0, list[float]()
    for trial in trials:
        for turn in judged(turns(trial.scene.dialogue)):
            done = _decided(trial, turn, Play(reliance=reliance))
            early = [turn.over - to_seconds(action.t) for action, ahead in done if ahead]
            made += len(early)
            leads += [lead for lead in early if lead <= LONGEST_LEAD]
    return made, leads


def happens(trial: Trial, turn: Turn) -> list[Event]:
    """All that happens in a turn and is decided by the floor alone, in order."""
    play = Play()
    for _ in _decided(trial, turn, play):
        pass
    return play.log


def _decided(trial: Trial, turn: Turn, play: Play) -> Iterator[tuple[Event, bool]]:
    """What the floor decides about a turn, and whether that is an attempt opened while the voice is on."""
    edges = trial.scene.within(turn)
    finals = {to_ticks(edge.t): (edge, after) for edge, after in stops(edges)}
    play.put(*map(_voice, edges))
    play.put(*trial.between(frame_end(turn.first), turn.over + frame_end(PATIENCE)))
    for action in play.run():
        ahead = isinstance(action, Eager) and action.t not in finals
        if isinstance(action, Eager):
            ends = finals.values()
            play.put(*(_foreseen(trial, ends, action) if ahead else _words(trial, finals[action.t], action)))
        yield action, ahead


def yields(
    trial: Trial,
    replies: Sequence[tuple[float, float]],
    settings: FloorSettings | None = None,
    reliance: Reliance | None = None,
) -> list[float]:
    """When the agent is stopped while it says its replies, from and to, all in seconds."""
    found = []
    for start, until in replies:
        at: float | None = start
        while at is not None:
            play = Play(settings, reliance)
            play.put(SessionStarted(t=to_ticks(at), greeting="…"), PlayoutStarted(t=to_ticks(at), attempt=0))
            play.put(*_overlapping(trial, at, until))
            at = next((to_seconds(action.t) for action in play.run() if isinstance(action, Yield)), None)
            if at is not None:
                found.append(at)
    return found


def _overlapping(trial: Trial, start: float, until: float) -> Iterator[Event]:
    """What is heard after `start` and before `until`."""
    for edge in trial.scene.edges:
        if start < edge.t < until:
            yield _voice(edge)
    for heard in trial.scene.dialogue.heard:
        if start < heard.t < until and heard.words:
            words = " ".join(heard.words)
            yield Transcript(t=to_ticks(heard.t), turn=heard.turn, text=words, stable=heard.stable)
    yield from trial.between(start + 1e-4, until)


def _voice(edge: VoiceEdge) -> Event:
    t, moment = to_ticks(edge.t), max(0, to_ticks(edge.edge))
    return VoiceStarted(t=t, onset=moment) if edge.began else VoiceStopped(t=t, end=moment)


def _foreseen(trial: Trial, ends: Iterable[tuple[VoiceEdge, float]], eager: Eager) -> list[Event]:
    """The words of an attempt that was opened while the voice was on; none but of one that had ended by then."""
    stop = next(((edge, after) for edge, after in ends if edge.edge <= to_seconds(eager.t) < edge.t), None)
    if stop is None:
        return []
    early = to_seconds(eager.t) - stop[0].t
    return [replace(event, t=event.t + to_ticks(early)) for event in _words(trial, stop, eager)]


def _words(trial: Trial, stop: tuple[VoiceEdge, float], eager: Eager) -> list[Event]:
    edge, after = stop
    at, text = final_words(trial.scene.dialogue, edge, min(after, edge.t + SOON))
    if at >= after:
        return []
    t = to_ticks(at)
    said = Transcript(t=t, turn=eager.turn, text=text, final=True, attempt=eager.attempt)
    if not text:
        return [said]
    p = trial.judge(text, trial.scene.said_before(edge.t))
    return [said, EndProbability(t=t, attempt=eager.attempt, p=p)]


@dataclass(slots=True)
class Stops:
    """What the floor did about voices over the agent's speech.

    Attributes:
        overlaps: echoes, backchannels, and interruptions that were given way to in time.
        sides: for each voice that was not for the agent, whether the agent went on.
        stopped: for each interruption, whether it was given way to at all.
    """

    overlaps: Overlaps = field(default_factory=Overlaps)
    sides: list[bool] = field(default_factory=list)
    stopped: list[bool] = field(default_factory=list)

    def add(self, trial: Trial, at: Sequence[float]) -> None:
        """Judge the stops (seconds) of a dialogue."""
        labels = trial.scene.dialogue.labels
        self.overlaps.add(labels, at)
        for start, end in spans(labels, "not_addressed"):
            self.sides.append(not any(start <= t <= end + AFTER for t in at))
        for start, end in spans(labels, "takes_floor"):
            if end - start >= IN_TIME - 1e-6:
                self.stopped.append(any(start <= t <= end + AFTER for t in at))


def ended(
    trials: Sequence[Trial],
    settings: FloorSettings | None = None,
    reliance: Reliance | None = None,
    found: Ends | None = None,
) -> Ends:
    """Try the floor on all turns; what comes of it is added to what was `found` before."""
    found = Ends() if found is None else found
    for trial in trials:
        for turn in turns(trial.scene.dialogue):
            found.add([turn], commits(trial, turn, settings, reliance))
    return found


def stopped(
    trials: Sequence[Trial],
    settings: FloorSettings | None = None,
    reliance: Reliance | None = None,
    found: Stops | None = None,
) -> Stops:
    """Try the floor on all replies; what comes of it is added to what was `found` before."""
    found = Stops() if found is None else found
    for trial in trials:
        spoken = runs(np.array(audible(trial.scene.dialogue), np.bool_))
        replies = [(frame_end(first - 1), frame_end(after - 1)) for first, after in spoken]
        found.add(trial, yields(trial, replies, settings, reliance))
    return found
