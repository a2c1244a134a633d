"""What the floor waits for: its timers' names, and how they are dropped together."""

from __future__ import annotations

from duplex.graph.event import CancelTimer

SILENCE, DOUBT, TIMEOUT = "floor.silence", "floor.doubt", "floor.timeout"
"""Of the silences after a voice, each longer than the one before."""
BARGE, DUCK = "floor.barge", "floor.duck"
"""Of a voice over the agent's: it stops, or is as loud as before again."""


def no_overlap() -> list[CancelTimer]:
    """A voice over the agent's is decided."""
    return [CancelTimer(BARGE), CancelTimer(DUCK)]


def no_end() -> list[CancelTimer]:
    """The turn has ended, or goes on."""
    return [CancelTimer(SILENCE), CancelTimer(DOUBT), CancelTimer(TIMEOUT)]
