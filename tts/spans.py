"""From the time of each symbol to the time of each written word, and to parts that end between words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tts.guess import audible_span
from tts.normalise import Spoken
from tts.seams import Wave
from tts.types import WordTime

_LAST_PART = 0.3  # seconds; no part is cut off for less


@dataclass(frozen=True, slots=True)
class Span:
    """When a written word is said, as the voice planned it.

    Attributes:
        text: the word as it was written.
        start, end: seconds since the clause began.
        opens: a pause comes before it.
        closes: a pause comes after it.
    """

    text: str
    start: float
    end: float
    opens: bool
    closes: bool


def word_spans(
    spoken: Sequence[Spoken], owners: Sequence[int], spans: Sequence[tuple[float, float]]
) -> list[Span]:
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
    indices = sorted(times)
    pauses = [True, *(bool(spoken[index].stop) for index in indices[:-1]), True]
    return [
        Span(
            spoken[index].written, float(times[index][0]), float(times[index][1]), pauses[at], pauses[at + 1]
        )
        for at, index in enumerate(indices)
    ]


def heard_words(spans: Sequence[Span], pcm: Wave, rate: int, offset: float = 0.0) -> tuple[WordTime, ...]:
    """Word times from spans and the audio in which they lie, float32 [n] in -1..1.

    A voice lets the last sound before a pause last into the silence. There, and behind a pause, a word is only
    what can be heard of it.

    Args:
        offset: seconds since the clause began at which `pcm` begins.
    """
    out = []
    for span in spans:
        low, high = (round((at - offset) * rate) for at in (span.start, span.end))
        heard = audible_span(pcm[max(0, low) : max(0, high)], rate)
        start = span.start + heard[0] if span.opens else span.start
        end = span.start + heard[1] if span.closes else span.end
        out.append(WordTime(span.text, start, max(start, end)))
    return tuple(out)


def parts(spans: Sequence[Span], seconds: Sequence[float]) -> Iterator[tuple[list[Span], float | None]]:
    """Cut a clause between words: each part's words, and where it ends in seconds; None for the last.

    Args:
        seconds: how long the first part is at least, the second, and so on; the last counts for all further ones.
    """
    sizes = iter(seconds)
    size = next(sizes)
    part: list[Span] = []
    for at, span in enumerate(spans):
        part.append(span)
        follower = spans[at + 1] if at + 1 < len(spans) else None
        if follower is None or spans[-1].end - follower.start < _LAST_PART:
            continue
        if follower.start - part[0].start >= size:
            yield part, follower.start
            part, size = [], next(sizes, seconds[-1])
    yield part, None
