"""A sound file in, the conversation out: as a two-channel WAV and its events, on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import onnxruntime

from duplex.agent.engines import engines_for
from duplex.agent.session import Session
from duplex.agent.spec import AgentSpec
from duplex.audio.pcm import Pcm
from duplex.audio.resample import resample
from duplex.audio.wav import write_two_channels
from duplex.graph import Event, JobStatistics, perf_seconds, run_virtual
from duplex.graph.log import line
from duplex.graph.virtual import Mode
from duplex.transport.captions import Captions, Line
from duplex.transport.driver import Tracks, converse
from duplex.transport.recorded import RecordedUser
from duplex.transport.types import AGENT_RATE, USER_RATE

MAX_SECONDS = 1_800.0
"""Of a file."""
SESSION = "file"
"""The session's id in the log."""


@dataclass(slots=True)
class FileCall:
    """What came of a call.

    Attributes:
        tracks: the audio.
        captions: what was said.
        ended: the user had `heard` the last answer; the `agent` ended it; or the user's patience did, which `cut` it.
        jobs: what the computing cost, by the name of the job.
        wall: seconds that the call took on this machine, loading not included.
    """

    tracks: Tracks = field(default_factory=Tracks)
    captions: Captions = field(default_factory=Captions)
    ended: Literal["heard", "agent", "cut"] = "agent"
    jobs: dict[str, JobStatistics] = field(default_factory=dict)
    wall: float = 0.0

    @property
    def speed(self) -> float:
        """How many times faster than real time it was."""
        return self.tracks.seconds / self.wall if self.wall else 0.0


Watch = Callable[[float, float, Line | None], None]
"""Is told how many seconds have gone by, how many there are without the tail, and the line that was just said."""


def call_with_file(
    spec: AgentSpec,
    audio: Pcm,
    out: Path,
    *,
    compute: Mode = "measured",
    costs: Mapping[str, float] | None = None,
    seed: int | None = None,
    at_once: bool = False,
    watch: Watch = lambda now, whole, said: None,
) -> FileCall:
    """Let an agent hear a recording in virtual time; leaves `call.wav` and `events.jsonl` in `out`.

    With a seed and fixed costs, equal input gives equal bytes in both on one machine.

    Args:
        spec: the agent.
        audio: the user, int16 [n] at 16 kHz.
        out: a folder; it is made. What was said so far is also written if the call is stopped.
        compute: what computing costs in virtual time.
        costs: seconds by job name, for `fixed`.
        seed: of the voices that vary from one time to the next; None for another each time.
        at_once: the user begins to speak at once, and not when the greeting has ended.
        watch: is told how far it is.

    Raises:
        OSError: `out` cannot be written.
        EngineError, ModelError, LLMError, KnowledgeError: the agent cannot be loaded.
        LookupError: the table of costs lacks a job.
    """
    out.mkdir(parents=True, exist_ok=True)
    if seed is not None:
        seed_voices(seed)
    call = FileCall()

    async def main() -> None:
        async with engines_for(spec) as engines:
            user = RecordedUser(audio, after_greeting=bool(engines.greeting) and not at_once)
            await _converse(call, Session(engines, SESSION), user, out, watch)
            call.jobs = engines.lanes.statistics()

    run_virtual(main, compute=compute, costs=costs)
    return call


def seed_voices(seed: int) -> None:
    """Make voices that are loaded from now on vary in the same way."""
    onnxruntime.set_seed(seed)


async def _converse(call: FileCall, session: Session, user: RecordedUser, out: Path, watch: Watch) -> None:
    with (out / "events.jsonl").open("w", encoding="utf-8") as log:

        def take(event: Event) -> None:
            log.write(line("session", event.t, event) + "\n")
            user.on(event)
            said = call.captions.on(event)
            watch(user.seconds, user.length, said)

        session.subscribe(take)
        start = perf_seconds()
        try:
            await converse(session, _Watched(user, watch), call.tracks)
            call.ended = user.ended or "agent"
        finally:
            call.wall = perf_seconds() - start
            left = resample(call.tracks.user.samples(), USER_RATE, AGENT_RATE)
            write_two_channels(out / "call.wav", left, call.tracks.agent.samples(), AGENT_RATE)


class _Watched:
    """A user whose seconds are counted aloud."""

    def __init__(self, user: RecordedUser, watch: Watch) -> None:
        self._user, self._watch = user, watch
        self._told = 0

    def speak(self, heard: Pcm) -> Pcm | None:
        if (second := int(self._user.seconds)) > self._told:
            self._told = second
            self._watch(second, self._user.length, None)
        return self._user.speak(heard)
