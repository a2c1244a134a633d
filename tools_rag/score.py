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
        supported: the least score at which a passage is worth reading.
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
    "minilm": Calibration(bias=-14.46, cosine=17.98, coverage=3.46, supported=0.001),
    "wordllama": Calibration(bias=-11.25, cosine=10.64, coverage=5.95, supported=0.15),
}
"""Fitted on the 102 questions of `configs/bench/lakes_dev.jsonl` by `python -m duplex.bench.search_fit`.

MiniLM's `supported` is low on purpose: it keeps out 11 of the 12 questions of another domain and hardly anything else,
since which sentence answers, if any, is judged after the search (`duplex/llm/select.py`), with more to go by; a
paraphrase ("Where can I leave my backpack?" for lockers) often has a score of a few thousandths.
Cross-validated, at `supported` WordLlama lets pass 89 % of the questions that the knowledge answers, none of another
domain, 25 % of those about a thing that it does not know and 7 % of those about a thing that it knows but whose answer
it lacks.
"""


def calibration(embedder: str) -> Calibration:
    """The calibration for an embedder's id, such as `minilm-53aa51172d14`; MiniLM's for one that has none."""
    return CALIBRATIONS.get(embedder.split("-")[0], CALIBRATIONS["minilm"])


def rarity(texts: int, holding: int) -> float:
    """A word's weight: BM25's inverse document frequency, never negative (Robertson & Zaragoza 2009)."""
    return math.log(1.0 + (texts - holding + 0.5) / (holding + 0.5))
