"""Where the numbers in `tools_rag/score.py` come from: `python -m duplex.bench.search_fit`.

A logistic regression (Newton's method, a small L2 penalty) on every passage proposed for the development questions:
does it hold an accepted answer? The rates at each threshold are cross-validated over questions, ten folds, so no
question is scored by weights that have seen it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duplex.bench.logistic import newton
from duplex.bench.search import Question, dev_questions, embedders, holds_answer, open_lakes
from tools_rag.index import KnowledgeIndex

PASSAGES = 12
FOLDS = 10
PENALTY = np.array([1e-6, 0.05, 0.05])
THRESHOLDS = (0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.4)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Proposed passages: features float64 [n, 3] (1, cosine, coverage), labels [n], each one's question [n]."""

    features: Array
    labels: Array
    question: NDArray[np.int64]


def pairs(index: KnowledgeIndex, questions: list[Question]) -> Pairs:
    """All passages that the index proposes for the questions."""
    rows = [
        (1.0, passage.dense, passage.coverage, float(holds_answer(passage, question)), float(number))
        for number, question in enumerate(questions)
        for passage in index.search(question.text, PASSAGES)
    ]
    table = np.array(rows)
    return Pairs(table[:, :3], table[:, 3], table[:, 4].astype(np.int64))


def fit(features: Array, labels: Array) -> Array:
    """float64 [3]: bias, and the weights of cosine and coverage."""
    return newton(features, labels, PENALTY)


def cross_validated(data: Pairs, questions: list[Question]) -> Array:
    """float64 [questions]: the best passage's score for each question, by weights that have not seen the question."""
    best = np.zeros(len(questions))
    for fold in range(FOLDS):
        seen = data.question % FOLDS != fold
        weights = fit(data.features[seen], data.labels[seen])
        scores = 1.0 / (1.0 + np.exp(-data.features @ weights))
        for number in range(fold, len(questions), FOLDS):
            best[number] = scores[data.question == number].max(initial=0.0)
    return best


def main() -> None:
    """Prints weights and, for each threshold, the share of each kind of question that passes."""
    questions = dev_questions()
    kinds = sorted({question.kind for question in questions})
    for name, embedder in embedders().items():
        data = pairs(open_lakes(embedder, Path("out/bench/search")), questions)
        print(name, "bias, cosine, coverage:", fit(data.features, data.labels).round(2).tolist())
        best = cross_validated(data, questions)
        for threshold in THRESHOLDS:
            shares = (
                f"{kind} {np.mean([best[n] >= threshold for n, q in enumerate(questions) if q.kind == kind]):.2f}"
                for kind in kinds
            )
            print(f"  score >= {threshold:.2f}:", ", ".join(shares))


if __name__ == "__main__":
    main()
