"""What all drivers share: a `Replay` made of what was played, heard and told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr

from duplex.audio.levels import level_dbfs
from duplex.audio.pcm import FRAME_SECONDS, Pcm
from duplex.evals.record import RATE, Record, Replay
from duplex.evals.records import to_records
from duplex.evals.timeline import AgentSpeech, Player
from duplex.graph import Event

_SECOND = round(1 / FRAME_SECONDS)
"""Frames."""


def fill(
    replay: Replay, player: Player, events: Sequence[Event], user: Pcm, agent: Pcm, agent_rate: int
) -> None:
    """Fill in what happened.

    Args:
        replay: names the scenario and how it was run.
        player: has played the user's side, and heard the agent's.
        events: the session's, on a clock that began with the scenario.
        user: what the agent was given, int16 [n] at 16 kHz.
        agent: what was heard of it, int16 [m] at `agent_rate`; both begin with the scenario.
    """
    replay.user = user
    replay.agent = np.zeros(len(user), np.int16)
    # As floats: int16 is dithered, and equal runs are to leave equal bytes.
    floats = soxr.resample(agent.astype(np.float32), agent_rate, RATE)[: len(user)]
    replay.agent[: len(floats)] = np.clip(np.rint(floats), -32_768, 32_767)
    replay.placed, replay.missed = list(player.placed), player.missed
    made = [*to_records(events), *frames_in(user), *edges(player.agent)]
    replay.records = sorted(made, key=lambda record: record.t)


def frames_in(user: Pcm) -> list[Record]:
    """One record for each second of the user's frames: one for each frame would be most of a log."""
    second = RATE * _SECOND // _SECOND
    pieces = [user[at : at + second] for at in range(0, len(user), second)]
    return [
        Record(
            round((at * second + len(piece)) / RATE, 6),
            "driver",
            "frame_in",
            {"frames": len(piece) * _SECOND // RATE, "dbfs": round(level_dbfs(piece), 1)},
        )
        for at, piece in enumerate(pieces)
    ]


def edges(speech: AgentSpeech) -> list[Record]:
    """Where the agent's audible speech begins and ends."""
    return [
        Record(round(t, 6), "driver", "agent_audio", {"edge": edge})
        for start, end in speech.spans
        for t, edge in ((start, "onset"), (end, "offset"))
    ]


def told(error: BaseException) -> str:
    """An error in one line; the first of a group's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
