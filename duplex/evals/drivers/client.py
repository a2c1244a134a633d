"""The caller of the webrtc lane: `main` is what its process, which is its own, does.

It is a process because the agent's computing must not touch what it measures: in one process they would share an
interpreter's lock, and a busy agent would be recorded late. Clocks need no agreement: an event loop's time is the
machine's monotonic clock, which all processes share.

It takes a pickled `Order` on stdin, and gives a line and a pickled `Recording` on stdout: the line, before the
scenario begins, says when that is. It ends when its stdin does, so it outlives nobody.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio
import numpy as np

from duplex.audio.pcm import FRAME_SECONDS, Pcm
from duplex.evals.impairment import Path
from duplex.evals.record import RATE
from duplex.evals.scenario import Scenario
from duplex.evals.timeline import FRAME, Player
from duplex.transport.webrtc.caller import Caller
from duplex.transport.webrtc.errors import CallError

SETTLE = 1.0
"""Seconds of a call before its scenario begins: the path is measured and the codecs have settled."""
NOTICE = 5
"""Frames between the line and the scenario's first."""
UP, DOWN = 0, 1
_FIRST = -10
"""Niceness: a caller has a machine of his own, and this one needs little; only root may ask for it."""


@dataclass(frozen=True, slots=True)
class Order:
    """A scenario to play, its audio by item id, and where to call."""

    url: str
    scenario: Scenario
    audio: dict[str, Pcm]


@dataclass(slots=True)
class Recording:
    """A call as its caller lived through it, from the scenario's beginning.

    Attributes:
        user, agent: int16 [n] at 16 kHz, on one clock.
        placed: item id, start and end.
        missed: ids of items whose moment never came.
        stalled: 20 ms frames that the caller itself was too slow to send.
        lost: audio packets that the path lost, up and down.
        sent: audio packets, up and down.
        ended: the agent's side ended the call before the scenario was over.
    """

    user: Pcm
    agent: Pcm
    placed: list[tuple[str, float, float]]
    missed: list[str]
    stalled: int = 0
    lost: tuple[int, int] = (0, 0)
    sent: tuple[int, int] = (0, 0)
    ended: bool = False


class PlayerMicrophone:
    """A scenario's user at the microphone.

    A frame stands where it was spoken, which is 20 ms before it is sent. Times are the call's; the scenario's zero is
    taken from the frame that was sent with the least delay so far, which is known within a fraction of a millisecond.
    """

    def __init__(self, player: Player) -> None:
        """`player` has not begun."""
        self.over = anyio.Event()
        self.stalled = 0
        self.frames: list[Pcm] = []
        """What was said, from the scenario's beginning."""
        self._player = player
        self._heard: Callable[[float, float], Pcm] | None = None
        self._origin = float("inf")
        """When the stream began, on the call's clock."""
        self._next = 0.0
        """The next frame's place in the stream, were there no stall."""
        self._first = 0.0
        """The place of the scenario's first frame."""

    def begin(self, heard: Callable[[float, float], Pcm]) -> float:
        """Let the scenario begin shortly, and say when. Call it once frames have been sent.

        Args:
            heard: gives the agent's audio between two times.
        """
        self._heard, self._first = heard, self._next + NOTICE * FRAME_SECONDS
        return self.zero

    @property
    def zero(self) -> float:
        """When the scenario begins."""
        return self._origin + self._first - FRAME_SECONDS

    def frame(self) -> Pcm:
        """See `Microphone`. What was spoken during a stall is lost, as at any microphone."""
        silent = np.zeros(FRAME, np.int16)
        due = round((self._next - self._first) / FRAME_SECONDS)
        while self._heard and len(self.frames) < due and not self._player.over:
            self._speak(self._heard)
            self.frames[-1] = silent
            self.stalled += 1
        if not self._heard or due < 0 or self._player.over:
            return silent
        return self._speak(self._heard)

    def _speak(self, heard: Callable[[float, float], Pcm]) -> Pcm:
        since = self.zero + self._player.now
        self.frames.append(self._player.frame(heard(since, since + FRAME_SECONDS)))
        return self.frames[-1]

    def sent(self, at: float, place: float) -> None:
        """See `Microphone`."""
        if not self._heard:
            self._origin = min(self._origin, at - place)
        self._next = place + FRAME_SECONDS
        if self._player.over:
            self.over.set()


async def play(order: Order, tell: Callable[[float], None]) -> Recording:
    """Call, and play the scenario. `tell` is given the event loop's time at which it begins.

    Raises:
        CallError: there is no way to the agent.
        ScenarioError: the timeline has a fault.
    """
    player = Player(order.scenario, order.audio, RATE)
    channel, seed = order.scenario.channel, order.scenario.seed
    up, down = Path(channel, seed, UP), Path(channel, seed, DOWN)
    microphone, length = PlayerMicrophone(player), order.scenario.duration
    async with Caller(order.url, loopback=True, max_seconds=length + 60, microphone=microphone) as call:
        await call.connect()
        call.impair(up.on, down.on, channel.rtt_ms / 2000)
        await anyio.sleep(SETTLE)
        zero = microphone.begin(call.heard)
        tell(anyio.current_time() - call.now + zero)
        with suppress(CallError):  # the agent may end the call
            await call.until(microphone.over)
        agent = call.heard(zero, zero + player.now)
        await call.hang_up()
    return Recording(
        user=np.concatenate([*microphone.frames, np.zeros(0, np.int16)]),
        agent=agent,
        placed=[(each.item.id, each.start, each.end) for each in player.placed],
        missed=player.missed,
        stalled=microphone.stalled,
        lost=(up.lost, down.lost),
        sent=(up.sent, down.sent),
        ended=not player.over,
    )


def _end_with_stdin() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def main() -> None:
    """See the module."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed by chance is no answer
    with suppress(AttributeError, OSError):
        os.nice(_FIRST)
    order: Order = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_stdin, daemon=True).start()

    def tell(zero: float) -> None:
        out.write(f"{zero!r}\n".encode())
        out.flush()

    try:
        answer: Recording | str = anyio.run(play, order, tell)
    except Exception as error:
        tell(float("nan"))
        answer = f"{type(error).__name__}: {error}"
    pickle.dump(answer, out)
    out.close()
