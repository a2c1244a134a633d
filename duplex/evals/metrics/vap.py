"""Section G, voice activity projection: its events on two channels, balanced accuracy and weighted F1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from duplex.evals.metrics.spans import Spans, clip, gaps, merge, total
from duplex.evals.scenario import Span

CONTEXT = 1.0
"""Seconds of one speaker alone that a silence needs before and after it."""
PREDICT = 0.5
"""Seconds before a silence in which a shift is to be foreseen."""
SHORT = 1.0
"""Seconds; a longer utterance is no backchannel."""
ALONE = 1.0
"""Seconds of silence of its own channel that a backchannel needs before and after it."""


@dataclass(frozen=True, slots=True)
class Event:
    """A silence of both: who spoke before it (0 or 1), whether the other goes on, and when."""

    kind: Literal["shift", "hold"]
    before: int
    span: Span

    @property
    def predict(self) -> Span:
        """The 0.5 s before it (S-pred): the speaker still speaks."""
        return self.span[0] - PREDICT, self.span[0]


def shifts_and_holds(channels: tuple[Spans, Spans]) -> list[Event]:
    """Silences of both channels with at least 1 s of one speaker alone on either side."""
    both = merge([*channels[0], *channels[1]], 0.0)
    found = []
    for silence in gaps(both):
        before = _alone(channels, (silence[0] - CONTEXT, silence[0]))
        after = _alone(channels, (silence[1], silence[1] + CONTEXT))
        if before is not None and after is not None:
            found.append(Event("hold" if before == after else "shift", before, silence))
    return found


def _alone(channels: tuple[Spans, Spans], window: Span) -> int | None:
    """Who speaks throughout a window while the other is silent in all of it."""
    spoken = [total(clip(merge(channel, 0.0), *window)) for channel in channels]
    for who in (0, 1):
        if spoken[who] >= window[1] - window[0] - 1e-6 and spoken[1 - who] < 1e-6:
            return who
    return None


def backchannels(channel: Spans, end: float) -> list[Span]:
    """Utterances of at most 1 s with at least 1 s of the channel's own silence before and after; `end` of recording."""
    spans = [(-CONTEXT, 0.0 - ALONE), *merge(channel, 0.0), (end + ALONE, end + ALONE)]
    kept = []
    for (before, span), (_, after) in zip(pairwise(spans), list(pairwise(spans))[1:], strict=False):
        apart = span[0] - before[1] >= ALONE - 1e-9 and after[0] - span[1] >= ALONE - 1e-9
        if apart and span[1] - span[0] <= SHORT + 1e-9:
            kept.append(span)
    return kept


def balanced_accuracy(truth: Sequence[bool], guess: Sequence[bool]) -> float | None:
    """(TPR + TNR) / 2; None unless both kinds occur."""
    hit = [same for same, right in zip(_same(truth, guess), truth, strict=True) if right]
    spared = [same for same, right in zip(_same(truth, guess), truth, strict=True) if not right]
    return (sum(hit) / len(hit) + sum(spared) / len(spared)) / 2 if hit and spared else None


def weighted_f1(truth: Sequence[bool], guess: Sequence[bool]) -> float | None:
    """The F1 of either kind, weighted by how often it occurs; None without events."""
    if not truth:
        return None
    score = 0.0
    for kind in (True, False):
        both = sum(t == kind and g == kind for t, g in zip(truth, guess, strict=True))
        named = sum(t == kind for t in truth) + sum(g == kind for g in guess)
        score += (2 * both / named if named else 0.0) * sum(t == kind for t in truth) / len(truth)
    return score


def _same(truth: Sequence[bool], guess: Sequence[bool]) -> list[bool]:
    return [t == g for t, g in zip(truth, guess, strict=True)]
