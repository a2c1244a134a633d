"""Section B: Full-Duplex-Bench v1.5, what happens when both speak; and ours beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from duplex.evals.metrics.spans import (
    FDB_GAP,
    Spans,
    clip,
    falls_silent,
    gap_rows,
    merge,
    onset_after,
    overlaps,
    total,
)
from duplex.evals.metrics.tally import Tally
from duplex.evals.metrics.view import View, claims
from duplex.evals.record import Placed

USER_GAP = 0.6
YIELD = 2.0
"""Seconds within which an interruption has to be yielded to."""
FALSE_STOP = 1.0
"""Seconds within which a stop is put down to the event."""
Behaviour = Literal["respond", "resume", "uncertain", "unknown"]
_REPEAT = re.compile(
    r"\b(?:(?:say|repeat) (?:that|it)|repeat|pardon|come again|what did you say|(?:did ?n.t|could ?n.t) "
    r"(?:\w+ )?(?:catch|hear|get)|what was that|sorry what)\b",
    re.IGNORECASE,
)


def stop_latencies(user: Spans, agent: Spans) -> list[float]:
    """Official: the length of each overlap, users' spans joined at 0.6 s and agents' at 0.5 s.

    These are the script's constants; its comments speak of 300 and 50 ms.
    """
    return [end - start for start, end in overlaps(merge(user, USER_GAP), merge(agent, FDB_GAP))]


def response_latencies(user: Spans, agent: Spans) -> list[float]:
    """Official: from the end of the user's span to the agent's next onset; of several to one onset the shortest."""
    shortest: dict[float, float] = {}
    for end, onset in gap_rows(merge(user, USER_GAP), merge(agent, FDB_GAP)):
        shortest[onset] = min(onset - end, shortest.get(onset, onset - end))
    return list(shortest.values())


def asks_again(text: str) -> bool:
    """Whether a reply asks the user to say it again."""
    return bool(_REPEAT.search(text))


def behaviour(view: View, placed: Placed) -> Behaviour | None:
    """What the agent did after an overlap, by response ids; None where none are known, or it was not speaking.

    Resume: the same response is heard again after the event's end, or has gone on through it. Respond: another
    response begins, which the user's turn asked for. Uncertain: that one asks to repeat. Unknown: nothing.
    """
    onset, end = placed.speech[0][0], placed.speech[-1][1]
    old = view.speaker(onset)
    if old is None or old.id is None:
        return None
    new = next((each for each in view.utterances if each.asked and each.start > onset), None)
    if new is not None:
        text = " ".join(word[0] for word in view.words_of(new))
        return "uncertain" if asks_again(text) else "respond"
    return "resume" if total(clip(view.voiced, min(end, onset + YIELD), view.end)) > 0 else "unknown"


def stop_at(view: View, onset: float) -> float | None:
    """When the agent, speaking at an onset, falls silent for at least 0.3 s; None where it is not speaking then.

    A response that pauses between two sentences at the onset is still being spoken.
    """
    silent = falls_silent(view.voiced, onset)
    said = view.speaker(onset)
    if silent is None and said is not None and said.id is not None:
        again = onset_after(view.voiced, onset)
        return None if again is None else falls_silent(view.voiced, again)
    return silent


def tail(view: View, onset: float) -> float:
    """Seconds of the interrupted response that are heard after the onset."""
    old = view.speaker(onset)
    if old is not None and old.id is not None:
        return total(clip(view.voiced, onset, old.end))
    return total(clip(view.voiced, onset, falls_silent(view.voiced, onset) or onset))


def fell_silent(view: View, onset: float, within: float) -> bool | None:
    """Whether the agent, speaking at the onset, is silent for 0.3 s from within so many seconds; else None.

    A response that comes to its own end there counts too: the formula cannot tell. `false_flush` can.
    """
    stop = stop_at(view, onset)
    if stop is None:
        return None
    # Sound until the end of the recording was not stopped.
    return stop - onset <= within and stop < view.end - 0.02


def flushed(view: View, onset: float, within: float) -> bool:
    """Whether a response was given up within so many seconds of an onset."""
    return any(onset <= record.t <= onset + within for record in view.replay.of("playout_flush"))


def starts(placed: Placed) -> float:
    """An item's onset: of its speech, or of itself."""
    return placed.speech[0][0] if placed.speech else placed.start


_OVERLAPS = ("user_interruption", "user_backchannel", "talking_to_other", "background_speech")
"""The scenarios of v1.5: who claims the floor wants a response, all else wants the agent to resume."""


def measure(view: View, tally: Tally) -> None:
    """Section B of one replay."""
    heard = [span for placed in view.replay.placed for span in placed.speech]
    tally.each("stop_latency_fdb", stop_latencies(heard, view.voiced))
    tally.each("response_latency_fdb15", response_latencies(heard, view.voiced))
    for onset in view.claimed:
        stop = stop_at(view, onset)
        if stop is not None:
            if stop - onset <= YIELD:
                tally.add("stop_latency", stop - onset)
            tally.add("tail_audio_ms", 1000 * tail(view, onset))
    for placed in view.replay.placed:
        _behaviour(view, tally, placed)
    for placed in view.asides:
        stopped = fell_silent(view, starts(placed), FALSE_STOP)
        tally.add("false_stop", stopped)
        if stopped is not None and view.has_ids:
            tally.add("false_flush", flushed(view, starts(placed), FALSE_STOP))


def _behaviour(view: View, tally: Tally, placed: Placed) -> None:
    found = behaviour(view, placed) if placed.speech else None
    if found is None:
        return
    names: Sequence[Behaviour] = ("respond", "resume", "uncertain", "unknown")
    for name in names:
        tally.add(f"behaviour_{name}", found == name)
    if view.scenario.task in _OVERLAPS:
        tally.add("behaviour_wanted", found == ("respond" if claims(placed) else "resume"))
