"""What a transport needs of a session: audio in, audio out, messages both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from duplex.graph.event import Event

USER_RATE = 16_000
"""User audio: mono int16, 20 ms frames of 320 samples."""
AGENT_RATE = 24_000
"""Agent audio: mono int16, 20 ms frames of 480 samples."""
FRAME_SECONDS = 0.02

Pcm = NDArray[np.int16]


class Peer(Protocol):
    """One session, seen from its transport. All calls come from the event loop and return at once."""

    @property
    def id(self) -> str:
        """The session's id, as it stands in the logs."""

    @property
    def seconds(self) -> float:
        """Seconds since the session began, on the clock of its events; 0 before."""

    def push(self, pcm: Pcm) -> None:
        """Take the next 20 ms of the user's audio, int16 [320] at 16 kHz."""

    def pull(self) -> Pcm:
        """Give the next 20 ms of the agent's audio, int16 [480] at 24 kHz; silence when it has nothing to say.

        The transport calls this once every 20 ms, as late as it can: what was pulled counts as sent.
        """

    def say_text(self, text: str, answer: bool = True) -> None:
        """Take a typed user message as if it had been said; without `answer` it is only remembered."""

    def delayed(self, seconds: float) -> None:
        """Say how long after `pull` a frame is heard, as the transport measures it; taken as 0..2 s.

        What counts as heard follows it. A transport that measures nothing need not call this.
        """

    def end(self, reason: str) -> None:
        """Ask the session to finish: a reply under way is heard out, a goodbye is said, then `run` returns.

        It may take as long as the caller goes on speaking; whoever has a limit cancels `run`. Asking again changes
        nothing.

        Args:
            reason: `drain` (the service restarts), `idle` or `limit`; others end with a plain goodbye.
        """

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with every public event of the session; returns the function that ends it."""

    async def run(self) -> None:
        """Run the session until it ends or is cancelled."""


@runtime_checkable
class Prompt(Protocol):
    """A peer that says when it begins to have audio, which then need not wait for its turn (10 ms on average)."""

    def on_ready(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when `pull` may give audio after silence; returns the function that ends it.

        The transport may then pull sooner than 20 ms after the last time, if what it pulled was silence.
        """
