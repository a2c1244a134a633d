"""What the floor waits for: its timers' names, and how they are dropped together."""

from __future__ import annotations

from duplex.dialogue.floor_settings import FloorSettings
from duplex.graph.event import CancelTimer, SetTimer, to_ticks

SILENCE, DOUBT, LATE, TIMEOUT = "floor.silence", "floor.doubt", "floor.late", "floor.timeout"
"""Of the silences after a voice, each longer than the one before."""
BARGE, DUCK = "floor.barge", "floor.duck"
"""Of a voice over the agent's: it stops, or is as loud as before again."""
_MOMENT = to_ticks(0.05)
_HARDLY = 5
"""So many times less than the threshold, and the words are hardly all, but after a late silence they are."""


def silences(end: int, settings: FloorSettings) -> list[SetTimer]:
    """What is waited for after a voice that ended at `end`."""
    doubt = max(settings.doubt, settings.silence)
    waits = {
        SILENCE: settings.silence,
        DOUBT: doubt,
        LATE: max(doubt, (doubt + settings.timeout) / 2),
        TIMEOUT: settings.timeout,
    }
    return [SetTimer(timer, end + to_ticks(wait)) for timer, wait in waits.items()]


def least(timer: str, settings: FloorSettings) -> float | None:
    """The least P(end | words) with which the turn ends after this silence; None where words do not matter."""
    leasts = {SILENCE: settings.sure, DOUBT: settings.threshold, LATE: settings.threshold / _HARDLY}
    return leasts.get(timer)


def overlapped(t: int, onset: int, settings: FloorSettings) -> tuple[SetTimer, SetTimer]:
    """What is waited for at `t` while a voice since `onset` is over the agent's: to stop, and to be louder again."""
    barge = SetTimer(BARGE, max(t, onset + to_ticks(settings.barge)))
    louder = t + to_ticks(settings.ducked)
    if louder < barge.at < louder + _MOMENT:  # not worth it before
        louder = barge.at + 1
    return barge, SetTimer(DUCK, louder)


def no_overlap() -> list[CancelTimer]:
    """A voice over the agent's is decided."""
    return [CancelTimer(BARGE), CancelTimer(DUCK)]


def no_end() -> list[CancelTimer]:
    """The turn has ended, or goes on."""
    return [CancelTimer(timer) for timer in (SILENCE, DOUBT, LATE, TIMEOUT)]
