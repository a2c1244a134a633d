"""What a hop costs: the time from one node's `send` to the next node's loop body, per edge."""

from __future__ import annotations

import time
from dataclasses import dataclass

import anyio

from duplex.bench.measure import Measure, of_quantile
from duplex.graph import Event, Graph, In, Node, Out, Sink, Source

COMMAND = "duplex bench graph"
HOPS = 10
FRAME_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Event):
    """An event with nothing in it but its time."""


class Relay(Node):
    """Passes on what it gets: all that is measured is the way."""

    events = In(Probe)
    same = Out(Probe)

    async def run(self) -> None:
        """Relay until the input ends."""
        async for event in self.events:
            await self.same.send(event)


class Chain:
    """A source, `HOPS - 1` relays and a sink: `HOPS` edges in a row."""

    def __init__(self) -> None:
        self.graph = Graph()
        self._source = Source("source", Probe)
        self._arrived = anyio.Event()
        self._at = 0.0
        last: Out[Probe] | Out[Event] = self._source.out
        for i in range(HOPS - 1):
            relay = Relay(f"relay{i}")
            self.graph.connect(last, relay.events)
            last = relay.same
        self.graph.connect(last, Sink("sink", Probe, call=self._arrive).into)

    async def trip(self) -> float:
        """Send one event; the microseconds until it has passed every hop."""
        self._arrived = anyio.Event()
        start = time.perf_counter()
        self._source.out.send_nowait(Probe(t=0))
        await self._arrived.wait()
        return (self._at - start) * 1e6

    def _arrive(self, event: Event) -> None:
        self._at = time.perf_counter()
        self._arrived.set()


def run(trips: int = 5_000, paced_trips: int = 250) -> list[Measure]:
    """Measure a hop when events follow each other closely, and ten hops when they come every 20 ms."""
    return anyio.run(_measure, trips, paced_trips)


async def _measure(trips: int, paced_trips: int) -> list[Measure]:
    chain = Chain()
    async with chain.graph:
        for _ in range(trips // 10):  # the interpreter specialises bytecode that runs often
            await chain.trip()
        close = [await chain.trip() / HOPS for _ in range(trips)]
        paced = []
        for _ in range(paced_trips):
            await anyio.sleep(FRAME_SECONDS)
            paced.append(await chain.trip())
    return [
        of_quantile("graph.hop_us", close, "us", COMMAND),
        of_quantile("graph.paced10_us", paced, "us", COMMAND),
    ]
