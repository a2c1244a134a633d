"""The agents that the relay's measures run: loaded once, the events of their sessions kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio

from duplex.evals.contender import AgentContender
from duplex.evals.drivers.virtual import replay_virtual
from duplex.evals.prepare import Prepared
from duplex.evals.record import Replay
from duplex.evals.scenario import Scenario
from duplex.evals.side import Contender, Side
from duplex.graph import Event
from duplex.graph.virtual import Mode
from duplex.transport.costs import read_costs


class Tapped:
    """An agent whose events are kept: those of the scenario that was run last."""

    def __init__(self, inner: AgentContender) -> None:
        self.events: list[Event] = []
        self._inner = inner
        self.name, self.voices = inner.name, inner.voices
        self.load, self.aclose = inner.load, inner.aclose

    @asynccontextmanager
    async def side(self, scenario: Scenario) -> AsyncIterator[Side]:
        """A session, heard."""
        self.events = []
        async with self._inner.side(scenario) as side:
            side.subscribe(self.events.append)
            yield side


@contextmanager
def running(contender: Tapped) -> Iterator[None]:
    """Its models are loaded meanwhile."""
    anyio.run(contender.load)
    try:
        yield
    finally:
        anyio.run(contender.aclose)


def in_virtual_time(compute: Mode, prepared: Prepared, contender: Contender) -> Replay:
    """A replay; at fixed costs it depends neither on the machine nor on its load."""
    return replay_virtual(prepared, contender, compute, read_costs() if compute == "fixed" else None)
