"""In virtual time: one frame of the user's in and one of the agent's out every 20 ms, as fast as computing allows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import anyio

from duplex.audio.pcm import Pcm
from duplex.evals.drivers.making import fill, told
from duplex.evals.prepare import Prepared
from duplex.evals.record import Replay
from duplex.evals.scenario import Lane
from duplex.evals.side import Contender, Counting, Side
from duplex.evals.timeline import AGENT_RATE, Player
from duplex.graph import Event, run_virtual
from duplex.graph.virtual import Mode
from duplex.transport.driver import Tracks, converse


def replay_virtual(
    prepared: Prepared,
    contender: Contender,
    compute: Mode = "measured",
    costs: Mapping[str, float] | None = None,
    lane: Lane = "virtual",
) -> Replay:
    """Replay a scenario. Whatever fails in it, the scenario's own faults or the agent, becomes `Replay.error`.

    Args:
        prepared: the scenario and its audio.
        contender: against whom.
        compute: what computing costs in virtual time.
        costs: seconds by job name, for `fixed`.
        lane: what the replay is called.
    """
    replay = Replay(prepared.scenario, contender.name, lane, compute)
    try:
        player = Player(prepared.scenario, prepared.audio)
        run_virtual(partial(_play, replay, player, contender), compute=compute, costs=costs)
    except Exception as error:
        replay.error = replay.error or told(error)
    return replay


async def _play(replay: Replay, player: Player, contender: Contender) -> None:
    events: list[Event] = []
    tracks = Tracks()
    try:
        async with contender.side(replay.scenario) as side:
            side.subscribe(events.append)
            await converse(_Listening(side), _User(player), tracks)
            replay.late_frames = tracks.late + (side.late if isinstance(side, Counting) else 0)
        if not player.over:
            replay.error = f"the agent ended the conversation after {player.now:.1f} s"
    finally:
        fill(replay, player, events, tracks.user.samples(), tracks.agent.samples(), AGENT_RATE)


class _User:
    """The scenario's user; hangs up when its time is over."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def speak(self, heard: Pcm) -> Pcm | None:
        return None if self._player.over else self._player.frame(heard)


class _Listening:
    """A side as `converse` takes it."""

    def __init__(self, side: Side) -> None:
        self.started = anyio.Event()
        self.push, self.pull = side.push, side.pull
        self._side = side

    async def run(self) -> None:
        await self._side.run(self.started)
