"""One score for a passage: the chance, 0 to 1, that it carries the answer.

A logistic function of two things that can be compared between questions: the cosine of the embeddings, and the
coverage, the share of the question's words, weighed by how rare they are, that the passage holds. A question's word
that occurs nowhere in the knowledge (the name of a lake that it does not know) counts as the rarest. BM25 itself
only proposes candidates: its size means nothing across questions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of the logistic function, and where to say "I don't know".

    Attributes:
        bias: the log-odds at cosine 0 and coverage 0.
        cosine: log-odds for each unit of cosine.
        coverage: log-odds for full coverage.
        supported: the least score at which a passage is worth an answer.
    """

    bias: float
    cosine: float
    coverage: float
    supported: float

    def score(self, cosine: float, coverage: float) -> float:
        """0..1 from a cosine in -1..1 and a coverage in 0..1."""
        odds = self.bias + self.cosine * cosine + self.coverage * coverage
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, odds))))


CALIBRATIONS = {
    "minilm": Calibration(bias=-14.46, cosine=17.98, coverage=3.46, supported=0.12),
    "wordllama": Calibration(bias=-11.25, cosine=10.64, coverage=5.95, supported=0.15),
}
"""Fitted on the 102 questions of `configs/bench/lakes_dev.jsonl` by `python -m duplex.bench.search_fit`.

Cross-validated, at `supported`: MiniLM lets pass 92 % of the questions that the knowledge answers, none that are of
another domain, 17 % of those about a thing that it does not know and 13 % of those about a thing that it knows but
whose answer it lacks; WordLlama 89, 0, 25 and 7 %. A higher threshold refuses more of the latter and more good
questions; the check of the answer against the passage comes after it, so it leans towards letting pass.
"""


def calibration(embedder: str) -> Calibration:
    """The calibration for an embedder's id, such as `minilm-53aa51172d14`; MiniLM's for one that has none."""
    return CALIBRATIONS.get(embedder.split("-")[0], CALIBRATIONS["minilm"])


def rarity(texts: int, holding: int) -> float:
    """A word's weight: BM25's inverse document frequency, never negative (Robertson & Zaragoza 2009)."""
    return math.log(1.0 + (texts - holding + 0.5) / (holding + 0.5))
