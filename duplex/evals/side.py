"""Who is measured, as every driver sees it: 20 ms of the user's audio in, 20 ms of the agent's out, and events."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

import anyio

from duplex.audio.pcm import Pcm
from duplex.evals.scenario import Scenario
from duplex.graph import Event


class Side(Protocol):
    """The agent's side of one conversation. All but `run` are called on the event loop and return at once."""

    async def run(self, ready: anyio.Event) -> None:
        """Take part until cancelled, or until the agent ends the conversation; sets `ready` once it listens."""

    def push(self, pcm: Pcm) -> None:
        """Take the next 20 ms of the user's audio, int16 [320] at 16 kHz."""

    def pull(self) -> Pcm:
        """Give the next 20 ms of the agent's audio, int16 [480] at 24 kHz; silence when it says nothing."""

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with every event; returns the function that ends it."""


@runtime_checkable
class Live(Protocol):
    """A side that a real call can tell more, and that tells it more; see `duplex.transport.types`."""

    def on_ready(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when `pull` may give audio after silence; returns the function that ends it."""

    def delayed(self, seconds: float) -> None:
        """Say how long after `pull` a frame is heard."""


@runtime_checkable
class Counting(Protocol):
    """A side that knows how many frames it was too slow for."""

    @property
    def late(self) -> int:
        """Frames whose work was done more than 20 ms after they came."""


class Contender(Protocol):
    """Who makes such sides, one for each scenario; what is heavy is loaded once and shared by them."""

    @property
    def name(self) -> str:
        """What the report calls it."""

    @property
    def voices(self) -> Collection[str]:
        """Voices that it speaks with: the user gets another."""

    async def load(self) -> None:
        """Load what is heavy, once, before the first side is made."""

    async def aclose(self) -> None:
        """Release it."""

    def side(self, scenario: Scenario) -> AbstractAsyncContextManager[Side]:
        """A side for one scenario, on the running event loop: it has the scenario's tools and knows of its opening.

        Raises:
            ScenarioError: the scenario asks for something that cannot be had, such as a corpus that is missing.
        """
