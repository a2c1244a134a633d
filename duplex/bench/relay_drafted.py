"""What is said before the answer is known, as text: is it bad or false, and does the verifier know?

The pairs of prefix and answer in `tests/data/relay_pairs.jsonl` were labelled by hand, blind to what the verifier makes
of them. The drafts that it was trained on are split by template; those of the test templates are read from the file
that `duplex train verifier` left. Both belong to a source tree: elsewhere their figures are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duplex.bench.measure import Measure, of_share
from duplex.bench.relay_drafts import OUT, Sample
from duplex.bench.relay_train import Array, auroc, is_said, judged, part, read
from duplex.dialogue.verifier import LogisticVerifier
from duplex.resources import config_path

COMMAND = "duplex bench relay --part drafts"
PAIRS = Path("tests/data/relay_pairs.jsonl")
_ROUNDS = 2_000
"""Resamples of a bootstrap."""


def measures(pairs: Path = PAIRS, drafts: Path = OUT / "drafts.jsonl") -> list[Measure]:
    """The figures of the files that are there."""
    verifier = LogisticVerifier.load(config_path("relay/verifier.json"))
    rows: list[Measure] = []
    if pairs.exists():
        rows += of_pairs(verifier, *labelled(pairs))
    if drafts.exists():
        rows += of_drafts(verifier, read(drafts))
    for path in (pairs, drafts):
        print(f"drafts: {path} {'was read' if path.exists() else 'is not here'}", flush=True)
    return rows


def labelled(path: Path) -> tuple[list[Sample], list[str]]:
    """Pairs, and for each `good`, `bad` or `contradiction`."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    labels = [row.pop("label") for row in rows]
    return [Sample(template="", how="", **row) for row in rows], labels


def of_pairs(verifier: LogisticVerifier, pairs: Sequence[Sample], labels: Sequence[str]) -> list[Measure]:
    """Of the pairs that the verifier keeps: how many are bad in any way, and how many say what is false."""
    scores = scores_of(verifier, pairs)
    said = _said(pairs, scores, verifier)
    kept = [label for label, each in zip(labels, said, strict=True) if each]
    if not kept:
        return []
    good = np.array([float(label == "good") for label in labels])
    return [
        of_share("relay.bad_prefix_share", sum(each != "good" for each in kept), len(kept), COMMAND),
        of_share("relay.contradiction_share", kept.count("contradiction"), len(kept), COMMAND),
        of_share("relay.pairs_kept_share", len(kept), len(labels), COMMAND),
        of_share("relay.pairs_bad_share", sum(each != "good" for each in labels), len(labels), COMMAND),
        of_auroc("relay.pairs_auroc", scores, good),
    ]


def of_drafts(verifier: LogisticVerifier, drafts: Sequence[Sample]) -> list[Measure]:
    """How well the verifier tells the drafts of templates that it was not trained on."""
    test = [each for each in drafts if each.source != "talk" and part(each) == "test" and is_said(each)]
    scores, good = scores_of(verifier, test), np.array([float(each.good) for each in test])
    count = Measure("relay.verifier_drafts", len(drafts), "drafts", len(drafts), None, COMMAND)
    if len(set(good)) < 2:
        return [count]
    kept = _said(test, scores, verifier)
    bad = of_share("relay.verifier_bad_of_kept_share", int((1 - good)[kept].sum()), int(kept.sum()), COMMAND)
    return [count, of_auroc("relay.verifier_auroc", scores, good), bad]


def _said(samples: Sequence[Sample], scores: Array, verifier: LogisticVerifier) -> NDArray[np.bool_]:
    """bool [n]: which may be said; the question's subject always may, see `Relay`."""
    subjects = np.array([each.source == "topic" for each in samples], dtype=np.bool_)
    return np.logical_or(scores >= verifier.keep, subjects)


def scores_of(verifier: LogisticVerifier, samples: Sequence[Sample]) -> Array:
    """float64 [n]: what the verifier makes of each."""
    return np.array([verifier.probability(*judged(each)) for each in samples])


def of_auroc(name: str, scores: Array, good: Array) -> Measure:
    """The area under the ROC curve, with its percentile-bootstrap interval (Efron 1979)."""
    draws = np.random.default_rng(0).integers(0, len(good), (_ROUNDS, len(good)))
    found = np.array([auroc(scores[draw], good[draw]) for draw in draws])
    low, high = np.quantile(found[~np.isnan(found)], (0.025, 0.975))
    interval = (round(float(low), 4), round(float(high), 4))
    return Measure(name, round(auroc(scores, good), 4), "auroc", len(good), interval, COMMAND)
