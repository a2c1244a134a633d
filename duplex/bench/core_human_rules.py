"""What the core and the rules do with one recording of a person's speech, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from duplex.bench.core_floor import Trial, commits, yields
from duplex.bench.core_human_stage import Stage
from duplex.bench.core_rules import SmartTurn, any_voice, by_silence
from duplex.core.decide import Act, Rule
from duplex.core.follow import Followed, acts, audible
from duplex.core.judge import AFTER, EARLY, IN_TIME, Ends
from duplex.core.turns import Turn
from duplex.dialogue.anticipation import Reliance

FLOOR = "floor"
"""The floor without the core: named beforehand as the rule that is best overall."""
SILENCES = (0.5, 0.7, 1.0)


@dataclass(frozen=True, slots=True)
class Tried:
    """A recording, staged, and what the core said of it; None where it was not asked."""

    stage: Stage
    trial: Trial
    followed: Followed | None = None

    @property
    def turn(self) -> Turn:
        """The user's."""
        assert self.stage.turn is not None
        return self.stage.turn


@dataclass(frozen=True, slots=True)
class Ended:
    """What was done with one turn: whether it was cut into, at which pauses, and how late its end was taken for one.

    `delay` is None where it was cut off and not taken up again, and where the recording goes no further.
    """

    cut: bool
    pauses: tuple[bool, ...]
    delay: float | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """What was done about what was heard over the agent's speech.

    Attributes:
        held: the agent went on.
        false: it stopped before the voice that wanted the floor.
        in_time, at_all: it stopped for that one, within 450 ms, or while it lasted.
    """

    held: bool
    false: bool
    in_time: bool
    at_all: bool


Decide = Callable[[Tried], Sequence[float]]
"""When it is decided, in seconds."""


def ending_rules(
    core: Rule | None, uses: Mapping[str, Reliance], smart: SmartTurn | None
) -> dict[str, Decide]:
    """What says that a turn is over, by name.

    Args:
        core: the rule of the core by itself; None for without.
        uses: how far the floor relies on the core.
        smart: smart-turn; None where it cannot be had.
    """
    rules: dict[str, Decide] = {FLOOR: partial(_by_floor, reliance=None)}
    rules |= {name: partial(_by_floor, reliance=reliance) for name, reliance in uses.items()}
    if core is not None:
        rules["core"] = partial(_by_core, rule=core, wanted=Act.COMMIT)
    rules |= {f"silence_{1e3 * each:.0f}": partial(_by_timer, seconds=each) for each in SILENCES}
    if smart is not None:
        rules["smart_turn"] = lambda tried: smart.commits(tried.stage.scene, tried.turn)
    return rules


def stopping_rules(core: Rule | None, uses: Mapping[str, Reliance]) -> dict[str, Decide]:
    """What stops the agent, by name; see `ending_rules`."""
    rules: dict[str, Decide] = {FLOOR: partial(_yields, reliance=None)}
    rules |= {name: partial(_yields, reliance=reliance) for name, reliance in uses.items()}
    if core is not None:
        rules["core"] = partial(_by_core, rule=core, wanted=Act.YIELD)
    rules["any_voice"] = lambda tried: any_voice(tried.stage.scene, audible(tried.stage.scene.dialogue))
    return rules


def ended(tried: Tried, decide: Decide) -> Ended:
    """Judge a rule on a turn."""
    found = Ends()
    found.add([tried.turn], decide(tried))
    delay = found.delays[0] if found.delays and tried.stage.clip.ended else None
    return Ended(found.cuts[0], tuple(found.pauses), delay)


def stopped(tried: Tried, decide: Decide) -> Stopped:
    """Judge a rule on what is heard over the agent's speech."""
    assert tried.stage.agent is not None
    first, last = tried.stage.agent
    at = [t for t in decide(tried) if first <= t <= last]
    if not tried.stage.clip.claims:
        return Stopped(not at, False, False, False)
    onset, end = tried.stage.spans[0][0], tried.stage.spans[-1][1]
    due = [t for t in at if onset - EARLY <= t <= end + AFTER]
    return Stopped(
        held=not at,
        false=any(t < onset - EARLY for t in at),
        in_time=any(t <= onset + IN_TIME for t in due),
        at_all=bool(due),
    )


def _by_floor(tried: Tried, reliance: Reliance | None) -> Sequence[float]:
    return commits(tried.trial, tried.turn, reliance=reliance)


def _by_timer(tried: Tried, seconds: float) -> Sequence[float]:
    return by_silence(tried.stage.scene, tried.turn, seconds)


def _by_core(tried: Tried, rule: Rule, wanted: Act) -> Sequence[float]:
    assert tried.followed is not None
    return [t for t, act in acts(tried.followed.sights, rule) if act is wanted]


def _yields(tried: Tried, reliance: Reliance | None) -> Sequence[float]:
    assert tried.stage.agent is not None
    return yields(tried.trial, [tried.stage.agent], reliance=reliance)
