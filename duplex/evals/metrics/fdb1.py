"""Section A: Full-Duplex-Bench v1. Names in _fdb, and `tor_fdb`, follow the official scripts with their quirks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from duplex.evals.metrics.normal import content_words, holds
from duplex.evals.metrics.spans import Spans, Word, clip, merge
from duplex.evals.metrics.tally import Tally
from duplex.evals.metrics.view import Turn, View

BIN = 0.2
"""Seconds in one bin of the backchannel histogram."""
LONGEST = 3.0
"""Seconds; a longer segment is a turn."""
_SEGMENT_GAP = 0.1
"""Silences under this are within a segment, as in the voice detector of the official script."""


def takeover(words: Sequence[Word]) -> int:
    """Official TOR: 0 without words, or if they are at most 3 within less than 1.0 s; else 1.

    The words need not follow one another: a lone "mm" and another a second later are a takeover, as in the script.
    """
    if not words:
        return 0
    return 0 if words[-1][2] - words[0][1] < 1.0 and len(words) <= 3 else 1


def takeover_by_sound(spans: Spans) -> int:
    """TOR where no words are known: 1 if first onset to last offset is at least 1.0 s."""
    return int(bool(spans) and spans[-1][1] - spans[0][0] >= 1.0)


def latency(first: float, end: float) -> float:
    """Official latency: never below 0, however early the agent began."""
    return max(0.0, first - end)


def entered(onsets: Sequence[float], pauses: Spans) -> list[bool]:
    """For each true pause: whether the agent began to speak in it. The official script does not test this."""
    return [any(start <= onset < end for onset in onsets) for start, end in pauses]


def backchannels(segments: Spans, words: Sequence[Word] | None) -> tuple[int, list[bool]]:
    """Official: TOR, and for each segment that was looked at whether it is a turn (True) or a backchannel.

    Stops at the first segment of more than 3 s; otherwise the LAST segment's verdict is the TOR, as in the script.
    A word belongs to every segment it touches. Without words a segment's length alone decides.
    """
    verdicts: list[bool] = []
    for start, end in segments:
        if end - start > LONGEST:
            verdicts.append(True)
            break
        n = sum(1 for _, first, last in words or () if first <= end and last > start)
        verdicts.append(n > 3 or not (end - start < 1.0 and n <= 2))
    return int(bool(verdicts) and verdicts[-1]), verdicts


def predicted(segments: Spans, verdicts: Sequence[bool]) -> list[tuple[float, float]]:
    """The backchannels that the official script counts: each turn of up to 3 s makes it forget those before."""
    kept: list[tuple[float, float]] = []
    for (start, end), turn in zip(segments, verdicts, strict=False):
        if not turn:
            kept.append((start, end))
        elif end - start <= LONGEST:
            kept = []
    return kept


def jsd(found: Spans, seconds: float, truth: Sequence[float]) -> float:
    """Jensen-Shannon distance (root of the divergence, natural logarithm) of backchannels to a human distribution.

    1 where there are none, by the script's definition; otherwise at most sqrt(ln 2) = 0.833.

    Args:
        found: the backchannels.
        seconds: of the recording.
        truth: of any number of bins; resampled linearly.
    """
    if not found:
        return 1.0
    from scipy.spatial.distance import jensenshannon

    counts = np.zeros(int(seconds / BIN) + 1)
    for start, end in found:
        counts[int(start / BIN) : int(end / BIN) + 1] += 1
    counts += 1e-10
    places = np.linspace(0, 1, len(counts))
    human = np.interp(places, np.linspace(0, 1, len(truth)), truth)
    return float(jensenshannon(counts / counts.sum(), human))


def nearest_length(distributions: Mapping[str, Sequence[float]], seconds: float) -> Sequence[float]:
    """The distribution whose recording was as long as this one, most nearly: which is whose is not published."""
    bins = int(seconds / BIN) + 1
    return min(distributions.values(), key=lambda each: abs(len(each) - bins))


def wanted(label: str) -> list[str]:
    """What an answer to an interruption has to take up: its label's slot values, else its content words.

    A label is `[intent] {"intent": ..., "slots": {...}}`; anything else is what was said.
    """
    head, _, body = label.partition("{")
    if head.strip() != "[intent]":
        return content_words(label)
    try:
        slots = json.loads("{" + body).get("slots") or {}
    except (ValueError, AttributeError):
        return []
    return [str(value) for value in slots.values()] if isinstance(slots, dict) else []


def relevance(label: str, reply: str) -> tuple[int, int]:
    """How many of the wanted values stand in the reply, and of how many. Our substitute for the GPT score."""
    values = wanted(label)
    return sum(1 for value in values if holds(reply, value)), len(values)


def segments_of(view: View) -> list[tuple[float, float]]:
    """The agent's segments, as short as the official script's detector cuts them."""
    return merge(view.voiced, _SEGMENT_GAP)


def took(view: View, start: float, end: float) -> int:
    """TOR in a window, by words where they are known."""
    if view.has_words:
        return takeover([word for word in view.words if start <= word[1] < end])
    return takeover_by_sound(clip(view.spans, start, end))


def took_turn(view: View, turn: Turn) -> int:
    """TOR of a turn: over all that was said in answer to it."""
    answer = view.answer(turn)
    if answer is None:
        return 0
    if view.has_words:
        return takeover(view.reply(turn))
    return takeover_by_sound(clip(view.spans, answer.start, turn.until))


def measure(view: View, tally: Tally, distributions: Mapping[str, Sequence[float]] | None) -> None:
    """Section A of one replay."""
    task = view.scenario.task
    if task in ("pause_handling", "backchannel"):
        tally.add("tor_fdb", took(view, 0.0, view.end))
    for turn in view.turns:
        onsets = [each.start for each in view.answers(turn)]
        tally.each("tor_pause_window", entered(onsets, turn.pauses))
    for turn in view.due:
        _turn(view, turn, tally)
    if task == "backchannel":
        _backchannels(view, tally, distributions)
    for placed in view.replay.placed:
        if placed.item.kind == "interruption" and placed.item.text and view.has_words:
            for turn in (each for each in view.due if placed in each.items):
                reply = " ".join(word[0] for word in view.reply(turn))
                tally.ratio("post_interrupt_relevance", *relevance(placed.item.text, reply))


def _turn(view: View, turn: Turn, tally: Tally) -> None:
    answer = view.answer(turn)
    tally.add("no_response", answer is None)
    if answer is not None:
        tally.add("fto", answer.start - turn.end)
    if not _scored(view, turn):
        return
    tor = took_turn(view, turn)
    tally.add("tor_fdb", tor)
    if tor and answer is not None:
        words = view.reply(turn)
        tally.add("response_latency", latency(words[0][1] if words else answer.start, turn.end))


def _scored(view: View, turn: Turn) -> bool:
    """Where a turn of the user is interrupted into, the official figures are of the interruption alone."""
    if view.scenario.task == "user_interruption":
        return any(placed.item.kind == "interruption" for placed in turn.items)
    return view.scenario.task not in ("pause_handling", "backchannel")


def _backchannels(view: View, tally: Tally, distributions: Mapping[str, Sequence[float]] | None) -> None:
    segments = segments_of(view)
    last, verdicts = backchannels(segments, view.words if view.has_words else None)
    found = predicted(segments, verdicts)
    short = [span for span in segments if span[1] - span[0] <= LONGEST]
    tally.put("tor_bc", int(any(verdicts)))
    tally.put("tor_bc_fdb", last)
    tally.ratio("bc_frequency", len(short), view.end)
    tally.ratio("bc_frequency_fdb", len(found), view.end)
    if distributions:
        tally.put("bc_jsd", jsd(found, view.end, nearest_length(distributions, view.end)))
    elif not found:
        tally.put("bc_jsd", 1.0)
