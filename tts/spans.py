"""From the time of each symbol to the time of each written word."""

from __future__ import annotations

from collections.abc import Sequence

from tts.normalise import Spoken
from tts.types import WordTime


def spans_to_words(
    spoken: Sequence[Spoken], owners: Sequence[int], spans: Sequence[tuple[float, float]]
) -> tuple[WordTime, ...]:
    """Each written word from its first symbol's start to its last one's end.

    Args:
        spoken: the words of a clause.
        owners: for each symbol the index of its written word, or -1. Words appear in order.
        spans: start and end of each symbol in seconds. A span of no length does not count.
    """
    times: dict[int, tuple[float, float]] = {}
    for owner, (start, end) in zip(owners, spans, strict=True):
        if owner >= 0 and end > start:
            times[owner] = (times.get(owner, (start, end))[0], end)
    return tuple(
        WordTime(spoken[owner].written, float(start), float(end))
        for owner, (start, end) in sorted(times.items())
    )
