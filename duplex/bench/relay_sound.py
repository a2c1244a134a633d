"""What a voice over the agent's speech did to it, read off the caller's recording and what was synthesised. Pure.

The recording is compared with the agent's own samples at the place where they were due: what is softer there was
ducked, what is missing was stopped, and a word was heard if the middle of it is still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duplex.audio.levels import window_levels
from duplex.audio.pcm import Pcm

RATE = 16_000
HOP = RATE // 100
AUDIBLE_DBFS = -45.0
DUCKED_DB = -12.0
WITHIN = 100
"""Windows after the onset in which a voice can be what lowers the level."""
SEEN = 3
"""Windows within which the level must have been seen to fall."""
PLAYED_DB = -20.0
"""Softer than ducked speech is: what is below it was not played."""
SEARCH = RATE // 20
"""Samples either way in which the recording is aligned with what was synthesised."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the agent was to say, as synthesised: int16 [n] at 16 kHz, and the ends of each word in seconds."""

    pcm: Pcm
    words: tuple[tuple[str, float, float], ...]


def begins(recording: Pcm, spoken: Spoken, near: float, late: float = 0.0) -> float:
    """When the speech begins in the recording, in seconds, to a sample: the best cross-correlation near a moment.

    Takes the first second of it, which must be undisturbed. It may be as much later as `late` seconds.
    """
    head = spoken.pcm[:RATE].astype(np.float64)
    first, places = round(near * RATE) - SEARCH, 2 * SEARCH + round(late * RATE)
    window = np.pad(recording.astype(np.float64), SEARCH)[first + SEARCH :][: len(head) + places]
    return (first + int(np.argmax(np.correlate(window, head)))) / RATE


def gains(recording: Pcm, spoken: Spoken, start: float) -> NDArray[np.float64]:
    """dB between the recording and what was due, for each 10 ms of the speech; NaN where nothing audible was."""
    first = round(start * RATE)
    heard = np.pad(recording[max(0, first) :], (max(0, -first), 0))[: len(spoken.pcm)]
    heard = np.pad(heard, (0, len(spoken.pcm) - len(heard)))
    due, got = window_levels(spoken.pcm, HOP, HOP), window_levels(heard, HOP, HOP)
    return np.where(due >= AUDIBLE_DBFS + 6, got - due, np.nan)


def ducked_after(gain: NDArray[np.float64], onset: float) -> float | None:
    """Seconds from `onset`, counted from the speech's start, until it is 12 dB softer; None if it is not, in a second.

    None also where the speech made a pause just then, since nobody can tell when in it the level fell.
    """
    since = gain[max(0, round(onset * 100)) :][:WITHIN]
    with np.errstate(invalid="ignore"):
        soft = np.flatnonzero(since <= DUCKED_DB + 1)
        loud = np.flatnonzero(since[: soft[0]] > DUCKED_DB + 1) if len(soft) else soft
    seen = len(soft) and (loud[-1] if len(loud) else -1) >= soft[0] - SEEN
    return float(soft[0]) / 100 if seen else None


def held(recording: Pcm, spoken: Spoken, start: float, since: float, until: float) -> bool:
    """Whether the speech went on between two moments of the recording, in seconds.

    No more than 100 ms of what was to be heard is missing, and no more than 600 ms in a row is softer.
    """
    gain = gains(recording, spoken, start)
    first, last = round((since - start) * 100), round((until - start) * 100)
    part = gain[max(0, first) : max(0, last)]
    missing = np.count_nonzero(np.nan_to_num(part) < PLAYED_DB)
    return int(missing) <= 10 and _longest_soft(part) <= 60


def _longest_soft(gain: NDArray[np.float64]) -> int:
    """The most windows in a row that are softer; where nothing audible was due it stays as it was."""
    longest = run = 0
    for db in gain:
        if db < -6:
            run += 1
        elif db >= -6:
            run = 0
        elif run:
            run += 1
        longest = max(longest, run if db < -6 else 0)
    return longest


def words_in(recording: Pcm, spoken: Spoken, start: float, cut: float) -> int:
    """How many leading words the caller heard at least half of, where the speech was cut off before `cut` seconds."""
    gain = gains(recording, spoken, start)
    with np.errstate(invalid="ignore"):
        sounding = np.flatnonzero(gain >= PLAYED_DB)
    sounding = sounding[sounding <= round((cut - start) * 100)]
    position = (float(sounding[-1]) + 1) / 100 if len(sounding) else 0.0
    return sum((first + last) / 2 <= position for _, first, last in spoken.words)


def agreement(heard: Sequence[int], remembered: Sequence[int]) -> tuple[int, int, int]:
    """Of leading words heard and remembered, reply by reply: those in both, in either, and those only remembered."""
    pairs = list(zip(heard, remembered, strict=True))
    both, either = sum(min(pair) for pair in pairs), sum(max(pair) for pair in pairs)
    return both, either, sum(max(0, knows - real) for real, knows in pairs)
