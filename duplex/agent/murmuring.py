"""The agent's own backchannels in a session's graph."""

from __future__ import annotations

from duplex.agent.anticipating import Ports
from duplex.agent.limiting import common
from duplex.dialogue.anticipation import CoreFrame
from duplex.dialogue.backchannel import Backchannel, Backchannels, BackchannelSettings, Murmur
from duplex.dialogue.events import (
    Commit,
    Discarded,
    Eager,
    EndProbability,
    PlayoutStarted,
    Resumed,
    TurnStarted,
    VoiceStarted,
    VoiceStopped,
)
from duplex.graph import Graph, Lanes, MachineNode
from duplex.nodes.core import Listener
from duplex.nodes.murmuring import Murmurer
from duplex.nodes.playing import Loudspeaker
from tts.types import Synthesiser


def join_murmurs(
    graph: Graph,
    listener: Listener,
    speaker: Loudspeaker,
    synthesiser: Synthesiser,
    lanes: Lanes,
    ports: Ports,
) -> None:
    """Let what the core says of each frame, the words and the floor decide when the agent murmurs.

    Args:
        graph: the session's.
        listener: the core, without which none is safe.
        speaker: what is heard.
        synthesiser: the agent's voice.
        lanes: where it runs.
        ports: where voice, words and decisions come from.
    """
    settings = BackchannelSettings()
    decided = (TurnStarted, Eager, Resumed, Commit, Discarded)
    machine = MachineNode(
        Backchannels(settings),
        "backchannels",
        takes=(CoreFrame, VoiceStarted, VoiceStopped, EndProbability, *decided, PlayoutStarted),
        gives=(Backchannel,),
    )
    murmurer = Murmurer(synthesiser, lanes, settings.texts)
    for source in (listener.frames, ports.voice, ports.ends, ports.decided, ports.played):
        graph.connect(source, machine.events, only=common(source.types, machine.events.types), capacity=256)
    graph.connect(machine.actions, murmurer.events)
    graph.connect(machine.actions, ports.scribe)
    graph.connect(murmurer.sounds, speaker.events, feedback=True)
    graph.connect(murmurer.sounds, listener.events, only=Murmur, feedback=True)
