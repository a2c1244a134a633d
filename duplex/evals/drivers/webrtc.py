"""Over a real call: aiortc on this machine, Opus, real time, and the scenario's channel applied to RTP.

The agent answers in this process, where its models are loaded, behind the server that takes real calls; the caller is
a process of its own (`client`), which records both directions on one clock. Session events are put on that clock.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable

import anyio
import numpy as np
from anyio.abc import Process

from duplex.audio.pcm import FRAME_SECONDS, Pcm
from duplex.evals.drivers.client import Order, Recording
from duplex.evals.drivers.floor import measure_floor, probe
from duplex.evals.drivers.making import edges, frames_in, told
from duplex.evals.prepare import Prepared
from duplex.evals.record import RATE, Placed, Record, Replay
from duplex.evals.records import to_records
from duplex.evals.scenario import Channel, ScenarioError
from duplex.evals.side import Contender, Counting, Live, Side
from duplex.evals.timeline import AGENT_RATE, AgentSpeech
from duplex.graph import Event, to_seconds
from duplex.server.app import create_app
from duplex.server.serve import serving
from duplex.transport.types import Peer

BEFORE = 60.0
"""Seconds that a call may take to begin."""
AFTER = 30.0
"""Seconds beyond its scenario that a call may last."""

STALLED = 0.02
"""Share of a call that its caller may stand still, before nothing that was measured is worth anything."""
_CLIENT = "from duplex.evals.drivers.client import main; main()"
"""Imported, not run as a module: what it pickles must be of a module that this process knows."""

_floors: dict[str, float | None] = {}
"""Echo floors by channel: measured once in a process, which is once in a run."""


class CallFailed(Exception):
    """A call did not come about, or its caller died."""


async def replay_webrtc(prepared: Prepared, contender: Contender) -> Replay:
    """Replay a scenario over a call, in real time. Whatever fails in it becomes `Replay.error`.

    Args:
        prepared: the scenario and its audio.
        contender: against whom; loaded.
    """
    replay = Replay(prepared.scenario, contender.name, "webrtc", "real")
    try:
        replay.echo_floor = await echo_floor(prepared.scenario.channel)
        await _play(replay, prepared, contender)
    except Exception as error:
        replay.error = replay.error or told(error)
    return replay


async def echo_floor(channel: Channel) -> float | None:
    """Seconds, as a median, until a sound is back from an agent that plays what it hears, over the same channel.

    None where nothing came back.
    """
    channel = channel.model_copy(update={"echo_db": None})
    key = channel.model_dump_json()
    if key not in _floors:
        prepared, side = probe(channel)
        recording, _ = await call(prepared, Line(side))
        _floors[key] = measure_floor(recording.user, recording.agent)
    return _floors[key]


async def _play(replay: Replay, prepared: Prepared, contender: Contender) -> None:
    async with contender.side(replay.scenario) as side:
        line = Line(side)
        recording, zero = await call(prepared, line)
        replay.late_frames = side.late if isinstance(side, Counting) else 0
    replay.user, replay.agent = recording.user, recording.agent
    items = {item.id: item for item in replay.scenario.timeline}
    replay.placed = [Placed(items[id], start, end) for id, start, end in recording.placed]
    replay.missed = recording.missed
    made = [
        *to_records(line.events, line.origin - zero),
        *frames_in(recording.user),
        *_heard(recording.agent),
    ]
    made.append(Record(replay.seconds, "driver", "path", _path(recording)))
    replay.records = sorted(made, key=lambda record: record.t)
    stalled = recording.stalled * FRAME_SECONDS
    if line.error is not None:
        replay.error = told(line.error)
    elif recording.ended:
        replay.error = f"the agent ended the conversation after {replay.seconds:.1f} s"
    elif stalled > STALLED * replay.seconds:
        replay.error = (
            f"this machine is too busy for a call: the caller itself could not speak for {stalled:.1f} s"
        )


def _heard(agent: Pcm) -> list[Record]:
    """The edges of the agent's speech in what was recorded, where packets that came late are in their places."""
    speech, frame = AgentSpeech(), round(RATE * FRAME_SECONDS)
    for at in range(0, len(agent) - frame + 1, frame):
        speech.hear(agent[at : at + frame])
    return edges(speech)


def _path(recording: Recording) -> dict[str, object]:
    """What became of the packets, and frames that the caller itself was too slow for."""
    return {"sent": recording.sent, "lost": recording.lost, "client_stalled": recording.stalled}


class Line(Peer):
    """A side as the server sees it. It hears and says nothing until the scenario begins."""

    id = "eval"

    def __init__(self, side: Side) -> None:
        """Make it inside the event loop."""
        self.events: list[Event] = []
        self.origin = float("inf")
        """The event loop's time at which the session's clock was 0: no event is told before it happens."""
        self.error: Exception | None = None
        self._side = side
        self._begin = anyio.Event()
        self._zero = float("inf")
        side.subscribe(self._on)

    def begin(self, zero: float) -> None:
        """Let the side run now, and hear from `zero` on, on the event loop's clock."""
        self._zero = zero
        self._begin.set()

    def _on(self, event: Event) -> None:
        self.origin = min(self.origin, anyio.current_time() - to_seconds(event.t))
        self.events.append(event)

    @property
    def _open(self) -> bool:
        return anyio.current_time() >= self._zero

    @property
    def seconds(self) -> float:
        """Seconds since the scenario began."""
        return max(0.0, anyio.current_time() - self._zero)

    async def run(self) -> None:
        """Run the side once the scenario begins."""
        await self._begin.wait()
        try:
            await self._side.run(anyio.Event())
        except Exception as error:
            self.error = error
            raise

    def push(self, pcm: Pcm) -> None:
        """Pass 20 ms on."""
        if self._open:
            self._side.push(pcm)

    def pull(self) -> Pcm:
        """The side's next 20 ms."""
        return self._side.pull() if self._open else np.zeros(round(AGENT_RATE * FRAME_SECONDS), np.int16)

    def on_ready(self, listener: Callable[[], None]) -> Callable[[], None]:
        """See `Prompt`."""
        return self._side.on_ready(listener) if isinstance(self._side, Live) else lambda: None

    def delayed(self, seconds: float) -> None:
        """See `Peer`."""
        if isinstance(self._side, Live):
            self._side.delayed(seconds)

    def say_text(self, text: str, answer: bool = True) -> None:
        """Nobody types."""

    def end(self, reason: str) -> None:
        """It ends when it is cancelled."""

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """The caller reads no messages."""
        return lambda: None


async def call(prepared: Prepared, line: Line) -> tuple[Recording, float]:
    """Place a call to `line` and play the scenario; gives the recording, and the event loop's time at its beginning.

    The caller's process ends with this, however that comes about.

    Raises:
        CallFailed: with the caller's reason.
    """
    app = create_app(lambda: line, max_sessions=1, loopback=True)
    async with serving(app) as url:
        command = [sys.executable, "-c", _CLIENT]
        async with await anyio.open_process(command, stderr=None) as process:
            try:
                order = Order(url, prepared.scenario, dict(prepared.audio))
                return await _converse(process, order, line.begin)
            finally:
                if process.returncode is None:
                    process.kill()


async def _converse(
    process: Process, order: Order, begin: Callable[[float], None]
) -> tuple[Recording, float]:
    assert process.stdin is not None
    assert process.stdout is not None
    answer, zero = b"", None
    try:
        with anyio.fail_after(BEFORE) as limit:
            await process.stdin.send(pickle.dumps(order))
            async for piece in process.stdout:
                answer += piece
                if zero is None and b"\n" in answer:
                    told_at, _, answer = answer.partition(b"\n")
                    zero = float(told_at)
                    begin(zero)
                    limit.deadline = anyio.current_time() + order.scenario.duration + AFTER
            await process.wait()
    except TimeoutError as error:
        raise CallFailed("the caller did not come to its end in time") from error
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        await process.wait()
    if zero is None or not answer:
        raise CallFailed(f"the caller's process died (exit status {process.returncode})")
    result = pickle.loads(answer)
    if isinstance(result, str):
        raise ScenarioError(result) if result.startswith("ScenarioError") else CallFailed(result)
    return result, zero
