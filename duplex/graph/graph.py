"""Nodes and edges become one running thing: checked when built, one task group while it runs.

graph = Graph()
graph.connect(microphone.out, vad.audio, overflow=Overflow.DROP_OLDEST, max_age=to_ticks(0.2))
graph.connect(vad.voice, floor.events)
await graph.run()
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup

from duplex.graph.check import Connection, GraphError, complaints
from duplex.graph.clock import Clock
from duplex.graph.edge import Edge, EdgeStatistics, Overflow
from duplex.graph.event import Event
from duplex.graph.log import watcher
from duplex.graph.node import Node
from duplex.graph.port import In, Out

logger = logging.getLogger(__name__)


class Graph:
    """A graph of nodes. Build it, then `await run()` it once, or use it as an async context manager.

    Args:
        nodes: nodes to begin with; `connect` adds those it meets.
        log: is called with a JSON line for every event that crosses an edge (see `duplex.graph.log`).
    """

    def __init__(self, nodes: Iterable[Node] = (), *, log: Callable[[str], object] | None = None) -> None:
        self.nodes: list[Node] = []
        self.connections: list[Connection] = []
        self._log = log
        self._ran = False
        self._tasks: TaskGroup | None = None
        self._stack = AsyncExitStack()
        self.add(*nodes)

    def add(self, *nodes: Node) -> Self:
        """Put nodes into the graph; one that is there already stays there once."""
        self.nodes += [node for node in dict.fromkeys(nodes) if node not in self.nodes]
        return self

    def connect(
        self,
        source: Out[Any],
        target: In[Any],
        *,
        capacity: int = 64,
        overflow: Overflow | None = None,
        max_age: int | None = None,
        feedback: bool = False,
        only: type[Event] | tuple[type[Event], ...] = (),
    ) -> Edge:
        """Join an output to an input.

        Args:
            source: where events come from; it may feed several edges.
            target: where they go; it may be fed by several edges.
            capacity: the most events that wait.
            overflow: what happens when it is full; by default the sender waits, unless the edge is one of
                feedback or has a maximum age: then the oldest event goes.
            max_age: drop what has waited longer than this many ticks.
            feedback: this edge is the delay that breaks a cycle.
            only: carry just these types of event.

        Raises:
            ValueError: the edge's own settings contradict each other.
        """
        if overflow is None:
            overflow = Overflow.DROP_OLDEST if feedback or max_age is not None else Overflow.BLOCK
        edge = Edge(
            f"{source} → {target}",
            capacity=capacity,
            overflow=overflow,
            max_age=max_age,
            feedback=feedback,
            only=only if isinstance(only, tuple) else (only,),
        )
        self.add(*(port.owner for port in (source, target) if port.owner is not None))
        self.connections.append(Connection(source, target, edge))
        source.edges.append(edge)
        target.attach(edge)
        return edge

    def check(self) -> None:
        """Check the graph; running it does so too.

        Raises:
            GraphError: something is wrong; the text has a line for each fault, with `node.port`.
        """
        if found := list(complaints(self.nodes, self.connections)):
            raise GraphError("\n".join(found))

    async def run(self, clock: Clock | None = None) -> None:
        """Run until every node has ended.

        Args:
            clock: the session's clock; by default one that starts now.

        Raises:
            GraphError: the graph is wrong, or was run before.
            ExceptionGroup: a node crashed for good; all others were cancelled first. The error inside is the
                node's own, with a note that names the node.
        """
        async with self._started(clock):
            pass

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._started(None))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self.stop()
        return await self._stack.__aexit__(kind, error, traceback)

    def stop(self) -> None:
        """Cancel every node; `run` then returns as if they had ended."""
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    def statistics(self) -> dict[str, EdgeStatistics]:
        """Each edge's counts, by its name `node.port → node.port`."""
        return {connection.edge.name: connection.edge.statistics() for connection in self.connections}

    def mermaid(self) -> str:
        """The graph as a Mermaid flowchart; feedback edges are dotted."""
        index = {node: f"n{i}" for i, node in enumerate(self.nodes)}
        lines = ["flowchart LR", *(f'    {index[node]}["{node.name}"]' for node in self.nodes)]
        for connection in self.connections:
            source, target, edge = connection.source, connection.target, connection.edge
            if source.owner in index and target.owner in index:
                kinds = ", ".join(kind.__name__ for kind in edge.only or source.types)
                arrow = "-.->" if edge.feedback else "-->"
                lines.append(f'    {index[source.owner]} {arrow}|"{kinds}"| {index[target.owner]}')
        return "\n".join(lines) + "\n"

    @asynccontextmanager
    async def _started(self, clock: Clock | None) -> AsyncIterator[None]:
        """All nodes running; leaving waits for them."""
        self.check()
        if self._ran:
            raise GraphError("a graph runs once; build another one")
        self._ran = True
        clock = clock or Clock()
        for node in self.nodes:
            node.clock = clock
        if self._log is not None:
            watch = watcher(self._log, clock)
            for connection in self.connections:
                connection.edge.watch = watch
        async with anyio.create_task_group() as self._tasks:
            for node in self.nodes:
                self._tasks.start_soon(self._supervise, node, clock, name=node.name)
            yield

    async def _supervise(self, node: Node, clock: Clock) -> None:
        """Run one node, again after a crash where it says so, and close its ports behind it."""
        crashes: list[int] = []
        try:
            while True:
                try:
                    return await node.run()
                except Exception as error:
                    crashes.append(clock.now())
                    delay = node.restart.delay(crashes, clock.now()) if node.restart else None
                    if delay is None:
                        error.add_note(f"in node {node.name!r}, crash {len(crashes)}")
                        raise
                    logger.warning(
                        "node %s crashed and starts again in %.2f s", node.name, delay, exc_info=error
                    )
                await clock.sleep(delay)
        finally:
            for connection in self.connections:
                if connection.source.owner is node:
                    connection.edge.close()
                if connection.target.owner is node:
                    connection.edge.abandon()
