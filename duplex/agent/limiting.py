"""The end of a session in its graph: when it is due, and who says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duplex.dialogue.events import (
    Announce,
    Commit,
    Discarded,
    EndAsked,
    Noted,
    PlayoutEnded,
    PlayoutStarted,
    SessionStarted,
    TurnStarted,
    Yield,
)
from duplex.dialogue.limits import Limits, LimitSettings
from duplex.graph import Event, Graph, MachineNode, Out
from duplex.nodes.playing import ENDING_EVENTS, Scribe


def connect_limits(
    graph: Graph, settings: LimitSettings, sources: Sequence[Out[Any]], floor: MachineNode, scribe: Scribe
) -> None:
    """Let the limits watch what `sources` tell, have the goodbye announced, and tell whoever listens."""
    asked, decided = (SessionStarted, EndAsked, Noted), (TurnStarted, Commit, Yield, Discarded)
    limits = MachineNode(
        Limits(settings),
        "limits",
        takes=(*asked, *decided, PlayoutStarted, PlayoutEnded),
        gives=(Announce, *ENDING_EVENTS),
    )
    for source in sources:
        graph.connect(source, limits.events, only=common(source.types, limits.events.types), capacity=256)
    graph.connect(limits.actions, floor.events, only=Announce, feedback=True)
    graph.connect(limits.actions, scribe.events, only=ENDING_EVENTS)


def common(first: tuple[type[Event], ...], second: tuple[type[Event], ...]) -> tuple[type[Event], ...]:
    """The types of events that are in both, in the first's order."""
    return tuple(kind for kind in first if kind in second)
