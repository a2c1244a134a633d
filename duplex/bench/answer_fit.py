"""Where the weights in `duplex/llm/select.py` come from: `python -m duplex.bench.answer_fit`.

A logistic regression (Newton's method, an L2 penalty on standardised features) on every sentence of the passages that
are found for the development questions: does it hold an accepted answer? The rates at each threshold are of subjects
that the weights have not seen: each subject in turn is left out. A question that can be answered counts as right where
the likeliest sentence holds the answer and reaches the threshold; any other where no sentence reaches it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duplex.bench.llm import rows
from duplex.bench.logistic import standardised
from duplex.bench.search import dev_questions, open_lakes
from duplex.bench.turns import is_right
from duplex.llm.select import BY_MEANING, BY_WORDS, by_meaning, by_words, possible, split
from duplex.models import model_folder
from duplex.resources import config_path
from tools_rag import KnowledgeIndex, MiniLM
from tools_rag.embed import Embedder

PASSAGES, PENALTY = 3, 1.0
THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: features float64 [n, f] of the sentences that may answer it, and which of them do [n]."""

    subject: str
    question: str
    known: bool
    features: Array
    right: NDArray[np.bool_]
    sentences: tuple[str, ...]


def questions() -> Iterator[Asked]:
    """The development questions of every subject, searched for in that subject's own texts."""
    embedder = MiniLM(model_folder("minilm"))
    with tempfile.TemporaryDirectory() as scratch:
        for subject, texts, questions in subjects():
            home = Path(scratch, subject)
            index = open_texts(texts, embedder, home)
            yield from (_asked(index, subject, *question) for question in questions)
        index = open_lakes(embedder, Path(scratch, "lakes"))
        yield from (_asked(index, "lakes", one.text, list(one.answers)) for one in dev_questions())
        for name, group in (("lakes_more", "lakes"), ("lakes_callers", "callers")):
            more = rows(config_path(f"bench/{name}.jsonl"))
            yield from (_asked(index, group, row["question"], row["answers"]) for row in more)


def subjects() -> Iterator[tuple[str, dict[str, str], list[tuple[str, list[str]]]]]:
    """Each invented subject: its name, its texts by title, and its questions with accepted answers."""
    grounded = [row | {"subject": "grounded"} for row in rows(config_path("bench/grounded.jsonl"))]
    data = [*rows(config_path("bench/subjects.jsonl")), *grounded]
    for subject in dict.fromkeys(row["subject"] for row in data):
        own = [row for row in data if row["subject"] == subject]
        texts = {row["title"]: row["text"] for row in own if row["kind"] == "passage"}
        yield subject, texts, [(row["question"], row["answers"]) for row in own if row["kind"] == "question"]


def open_texts(texts: dict[str, str], embedder: Embedder, home: Path) -> KnowledgeIndex:
    folder = home / "knowledge"
    folder.mkdir(parents=True, exist_ok=True)
    for number, (title, text) in enumerate(texts.items()):
        (folder / f"{number}.md").write_text(f"# {title}\n\n{text}\n", encoding="utf-8")
    return KnowledgeIndex.open(folder, home / "cache", embedder)


def _asked(index: KnowledgeIndex, subject: str, question: str, answers: list[str]) -> Asked:
    text = index.repair(question).text
    passages = [one for one in index.search(question, PASSAGES) if one.score >= index.supported]
    found = split(passages)
    width = len(BY_WORDS) + len(BY_MEANING)
    if not found:
        return Asked(subject, question, bool(answers), np.zeros((0, width)), np.zeros(0, bool), ())
    texts = [text, *(one.sentence for one in found), *{one.passage.title for one in found}]
    vectors = dict(zip(texts, index.embed(texts), strict=True))
    table = np.hstack([by_words(text, found), by_meaning(text, found, vectors)])
    right = np.array([bool(answers) and is_right(one.sentence, answers) for one in found])
    kept = possible(text, found)
    told = tuple(one.sentence for one, keep in zip(found, kept, strict=True) if keep)
    return Asked(subject, text, bool(answers), table[kept], right[kept], told)


def fit(data: list[Asked], columns: slice) -> Array:
    """float64 [f]: the weights of the features in these columns, the first of which is 1."""
    table = np.concatenate([one.features[:, columns] for one in data])
    labels = np.concatenate([one.right for one in data]).astype(np.float64)
    return standardised(table, labels, PENALTY)


def cross_validated(data: list[Asked], columns: slice) -> list[tuple[Asked, float, int]]:
    """Each question with the chance and the place of its likeliest sentence, -1 where nothing was found."""
    found = []
    for subject in dict.fromkeys(one.subject for one in data):
        weights = fit([one for one in data if one.subject != subject], columns)
        for one in (one for one in data if one.subject == subject):
            chances = 1.0 / (1.0 + np.exp(-one.features[:, columns] @ weights))
            best = int(chances.argmax()) if len(chances) else -1
            found.append((one, float(chances[best]) if len(chances) else 0.0, best))
    return found


def shares(found: list[tuple[Asked, float, int]], threshold: float) -> tuple[float, float]:
    """Right of the questions that can be answered, and of those that cannot."""
    known = [
        best >= 0 and bool(one.right[best]) and chance >= threshold
        for one, chance, best in found
        if one.known
    ]
    other = [chance < threshold for one, chance, _ in found if not one.known]
    return float(np.mean(known)), float(np.mean(other))


def _group(subject: str) -> str:
    """Questions about lakes, the harder ones of callers about lakes, and all the rest."""
    return subject if subject in ("lakes", "callers") else "others"


def main() -> None:
    """Prints the weights and, at each threshold, the shares of right answers and of right refusals."""
    data = list(questions())
    for name, width in (
        ("words and meaning", len(BY_WORDS) + len(BY_MEANING)),
        ("words alone", len(BY_WORDS)),
    ):
        columns = slice(0, width)
        weights = fit(data, columns).round(2).tolist()
        print(name, dict(zip([*BY_WORDS, *BY_MEANING], weights, strict=False)))
        found = cross_validated(data, columns)
        for threshold in THRESHOLDS:
            for group in ("lakes", "callers", "others"):
                own = [item for item in found if _group(item[0].subject) == group]
                print(
                    f"  chance >= {threshold}: {group} answered {{:.3f}} refused {{:.3f}}".format(
                        *shares(own, threshold)
                    )
                )


if __name__ == "__main__":
    main()
