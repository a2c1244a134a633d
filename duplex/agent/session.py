"""One conversation: the graph of a session, built from engines that all sessions share."""

from __future__ import annotations

import math
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
from numpy.typing import NDArray

from asr.types import Recogniser
from asr.vad import SileroVad
from duplex.agent.anticipating import Controller, Ports, join
from duplex.agent.limiting import common, connect_limits
from duplex.agent.memory import give_back
from duplex.agent.murmuring import join_murmurs
from duplex.agent.relaying import FastPath
from duplex.dialogue.anticipation import Anticipated
from duplex.dialogue.events import (
    AGENT_RATE,
    Announce,
    EndAsked,
    EndProbability,
    Noted,
    OverlapClass,
    PlayoutStarted,
    ReplyText,
    SessionEnded,
    SessionStarted,
    Transcript,
    TypedText,
    UserAudio,
    VoiceStarted,
    VoiceStopped,
)
from duplex.dialogue.floor import Floor, FloorSettings
from duplex.dialogue.history import History
from duplex.dialogue.limits import LimitSettings
from duplex.dialogue.playout import Playout
from duplex.dialogue.relay import RelaySettings, Spent, Verifier
from duplex.dialogue.voice import VoiceMachine, VoiceSettings
from duplex.graph import Clock, Event, Graph, Lanes, MachineNode, Out, Source, to_seconds, to_ticks
from duplex.logs import caption, session_logs
from duplex.nodes.answerer import Answerer, PerSession
from duplex.nodes.hearing import Detector, Hearer
from duplex.nodes.playing import FLOOR_EVENTS, PLAYOUT_EVENTS, Loudspeaker, Scribe
from duplex.nodes.replying import Endpointer, Probability, Responder
from duplex.nodes.speaking import Voice
from tools_rag.tools.remote import RemoteCalls
from tts.types import Synthesiser

if TYPE_CHECKING:
    from duplex.agent.brain import Brain
    from duplex.audio.echo import EchoCanceller

_AUDIO_AGE = to_ticks(1.0)
"""Audio that waited longer than this is dropped: after a stall the session catches up at once."""
_MAX_DELAY = 2.0
"""Seconds; a longer way to the caller's ear is a fault of its measure."""
_MAX_TEXT = 4_000
"""Characters of a typed message, and of what the agent is told to say."""
_MAX_VARIABLES = 100


@dataclass(frozen=True, slots=True)
class Engines:
    """What all sessions of an agent share: loaded models and the lanes they run on.

    Attributes:
        lanes: where work runs.
        vad, recogniser, synthesiser: the speech engines.
        probability: P(the user has finished | words, what the agent said last).
        answerer: from words and history to the sentences of an answer.
        greeting: what the agent says first; empty for nothing.
        apology: what it says where an answer fails.
        floor, voice: turn-taking settings.
        limits: when a session ends by itself.
        echo_cancellation: the agent's own voice is taken out of the user's audio.
    """

    lanes: Lanes
    vad: SileroVad
    recogniser: Recogniser
    synthesiser: Synthesiser
    probability: Probability
    answerer: Answerer
    greeting: str = ""
    apology: str = "Sorry, something went wrong. Please ask again."
    floor: FloorSettings = field(default_factory=FloorSettings)
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    echo_cancellation: bool = False
    relay: RelaySettings | None = None
    """When the agent begins to speak before it knows its answer; None for never."""
    verifier: Verifier | None = None
    brain: Brain | None = None
    """The language models behind `probability` and `answerer`."""
    controller: Controller | None = None
    """The duplex core, where it decides with the floor's rules."""
    backchannels: bool = False
    """The agent murmurs while the user goes on, where there is a core to know that."""
    close: Callable[[], Awaitable[None]] | None = None
    """Releases the models."""


class Session:
    """A conversation that is running or about to: audio in, audio out, events to whoever listens.

    All methods are called from the event loop and return at once, but for `run`.
    """

    def __init__(self, engines: Engines, id: str | None = None) -> None:
        self.id = id or uuid.uuid4().hex[:8]
        self.history = History()
        self.started = anyio.Event()
        """Set once the session runs."""
        self._clock: Clock | None = None
        self._greeting = engines.greeting
        self._echo = _echo_canceller() if engines.echo_cancellation else None
        self._floor = Floor(engines.floor)
        self._user = Source("user", UserAudio, TypedText, Noted, SessionStarted, EndAsked, Announce)
        self._loudspeaker = Loudspeaker(Playout())
        self._scribe = Scribe(self.history)
        self.variables: dict[str, str] = {}
        """What is known of this session from outside; see `set_variable`."""
        self.remote = RemoteCalls()
        """Its calls of tools that others carry out."""
        self.graph = self._build(engines)
        self._on_over: list[Callable[[], None]] = []
        self._captioned = (-1, "")
        self.subscribe(self._on_event)

    @property
    def seconds(self) -> float:
        """Seconds since the session began, on the clock of its events; 0 before and after it runs."""
        return 0.0 if self._clock is None else to_seconds(self._clock.now())

    @property
    def spent(self) -> Spent | None:
        """What speaking before the answer was known has cost so far; None where the agent does not."""
        return None if self._fast is None else self._fast.spent

    def push(self, pcm: NDArray[np.int16]) -> None:
        """Take the next 20 ms of the user's audio, int16 [320] at 16 kHz; ignored while the session is not running."""
        if self._clock is None:
            return
        if self._echo is not None:
            pcm = self._echo.clean(pcm, 2 * to_seconds(self._loudspeaker.delay))  # there and back again
        self._user.out.send_nowait(UserAudio(t=self._clock.now(), pcm=pcm))

    def pull(self) -> NDArray[np.int16]:
        """Give the next 20 ms of the agent's audio, int16 [480] at 24 kHz; silence when it says nothing."""
        if self._clock is None:
            return np.zeros(AGENT_RATE // 50, dtype=np.int16)
        frame = self._loudspeaker.pull()
        if self._listener is not None:
            self._listener.played(frame)
        if self._echo is not None:
            self._echo.played(frame)
        return frame

    def say_text(self, text: str, answer: bool = True) -> None:
        """Take a typed user message as if it had been said, or only note it; it is cut at 4,000 characters."""
        if self._clock is not None and text.strip():
            kind = TypedText if answer else Noted
            self._user.out.send_nowait(kind(t=self._clock.now(), text=text.strip()[:_MAX_TEXT]))

    def delayed(self, seconds: float) -> None:
        """Say how long after `pull` a frame is heard; taken as 0..2 s, and passed over where it is no number."""
        if math.isfinite(seconds):
            self._loudspeaker.delay = to_ticks(min(max(0.0, seconds), _MAX_DELAY))

    def announce(self, text: str) -> None:
        """Have the agent say something unasked: now if nobody has the floor, else not at all; cut as typed text is."""
        if self._clock is not None and text.strip():
            self._user.out.send_nowait(Announce(t=self._clock.now(), text=text.strip()[:_MAX_TEXT]))

    def set_variable(self, name: str, value: str) -> None:
        """Set one of at most 100 variables; raises ValueError for one more."""
        if name not in self.variables and len(self.variables) >= _MAX_VARIABLES:
            raise ValueError(f"a session has at most {_MAX_VARIABLES} variables")
        self.variables[name] = value

    def end(self, reason: str) -> None:
        """Ask the session to finish: it hears a reply out, says goodbye, and `run` returns."""
        if self._clock is not None:
            self._user.out.send_nowait(EndAsked(t=self._clock.now(), reason=reason))

    def on_ready(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when `pull` has audio; returns the function that ends it."""
        return self._loudspeaker.on_ready(listener)

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with every public event; returns the function that ends it."""
        return self._scribe.subscribe(listener)

    def on_over(self, listener: Callable[[], None]) -> None:
        """Call `listener` when `run` ends, however that comes about."""
        self._on_over.append(listener)

    def _on_event(self, event: Event) -> None:
        self._caption()
        if isinstance(event, SessionEnded):
            self.graph.stop()

    def _caption(self) -> None:
        """Log each turn once; it is dropped unless captions were asked for."""
        turn = self.history.turns[-1] if self.history.turns else None
        if (
            turn is not None
            and (mark := (turn.attempt, turn.role)) != self._captioned
            and turn.attempt >= self._captioned[0]
        ):
            self._captioned = mark
            caption(turn.role, turn.text, self.id)

    async def run(self) -> None:
        """Run the session until it has ended, is cancelled or a node fails for good."""
        self._clock = Clock()
        self._user.out.send_nowait(SessionStarted(t=0, greeting=self._greeting))
        self.started.set()
        try:
            with session_logs(self.id):
                await self.graph.run(self._clock)
        finally:
            self._clock = None
            for listener in self._on_over:
                listener()
            give_back()  # under a frame's time, and what a call has used is a tenth of all

    def _build(self, engines: Engines) -> Graph:
        lanes = engines.lanes
        detector = Detector(engines.vad.stream(), VoiceMachine(engines.voice), lanes)
        fast = self._fast = FastPath.of(
            engines.relay, engines.verifier, self.id, self.history, engines.apology
        )
        hearer = Hearer(engines.recogniser.stream(), lanes, quick=fast is not None)
        takes = (SessionStarted, Announce, TypedText, VoiceStarted, VoiceStopped, Transcript, EndProbability)
        said = (ReplyText, *PLAYOUT_EVENTS)
        told = (OverlapClass, Anticipated)
        floor = MachineNode(self._floor, "floor", takes=(*takes, *told, *said), gives=FLOOR_EVENTS)
        endpointer = Endpointer(engines.probability, self.history)
        answerer = engines.answerer
        if isinstance(answerer, PerSession):
            answerer = answerer.in_session(self.id, self.variables, self.remote)
        answerer = answerer if fast is None else fast.answerer(answerer)
        responder = Responder(answerer, self.history, engines.apology, engines.floor.own)
        voice = Voice(engines.synthesiser, lanes)
        speaker, scribe = self._loudspeaker, self._scribe
        graph = Graph()
        graph.connect(self._user.out, detector.audio, only=UserAudio, capacity=100, max_age=_AUDIO_AGE)
        graph.connect(self._user.out, hearer.events, only=UserAudio, capacity=100, max_age=_AUDIO_AGE)
        graph.connect(self._user.out, floor.events, only=(SessionStarted, TypedText, Announce))
        graph.connect(detector.voice, floor.events)
        graph.connect(detector.hints, speaker.events)
        for target in (hearer.events, responder.events, voice.events, speaker.events):
            graph.connect(floor.actions, target, only=common(target.types, FLOOR_EVENTS), capacity=256)
        graph.connect(hearer.words, endpointer.words)
        graph.connect(hearer.words, responder.events)
        graph.connect(hearer.words, floor.events, feedback=True, capacity=256)
        replies: Out[Any] = responder.reply
        if fast is not None:
            replies = fast.connect(graph, floor, hearer, endpointer, responder, voice, scribe)
        graph.connect(replies, voice.events)
        graph.connect(voice.speech, speaker.events)
        graph.connect(replies, floor.events, feedback=True, capacity=256)
        graph.connect(speaker.played, floor.events, feedback=True, capacity=256)
        graph.connect(speaker.played, hearer.events, only=PlayoutStarted, feedback=True)
        told_limits = (self._user.out, floor.actions, speaker.played)
        connect_limits(graph, engines.limits, told_limits, floor, scribe)
        graph.connect(self._user.out, scribe.events, only=(TypedText, Noted))
        heard = (self._user.out, detector.voice, hearer.words, endpointer.ends)
        done = (speaker.played, floor.actions, responder.tools)
        drafts = () if fast is None else fast.drafts()
        ports = Ports(*heard, *done, floor.events, scribe.events, drafts)
        self._listener = join(graph, engines.controller, lanes, ports, _AUDIO_AGE)
        if engines.backchannels and self._listener is not None:
            join_murmurs(graph, self._listener, speaker, engines.synthesiser, lanes, ports)
        sources = (detector.voice, hearer.words, floor.actions, speaker.played)
        made = (responder.tools, replies, responder.errors, voice.speech, voice.errors)
        for source in (*sources, *made):
            graph.connect(source, scribe.events, capacity=256)
        return graph


def _echo_canceller() -> EchoCanceller:
    from duplex.audio.echo import EchoCanceller  # its library is not part of the base install

    return EchoCanceller()
