"""What the slow path tells the core meanwhile: whether a tool is at work, and words that it would answer with. Pure.

Drawn so that neither tells when a turn ends: queries leave and drafts arrive anywhere in it, as they do in a call,
where words set them off. Half of the agents have no tools, and more than half draft nothing.
"""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray

from duplex.core.data.schedule import Kind, Schedule, Turn
from duplex.core.streams.dialogue import TimedWord
from duplex.core.streams.layout import FRAME_SECONDS, TOOL_STATUS

WITH_TOOLS, WITH_DRAFTS = 0.5, 0.4
"""Shares of the agents."""
_FIRST, _LAST = 0.8, 0.4
"""Seconds into a turn from which there are words to ask with, and behind its end until which something new may come."""
_TAKES = (0.05, 2.8)
"""Seconds that a tool takes."""
_WORDS = 5
"""Words of a draft, one a frame."""
_APT = 0.7
"""Of the drafts, those that become the answer."""

_NONE, _RUNNING, _DONE = range(len(TOOL_STATUS))


def tool_status(schedule: Schedule, frames: int, rng: Random) -> NDArray[np.int8]:
    """What the tools are doing before each frame, int8 [T], index in TOOL_STATUS."""
    status = np.full(frames, _NONE, np.int8)
    if rng.random() >= WITH_TOOLS:
        return status
    begins = np.arange(frames) * FRAME_SECONDS
    for turn in schedule.turns:
        asked = _moments(turn, rng, 2)
        if not asked:
            continue
        ready = asked[-1] + rng.uniform(*_TAKES)  # a new query takes the place of the one before
        status[(begins >= asked[0]) & (begins < min(ready, turn.answered))] = _RUNNING
        status[(begins >= ready) & (begins < turn.answered)] = _DONE
    return status


def drafted(schedule: Schedule, rng: Random) -> tuple[TimedWord, ...]:
    """Words of drafts and when they come, in order."""
    if rng.random() >= WITH_DRAFTS:
        return ()
    replies = [sound for sound in schedule.agent if sound.kind is Kind.reply and sound.words]
    found: list[TimedWord] = []
    for turn in schedule.turns:
        due = next((sound for sound in replies if abs(sound.start - turn.answered) < FRAME_SECONDS), None)
        for at in _moments(turn, rng, 3):
            said = (
                due if due is not None and rng.random() < _APT else rng.choice(replies) if replies else None
            )
            if (found and found[-1].end > at) or said is None:
                continue
            for number, word in enumerate(said.words[:_WORDS]):
                start = at + number * FRAME_SECONDS
                found.append(TimedWord(word.text, start, start + FRAME_SECONDS))
    return tuple(found)


def _moments(turn: Turn, rng: Random, most: int) -> list[float]:
    """Up to so many moments of a turn at which there is something new, in order."""
    first, last = turn.sound.start + _FIRST, min(turn.sound.end + _LAST, turn.answered)
    return sorted(rng.uniform(first, last) for _ in range(rng.randint(0, most))) if first < last else []
