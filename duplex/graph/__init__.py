"""The event graph: clock, events, ports, edges, nodes. It knows nothing of speech."""

from duplex.graph.check import GraphError
from duplex.graph.clock import TICKS, Clock, perf_seconds, to_seconds, to_ticks
from duplex.graph.edge import Edge, EdgeStatistics, Overflow
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired
from duplex.graph.graph import Graph
from duplex.graph.jobs import JobStatistics, Priority
from duplex.graph.lag import LagReport, LoopLag
from duplex.graph.lanes import Lanes
from duplex.graph.node import Action, Machine, MachineNode, Node, Restart, Sink, Source
from duplex.graph.pool import LanesClosed
from duplex.graph.port import In, Out
from duplex.graph.virtual import VirtualLoop, VirtualTimeError, outside, run_virtual

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
    "JobStatistics",
    "LagReport",
    "Lanes",
    "LanesClosed",
    "LoopLag",
    "Machine",
    "MachineNode",
    "Node",
    "Out",
    "Overflow",
    "Priority",
    "Restart",
    "SetTimer",
    "Sink",
    "Source",
    "TimerFired",
    "VirtualLoop",
    "VirtualTimeError",
    "outside",
    "perf_seconds",
    "run_virtual",
    "to_seconds",
    "to_ticks",
]
