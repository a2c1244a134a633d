"""Tool queries that leave while the user still speaks: when to ask, when to ask anew, and what to use at the end. Pure.

Three policies (Stream RAG, Arora et al. 2025): after the end; at fixed intervals, with a reflector that keeps the
earliest query whose results equal the final query's; and triggered, where a new query replaces the running one. What
triggers here is no model but a cheap look at the index itself: a query is worth its cost once the best document has
changed and seems to stay. Only reads are asked on a guess; whoever carries out `Ask` sees to that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from duplex.graph.event import to_ticks

Policy = Literal["end", "interval", "triggered"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the index finds for the user's stable words so far.

    Attributes:
        t: ticks.
        query: the words.
        best: the best documents' ids, best first.
        margin: how far the best is ahead of the second, 0..1: one minus the ratio of their scores.
    """

    t: int
    query: str
    best: tuple[str, ...] = ()
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended(Look):
    """The same for the final words: the user has finished, or may have."""


@dataclass(frozen=True, slots=True)
class WentOn:
    """The user has not finished after all."""

    t: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """A call's result is there."""

    t: int
    call: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Call the tool; the call is known by its number from then on."""

    call: int
    query: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Cancel the call: nobody waits for it."""

    call: int


@dataclass(frozen=True, slots=True)
class Use:
    """Answer from this call's result, which is there."""

    call: int


Input = Look | WentOn | Arrived
Action = Ask | Drop | Use


@dataclass(frozen=True, slots=True)
class SpeculationSettings:
    """When to ask. `settle` and `sure` were set on the development questions about lakes.

    Attributes:
        policy: see the module.
        budget: calls on a guess in a turn; the final one is always allowed.
        interval: seconds between two calls of the fixed interval.
        settle: looks for which the best document must have stayed before it is asked for.
        sure: margin from which on one look is enough.
        depth: how many of the best documents must be equal for a result to stand.
    """

    policy: Policy = "triggered"
    budget: int = 3
    interval: float = 1.0
    settle: int = 2
    sure: float = 0.2
    depth: int = 1


@dataclass(slots=True)
class _Call:
    number: int
    best: tuple[str, ...]
    arrived: bool = False


@dataclass(slots=True)
class Speculation:
    """One turn's queries: `on(event) -> actions`. A new turn has a new one.

    Attributes:
        asked: calls so far, the dropped and the final one included.
    """

    settings: SpeculationSettings = field(default_factory=SpeculationSettings)
    asked: int = 0
    _calls: list[_Call] = field(default_factory=list)
    """Those that were not dropped, oldest first."""
    _top: str = ""
    _stayed: int = 0
    _last: int | None = None
    _chosen: int | None = None
    """The call that answers, once the user has finished."""

    def on(self, event: Input) -> list[Action]:
        """Take what happened; say what follows."""
        match event:
            case Ended():
                return self._end(event)
            case Look():
                return self._look(event)
            case WentOn():
                self._chosen = None
            case Arrived():
                return self._arrive(event)
        return []

    def _look(self, look: Look) -> list[Action]:
        if self._chosen is not None or not look.best or self.asked >= self.settings.budget:
            return []
        if self.settings.policy == "interval":
            due = self._last is None or look.t >= self._last + to_ticks(self.settings.interval)
            return self._ask(look) if due else []
        if self.settings.policy == "triggered":
            return self._trigger(look)
        return []

    def _trigger(self, look: Look) -> list[Action]:
        """Ask when the best document is another than the one asked for, and stays."""
        self._stayed = self._stayed + 1 if look.best[0] == self._top else 1
        self._top = look.best[0]
        settled = self._stayed >= self.settings.settle or look.margin >= self.settings.sure
        if not settled or (self._calls and self._calls[-1].best[:1] == look.best[:1]):
            return []
        return [*self._drop(self._calls), *self._ask(look)]

    def _end(self, look: Ended) -> list[Action]:
        """Keep the earliest call that found what the final words find; else ask for them."""
        depth = self.settings.depth
        standing = [call for call in self._calls if call.best[:depth] == look.best[:depth]]
        if not standing:
            return [*self._drop(self._calls), *self._ask(look, final=True)]
        kept = standing[0]
        self._chosen = kept.number
        actions = self._drop([call for call in self._calls if call is not kept])
        return [*actions, Use(kept.number)] if kept.arrived else actions

    def _arrive(self, event: Arrived) -> list[Action]:
        for call in self._calls:
            if call.number == event.call:
                call.arrived = True
                return [Use(call.number)] if self._chosen == call.number else []
        return []

    def _ask(self, look: Look, final: bool = False) -> list[Action]:
        self.asked += 1
        self._last = look.t
        self._calls.append(_Call(self.asked, look.best))
        if final:
            self._chosen = self.asked
        return [Ask(self.asked, look.query)]

    def _drop(self, calls: list[_Call]) -> list[Action]:
        self._calls = [call for call in self._calls if call not in calls]
        return [Drop(call.number) for call in calls]
