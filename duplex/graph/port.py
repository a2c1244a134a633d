"""Where a node meets its edges: typed inputs and outputs, declared on the node's class.

    class Gain(Node):
        audio = In(UserAudio)
        louder = Out(UserAudio)

        async def run(self) -> None:
            async for frame in self.audio:
                await self.louder.send(replace(frame, pcm=frame.pcm * 2))

The declaration is what the graph checks when it is built. As with `functools.cached_property`, the first
access through an instance makes the instance's own port, and later ones cost a plain attribute read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from itertools import count
from types import coroutine
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

import anyio

from duplex.graph.edge import Edge
from duplex.graph.event import Event

if TYPE_CHECKING:
    from duplex.graph.node import Node

T = TypeVar("T", bound=Event)


@coroutine
def pause() -> Generator[None, None, None]:
    """Let other tasks run once: a checkpoint without its bookkeeping."""
    yield


class Port(Generic[T]):
    """What inputs and outputs have in common: a place on a node, the event types it carries, its edges."""

    def __init__(self, *types: type[T], owner: Node | None = None, name: str = "") -> None:
        if not types or not all(isinstance(kind, type) and issubclass(kind, Event) for kind in types):
            raise TypeError(f"a port declares the Event types it carries, not {types!r}")
        self.types: tuple[type[T], ...] = types
        self.owner = owner
        self.name = name
        self.edges: list[Edge] = []

    def __set_name__(self, owner: type[Node], name: str) -> None:
        self.name = name

    def __get__(self, node: Node | None, owner: type[Node]) -> Self:
        if node is None:
            return self
        port: Self = self._bound(node)
        node.__dict__[self.name] = port
        return port

    def __str__(self) -> str:
        return f"{self.owner.name}.{self.name}" if self.owner else self.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}: {' | '.join(kind.__name__ for kind in self.types)}>"

    def _bound(self, node: Node) -> Self:
        return type(self)(*self.types, owner=node, name=self.name)


class In(Port[T]):
    """An input: `async for event in port`, or `await port.receive()`. One task at a time may read it.

    Several edges may feed it; their events come in the order in which they were sent. It ends when every
    sender has ended and all has been read. An input that is not connected is at its end.

    Args:
        types: the event types it accepts; any subclass of one is accepted too.
        optional: the graph may leave it unconnected.
    """

    def __init__(
        self, *types: type[T], optional: bool = False, owner: Node | None = None, name: str = ""
    ) -> None:
        super().__init__(*types, owner=owner, name=name)
        self.optional = optional
        self.held = False
        """True keeps the input open when all its senders have ended."""
        self._order = count().__next__
        self._waiter: asyncio.Future[None] | None = None

    def _bound(self, node: Node) -> Self:
        return type(self)(*self.types, optional=self.optional, owner=node, name=self.name)

    def attach(self, edge: Edge) -> None:
        """Let `edge` feed this input."""
        edge.order, edge.wake = self._order, self._wake
        self.edges.append(edge)

    def receive_nowait(self) -> T:
        """The next event.

        Raises:
            anyio.WouldBlock: there is none now.
            anyio.EndOfStream: there will be none any more.
        """
        event = self._take()
        if event is not None:
            return event
        raise anyio.EndOfStream if self.ended else anyio.WouldBlock

    async def receive(self) -> T:
        """Wait for the next event. It returns at once where one is there, and never loses one when cancelled.

        Raises:
            anyio.EndOfStream: there will be none any more.
            anyio.BusyResourceError: another task is reading.
        """
        while (event := self._take()) is None:
            if self.ended:
                raise anyio.EndOfStream
            if self._waiter is not None:
                raise anyio.BusyResourceError(f"reading from {self}")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return event

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    @property
    def ended(self) -> bool:
        """Whether nothing is left and nothing more can come.

        Feedback keeps no input open, unless it is all there is: its sender may wait for this node to end.
        """
        if self.held:
            return False
        forward = [edge for edge in self.edges if not edge.feedback] or self.edges
        return all(edge.closed for edge in forward) and all(edge.head is None for edge in self.edges)

    def _take(self) -> T | None:
        edges = self.edges
        if len(edges) == 1:
            return cast("T | None", edges[0].pop())
        while waiting := [(edge.head, edge) for edge in edges if edge.head is not None]:
            _, first = min(waiting, key=_arrival)
            if (event := first.pop()) is not None:
                return cast(T, event)
        return None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _arrival(item: tuple[int | None, Edge]) -> int:
    return item[0] or 0


class Out(Port[T]):
    """An output: every edge that leaves it carries every event. An output that is not connected discards.

    Args:
        types: the event types it sends; any subclass of one may be sent too.
    """

    async def send(self, event: T) -> None:
        """Send to every edge, wait where a BLOCK edge is full, and let other tasks run.

        Raises:
            TypeError: the port does not declare this type of event.
        """
        self._check(event)
        for edge in self.edges:
            while edge.blocked and edge.carries(event):
                await edge.room()
            edge.push(event)
        await pause()

    def send_nowait(self, event: T) -> None:
        """Send to every edge, or to none.

        Raises:
            anyio.WouldBlock: a BLOCK edge is full.
            TypeError: the port does not declare this type of event.
        """
        self._check(event)
        if any(edge.blocked and edge.carries(event) for edge in self.edges):
            raise anyio.WouldBlock
        for edge in self.edges:
            edge.push(event)

    def _check(self, event: Any) -> None:
        if not isinstance(event, self.types):
            raise TypeError(f"{self} sends {self.types}, not {type(event).__name__}")
