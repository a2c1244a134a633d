"""`duplex train verifier`: from drafts and what came of them to the weights of `duplex.dialogue.verifier`.

Logistic regression by Newton's method with an L2 penalty on standardised features. Templates, not samples, are split:
no question of the test half differs from one that was trained on by its names alone. The threshold is the least at
which the validation templates have at most the share of bad prefixes that is allowed, and like the figures it is taken
where a prefix is said: on drafts for the whole words, and on those of a model that lack the last.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import numpy as np
from numpy.typing import NDArray

from duplex.bench.logistic import standardised
from duplex.bench.relay_drafts import Sample, samples
from duplex.dialogue.relay import Sight
from duplex.dialogue.verifier import FEATURES, features
from duplex.llm.drafts import Draft, Evidence, Sureness

PENALTY = 1.0
BAD_ALLOWED = 0.02
"""Of the kept ones, by rule. Less than may be bad in all, since a reader finds more: of 194 drafts that the rules had
passed, 14 were labelled bad by hand, most of them because what was said then was false."""
WRITTEN = 1
"""Words that the user speaks, at most, after those for which a model wrote a draft that is said."""
LEAST_KEPT = 20
"""Validation samples that must be kept before a threshold counts."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trained:
    """The weights, the threshold, and how well they do.

    Attributes:
        weights: by feature.
        keep: the threshold.
        figures: by part (`train`, `validation`, `test`): samples, AUROC, share kept, bad among the kept.
    """

    weights: dict[str, float]
    keep: float
    figures: dict[str, dict[str, float]]

    def save(self, path: Path) -> None:
        """As `LogisticVerifier.load` reads it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        data = {"weights": self.weights, "keep": self.keep, "figures": self.figures}
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def trained_on(drafts: Path) -> Trained:
    """Train on a file of drafts, which are made if it is missing. Raises ValueError as `read` and `train` do."""
    if not drafts.exists():
        anyio.run(samples, drafts)
    return train(read(drafts))


def read(path: Path) -> list[Sample]:
    """The samples that `relay_drafts.samples` wrote.

    Raises:
        ValueError: a line is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Sample(**json.loads(line)) for line in lines]
    except TypeError as error:
        raise ValueError(f"{path}: no drafts ({error}); make them anew") from error


def part(sample: Sample) -> str:
    """Of ten templates, six train, two validate and two test."""
    place = zlib.crc32(sample.template.encode()) % 10
    return "train" if place < 6 else "validation" if place < 8 else "test"


def is_said(sample: Sample) -> bool:
    """Whether a draft comes in time to be said: what a model writes may be a word behind, all else is as new as the
    words (see `Relay`)."""
    lacks = len(sample.question.split()) - len(sample.words.split())
    return lacks <= (WRITTEN if sample.source == "model" else 0)


def judged(sample: Sample) -> tuple[Draft, Sight]:
    """A sample as the verifier sees it."""
    sure = (Sureness(sample.logprob, sample.entropy, sample.margin),) if sample.source == "model" else ()
    draft = Draft(sample.text, sample.source, sure, Evidence(sample.chance, sample.ahead))  # type: ignore[arg-type]
    return draft, Sight(sample.question, sample.words)


def auroc(scores: Array, labels: Array) -> float:
    """The chance that a good one has a higher score than a bad one (Mann and Whitney 1947); .5 for ties."""
    good, bad = scores[labels == 1], scores[labels == 0]
    if not len(good) or not len(bad):
        return float("nan")
    above = (good[:, None] > bad[None, :]).mean() + 0.5 * (good[:, None] == bad[None, :]).mean()
    return float(above)


def threshold(scores: Array, labels: Array) -> float:
    """The least score from which on at most `BAD_ALLOWED` are bad; the highest where there is none."""
    cuts = [float(cut) for cut in np.unique(scores) if (scores >= cut).sum() >= LEAST_KEPT]
    return next(
        (cut for cut in cuts if (labels[scores >= cut] == 0).mean() <= BAD_ALLOWED), float(scores.max())
    )


def train(drafts: Sequence[Sample]) -> Trained:
    """Fit, choose, and measure; small talk is not verified and left out.

    Raises:
        ValueError: there are too few samples.
    """
    unsure = [sample for sample in drafts if sample.source != "talk"]
    parts: dict[str, list[Sample]] = {"train": [], "validation": [], "test": []}
    for sample in unsure:
        name = part(sample)
        if name == "train" or is_said(sample):
            parts[name].append(sample)
    if min(map(len, parts.values())) < LEAST_KEPT:
        raise ValueError(f"{len(unsure)} drafts are too few")
    tables = {name: np.array([features(*judged(one)) for one in some]) for name, some in parts.items()}
    labels = {name: np.array([float(one.good) for one in some]) for name, some in parts.items()}
    weights = standardised(tables["train"], labels["train"], PENALTY)
    scores = {name: 1.0 / (1.0 + np.exp(-table @ weights)) for name, table in tables.items()}
    keep = threshold(scores["validation"], labels["validation"])
    figures = {name: _figures(scores[name], labels[name], keep) for name in parts}
    named = {name: round(float(weight), 4) for name, weight in zip(FEATURES, weights, strict=True)}
    return Trained(named, round(keep, 4), figures)


def _figures(scores: Array, labels: Array, keep: float) -> dict[str, float]:
    kept = scores >= keep
    bad = float((labels[kept] == 0).mean()) if kept.any() else 0.0
    return {
        "samples": len(labels),
        "good": round(float(labels.mean()), 4),
        "auroc": round(auroc(scores, labels), 4),
        "kept": round(float(kept.mean()), 4),
        "bad_of_kept": round(bad, 4),
        "good_kept": round(float(kept[labels == 1].mean()), 4),
    }
