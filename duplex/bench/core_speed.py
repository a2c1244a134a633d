"""What a frame of the core costs: one session, sixteen, a fork, and an hour."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np

from duplex.bench.measure import Measure, of_quantile
from duplex.core.follow import Track
from duplex.core.runtime import DuplexCore
from duplex.core.streams.dialogue import Dialogue

COMMAND = "duplex bench core"
_FRAMES = 1_500
_FORKS = 500
_HOUR = 45_000
"""Frames in an hour."""
_SETTLED = 3_000
_BATCH = 16


def speed(core: DuplexCore, talk: Dialogue, told: Callable[[str], None]) -> list[Measure]:
    """All measures of cost, on one dialogue again and again."""
    told("frames of one session")
    alone = _steps(core, talk, 1, _FRAMES)
    told(f"frames of {_BATCH} sessions")
    batch = _steps(core, talk, _BATCH, _FRAMES // 4)
    return [
        of_quantile("core.frame_p50_ms", alone, "ms", COMMAND),
        of_quantile("core.frame_p99_ms", alone, "ms", COMMAND, q=0.99),
        of_quantile("core.batch16_ms", batch, "ms", COMMAND),
        of_quantile("core.fork_us", _forks(core), "us", COMMAND, digits=1),
        _hour(core, talk, told),
    ]


def _steps(core: DuplexCore, talk: Dialogue, sessions: int, frames: int) -> list[float]:
    """Milliseconds from the end of a frame to its outputs, features and words included."""
    tracks = [Track(core.session(), talk) for _ in range(sessions)]
    times = []
    for at in range(min(frames, talk.frames)):
        began = time.perf_counter()
        for track in tracks:
            track.offer(at)
        core.step()
        times.append(1e3 * (time.perf_counter() - began))
    return times


def _forks(core: DuplexCore) -> list[float]:
    session = core.session()
    times = []
    for _ in range(_FORKS):
        began = time.perf_counter()
        session.restore(session.fork())
        times.append(1e6 * (time.perf_counter() - began))
    return times


def _hour(core: DuplexCore, talk: Dialogue, told: Callable[[str], None]) -> Measure:
    """By how much the peak of memory grows between the fourth minute of an hour and its end."""
    session, settled, done = core.session(), 0, 0
    while done < _HOUR:
        track = Track(session, talk)
        for at in range(min(talk.frames, _HOUR - done)):
            track.offer(at)
            core.step()
            done += 1
            if done == _SETTLED:
                settled = _peak_kib()
        told(f"an hour of frames, {100 * done // _HOUR} %")
    if session.output is None or not np.isfinite(session.output.state).all():
        raise ValueError("after an hour the core says nothing that is a number")
    return Measure(
        "core.hour_growth_mib", round((_peak_kib() - settled) / 1024, 2), "MiB", _HOUR, None, COMMAND
    )


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
