"""From what the core says of each frame to what the agent does: the rule of the controller. Pure.

While the agent is silent: EAGER as an end seems near, RESUMED when it does not come, COMMIT when the turn is over.
While it speaks: DUCK at a voice, then YIELD to one that takes the floor, or HOLD, to go on, where it did not.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path

from duplex.core.runtime.outputs import CoreOutput
from duplex.core.streams.layout import FRAME_SECONDS

RULE = "rule.json"
"""The rule beside the weights that it was chosen for."""
SOON = 0.64
"""Seconds within which an end is worth a speculation."""
_CERTAIN = 6.0
"""Log-odds beyond which more certainty tells nothing more."""
_OVERDUE = 10
"""Frames of voice after which a speculation is given up: more was said than it knows of."""
_CALM = 3
"""Frames without a voice after which an overlap is over."""


class Act(StrEnum):
    """What follows from a frame."""

    EAGER = "eager"
    """The user will be done soon: prepare a reply."""
    RESUMED = "resumed"
    """He is not: drop it."""
    COMMIT = "commit"
    """The turn is over: speak."""
    DUCK = "duck"
    """Someone speaks over the agent: speak softly."""
    YIELD = "yield"
    """The user takes the floor: stop."""
    HOLD = "hold"
    """What was heard wants nothing: go on, as loud as before."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Thresholds; `duplex train tune` chooses them on validation dialogues.

    Attributes:
        eager: the least P(the turn ends within 640 ms) that is worth a speculation.
        keep: of `eager`, the share below which a speculation is dropped.
        commit: the least evidence, 0..1, that the turn is over.
        weights: of the evidence: log-odds of the hazard, of the state, of completeness, the logarithm of the
            silence in frames, and a constant.
        timeout: seconds of silence that end a turn whatever the evidence.
        voice: P(the user speaks) from which he does.
        duck: P(a person is heard over the agent) at which it speaks softly.
        take: the least P(takes the floor) that stops it.
        frames: so many in a row.
    """

    eager: float = 0.5
    keep: float = 0.5
    commit: float = 0.6
    weights: tuple[float, float, float, float, float] = (0.4, 0.4, 0.3, 0.8, 0.0)
    timeout: float = 1.6
    voice: float = 0.5
    duck: float = 0.5
    take: float = 0.5
    frames: int = 2

    def save(self, path: Path, **told: object) -> None:
        """Write JSON: the rule, and beside it what else is to be known of it."""
        path.write_text(json.dumps({"rule": asdict(self), **told}, indent=2) + "\n", encoding="utf-8")


def load_rule(path: Path) -> Rule:
    """Read what `Rule.save` wrote.

    Raises:
        OSError: there is no such file.
        ValueError: it is no rule.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["rule"]
        weights = tuple(float(weight) for weight in told.pop("weights"))
        if set(told) | {"weights"} != {item.name for item in fields(Rule)} or len(weights) != 5:
            raise ValueError("its entries are not those of a rule")
        numbers = {name: float(value) for name, value in told.items()}
        if not all(math.isfinite(number) for number in (*numbers.values(), *weights)):
            raise ValueError("a number is not finite")
        numbers["frames"] = int(numbers["frames"])
        return Rule(**numbers, weights=weights)  # type: ignore[arg-type]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is no rule: {error}") from error


@dataclass(frozen=True, slots=True)
class Sight:
    """A frame as the rule sees it; all but `agent` are probabilities.

    Attributes:
        over: the turn is over.
        soon: it will be within 640 ms.
        start: the state is start, and not hold or listen.
        complete: the words are all of the turn.
        user: the user's voice.
        ignore: the voice does not speak to the agent.
        takes: an overlap takes the floor.
        person: an overlap is a person's.
        agent: the agent is heard.
    """

    over: float = 0.0
    soon: float = 0.0
    start: float = 0.0
    complete: float = 0.0
    user: float = 0.0
    ignore: float = 0.0
    takes: float = 0.0
    person: float = 0.0
    agent: bool = False

    @classmethod
    def of(cls, output: CoreOutput, agent: bool) -> Sight:
        """What the core said, and whether the agent is heard."""
        start = output.p_state("start")
        waits = output.p_state("hold") + output.p_state("backchannel") + output.p_state("listen")
        return cls(
            over=output.ends_within(0.0),
            soon=output.ends_within(SOON),
            start=start / max(1e-6, start + waits),
            complete=output.complete,
            user=output.user,
            ignore=output.p_state("ignore"),
            takes=(output.p_overlap("takes_floor") + output.p_state("yield")) / 2,
            person=sum(output.p_overlap(name) for name in ("backchannel", "takes_floor", "not_addressed")),
            agent=agent,
        )


def log_odds(p: float) -> float:
    """Of a probability, within -6..6."""
    p = min(max(p, 1e-6), 1 - 1e-6)
    return max(-_CERTAIN, min(_CERTAIN, math.log(p / (1 - p))))


def signs(sight: Sight, silent: int) -> tuple[float, float, float, float, float]:
    """What the evidence of an end is the weighted sum of; `silent`: frames since the user's voice."""
    return (
        log_odds(sight.over),
        log_odds(sight.start),
        log_odds(sight.complete),
        math.log1p(silent),
        1.0,
    )


def evidence(sight: Sight, silent: int, weights: tuple[float, ...]) -> float:
    """P(the turn is over), of all heads together."""
    total = sum(w * s for w, s in zip(weights, signs(sight, silent), strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


class Decider:
    """`on(sight) -> acts`, once a frame. It knows no clock: a frame is 80 ms."""

    def __init__(self, rule: Rule | None = None) -> None:
        self.rule = rule or Rule()
        self._open = False
        """The user's turn has begun and is not answered."""
        self._eager = False
        self._waited = 0
        """Frames of the user's voice since the speculation began."""
        self._committed = False
        """The turn was taken for ended, and no reply was heard yet."""
        self._voiced = self._silent = 0
        """Frames in a row with and without the user's voice."""
        self._ducked = self._yielded = False
        self._claims = self._calm = 0

    def on(self, sight: Sight) -> list[Act]:
        """Take a frame; say what follows from it, in order."""
        speaks = sight.user >= self.rule.voice
        self._voiced, self._silent = (self._voiced + 1, 0) if speaks else (0, self._silent + 1)
        return self._overlap(sight) if sight.agent else self._turn(sight)

    def _turn(self, sight: Sight) -> list[Act]:
        acts = [Act.HOLD] if self._ducked else []  # what it says next is as loud as ever
        self._ducked = self._yielded = False
        self._claims = self._calm = 0
        if not self._open:
            if self._voiced < 2 or sight.ignore >= 0.5:
                return acts
            if self._committed:
                acts.append(Act.RESUMED)
            self._open, self._eager, self._committed = True, False, False
        return [*acts, *self._ending(sight)]

    def _ending(self, sight: Sight) -> list[Act]:
        acts: list[Act] = []
        if not self._eager and sight.soon >= self.rule.eager:
            self._eager, self._waited = True, 0
            acts.append(Act.EAGER)
        elif self._eager:
            self._waited += self._voiced > 0
            if sight.soon < self.rule.eager * self.rule.keep or self._waited > _OVERDUE:
                self._eager = False
                acts.append(Act.RESUMED)
        if self._silent and self._is_over(sight):
            acts += [Act.COMMIT] if self._eager else [Act.EAGER, Act.COMMIT]
            self._open, self._eager, self._committed = False, False, True
        return acts

    def _is_over(self, sight: Sight) -> bool:
        if self._silent * FRAME_SECONDS >= self.rule.timeout - 1e-6:
            return True
        return evidence(sight, self._silent, self.rule.weights) >= self.rule.commit

    def _overlap(self, sight: Sight) -> list[Act]:
        acts: list[Act] = []
        if self._eager:
            acts.append(Act.RESUMED)
        self._open = self._eager = self._committed = False
        self._calm = 0 if sight.person >= self.rule.duck else self._calm + 1
        self._claims = self._claims + 1 if sight.takes >= self.rule.take else 0
        if self._calm == 0 and not (self._ducked or self._yielded):
            self._ducked = True
            acts.append(Act.DUCK)
        if self._claims >= self.rule.frames and not self._yielded:
            self._yielded, self._ducked = True, False
            acts.append(Act.YIELD)
        if self._calm >= _CALM:
            if self._ducked:
                acts.append(Act.HOLD)
            self._ducked = self._yielded = False
        return acts
