"""What happens in a dialogue, before anything is said: who speaks of what, and what comes in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from duplex.core.data.grammar import expand, families
from duplex.core.data.lexicon import Split, lexicon
from duplex.core.data.scripts import Habits, Script, Writer


class Over(StrEnum):
    """What happens while the agent answers, or in the silence before a turn."""

    nothing = "nothing"
    backchannel = "backchannel"
    barge = "barge"
    side = "side"
    noise = "noise"


_DURING = {Over.nothing: 0.3, Over.backchannel: 0.24, Over.barge: 0.24, Over.side: 0.11, Over.noise: 0.11}
_BEFORE = {Over.nothing: 0.8, Over.side: 0.12, Over.noise: 0.08}
_FOLLOW_UPS = (
    "There is one more thing that I should mention. It may take a little longer than usual, because many "
    "people ask for it at this time of the year.",
    "If you like, I can also tell you more about the other possibilities, and what each of them would mean for you.",
    "Please keep in mind that this can change at any time. I would write it down, just to be safe.",
    "Let me explain how that works. First of all there is a short waiting time, then you get a confirmation, "
    "and after that everything goes by itself.",
)
_GREETINGS = (
    "Hello! How can I help you?",
    "Good morning. What can I do for you today?",
    "Welcome. I am listening.",
    "Hi there! What would you like to know?",
)
_MURMURS = ("mhm", "uh-huh", "I see", "right", "yeah")
_OK = ("okay", "alright", "very well", "I am listening")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn of the user and what the agent answers.

    Attributes:
        before: what is heard in the silence before the turn.
        opening: what the agent says to begin with; empty for nothing.
        turn: what the user says.
        cuts_in: the agent mistakes a pause for the end, and has to stop again.
        murmurs: the agent's own backchannels, one for each invitation that it takes.
        reply: what the agent answers.
        during: what happens while it does. A barge-in is the next exchange's turn.
        extras: what `before` and `during` say, in this order; none for noises.
    """

    turn: Script
    reply: str
    opening: str = ""
    before: Over = Over.nothing
    during: Over = Over.nothing
    cuts_in: bool = False
    murmurs: tuple[str, ...] = ()
    extras: tuple[Script, ...] = ()


def plan(
    split: Split, rng: Random, count: int, sentences: Sequence[tuple[str, ...]] = ()
) -> tuple[Exchange, ...]:
    """A dialogue of `count` exchanges.

    Args:
        split: whose families and words.
        rng: decides.
        count: at least 1.
        sentences: turns from elsewhere, as words.
    """
    patience = Habits(
        pause=rng.uniform(0.02, 0.09), filler=rng.uniform(0.02, 0.3), repair=rng.uniform(0, 0.2)
    )
    writer = Writer(split, families(split), lexicon(split), rng, sentences, patience)
    exchanges: list[Exchange] = []
    for number in range(count):
        barged = bool(exchanges) and exchanges[-1].during is Over.barge
        exchanges.append(_exchange(writer, number, barged))
    last = exchanges[-1]
    if last.during is Over.barge:  # nobody is left to barge in
        exchanges[-1] = replace(last, during=Over.nothing)
    return tuple(exchanges)


def _exchange(writer: Writer, number: int, barged: bool) -> Exchange:
    rng = writer.rng
    turn = _interruption(writer) if barged else writer.turn()
    opening = "" if barged else turn.agent
    if number == 0 and not opening and rng.random() < 0.6:
        opening = rng.choice(_GREETINGS)
    before = Over.nothing if barged else _drawn(_BEFORE, rng)
    during = _drawn(_DURING, rng)
    extras = []
    if before is Over.side:
        extras.append(writer.side())
    if during is Over.side:
        extras.append(writer.side())
    elif during is Over.backchannel:
        extras += [writer.phrase("bc", "backchannel") for _ in range(rng.randint(1, 2))]
    return Exchange(
        turn=turn,
        reply=_reply(writer, turn, during),
        opening=opening,
        before=before,
        during=during,
        cuts_in=rng.random() < 0.08,
        murmurs=tuple(rng.choice(_MURMURS) for _ in range(8)) if rng.random() < 0.5 else (),
        extras=tuple(extras),
    )


def _interruption(writer: Writer) -> Script:
    """A turn that takes the floor from the agent: a stop, a correction, or simply the next question."""
    rng = writer.rng
    kind = rng.random()
    if kind < 0.3:
        return writer.phrase("stop", "interruption")
    if kind < 0.6:
        return writer.turn(rng.choice([f for f in writer.families if f.kind == "correction"]))
    turn = writer.turn(rng.choice([f for f in writer.families if f.kind not in ("side", "story", "answer")]))
    if kind < 0.8:
        stop = writer.phrase("stop", "interruption")
        size = len(stop.words)
        return replace(
            turn,
            words=(*stop.words, *turn.words),
            pauses=(*stop.pauses[:-1], rng.choice((0.0, 0.25, 0.4)), *turn.pauses),
            may_end=frozenset({size} | {at + size for at in turn.may_end}),
            fillers=frozenset(at + size for at in turn.fillers),
        )
    return turn


def _reply(writer: Writer, turn: Script, during: Over) -> str:
    """The answer, long enough for what happens while it is given."""
    rng = writer.rng
    if turn.kind == "interruption":
        reply = rng.choice(_OK).capitalize() + "."
    elif turn.reply:
        reply = turn.reply
    else:
        other = rng.choice([family for family in writer.families if family.reply])
        reply = expand(rng.choice(other.reply), writer.lexicon, rng).text
    if during is not Over.nothing or rng.random() < 0.25:
        reply = f"{reply} {rng.choice(_FOLLOW_UPS)}"
    return reply


def _drawn(shares: dict[Over, float], rng: Random) -> Over:
    return rng.choices(list(shares), list(shares.values()))[0]
