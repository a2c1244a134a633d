"""This machine's microphone and speaker as the user, through PortAudio.

The devices have threads and clocks of their own. The microphone's thread hands its frames to the event loop; the
speaker's takes one every 20 ms from a short queue, and each one that it takes makes the loop fill the queue again:
so the device's clock sets the pace, and nothing drifts or piles up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import anyio
import numpy as np

from duplex.agent.engines import engines_for
from duplex.agent.session import Session
from duplex.agent.spec import AgentSpec
from duplex.audio.pcm import Pcm
from duplex.graph import Event
from duplex.transport.captions import Captions, Line
from duplex.transport.devices import ConsoleError, library
from duplex.transport.types import AGENT_RATE, FRAME_SECONDS, USER_RATE, Peer, Prompt

logger = logging.getLogger(__name__)

QUEUED = 2
"""Frames that wait for the speaker: with one, a loop that is busy for 20 ms would be heard."""
_BACKLOG = 50
"""Frames of the microphone that wait for the loop at most: 1 s."""
_SILENCE = np.zeros(round(AGENT_RATE * FRAME_SECONDS), np.int16)


class Outgoing:
    """The agent's frames on their way to the speaker.

    Args:
        pull: gives the next 20 ms, int16 [480].
    """

    def __init__(self, pull: Callable[[], Pcm]) -> None:
        self._pull = pull
        self._frames: deque[Pcm] = deque()
        self.missed = 0
        """Frames that were not there in time."""

    def take(self) -> Pcm:
        """The next frame, for the speaker's thread; silence where there is none."""
        try:
            return self._frames.popleft()
        except IndexError:
            self.missed += 1
            return _SILENCE

    def fill(self) -> None:
        """Have enough frames in store; on the event loop."""
        while len(self._frames) < QUEUED:
            self._frames.append(self._pull())

    def hurry(self) -> None:
        """The agent begins to speak: silence that is in store need not be heard out; on the event loop."""
        with contextlib.suppress(IndexError):  # the speaker may take the last one meanwhile
            while not self._frames[-1].any():
                self._frames.pop()
        self.fill()


class Incoming:
    """The user's frames on their way from the microphone.

    Args:
        push: takes 20 ms, int16 [320].
    """

    def __init__(self, push: Callable[[Pcm], None]) -> None:
        self._push = push
        self._frames: deque[Pcm] = deque(maxlen=_BACKLOG)

    def put(self, frame: Pcm) -> None:
        """Take a frame, on the microphone's thread. After a second of them the oldest are dropped."""
        self._frames.append(frame)

    def flush(self) -> None:
        """Hand over what has come; on the event loop."""
        while self._frames:
            self._push(self._frames.popleft())


class _Devices:
    """A microphone's and a speaker's stream; their callbacks come on threads of the sound library."""

    def __init__(self, outgoing: Outgoing, incoming: Incoming, lost: anyio.Event) -> None:
        self._outgoing, self._incoming, self._lost = outgoing, incoming, lost
        self._loop, self._streams = asyncio.get_running_loop(), ExitStack()

    def open(self, microphone: int, speaker: int) -> float:
        """Start both; the speaker's own delay in seconds. It waits for their threads: not on the loop."""
        open_input, open_output = library().RawInputStream, library().RawOutputStream
        common = {"channels": 1, "dtype": "int16", "latency": "low", "finished_callback": self._ended}
        block = round(USER_RATE * FRAME_SECONDS)
        heard = open_input(USER_RATE, block, microphone, callback=self._hear, **common)
        self._streams.callback(heard.close)
        spoken = open_output(AGENT_RATE, len(_SILENCE), speaker, callback=self._say, **common)
        self._streams.callback(spoken.close)
        spoken.start()
        heard.start()
        return float(spoken.latency)

    def close(self) -> None:
        """Stop those that were opened; it waits too."""
        self._streams.close()

    def _hear(self, data: Any, frames: int, time: Any, status: Any) -> None:
        self._incoming.put(np.frombuffer(bytes(data), np.int16))
        self._on_loop(self._incoming.flush)

    def _say(self, data: Any, frames: int, time: Any, status: Any) -> None:
        data[:] = self._outgoing.take().tobytes()
        self._on_loop(self._outgoing.fill)

    def _ended(self) -> None:
        self._on_loop(self._lost.set)

    def _on_loop(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed while a device still ran
            self._loop.call_soon_threadsafe(call)


@asynccontextmanager
async def audio(peer: Peer, microphone: int, speaker: int) -> AsyncIterator[None]:
    """Connect a peer to this machine's devices while the block lasts.

    Args:
        peer: the agent's side; it runs elsewhere.
        microphone, speaker: the devices' numbers, of `choose`.

    Raises:
        ConsoleError: a device cannot be opened, or goes away while the block lasts.
    """
    outgoing, incoming, lost = Outgoing(peer.pull), Incoming(peer.push), anyio.Event()
    devices = _Devices(outgoing, incoming, lost)
    outgoing.fill()
    forget = peer.on_ready(outgoing.hurry) if isinstance(peer, Prompt) else lambda: None
    try:
        async with _watched(lost):
            try:
                delay = await anyio.to_thread.run_sync(devices.open, microphone, speaker)
            except library().PortAudioError as error:
                raise ConsoleError(
                    f"the microphone or the speaker cannot be opened ({error.args[0]}); "
                    "close what else uses it, or choose another"
                ) from error
            peer.delayed(delay + QUEUED * FRAME_SECONDS)
            yield
    finally:
        forget()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(devices.close)
        logger.debug("frames that the speaker did not get in time: %d", outgoing.missed)


@asynccontextmanager
async def _watched(lost: anyio.Event) -> AsyncIterator[None]:
    """Cancel the block when a device is lost, and say so."""
    with anyio.CancelScope() as scope:

        async def watch() -> None:
            await lost.wait()
            scope.cancel()

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()
    if scope.cancelled_caught:
        raise ConsoleError("the microphone or the speaker has gone; connect it and begin anew")


async def talk(
    spec: AgentSpec,
    microphone: int,
    speaker: int,
    tell: Callable[[Line], None],
    begun: Callable[[], None] = lambda: None,
) -> None:
    """A call with this machine's devices, until the agent ends it or it is cancelled.

    Args:
        spec: the agent.
        microphone, speaker: the devices' numbers, of `choose`.
        tell: is given what both say, while they say it.
        begun: is called when the models are warm and the devices are open.

    Raises:
        ConsoleError: a device cannot be opened, or goes away.
        EngineError, ModelError, LLMError, KnowledgeError: the agent cannot be loaded.
    """
    async with engines_for(spec) as engines:
        await _talk(Session(engines), microphone, speaker, tell, begun)


async def _talk(
    session: Session,
    microphone: int,
    speaker: int,
    tell: Callable[[Line], None],
    begun: Callable[[], None],
) -> None:
    captions = Captions()

    def on_event(event: Event) -> None:
        if (line := captions.on(event)) is not None:
            tell(line)

    session.subscribe(on_event)
    over = anyio.Event()
    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            await session.run()
            over.set()

        tasks.start_soon(run)
        await session.started.wait()
        async with audio(session, microphone, speaker):
            begun()
            await over.wait()
        tasks.cancel_scope.cancel()
