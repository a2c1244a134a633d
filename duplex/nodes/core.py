"""The duplex core in the graph: both sides' audio and the words in, what it says of every 80 ms out."""

from __future__ import annotations

import logging
from collections import deque

import anyio
import numpy as np

from duplex.audio.pcm import Pcm
from duplex.audio.resample import Decimator
from duplex.core.decide import Sight
from duplex.core.runtime import CoreOutput, DuplexCore
from duplex.core.streams.frames import FrameStream
from duplex.core.streams.layout import AGENT_WORDS, DECISION, HINT, STATES, TOOL, TOOL_STATUS
from duplex.dialogue.anticipation import CoreFrame
from duplex.dialogue.backchannel import Murmur
from duplex.dialogue.events import (
    AGENT_RATE,
    USER_RATE,
    Duck,
    Heard,
    PlayoutEnded,
    PlayoutStarted,
    ToolEnded,
    ToolStarted,
    Transcript,
    TurnStarted,
    UserAudio,
)
from duplex.dialogue.relay_events import Drafted
from duplex.graph import Event, In, Lanes, Node, Out, to_ticks

logger = logging.getLogger(__name__)

_PIECES = 4
"""Frames of 20 ms in one of the core's."""
_WAITING = 2 * _PIECES
"""Frames of the agent's that wait for the user's, at most: what is older belongs to no frame any more."""
_PRECISION = 4
"""Decimals of a probability in the log."""
_SOON = 2
"""The projection's bin from 0.6 to 1.2 s."""
_OVERLAPS = {"backchannel": "backchannel", "side": "not_addressed", "echo": "echo", "noise": "noise"}
"""Kinds of overlap, and what the core calls them."""


class Listener(Node):
    """Both channels, the user's words and the agent's, and what the slow path does, to a `CoreFrame` each 80 ms.

    All sessions that wait are stepped by one call on the frame lane. What comes while a step is under way is merged
    into the next, so that the core is never behind by more than a step. A core that fails is not asked again: the
    floor's rules do without it.

    Args:
        core: shared by all sessions.
        lanes: where it runs.
    """

    events = In(
        *(UserAudio, Transcript, TurnStarted, Duck, Heard, PlayoutStarted, PlayoutEnded, Murmur),
        *(ToolStarted, ToolEnded, Drafted),
    )
    frames = Out(CoreFrame)

    def __init__(self, core: DuplexCore, lanes: Lanes) -> None:
        super().__init__("core")
        self._core, self._lanes = core, lanes
        self._session = core.session()
        self._user: list[Pcm] = []
        self._agent: deque[Pcm] = deque(maxlen=_WAITING)
        self._slower = _Slower()
        self._due = anyio.Event()
        """A frame waits for its step."""
        self._t = 0
        """The end of the latest frame."""
        self._overheard: int | None = None
        """The onset of a voice over the agent's: the turn that may come of it has its words."""
        self._decided = 0
        """What the agent did last: 1 + the index in STATES."""
        self._decision = 0
        """What it had done before the frame began."""
        self._murmur = 0
        """When the agent's murmur is over; 0 for none."""
        self._said = 0
        """Words of the current reply that were heard."""
        self._slow = _SlowPath()

    def played(self, pcm: Pcm) -> None:
        """Note what goes out to the caller, int16 [480] at 24 kHz. Called by the transport, on the event loop."""
        self._agent.append(pcm)

    async def run(self) -> None:
        """Close frames as the audio comes; step beside it."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._step)
            async for event in self.events:
                self._take(event)
            tasks.cancel_scope.cancel()

    def _take(self, event: Event) -> None:
        streams = self._session.streams
        self._slow.on(event)
        match event:
            case UserAudio():
                self._hear(event)
            case Transcript():
                streams.hear(event.text.split(), event.stable)
            case Duck():
                self._overheard = event.onset
                streams.hear(())
            case TurnStarted() if event.onset != self._overheard:
                streams.hear(())
            case Heard():
                for word in event.text.split()[self._said :]:
                    streams.word(AGENT_WORDS, word)
                    self._said += 1
            case Murmur():
                self._decided = 1 + STATES.index("backchannel")
                self._murmur = event.t + to_ticks(len(event.pcm) / AGENT_RATE)
            case PlayoutStarted():
                self._said = 0
                self._decided = 1 + STATES.index("start")
            case PlayoutEnded():
                self._decided = 1 + STATES.index("yield" if event.interrupted else "listen")

    def _hear(self, audio: UserAudio) -> None:
        """20 ms of the user's; the fourth closes a frame."""
        self._user.append(audio.pcm)
        if len(self._user) < _PIECES:
            return
        user, self._user = np.concatenate(self._user), []
        silent = np.zeros(AGENT_RATE // 50, np.int16)
        agent = [self._agent.popleft() if self._agent else silent for _ in range(_PIECES)]
        self._session.streams.token(DECISION, self._decision)
        if 0 < self._murmur <= audio.t:
            self._decided, self._murmur = 1 + STATES.index("listen"), 0
        self._decision = self._decided
        self._slow.tell(self._session.streams)
        self._session.offer(user, self._slower.push(np.concatenate(agent)))
        self._t = audio.t
        self._due.set()

    async def _step(self) -> None:
        while True:
            await self._due.wait()
            self._due, t = anyio.Event(), self._t
            try:
                await self._lanes.frame(self._core.step, name="core")
            except Exception as error:  # the rules do without it
                logger.warning("the core failed, and is not asked again: %s", error)
                return
            if self._session.output is not None:
                await self.frames.send(frame(t, self._session.output))


def frame(t: int, output: CoreOutput) -> CoreFrame:
    """What the core said of the frame that ended at `t`, as an event."""
    sight = Sight.of(output, agent=False)
    said = {name: getattr(sight, name) for name in ("over", "soon", "start", "complete", "user", "ignore")}
    said["turn"] = sight.takes
    said["goes_on"] = float(output.speaks_next(0)[_SOON])
    for kind, name in _OVERLAPS.items():
        said[kind] = output.p_overlap(name)
    rounded = {name: round(p, _PRECISION) for name, p in said.items()}
    return CoreFrame(t=t, state=output.best_state, **rounded)


class _SlowPath:
    """What tools and drafts tell the core, one token a frame."""

    def __init__(self) -> None:
        self._running: set[str] = set()
        self._found = False
        """Something that was not spoken of yet."""
        self._status = 0
        """What the tools did before the frame began."""
        self._words: deque[str] = deque()

    def on(self, event: Event) -> None:
        match event:
            case ToolStarted():
                self._running.add(event.call)
            case ToolEnded():
                self._running.discard(event.call)
                self._found |= not event.cancelled
            case PlayoutStarted() | TurnStarted():
                self._found = False
                self._words.clear()
            case Drafted():
                self._words = deque(() if event.draft is None else event.draft.text.split())

    def tell(self, streams: FrameStream) -> None:
        """The frame ends."""
        streams.token(TOOL, self._status)
        self._status = TOOL_STATUS.index("running" if self._running else "done" if self._found else "none")
        if self._words:
            streams.word(HINT, self._words.popleft())


class _Slower:
    """The agent's 24 kHz as the core's 16 kHz: a zero after each sample (48 kHz), low-passed, every third kept."""

    def __init__(self) -> None:
        self._decimator = Decimator(2 * AGENT_RATE // USER_RATE)

    def push(self, pcm: Pcm) -> Pcm:
        """int16 [3 n] at 24 kHz to int16 [2 n] at 16 kHz."""
        spread = np.zeros(2 * len(pcm), np.int16)
        spread[::2] = pcm
        halved = self._decimator.push(spread)  # the zeros took half of the level
        return np.clip(halved.astype(np.int32) * 2, -32_768, 32_767).astype(np.int16)
