"""What can be wrong with a graph before it runs. Pure: nodes and connections in, complaints out.

Everything is reported at once, and every complaint names `node.port`: wiring is then mended in one go, and
not found wrong one call at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from duplex.graph.edge import Edge, Overflow
from duplex.graph.event import Event
from duplex.graph.node import Node
from duplex.graph.port import In, Out


class GraphError(Exception):
    """A graph that cannot run; the text lists everything that is wrong with it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An edge and the ports at its ends."""

    source: Out[Any]
    target: In[Any]
    edge: Edge


def complaints(nodes: Sequence[Node], connections: Sequence[Connection]) -> Iterator[str]:
    """Everything that is wrong with the graph, one line each."""
    yield from _names(nodes)
    yield from _ends(nodes, connections)
    for connection in connections:
        yield from _types(connection)
        if connection.edge.feedback and connection.edge.overflow is Overflow.BLOCK:
            yield f"{connection.edge.name}: a feedback edge may not block: its cycle could stand still"
    connected = {connection.target for connection in connections}
    for node in nodes:
        for port in node.inputs():
            if not port.optional and port not in connected:
                yield f"{port}: this input is not connected"
    yield from _cycles(connections)


def _names(nodes: Iterable[Node]) -> Iterator[str]:
    for name, n in Counter(node.name for node in nodes).items():
        if n > 1:
            yield f"{name}: {n} nodes have this name"


def _ends(nodes: Sequence[Node], connections: Iterable[Connection]) -> Iterator[str]:
    for connection in connections:
        for port in (connection.source, connection.target):
            if port.owner not in nodes:
                yield f"{port}: its node is not in the graph"


def _types(connection: Connection) -> Iterator[str]:
    source, target, only = connection.source, connection.target, connection.edge.only
    for kind in only:
        if not issubclass(kind, source.types):
            yield f"{source}: does not send {kind.__name__}, which the edge to {target} is for"
    for kind in only or source.types:
        if not issubclass(kind, target.types):
            yield f"{source} → {target}: {target} does not take {kind.__name__}, only {_list(target.types)}"


def _list(types: Iterable[type[Event]]) -> str:
    return ", ".join(kind.__name__ for kind in types)


def _cycles(connections: Iterable[Connection]) -> Iterator[str]:
    """One line for each cycle that a depth-first walk closes over edges without delay."""
    following: dict[Node, list[Connection]] = {}
    for connection in connections:
        if not connection.edge.feedback and connection.source.owner and connection.target.owner:
            following.setdefault(connection.source.owner, []).append(connection)
    done: set[Node] = set()

    def walk(node: Node, path: list[Connection]) -> Iterator[str]:
        for connection in following.get(node, ()):
            target = connection.target.owner
            assert target is not None
            here = [*path, connection]
            starts = [i for i, passed in enumerate(here) if passed.source.owner is target]
            if starts:
                loop = ", ".join(f"{step.source} → {step.target}" for step in here[starts[0] :])
                yield f"{loop}: a cycle without a feedback edge"
            elif target not in done:
                yield from walk(target, here)
        done.add(node)

    for node in list(following):
        if node not in done:
            yield from walk(node, [])
