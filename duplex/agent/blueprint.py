"""The graph of an agent, drawn without loading a single model."""

from __future__ import annotations

from typing import Any

from duplex.agent.anticipating import Controller
from duplex.agent.relaying import relay_settings
from duplex.agent.session import Engines, Session
from duplex.agent.spec import AgentSpec
from duplex.dialogue.anticipation import Reliance
from duplex.dialogue.floor_settings import FloorSettings
from duplex.graph import Lanes


class _Place:
    """Stands where an engine will be: nodes only keep what `stream()` gives until they run."""

    def stream(self) -> _Place:
        return self

    session = stream


def mermaid(spec: AgentSpec) -> str:
    """The session's event graph as a Mermaid flowchart."""
    place: Any = _Place()
    controller = None if spec.turns.core == "off" else Controller(place, Reliance())
    engines = Engines(
        Lanes(),
        place,
        place,
        place,
        probability=place,
        answerer=place,
        greeting=spec.greeting,
        controller=controller,
        backchannels=spec.turns.backchannels,
        relay=relay_settings(spec.relay, FloorSettings()),
    )
    session = Session(engines)
    session.graph.check()
    return session.graph.mermaid()
