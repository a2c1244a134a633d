"""Five baselines that think nothing, to see what a figure is worth: `duplex eval run --agent baseline:never`.

    never            never speaks
    silence-500      answers after 500 ms of silence, and stops for any sound of the user's
    oracle-endpoint  knows the scenario: answers as the last word ends, and yields to what claims the floor alone
    oracle-trigger   the same, and calls its tool at the first word from which on the documents stay the right ones
    echo             plays back what it hears

They answer every turn with one sentence that claims to know nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import numpy as np

from duplex.audio.levels import level_dbfs
from duplex.audio.pcm import FRAME_SECONDS, Pcm
from duplex.audio.ring import Ring
from duplex.evals.record import RATE
from duplex.evals.saying import Listener, Mouth, Sayings
from duplex.evals.scenario import Lane, Opening, Scenario
from duplex.evals.side import Side
from duplex.evals.timeline import AGENT_RATE, AUDIBLE_DBFS
from duplex.graph import Clock, Event, to_ticks

PREFIX = "baseline:"
ANSWER = "I don't know, I am only here to tell you when I would have spoken."
SILENCE = 0.5
"""Seconds after which the silence rule answers."""
VOICE = 0.1
"""Seconds of sound that it takes for speech."""
AGENT_FRAME = round(AGENT_RATE * FRAME_SECONDS)


class BaselineSide:
    """What baselines have in common. By itself it says its opening at most."""

    def __init__(self, sayings: Sayings | None = None, opening: Opening | None = None) -> None:
        self._listeners: list[Listener] = []
        self._mouth = Mouth(sayings, self._tell) if sayings is not None else None
        self._opening = opening if opening and opening.text else None
        self._clock: Clock | None = None
        self._frames = 0

    async def run(self, ready: anyio.Event) -> None:
        """See `Side`."""
        self._clock = Clock()
        ready.set()
        await anyio.sleep_forever()

    @property
    def t(self) -> int:
        """Ticks since it began."""
        return self._clock.now() if self._clock else 0

    @property
    def now(self) -> float:
        """Seconds of the scenario, by the frames that were pulled."""
        return self._frames * FRAME_SECONDS

    def push(self, pcm: Pcm) -> None:
        """See `Side`."""

    def pull(self) -> Pcm:
        """See `Side`."""
        if self._mouth is None or self._clock is None:
            return np.zeros(AGENT_FRAME, np.int16)
        if self._opening is not None and self.now >= self._opening.at - 1e-9:
            self._mouth.announce(self.t, self._opening.text)
            self._opening = None
        self._decide(self._mouth)
        frame = self._mouth.pull(self.t)
        self._frames += 1
        self._said(frame)
        return frame

    def _decide(self, mouth: Mouth) -> None:
        """Begin or stop to speak, right before a frame leaves."""

    def _said(self, frame: Pcm) -> None:
        """A frame leaves."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """See `Side`."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            listener(event)


class SilenceRule:
    """`on(sound) -> ended`: what a turn is to a timer. Pure."""

    def __init__(self) -> None:
        self.sound = 0
        """Frames of sound in a row."""
        self._heard = self._quiet = 0

    def on(self, sound: bool) -> bool:
        """Take 20 ms; whether a turn has just ended."""
        self.sound = self.sound + 1 if sound else 0
        self._quiet = 0 if sound else self._quiet + 1
        self._heard += sound
        if self._quiet != round(SILENCE / FRAME_SECONDS):
            return False
        spoke, self._heard = self._heard >= round(VOICE / FRAME_SECONDS), 0
        return spoke


class SilenceSide(BaselineSide):
    """Answers after half a second without a sound."""

    def __init__(self, sayings: Sayings, opening: Opening | None) -> None:
        super().__init__(sayings, opening)
        self._rule = SilenceRule()
        self._ended: int | None = None
        """When the sound of the turn to be answered ended, in ticks."""

    def push(self, pcm: Pcm) -> None:
        """See `Side`."""
        if self._rule.on(level_dbfs(pcm) > AUDIBLE_DBFS):
            self._ended = self.t - to_ticks(SILENCE)

    def _decide(self, mouth: Mouth) -> None:
        if self._rule.sound >= round(VOICE / FRAME_SECONDS):
            mouth.stop(self.t)
        if self._ended is not None:
            mouth.decide(self.t, self._ended)
            mouth.say(self.t, ANSWER)
            self._ended = None


class EchoSide(BaselineSide):
    """Plays back what it hears, at once. It holds one frame, so that nothing ever stays."""

    def __init__(self) -> None:
        super().__init__()
        self._ring = Ring(AGENT_FRAME)
        self._ready: list[Callable[[], None]] = []
        self._quiet = True

    def push(self, pcm: Pcm) -> None:
        """See `Side`. Samples are repeated to fit 24 kHz: a filter would add its delay."""
        self._ring.write(np.repeat(pcm, AGENT_RATE // 8_000)[:: RATE // 8_000].copy())
        was_quiet, self._quiet = self._quiet, level_dbfs(pcm) <= AUDIBLE_DBFS
        if was_quiet and not self._quiet:
            for listener in tuple(self._ready):
                listener()

    def pull(self) -> Pcm:
        """See `Side`."""
        return self._ring.read_padded(AGENT_FRAME)

    def on_ready(self, listener: Callable[[], None]) -> Callable[[], None]:
        """See `Live`: an answer's first frame does not wait for its turn, so an echo's must not."""
        self._ready.append(listener)
        return lambda: self._ready.remove(listener)

    def delayed(self, seconds: float) -> None:
        """See `Live`."""


@dataclass(slots=True)
class Baseline:
    """The contender of one of the five."""

    kind: str
    lane: Lane = "virtual"
    _sayings: Sayings | None = None

    @property
    def name(self) -> str:
        """Says so where there is no voice on this machine."""
        tones = self._sayings is not None and not self._sayings.spoken
        return f"{PREFIX}{self.kind}{' (tones for words)' if tones else ''}"

    @property
    def voices(self) -> tuple[str, ...]:
        """None of those that users speak with."""
        return ()

    async def load(self) -> None:
        """Load the voice."""
        if self.kind not in ("never", "echo"):
            self._sayings = Sayings(self.lane)
            self._sayings.say(ANSWER)

    async def aclose(self) -> None:
        """Nothing is open."""

    @asynccontextmanager
    async def side(self, scenario: Scenario) -> AsyncIterator[Side]:
        """See `Contender.side`."""
        opening = scenario.agent.opening
        if self._sayings is None:
            yield EchoSide() if self.kind == "echo" else BaselineSide()
            return
        if opening is not None and opening.text:
            self._sayings.say(opening.text)
        if self.kind == "silence-500":
            yield SilenceSide(self._sayings, opening)
            return
        from duplex.evals.oracles import OracleSide, foresee

        tool = next((tool for tool in scenario.tools if tool.corpus), None)
        triggers = {}
        if self.kind == "oracle-trigger" and tool is not None:
            triggers = await anyio.to_thread.run_sync(partial(foresee, scenario, Path(str(tool.corpus))))
        yield OracleSide(scenario, self._sayings, tool, triggers)


KINDS = ("never", "silence-500", "oracle-endpoint", "oracle-trigger", "echo")


def baseline(name: str, lane: Lane) -> Baseline:
    """The one that `baseline:KIND` names. Raises ValueError where there is none."""
    kind = name.removeprefix(PREFIX)
    if kind not in KINDS:
        there = ", ".join(PREFIX + each for each in KINDS)
        raise ValueError(f"there is no baseline {kind!r}; there are: {there}")
    return Baseline(kind, lane)
