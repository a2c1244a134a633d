"""What runs in the graph: a node is one coroutine with typed ports.

A node does I/O and nothing else. What has to be decided is decided by machines, which are plain objects with
`on(event) -> actions` and neither wait nor look at a clock; `MachineNode` carries one into the graph.
"""

from __future__ import annotations

import asyncio
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import anyio

from duplex.graph.clock import Clock
from duplex.graph.edge import Edge
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired, to_ticks
from duplex.graph.port import In, Out, Port

Action = Event | SetTimer | CancelTimer
"""What a machine may answer: an event to send, or a wish about its timers."""


@dataclass(frozen=True, slots=True)
class Restart:
    """How a node that crashed is started again; the rule is that of Erlang/OTP's supervisors.

    Attributes:
        times: at most so many restarts ...
        within: ... in any so many seconds; one crash more, and the graph ends with it.
        backoff: seconds before the first restart; each further one within the window waits twice as long.
    """

    times: int = 3
    within: float = 60.0
    backoff: float = 0.1

    def delay(self, crashes: list[int], now: int) -> float | None:
        """Seconds to wait before the next start, or None to give up.

        Args:
            crashes: when the node crashed so far, in ticks, this crash included.
            now: the current time in ticks.
        """
        recent = sum(t > now - to_ticks(self.within) for t in crashes)
        return None if recent > self.times else self.backoff * 2 ** (recent - 1)


class Node(ABC):
    """One coroutine with typed ports.

    Its outputs close when `run` returns, so a graph whose sources end comes to its end by itself. Ports and
    what waits in them outlive a restart; `run` starts anew.

    Attributes:
        name: unique in its graph; by default the class's name in lower case.
        clock: the session's clock, from the moment the graph runs.
        restart: what happens when `run` raises: None ends the graph with that error.
    """

    restart: ClassVar[Restart | None] = None
    clock: Clock

    def __init__(self, name: str | None = None) -> None:
        self.name = name or type(self).__name__.lower()

    @abstractmethod
    async def run(self) -> None:
        """Read inputs and write outputs until there is nothing left to do."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def ports(self) -> list[Port[Any]]:
        """All ports, in the order of their declaration."""
        names = dict.fromkeys(name for cls in reversed(type(self).__mro__) for name in vars(cls))
        declared = [getattr(self, name) for name in names if isinstance(getattr(type(self), name), Port)]
        own = [port for port in vars(self).values() if isinstance(port, Port) and port not in declared]
        return declared + own

    def inputs(self) -> list[In[Any]]:
        """The input ports, in the order of their declaration."""
        return [port for port in self.ports() if isinstance(port, In)]

    def outputs(self) -> list[Out[Any]]:
        """The output ports, in the order of their declaration."""
        return [port for port in self.ports() if isinstance(port, Out)]


class Machine(Protocol):
    """A sans-IO state machine: everything it knows of the world, time included, comes in through `on`."""

    def on(self, event: Event) -> Iterable[Action]:
        """Take one event, `TimerFired` among them, and say what follows."""


class MachineNode(Node):
    """Runs a machine: events in, events out, timers on the session's clock.

    A timer that fires queues up behind the events that came before it. One that is moved or cancelled while
    it waits there is not delivered any more. The node ends when its input has ended and no timer is set.

    Args:
        machine: what decides.
        name: the node's name.
        takes: the event types its input `events` accepts.
        gives: the event types its output `actions` sends.
    """

    events: In[Event]
    actions: Out[Event]

    def __init__(
        self, machine: Machine, name: str, *, takes: tuple[type[Event], ...], gives: tuple[type[Event], ...]
    ) -> None:
        super().__init__(name)
        self.machine = machine
        self.events = In(*takes, owner=self, name="events")
        self.actions = Out(*gives, owner=self, name="actions")
        self._timers: dict[str, tuple[TimerFired, asyncio.Handle]] = {}
        # Timers come in through one more edge, so that they keep their place among the events.
        self._fired = Edge(f"{name}.timers", capacity=sys.maxsize, feedback=True)
        self._fired.closed = True
        self.events.attach(self._fired)

    async def run(self) -> None:
        """Feed the machine until its input has ended and no timer is set."""
        try:
            async for event in self.events:
                if not isinstance(event, TimerFired) or self._is_due(event):
                    for action in self.machine.on(event):
                        await self._do(action)
                self.events.held = bool(self._timers)
        finally:
            for timer in list(self._timers):
                self._cancel(timer)

    async def _do(self, action: Action) -> None:
        if isinstance(action, SetTimer):
            self._cancel(action.id)
            fired = TimerFired(t=action.at, id=action.id)
            self._timers[action.id] = fired, self.clock.call_at(action.at, self._fired.push, fired)
        elif isinstance(action, CancelTimer):
            self._cancel(action.id)
        else:
            await self.actions.send(action)

    def _cancel(self, timer: str) -> None:
        if timer in self._timers:
            self._timers.pop(timer)[1].cancel()

    def _is_due(self, event: TimerFired) -> bool:
        """Whether the timer still stands as it did when it fired; then it is spent."""
        due = event.id in self._timers and self._timers[event.id][0] is event
        if due:
            del self._timers[event.id]
        return due


class Source(Node):
    """Lets events into the graph from outside: `source.out.send_nowait(event)`, until `close()`.

    Args:
        name: the node's name.
        types: what may be sent.
    """

    out: Out[Event]

    def __init__(self, name: str, *types: type[Event]) -> None:
        super().__init__(name)
        self.out = Out(*types, owner=self, name="out")
        self._closed = anyio.Event()

    async def run(self) -> None:
        """Stay open until closed."""
        await self._closed.wait()

    def close(self) -> None:
        """Nothing more will come: whatever reads from here comes to its end."""
        self._closed.set()


class Sink(Node):
    """Hands every event to a function outside the graph.

    Args:
        name: the node's name.
        types: what is taken.
        call: is called with each event; it must not block.
    """

    into: In[Event]

    def __init__(self, name: str, *types: type[Event], call: Callable[[Event], object]) -> None:
        super().__init__(name)
        self.into = In(*types, owner=self, name="into")
        self._call = call

    async def run(self) -> None:
        """Call until the input ends."""
        async for event in self.into:
            self._call(event)
