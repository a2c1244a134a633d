"""Section F: a fast path begins the answer and a slow path goes on (RelayS2S)."""

from __future__ import annotations

from collections.abc import Sequence

from duplex.evals.metrics.spans import clip, total
from duplex.evals.metrics.tally import Tally
from duplex.evals.metrics.view import Turn, Utterance, View

TARGET_MS = (-20.0, 200.0)
"""A seam in this range is heard as one answer."""


def seam_gap(fast_end: float, slow_start: float) -> float:
    """Milliseconds between the two; below 0 they overlap."""
    return 1000 * (slow_start - fast_end)


def contradiction_rate(marked: Sequence[bool]) -> float | None:
    """Share of a hand-marked set in which the fast beginning and the slow answer disagree."""
    return sum(marked) / len(marked) if marked else None


def quality_retained(handoff: float, slow_alone: float) -> float | None:
    """Truthfulness with the handoff, as a share of that of the slow path alone; None where that is 0 or below."""
    return handoff / slow_alone if slow_alone > 0 else None


def measure(view: View, tally: Tally) -> None:
    """Section F of one replay; nothing where no response took the fast path."""
    if not any(each.path == "fast" for each in view.utterances):
        return
    for turn in view.due:
        said = [each for each in view.answers(turn) if each.end > turn.end]
        fast = next((each for each in said if each.path == "fast"), None)
        slow = next((each for each in said if each.path != "fast"), None)
        if slow is not None:
            tally.add("slow_first_audio", slow.start - turn.end)
        if fast is not None:
            tally.add("fast_first_audio", fast.start - turn.end)
            tally.add("fast_abort", _dropped(view, fast, turn))
            if slow is not None and slow.start > fast.start:
                _seam(view, fast, slow, tally)


def _seam(view: View, fast: Utterance, slow: Utterance, tally: Tally) -> None:
    tally.add("seam_gap_ms", seam_gap(fast.end, slow.start))
    tally.add("seam_overlap", slow.start < fast.end)
    spoken = {path: _words(view, each) for path, each in (("fast", fast), ("slow", slow))}
    tally.ratio("fast_share", spoken["fast"], spoken["fast"] + spoken["slow"])


def _words(view: View, utterance: Utterance) -> int:
    """By time: both may be parts of one response."""
    return sum(1 for _, start, _ in view.words if utterance.start - 0.06 <= start < utterance.end + 0.06)


def _dropped(view: View, fast: Utterance, turn: Turn) -> bool:
    """The beginning was given up although the user did not speak."""
    spoken = total(clip(view.user_speech, turn.end, fast.end + 1.0)) > 0
    flushed = [record for record in view.replay.of("playout_flush") if record.payload.get("id") == fast.id]
    return bool(flushed) and not spoken
