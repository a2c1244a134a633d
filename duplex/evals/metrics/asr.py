"""Section H: streaming recognition. WER by jiwer; latency and stability of words from the partials."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from duplex.evals.metrics.spans import Word
from duplex.evals.metrics.tally import Tally
from duplex.evals.metrics.view import Turn, View
from tts.normalise import normalise


@dataclass(frozen=True, slots=True)
class Partial:
    """What the recogniser believed at a time; `stable` words will not change, all of them in a final."""

    t: float
    words: tuple[str, ...]
    stable: int = 0


def words_of(text: str) -> tuple[str, ...]:
    """A text's words as WER compares them, all of them, as they are said: of "30%" thirty and percent.

    Case, punctuation, accents and the way numbers are written do not count; spellings that differ do.
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return tuple(word.lower() for written in normalise(plain) for word in written.words)


def word_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[int, int]:
    """Substitutions, deletions and insertions; and the reference's words."""
    if not reference:
        return len(hypothesis), 0
    import jiwer

    found = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
    return found.substitutions + found.deletions + found.insertions, len(reference)


def aligned(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[int, int]]:
    """(reference, hypothesis) indexes of the words that are the same in the best alignment."""
    if not reference or not hypothesis:
        return []
    import jiwer

    chunks = jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments[0]
    return [
        pair
        for chunk in chunks
        if chunk.type == "equal"
        for pair in zip(
            range(chunk.ref_start_idx, chunk.ref_end_idx),
            range(chunk.hyp_start_idx, chunk.hyp_end_idx),
            strict=True,
        )
    ]


def emission(reference: Sequence[Word], partials: Sequence[Partial]) -> list[float]:
    """t_first_final(w) - t_end(w) of each word that is right in the end: when it had first become stable for good."""
    if not partials:
        return []
    final = partials[-1].words
    names = [word[0] for word in reference]
    found = []
    for at, place in aligned(names, final):
        settled = next(
            each.t for each in partials if each.stable > place and each.words[place] == final[place]
        )
        found.append(settled - reference[at][2])
    return found


def first_correct(reference: Sequence[Word], partials: Sequence[Partial]) -> list[float]:
    """The same, to the first partial in which the word stood, whether or not it was taken back later."""
    names = [word[0] for word in reference]
    first: dict[int, float] = {}
    for partial in partials:
        for at, _ in aligned(names, partial.words):
            first.setdefault(at, partial.t)
    return [t - reference[at][2] for at, t in sorted(first.items())]


def erased(partials: Sequence[Sequence[str]]) -> int:
    """Tokens that had to be deleted from the end of each output to get the next one (NE's numerator)."""
    return sum(len(before) - _common(before, after) for before, after in pairwise(partials))


def changed(partials: Sequence[Sequence[str]]) -> int:
    """Words of a partial that another word stands in the place of in the next one, or none (UPWR's numerator)."""
    return sum(
        sum(1 for at, word in enumerate(before) if at >= len(after) or after[at] != word)
        for before, after in pairwise(partials)
    )


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    same = (one == other for one, other in zip(before, after, strict=False))
    return next((at for at, each in enumerate(same) if not each), min(len(before), len(after)))


def average_lagging(delays: Sequence[float], seconds: float, reference: int | None = None) -> float | None:
    """AL = (1/tau) sum over i <= tau of d_i - (i - 1)/gamma, tau the first i with d_i >= |X|.

    gamma is |Y|/|X|; with `reference` it is max(|Y|, |Y_ref|)/|X|, which makes it LAAL: long outputs gain nothing.

    Args:
        delays: seconds of source that had been heard when each output word came.
        seconds: |X|, of the source.
        reference: words of the reference.
    """
    if not delays or seconds <= 0:
        return None
    gamma = max(len(delays), reference or 0) / seconds
    tau = next((at for at, delay in enumerate(delays, start=1) if delay >= seconds), len(delays))
    return sum(delay - at / gamma for at, delay in enumerate(delays[:tau])) / tau


def resegmented(hypothesis: Sequence[str], references: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """mWER segmentation: where to cut a long hypothesis so that its edit distance to the segments is least.

    Gives for each reference segment the first and one-past-last index of its words in the hypothesis.
    """
    flat = [word for segment in references for word in segment]
    cost = _distances(flat, hypothesis)
    ends = np.cumsum([len(segment) for segment in references])
    cuts, row, column = [len(hypothesis)], len(flat), len(hypothesis)
    for end in reversed([0, *ends[:-1].tolist()]):
        while row > end:
            row, column = _back(cost, flat, hypothesis, row, column)
        cuts.append(column if end else 0)
    bounds = cuts[::-1]
    return list(pairwise(bounds))


def _distances(
    reference: Sequence[str], hypothesis: Sequence[str]
) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """Edit distances of all beginnings, int32 [reference + 1, hypothesis + 1]."""
    cost = np.zeros((len(reference) + 1, len(hypothesis) + 1), np.int32)
    cost[:, 0], cost[0] = np.arange(len(reference) + 1), np.arange(len(hypothesis) + 1)
    for row, word in enumerate(reference, start=1):
        for column, other in enumerate(hypothesis, start=1):
            swap = cost[row - 1, column - 1] + (word != other)
            cost[row, column] = min(swap, cost[row - 1, column] + 1, cost[row, column - 1] + 1)
    return cost


def _back(
    cost: np.ndarray[tuple[int, int], np.dtype[np.int32]],
    reference: Sequence[str],
    hypothesis: Sequence[str],
    row: int,
    column: int,
) -> tuple[int, int]:
    """One step back on the best path."""
    if column and cost[row, column] == cost[row - 1, column - 1] + (
        reference[row - 1] != hypothesis[column - 1]
    ):
        return row - 1, column - 1
    if cost[row, column] == cost[row - 1, column] + 1:
        return row - 1, column
    return row, column - 1


def stream_laal(
    words: Sequence[tuple[str, float]], segments: Sequence[tuple[float, float, Sequence[str]]]
) -> float | None:
    """StreamLAAL: the mean LAAL over reference segments, after mWER re-segmentation of one long output.

    Args:
        words: each output word with its time, ideal (audio heard) or compute-aware (clock).
        segments: start, end and words of each reference segment.
    """
    bounds = resegmented([word for word, _ in words], [segment[2] for segment in segments])
    found = []
    for (first, last), (start, end, reference) in zip(bounds, segments, strict=True):
        delays = [max(0.0, t - start) for _, t in words[first:last]]
        lag = average_lagging(delays, end - start, len(reference))
        if lag is not None:
            found.append(lag)
    return sum(found) / len(found) if found else None


def real_time_factor(computed: float, seconds: float) -> float | None:
    """RTF: seconds of computing for a second of audio."""
    return computed / seconds if seconds > 0 else None


def partials_of(view: View, turn: Turn) -> list[Partial]:
    """The recogniser's log of a turn: the partials and the last final of it."""
    rows = []
    for record in view.replay.of("asr_partial", "asr_final"):
        if turn.start <= record.t < turn.until:
            words = words_of(str(record.payload.get("text", "")))
            stable = len(words) if record.type == "asr_final" else _stable(record.payload)
            rows.append((record.type, Partial(record.t, words, min(stable, len(words)))))
    last = max((at for at, (kind, _) in enumerate(rows) if kind == "asr_final"), default=-1)
    return [partial for _, partial in rows[: last + 1]]


def _stable(payload: object) -> int:
    """How many words are stable; the log gives their number or their text."""
    given = payload.get("stable", 0) if hasattr(payload, "get") else 0
    return len(words_of(given)) if isinstance(given, str) else int(given or 0)


def reference_of(turn: Turn) -> list[Word]:
    """The true words of a turn, as they are compared; without times (NaN) where they are not known."""
    found: list[Word] = []
    for placed in turn.items:
        if placed.words:
            for text, start, end in placed.words:
                found += [(each, start, end) for each in words_of(text)]
        elif not placed.item.text.startswith("["):
            found += [(each, float("nan"), float("nan")) for each in words_of(placed.item.text)]
    return found


def measure(view: View, tally: Tally) -> None:
    """Section H of one replay, over the turns whose words are known; nothing where the agent tells no transcript."""
    for turn in view.turns:
        reference, partials = reference_of(turn), partials_of(view, turn)
        if not reference or not partials:
            continue
        final = partials[-1].words
        tally.ratio("wer", *word_errors([word[0] for word in reference], final))
        texts = [partial.words for partial in partials]
        tally.ratio("ne", erased(texts), len(final))
        tally.ratio("upwr", changed(texts), len(final))
        tally.each("emission_latency", _known(emission(reference, partials)))
        tally.each("first_correct_latency", _known(first_correct(reference, partials)))


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if value == value]
