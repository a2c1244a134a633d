"""The event graph: clock, events, ports, edges, nodes. It knows nothing of speech."""

from duplex.graph.check import GraphError
from duplex.graph.clock import TICKS, Clock, perf_seconds, to_seconds, to_ticks
from duplex.graph.edge import Edge, EdgeStatistics, Overflow
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired
from duplex.graph.graph import Graph
from duplex.graph.node import Action, Machine, MachineNode, Node, Restart, Sink, Source
from duplex.graph.port import In, Out

__all__ = [
    "TICKS",
    "Action",
    "CancelTimer",
    "Clock",
    "Edge",
    "EdgeStatistics",
    "Event",
    "Graph",
    "GraphError",
    "In",
    "Machine",
    "MachineNode",
    "Node",
    "Out",
    "Overflow",
    "Restart",
    "SetTimer",
    "Sink",
    "Source",
    "TimerFired",
    "perf_seconds",
    "to_seconds",
    "to_ticks",
]
