"""How good the heads are, on frames and beliefs that were not trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Truth = NDArray[np.bool_]


def auc(scores: Scores, truth: Truth) -> float | None:
    """The probability that a positive scores higher than a negative, ties counting half; None without both."""
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    order = np.argsort(scores, kind="stable")
    ranked = np.asarray(scores)[order]
    first = np.searchsorted(ranked, ranked, "left")
    last = np.searchsorted(ranked, ranked, "right")
    ranks = np.empty(len(scores))
    ranks[order] = (first + last + 1) / 2
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def matched_auc(scores: Scores, truth: Truth, count: NDArray[np.integer], within: int = 1) -> float | None:
    """`auc` over pairs whose numbers of words differ by at most `within`: length alone tells nothing then."""
    won = pairs = 0.0
    for n in np.unique(count[truth]):
        ours = np.sort(scores[truth & (count == n)])
        theirs = np.sort(scores[~truth & (np.abs(count.astype(int) - int(n)) <= within)])
        below = np.searchsorted(theirs, ours, "left") + np.searchsorted(theirs, ours, "right")
        won += float(below.sum()) / 2
        pairs += len(ours) * len(theirs)
    return won / pairs if pairs else None


def passed_holds(scores: Scores, truth: Truth, recall: float = 0.95) -> float | None:
    """The share of negatives that pass the threshold at which `recall` of the positives do."""
    if truth.all() or not truth.any():
        return None
    threshold = np.quantile(scores[truth], 1 - recall)
    return float((scores[~truth] >= threshold).mean())


def f1_by_class(guess: NDArray[np.integer], truth: NDArray[np.integer], classes: int) -> list[float | None]:
    """F1 of each class; None for one that neither occurs nor is guessed."""
    found: list[float | None] = []
    for index in range(classes):
        hits = int(((guess == index) & (truth == index)).sum())
        both = int((guess == index).sum() + (truth == index).sum())
        found.append(2 * hits / both if both else None)
    return found
