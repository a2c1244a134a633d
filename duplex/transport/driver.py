"""A conversation frame by frame: one of the user's in and one of the agent's out every 20 ms of the running clock.

On a real loop this is a call without a network; in virtual time (`duplex.graph.run_virtual`) it is a replay, as fast
as the computing allows, that sees the times of a live call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import anyio
import numpy as np

from duplex.audio.pcm import Pcm
from duplex.transport.types import FRAME_SECONDS

_CHUNK = 500
"""Frames kept as one array: 10 s."""


class User(Protocol):
    """Who is at the other end."""

    def speak(self, heard: Pcm) -> Pcm | None:
        """Give the next 20 ms, int16 [320] at 16 kHz, or None to hang up.

        Args:
            heard: the agent's audio of the same 20 ms, int16 [480] at 24 kHz.
        """


class Agent(Protocol):
    """What speaks with the user: a session, or whatever behaves like one."""

    started: anyio.Event
    """Set once it listens."""

    async def run(self) -> None: ...
    def push(self, pcm: Pcm) -> None: ...
    def pull(self) -> Pcm: ...


class Track:
    """One side's audio, put together from its frames."""

    def __init__(self) -> None:
        self._whole: list[Pcm] = []
        self._frames: list[Pcm] = []

    def add(self, frame: Pcm) -> None:
        """Append a frame."""
        self._frames.append(frame)
        if len(self._frames) == _CHUNK:
            self._whole.append(np.concatenate(self._frames))
            self._frames = []

    def samples(self) -> Pcm:
        """All of it, int16 [n]."""
        return np.concatenate([*self._whole, *self._frames, np.zeros(0, np.int16)])


@dataclass(slots=True)
class Tracks:
    """What was said in a conversation, sample by sample: both sides begin at the same moment and are equally long.

    Attributes:
        user: the user's side, at 16 kHz.
        agent: the agent's side, at 24 kHz.
        frames: how many 20 ms both hold.
        late: frames that came more than 20 ms after their time; in virtual time that is the work of what lies outside
            it, such as a remote model.
    """

    user: Track = field(default_factory=Track)
    agent: Track = field(default_factory=Track)
    frames: int = 0
    late: int = 0

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames * FRAME_SECONDS


async def converse(session: Agent, user: User, tracks: Tracks) -> None:
    """Run a session that has not begun with `user` at the other end, until either side ends it.

    The user's frame is given to the agent when its last sample has been spoken, as a microphone does.

    Args:
        session: the agent's side.
        user: the other side; it may also listen to the session's events.
        tracks: is filled as they speak, so it holds what was said also if this is cancelled.
    """
    async with anyio.create_task_group() as tasks:
        over = anyio.Event()

        async def run() -> None:
            await session.run()
            over.set()

        tasks.start_soon(run)
        await session.started.wait()
        start = anyio.current_time()
        heard = session.pull()
        while not over.is_set() and (said := user.speak(heard)) is not None:
            tracks.user.add(said)
            tracks.agent.add(heard)
            tracks.frames += 1
            due = start + tracks.seconds
            await anyio.sleep_until(due)
            tracks.late += anyio.current_time() > due + FRAME_SECONDS
            session.push(said)
            heard = session.pull()
        tasks.cancel_scope.cancel()
