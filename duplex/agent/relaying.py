"""The fast path's place in a session's graph."""

from __future__ import annotations

import zlib
from dataclasses import replace

from duplex.agent.relay_spec import RelaySection
from duplex.dialogue.events import (
    Commit,
    Discarded,
    Eager,
    EndProbability,
    ReplyText,
    Resumed,
    Transcript,
    TurnStarted,
    Yield,
)
from duplex.dialogue.floor_settings import FloorSettings
from duplex.dialogue.history import History
from duplex.dialogue.relay import Relay, RelaySettings, Spent, Verifier
from duplex.dialogue.relay_events import Drafted, EarlyEnd, Prefix, Rehearse, Rehearsed
from duplex.dialogue.splice import Splice
from duplex.graph import Event, Graph, MachineNode, Node, Out
from duplex.nodes.answerer import Answerer
from duplex.nodes.drafting import Drafter, Drafting, Relayed
from duplex.nodes.hearing import Hearer
from duplex.nodes.playing import FLOOR_EVENTS, Scribe
from duplex.nodes.replying import Endpointer, Responder
from duplex.nodes.speaking import Voice

_PAUSES = (Commit, Resumed, Yield, Discarded)
_OF_PROFILE = 2 / 3
"""How much of the floor's shortest silence the fast path waits: a prefix that comes too soon can still be given up."""


def relay_settings(section: RelaySection, floor: FloorSettings) -> RelaySettings | None:
    """The fast path of an agent file; None where it has none."""
    if not section.enabled:
        return None
    silence = floor.silence * _OF_PROFILE if section.silence_ms is None else section.silence_ms / 1000
    settings = RelaySettings(silence, sure=max(section.sure, floor.sure), keep=section.keep)
    spent = replace(settings, tokens=section.tokens, speech=section.speech)
    return spent if section.openers else replace(spent, openers=())


class FastPath:
    """One session's: what decides, what joins and what drafts.

    Args:
        settings: when it speaks.
        verifier: keeps or drops drafts; None keeps all.
        session: its id.
        history: its own.
        apology: said where no answer comes at all.
    """

    def __init__(
        self,
        settings: RelaySettings,
        verifier: Verifier | None,
        session: str,
        history: History,
        apology: str,
    ) -> None:
        self._relay = Relay(settings, verifier, zlib.crc32(session.encode()))
        self._splice = Splice(apology)
        self._history = history
        self._drafting: Drafting | None = None
        self._decides = MachineNode(
            self._relay,
            "relay",
            takes=(TurnStarted, Eager, Transcript, EarlyEnd, Drafted, Rehearsed, ReplyText, *_PAUSES),
            gives=(Prefix, Rehearse, EndProbability),
        )
        self._joins = MachineNode(
            self._splice, "splice", takes=(Eager, Transcript, Prefix, ReplyText, *_PAUSES), gives=(ReplyText,)
        )

    @classmethod
    def of(
        cls,
        settings: RelaySettings | None,
        verifier: Verifier | None,
        session: str,
        history: History,
        apology: str,
    ) -> FastPath | None:
        """None where the agent has none."""
        return None if settings is None else cls(settings, verifier, session, history, apology)

    def drafts(self) -> tuple[Out[Drafted], ...]:
        """Where drafts come from, if the agent makes any."""
        return () if self._drafting is None else (self._drafting.drafts,)

    @property
    def spent(self) -> Spent:
        """What speculation has cost so far."""
        return self._relay.spent

    def answerer(self, answerer: Answerer) -> Answerer:
        """The agent's, made to go on from what was said; as it is, if it drafts nothing."""
        if not isinstance(answerer, Drafter):
            return answerer
        self._drafting = Drafting(answerer, self._history, lambda: self._relay.affordable)
        return Relayed(answerer, lambda: self._splice.begun)

    def connect(
        self,
        graph: Graph,
        floor: MachineNode,
        hearer: Hearer,
        endpointer: Endpointer,
        responder: Responder,
        voice: Voice,
        scribe: Scribe,
    ) -> Out[Event]:
        """Put it between the others; gives what is said, which takes the place of the responder's replies."""
        drafting: list[Node] = [] if self._drafting is None else [self._drafting]
        for node in (self._decides, self._joins, *drafting):
            events = node.inputs()[0]
            graph.connect(hearer.words, events, capacity=256)
            only = tuple(kind for kind in FLOOR_EVENTS if kind in events.types)
            graph.connect(floor.actions, events, only=only, capacity=256)
        if self._drafting is not None:
            graph.connect(self._drafting.drafts, self._decides.events, capacity=256)
        graph.connect(endpointer.quick, self._decides.events, capacity=256)
        graph.connect(voice.rehearsed, self._decides.events, feedback=True, capacity=256)
        graph.connect(self._decides.actions, voice.events, only=Rehearse, capacity=256)
        graph.connect(self._decides.actions, floor.events, only=EndProbability, feedback=True, capacity=256)
        graph.connect(self._decides.actions, self._joins.events, only=Prefix, capacity=256)
        graph.connect(self._decides.actions, scribe.events, only=Prefix, capacity=256)
        for node in (self._joins, self._decides):
            graph.connect(responder.reply, node.events, capacity=256)
        return self._joins.actions
