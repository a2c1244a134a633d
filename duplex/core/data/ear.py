"""When the recogniser is asked, as the live path asks it (`duplex.nodes.hearing`), and what it then knows.

A pure machine makes the list of questions from the voice detector's events; who answers them, the real recogniser or
its simulation, is another matter. The delay between a question and its answer is what the engines cost on two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

from asr.streaming import StreamingWhisper
from asr.types import SAMPLE_RATE
from asr.vad import WINDOW, SileroVad
from duplex.audio.pcm import Pcm
from duplex.core.data.labels import Reading
from duplex.core.streams.dialogue import Heard

HOP = 0.25
"""Seconds of new audio between two partial hypotheses."""
PREROLL = 0.3
"""Seconds before the onset that the recogniser gets."""
OVERHANG = 0.5
"""Seconds before the agent's end that belong to a turn which begins in it."""
PARTIAL_COST, FINAL_COST = 0.095, 0.18
"""Seconds from question to answer; configs/costs.yaml."""
FORGOTTEN, PASSED = 2.6, 0.35
"""Seconds of silence after which a turn is not gone on with: else, and for what was heard over the agent."""
_START, _STOP, _WINDOWS = 0.5, 0.35, 2
"""The voice detector's thresholds, and the windows in a row that it takes."""


class Ask(Enum):
    """What the recogniser is told."""

    begin = auto()
    partial = auto()
    final = auto()


@dataclass(frozen=True, slots=True)
class Question:
    """One call of the recogniser.

    Attributes:
        ask: begin a turn, read on, or read all of it at full quality.
        t: seconds; audio up to here is given to it.
        known: when its answer is known.
        turn: number of the turn, from 1.
        since: where the turn's audio begins, in seconds.
    """

    ask: Ask
    t: float
    known: float
    turn: int
    since: float


@dataclass(frozen=True, slots=True)
class Reply:
    """The agent speaks from `start` to `end`, in seconds; `broken` off, since the user took the floor."""

    start: float
    end: float
    broken: bool = False


@dataclass(frozen=True, slots=True)
class VoiceEdge:
    """A voice began or ended: noticed at `t`, true since `edge` seconds."""

    t: float
    began: bool
    edge: float


def voice_edges(pcm: Pcm, vad: SileroVad) -> list[VoiceEdge]:
    """What the voice detector notices in int16 [n] at 16 kHz, with the settings of the live path."""
    step = WINDOW / SAMPLE_RATE
    edges: list[VoiceEdge] = []
    speaking, run, since = False, 0, 0.0
    for number, p in enumerate(vad.stream().accept(pcm)):
        against = p < _STOP if speaking else p >= _START
        if not against:
            run = 0
            continue
        since = number * step if run == 0 else since
        run += 1
        if run == _WINDOWS:
            speaking, run = not speaking, 0
            edges.append(VoiceEdge((number + 1) * step, speaking, since))
    return edges


def questions(
    edges: Sequence[VoiceEdge], replies: Sequence[Reply], length: float, rng: Random
) -> list[Question]:
    """When the recogniser is asked what.

    With a reply the turn that it answers is over. What was heard while the agent spoke to its end did not take the
    floor: with that end its words are gone too. A voice that is still there then begins a turn.

    Args:
        edges: the voice detector's events.
        replies: when the agent speaks.
        length: seconds of the dialogue.
        rng: decides how busy the machine is.
    """
    cuts = [(reply.start, reply.start) for reply in replies]
    cuts += [(reply.end, reply.end - OVERHANG) for reply in replies if not reply.broken]
    asked: list[Question] = []
    turn, since, next_partial = 0, 0.0, 0.0
    silent_since: float | None = None
    for number, edge in enumerate(edges):
        until = edges[number + 1].t if number + 1 < len(edges) else length
        if edge.began:
            if silent_since is None or _closed(silent_since, edge.edge, replies):
                turn, since = turn + 1, max(0.0, edge.edge - PREROLL)
                asked.append(Question(Ask.begin, edge.t, edge.t, turn, since))
            next_partial, begun = edge.t + HOP, edge.t
            while next_partial < until:
                if cut := max((c for c in cuts if begun < c[0] <= next_partial), default=None):
                    turn, (begun, since) = turn + 1, cut
                    asked.append(Question(Ask.begin, begun, begun, turn, since))
                known = next_partial + PARTIAL_COST * rng.uniform(0.8, 2.0)
                asked.append(Question(Ask.partial, next_partial, known, turn, since))
                next_partial += HOP
        else:
            silent_since = edge.edge
            known = edge.t + FINAL_COST * rng.uniform(0.8, 2.0)
            if known < until:  # else the voice goes on, and the question is taken back
                asked.append(Question(Ask.final, edge.t, known, turn, since))
    return [question for question in asked if question.known < length]


def _closed(silent: float, onset: float, replies: Sequence[Reply]) -> bool:
    """Whether a turn that fell silent is over when a voice begins at `onset`."""
    if onset - silent > FORGOTTEN or any(silent <= reply.start <= onset for reply in replies):
        return True
    over_agent = False
    for reply in replies:
        if not reply.broken:
            if silent <= reply.end <= onset:
                return True
            over_agent |= reply.start < silent < reply.end + PASSED
    return onset - silent > PASSED and over_agent


def heard_really(pcm: Pcm, asked: Sequence[Question], recogniser: StreamingWhisper) -> list[Reading]:
    """What the real recogniser answers; all of its cost."""
    stream = recogniser.stream()
    given = 0
    found: list[Reading] = []
    for question in asked:
        if question.ask is Ask.begin:
            stream.reset()
            given = round(question.since * SAMPLE_RATE)
        upto = round(question.t * SAMPLE_RATE)
        stream.accept(pcm[given:upto])
        given = max(given, upto)
        if question.ask is Ask.begin:
            found.append(Reading(Heard(question.t, question.turn, ()), question.t))
            continue
        belief = stream.finalise() if question.ask is Ask.final else stream.hypothesis()
        words = tuple(word.text for word in belief.words)
        if words:
            found.append(Reading(Heard(question.known, question.turn, words, belief.stable), question.t))
    return in_order(found)


def in_order(found: Sequence[Reading]) -> list[Reading]:
    """Answers in the order in which they were known; one that a later question overtook is never seen."""
    kept: list[Reading] = []
    for reading in found:
        while kept and kept[-1].heard.t > reading.heard.t:
            kept.pop()
        kept.append(reading)
    return kept
