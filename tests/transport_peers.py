"""Small real sessions to call, and the tones they and their callers make."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import numpy as np

from duplex.audio.pcm import Pcm
from duplex.audio.ring import Ring
from duplex.graph.event import Event


def tone(seconds: float, rate: int, hz: float = 440.0, peak: int = 8000) -> Pcm:
    return (np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate) * peak).astype(np.int16)


class BasePeer:
    """Says nothing; keeps what it was given."""

    def __init__(self, id: str = "test") -> None:
        self.id = id
        self.pushed = 0
        self.typed: list[str] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.running = False
        self.ended: list[str] = []
        self.delays: list[float] = []
        self.over = anyio.Event()
        self.seconds = 0.0

    def push(self, pcm: Pcm) -> None:
        assert pcm.dtype == np.int16
        assert pcm.shape == (320,)
        self.pushed += 1

    def pull(self) -> Pcm:
        return np.zeros(480, np.int16)

    def say_text(self, text: str, answer: bool = True) -> None:
        self.typed.append(text if answer else f"({text})")

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def delayed(self, seconds: float) -> None:
        self.delays.append(seconds)

    def end(self, reason: str) -> None:
        self.ended.append(reason)

    def tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    async def run(self) -> None:
        self.running = True
        try:
            await self.over.wait()
        finally:
            self.running = False


class EchoPeer(BasePeer):
    """Gives back what it hears; holds at most 20 ms, so it adds no delay of its own beyond the pace."""

    def __init__(self) -> None:
        super().__init__("echo")
        self._ring = Ring(480)
        self.ready: list[Callable[[], None]] = []

    def on_ready(self, listener: Callable[[], None]) -> Callable[[], None]:
        self.ready.append(listener)
        return lambda: self.ready.remove(listener)

    def push(self, pcm: Pcm) -> None:
        super().push(pcm)
        self._ring.write(np.repeat(pcm, 3)[::2].copy())
        if np.abs(pcm).max() > 100:
            for listener in self.ready:
                listener()

    def pull(self) -> Pcm:
        return self._ring.read_padded(480)


class TalkingPeer(BasePeer):
    """Hums until the caller makes a sound, then falls silent at once."""

    def __init__(self) -> None:
        super().__init__("talking")
        self._phase = 0
        self._interrupted = False

    def push(self, pcm: Pcm) -> None:
        super().push(pcm)
        self._interrupted |= int(np.abs(pcm.astype(np.int32)).max()) > 1000

    def pull(self) -> Pcm:
        if self._interrupted:
            return super().pull()
        at = np.arange(self._phase, self._phase + 480)
        self._phase += 480
        return (np.sin(2 * np.pi * 300 * at / 24_000) * 8000).astype(np.int16)
