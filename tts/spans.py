"""From the time of each symbol to the time of each written word."""

from __future__ import annotations

from collections.abc import Sequence

from tts.guess import audible_span
from tts.normalise import Spoken
from tts.seams import Wave
from tts.types import WordTime


def spans_to_words(
    spoken: Sequence[Spoken],
    owners: Sequence[int],
    spans: Sequence[tuple[float, float]],
    pcm: Wave,
    rate: int,
) -> tuple[WordTime, ...]:
    """Each written word from its first symbol's start to its last one's end.

    A voice lets the last sound before a pause last into the silence. There, and at both ends of a clause, a
    word ends with what can be heard of it.

    Args:
        spoken: the words of a clause.
        owners: for each symbol the index of its written word, or -1. Words appear in order.
        spans: start and end of each symbol in seconds. A span of no length does not count.
        pcm: the clause, float32 [n] in -1..1, at `rate`.
    """
    times: dict[int, tuple[float, float]] = {}
    for owner, (start, end) in zip(owners, spans, strict=True):
        if owner >= 0 and end > start:
            times[owner] = (times.get(owner, (start, end))[0], end)
    indices = sorted(times)
    out = []
    for place, index in enumerate(indices):
        start, end = times[index]
        heard = audible_span(pcm[round(start * rate) : round(end * rate)], rate)
        if place == 0 or spoken[indices[place - 1]].stop:
            start += heard[0]
        if place == len(indices) - 1 or spoken[index].stop:
            end = times[index][0] + heard[1]
        out.append(WordTime(spoken[index].written, float(start), float(max(start, end))))
    return tuple(out)
