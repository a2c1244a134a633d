"""The event graph: clock, events, ports, edges, nodes. It knows nothing of speech."""

from duplex.graph.clock import TICKS, Clock, to_seconds, to_ticks
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired

__all__ = [
    "TICKS",
    "CancelTimer",
    "Clock",
    "Event",
    "SetTimer",
    "TimerFired",
    "to_seconds",
    "to_ticks",
]
