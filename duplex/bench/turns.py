"""What a call was like for the caller, read off its recording: both channels on one clock.

The truth of when the user spoke is what was sent, never what the agent's own detector believed (the rule of
Full-Duplex-Bench). All functions are pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duplex.audio.detect import first_audible, silent_from

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Said:
    """One user utterance as it was sent: text, and the seconds of its first and last audible sample."""

    text: str
    start: float
    end: float


def first_audio(agent: Pcm, rate: int, end: float, limit: float) -> float | None:
    """Seconds from the end of the user's last word to the agent's first audible sample; None if it never came.

    Audible is ≥ 40 ms above -45 dBFS; an agent that is audible at `end` already began before the user ended, and
    what follows is no answer to it: the first start after `end` counts.
    """
    since = end
    already = first_audible(agent, rate, after_s=max(0.0, end - 0.1))
    if already is not None and already < end:
        quiet = silent_from(agent, rate, after_s=end)
        if quiet is None:
            return None
        since = quiet
    began = first_audible(agent, rate, after_s=since)
    return None if began is None or began > limit else began - end


def cut_in(agent: Pcm, rate: int, start: float, end: float) -> bool:
    """Whether the agent became audible between `start` and `end`, both in seconds: in the user's own pause."""
    began = first_audible(agent, rate, after_s=start)
    return began is not None and began < end


def stop_time(agent: Pcm, rate: int, onset: float) -> float | None:
    """Seconds from the user's onset over the agent's speech until the agent is silent."""
    quiet = silent_from(agent, rate, after_s=onset)
    return None if quiet is None else quiet - onset


def normalise(text: str) -> str:
    """Lower case, digits without separators, no punctuation: what two spellings of an answer have in common."""
    text = re.sub(r"(?<=\d)[,\u202f](?=\d{3})", "", text.lower())
    return " ".join(re.findall(r"[a-z0-9.]+", text.replace("é", "e"))).replace(". ", " ").rstrip(".")


def is_right(answer: str, accepted: list[str], unknown: str | None = None) -> bool:
    """Whether the answer holds one of the accepted ones as whole words.

    A question without accepted answers has none: only the agent's "I don't know" (`unknown`) is right then, and it
    is wrong wherever there is one.
    """
    heard = f" {normalise(answer)} "
    refused = unknown is not None and normalise(unknown) in heard
    if not accepted:
        return refused
    return not refused and any(f" {normalise(option)} " in heard for option in accepted)
