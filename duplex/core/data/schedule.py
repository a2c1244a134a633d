"""When everything is heard: sounds of both channels on one clock, with human gaps.

Pure: lengths and a generator in, times out. Gaps between turns are those of 114,551 floor transfers in Switchboard
(the user's; the agent takes only those that come after the end), reactions those that people need to stop speaking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from random import Random

from duplex.core.data.clips import Clip
from duplex.core.data.plan import Exchange, Over
from duplex.core.streams.dialogue import TimedWord

GAP_QUANTILES = (
    (0.0, -2.0),
    (0.1, -1.005),
    (0.25, -0.363),
    (0.5, 0.094),
    (0.75, 0.487),
    (0.9, 1.157),
    (1.0, 3.0),
)
"""Floor-transfer offsets in seconds by quantile; human_reference_stats: Switchboard-1, ms98, 258.7 h."""
PATIENCE = 2.0
"""Seconds after which a turn that trailed off is over all the same."""
SHORTEST_PAUSE = 0.2
INVITING = 0.45
"""A pause of a story, in seconds, that invites a backchannel."""
_MOST_OVERLAP, _LONGEST_GAP = 0.6, 2.5
_MINIMUM_REPLY = 0.6
"""Seconds of a reply before anybody talks into it."""
_WAIT, _LONGEST_WAIT = (1.2, 2.6), 3.2
"""Seconds by which a slow agent is slower than people, and the most that it is silent before it answers."""


class Kind(StrEnum):
    """Whose sound it is."""

    turn = "turn"
    backchannel = "backchannel"
    side = "side"
    noise = "noise"
    reply = "reply"
    murmur = "murmur"


@dataclass(frozen=True, slots=True)
class Sound:
    """Something that is heard from `start` to `end`, in seconds.

    Attributes:
        kind: whose it is.
        start: first audible moment.
        end: last one; before the clip's own end where it is broken off.
        clip: what it sounds like; None for a noise.
        spans: when there is a voice in it.
        words: absolute times.
        ducked: the agent speaks softly between these times, not sure whether to go on.
    """

    kind: Kind
    start: float
    end: float
    clip: Clip | None
    spans: tuple[tuple[float, float], ...] = ()
    words: tuple[TimedWord, ...] = ()
    ducked: tuple[tuple[float, float], ...] = ()

    @property
    def broken(self) -> bool:
        """It was not said to its end."""
        return self.clip is not None and self.end < self.start + self.clip.seconds - 0.05


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the user.

    Attributes:
        sound: when it is heard.
        over: when the agent should begin: its end, or PATIENCE later where it trailed off.
        ended: the user said all that he wanted.
        answered: when the reply is heard; the dialogue's end where it never is.
        invites: pauses in which a backchannel is welcome.
    """

    sound: Sound
    over: float
    ended: bool
    answered: float
    invites: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A dialogue's sounds, in the order of their beginnings, and its length in seconds."""

    turns: tuple[Turn, ...]
    user: tuple[Sound, ...]
    agent: tuple[Sound, ...]
    length: float


@dataclass(frozen=True, slots=True)
class Voiced:
    """An exchange as it sounds: the clips of its parts, pauses put in."""

    exchange: Exchange
    turn: Clip
    reply: Clip
    opening: Clip | None = None
    murmurs: tuple[Clip, ...] = ()
    extras: tuple[Clip, ...] = ()


def human_gap(rng: Random) -> float:
    """A floor-transfer offset in seconds; negative where the turns overlap."""
    p = rng.random()
    for (low, a), (high, b) in pairwise(GAP_QUANTILES):
        if p <= high:
            return a + (b - a) * (p - low) / (high - low)
    return GAP_QUANTILES[-1][1]


def agent_gap(rng: Random, slow: float = 0.0) -> float:
    """How long after the end of a turn the agent is heard: as people, but never before it.

    Args:
        rng: decides.
        slow: how often the agent takes longer. Who hears prompt answers alone learns that no silence of a second is
            ever an end: those that were ends are over by then.
    """
    while True:
        gap = human_gap(rng)
        if 0.05 <= gap <= 2.0:
            break
    return min(_LONGEST_WAIT, gap + rng.uniform(*_WAIT)) if slow and rng.random() < slow else gap


def placed(kind: Kind, clip: Clip, texts: Sequence[str], at: float, until: float | None = None) -> Sound:
    """A clip at a time, perhaps broken off."""
    end = at + clip.seconds if until is None else min(until, at + clip.seconds)
    spans = tuple((at + a, min(at + b, end)) for a, b in clip.spans if at + a < end)
    times = zip(texts, clip.times, strict=False)
    words = tuple(TimedWord(text, at + a, min(at + b, end)) for text, (a, b) in times if at + a < end - 0.05)
    return Sound(kind, at, end, clip, spans, words)


def pauses(sound: Sound) -> list[tuple[float, float]]:
    """Silences within it, in seconds."""
    return [(a[1], b[0]) for a, b in pairwise(sound.spans)]


@dataclass(slots=True)
class _Stage:
    rng: Random
    slow: float = 0.0
    turns: list[Turn] = field(default_factory=list)
    user: list[Sound] = field(default_factory=list)
    agent: list[Sound] = field(default_factory=list)
    free: float = 0.0
    """From here on the user's channel is free."""
    quiet: float = 0.0
    """The agent is silent from here on."""
    barge_at: float | None = None

    def exchange(self, voiced: Voiced) -> None:
        plan = voiced.exchange
        extras = list(voiced.extras)
        if voiced.opening is not None:
            at = max(self.free, self.quiet) + self.rng.uniform(0.3, 1.0)
            self._speak(placed(Kind.reply, voiced.opening, plan.opening.split(), at))
        if plan.before is not Over.nothing:
            self._between(plan, extras)
        turn = self._turn(voiced)
        start = turn.over + (self.rng.uniform(0.1, 0.6) if not turn.ended else agent_gap(self.rng, self.slow))
        self.turns.append(Turn(turn.sound, turn.over, turn.ended, start, turn.invites))
        self._reply(voiced, start, extras)

    def _speak(self, sound: Sound) -> None:
        self.agent.append(sound)
        self.quiet = max(self.quiet, sound.end)

    def _between(self, plan: Exchange, extras: list[Clip]) -> None:
        """Something in the silence that is not for the agent."""
        at = max(self.free, self.quiet) + self.rng.uniform(0.5, 1.4)
        self._disturb(plan.before, plan, extras, at)
        self.free += self.rng.uniform(0.5, 1.4)

    def _disturb(self, what: Over, plan: Exchange, extras: list[Clip], at: float) -> Sound:
        if what is Over.noise:
            sound = Sound(Kind.noise, at, at + self.rng.uniform(0.25, 1.2), None)
        else:
            script = plan.extras[len(plan.extras) - len(extras)]
            kind = Kind.side if what is Over.side else Kind.backchannel
            sound = placed(kind, extras.pop(0), script.words, at)
        self.user.append(sound)
        self.free = max(self.free, sound.end)
        return sound

    def _turn(self, voiced: Voiced) -> Turn:
        plan = voiced.exchange
        if self.barge_at is not None:
            at, self.barge_at = self.barge_at, None
        else:
            gap = max(-_MOST_OVERLAP, min(_LONGEST_GAP, human_gap(self.rng)))
            at = max(self.free + 0.3, self.quiet + (gap if self.agent else abs(gap)))
        sound = placed(Kind.turn, voiced.turn, plan.turn.words, at)
        self.user.append(sound)
        self.free = sound.end
        invites = tuple(p for p in pauses(sound) if plan.turn.kind == "story" and p[1] - p[0] >= INVITING)
        murmured = self._murmur(voiced, invites)
        if plan.cuts_in and not murmured:
            self._cut_in(voiced, sound)
        over = sound.end if plan.turn.ended else sound.end + PATIENCE
        return Turn(sound, over, plan.turn.ended, over, invites)

    def _murmur(self, voiced: Voiced, invites: Sequence[tuple[float, float]]) -> bool:
        """The agent's own backchannels."""
        said = False
        for (start, _), clip, text in zip(invites, voiced.murmurs, voiced.exchange.murmurs, strict=False):
            if self.rng.random() < 0.6:
                at = start + self.rng.uniform(0.2, 0.4)
                self._speak(placed(Kind.murmur, clip, text.split(), at))
                said = True
        return said

    def _cut_in(self, voiced: Voiced, turn: Sound) -> None:
        """The agent begins in a pause, and stops when it hears that the user goes on."""
        long = [pause for pause in pauses(turn) if pause[1] - pause[0] >= 0.5]
        if not long:
            return
        start, end = self.rng.choice(long)
        at = self.rng.uniform(start + 0.25, end - 0.1)
        stop = end + self.rng.uniform(0.2, 0.6)
        self._speak(placed(Kind.reply, voiced.reply, voiced.exchange.reply.split(), at, stop))

    def _reply(self, voiced: Voiced, start: float, extras: list[Clip]) -> None:
        plan, length = voiced.exchange, voiced.reply.seconds
        stop: float | None = None
        disturbed: list[Sound] = []
        room = length - _MINIMUM_REPLY
        if plan.during is Over.barge:
            self.barge_at = start + _MINIMUM_REPLY + self.rng.uniform(0.0, max(0.0, 0.8 * room))
            reaction = self.rng.uniform(0.2, 0.7) if self.rng.random() < 0.8 else self.rng.uniform(0.7, 1.5)
            stop = self.barge_at + reaction
            self.barge_at = min(self.barge_at, start + length - 0.1)
        elif plan.during is not Over.nothing:
            at = start + self.rng.uniform(0.3, max(0.4, 0.5 * room))
            for _ in range(len(extras) or 1):
                if at > start + length - 0.3:
                    break
                disturbed.append(self._disturb(plan.during, plan, extras, at))
                at = disturbed[-1].end + self.rng.uniform(0.6, 2.0)
        reply = placed(Kind.reply, voiced.reply, plan.reply.split(), start, stop)
        ducked = tuple(
            (s.start + self.rng.uniform(0.1, 0.3), s.end + self.rng.uniform(0.1, 0.4))
            for s in disturbed
            if self.rng.random() < 0.5
        )
        self._speak(Sound(reply.kind, start, reply.end, reply.clip, reply.spans, reply.words, ducked))


def lay_out(dialogue: Sequence[Voiced], rng: Random, slow: float = 0.0) -> Schedule:
    """Put a dialogue's sounds on a clock; the same generator gives the same times. `slow`: see `agent_gap`."""
    stage = _Stage(rng, slow, free=rng.uniform(0.2, 0.8))
    for voiced in dialogue:
        stage.exchange(voiced)
    length = max(stage.free, stage.quiet) + rng.uniform(0.5, 1.5)
    return Schedule(
        tuple(stage.turns),
        tuple(sorted(stage.user, key=lambda sound: sound.start)),
        tuple(sorted(stage.agent, key=lambda sound: sound.start)),
        length,
    )
