"""A knowledge folder that can be asked: words and meaning propose passages, one score ranks them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from tools_rag.build import Progress, up_to_date
from tools_rag.embed import Embedder, Vectors
from tools_rag.errors import Problem
from tools_rag.folder import Limits
from tools_rag.names import Names, Repair
from tools_rag.score import calibration, rarity
from tools_rag.store import Saved
from tools_rag.types import Passage
from tools_rag.vectors import key_of

CANDIDATES = 24
"""Chunks that words propose."""

NEAREST = 48
"""Sentences that meaning proposes."""

REMEMBERED = 1_024
"""Chunks whose stems are kept (about 10 MB): while somebody speaks, the same ones are looked at again and again."""

MAX_QUERY = 1_000
"""Characters of a question that are used: more than a minute of speech."""

Using = Literal["both", "words", "vectors"]


class KnowledgeIndex:
    """Searches a knowledge folder. Safe from several threads.

    Attributes:
        problems: files and lines that were left out, each with the reason.
        supported: the least `Passage.score` at which an answer should be given at all (see `score.py`).
    """

    def __init__(self, saved: Saved, embedder: Embedder, problems: Iterable[Problem] = ()) -> None:
        self._words, self._vectors, self._embedder = saved.words, saved.vectors, embedder
        self._chunks = saved.chunks
        places = {key: row for row, key in enumerate(self._vectors.keys)}
        self._rows = [[places[key_of(text)] for text in piece.embedded] for piece in self._chunks]
        self._owners: dict[int, list[int]] = {}
        for number, rows in enumerate(self._rows):
            for row in rows:
                self._owners.setdefault(row, []).append(number)
        self._sentences = {
            sentence: row
            for piece, rows in zip(self._chunks, self._rows, strict=True)
            for sentence, row in zip(piece.sentences, rows, strict=True)
        }
        self._held = lru_cache(maxsize=REMEMBERED)(self._find_held)
        self._calibration = calibration(embedder.id)
        self._names = Names((piece.indexed for piece in self._chunks), self._is_word)
        self.problems = tuple(problems)
        self.supported = self._calibration.supported

    @classmethod
    def open(
        cls,
        folder: Path,
        cache: Path,
        embedder: Embedder,
        progress: Progress | None = None,
        limits: Limits | None = None,
    ) -> KnowledgeIndex:
        """The folder's index from `cache`, after reading what has changed since.

        Args:
            folder: md, txt, html, pdf and jsonl files, in folders if you like.
            cache: where indexes are kept; several folders and embedders may share it.
            embedder: `MiniLM(path)` or `WordLlama(path)`; each has an index of its own.
            progress: called with (sentences embedded, sentences to embed).
            limits: what the folder may hold.

        Raises:
            KnowledgeError: no such folder, nothing to read in it, too much in it, or `cache` cannot be written.
        """
        saved, problems = up_to_date(Path(folder), Path(cache), embedder, progress, limits or Limits())
        return cls(saved, embedder, problems)

    def __len__(self) -> int:
        """The number of chunks."""
        return len(self._chunks)

    @property
    def titles(self) -> list[str]:
        """The headings of the folder's texts, each once, in order: the names that questions are about."""
        return list(dict.fromkeys(piece.title for piece in self._chunks if piece.title))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors float32 [n, dimension]; the folder's own sentences are looked up, other texts embedded."""
        new = [text for text in texts if text not in self._sentences]
        made = dict(zip(new, self._embedder.embed(new), strict=True)) if new else {}
        rows = [made[text] if text in made else self._vectors.rows[self._sentences[text]] for text in texts]
        return np.asarray(rows, np.float32)

    def repair(self, query: str) -> Repair:
        """The question with misheard names put right, as `search` uses it."""
        return self._names.repair(query[:MAX_QUERY])

    def search(self, query: str, k: int = 3, *, using: Using = "both") -> list[Passage]:
        """The k best passages, best first; empty where nothing matches.

        Args:
            query: as spoken or typed. It is taken as words, never as query syntax.
            k: how many.
            using: rank by words (BM25) or by vectors alone, to compare with both.
        """
        repaired = self.repair(query)
        text = repaired.text
        terms = sorted(set(self._words.terms(text)))
        vector = self._embedder.embed([text])[0]
        if k < 1 or not (terms or np.any(vector)):
            return []
        by_words = dict(self._words.best(terms, CANDIDATES)) if using != "vectors" else {}
        nearest = self._vectors.best(vector, NEAREST) if using != "words" else []
        numbers = sorted(
            {*by_words, *(number for row in nearest for number in self._owners[row][:CANDIDATES])}
        )
        cosines = self._cosines(vector, numbers)
        coverages = self._coverages(terms, self._doubts(repaired), numbers)
        sparse = [by_words.get(number, 0.0) for number in numbers]
        scores = list(map(self._calibration.score, cosines, coverages))
        ranks = {"both": scores, "words": sparse, "vectors": cosines}[using]
        best = sorted(range(len(numbers)), key=ranks.__getitem__, reverse=True)[:k]
        return [self._passage(numbers[n], scores[n], cosines[n], sparse[n], coverages[n]) for n in best]

    def look(
        self, query: str, k: int = 5, id_of: Callable[[Passage], str] | None = None
    ) -> tuple[tuple[str, ...], float]:
        """The best documents and how far the first is ahead of the second (0..1), to see whether anything has changed.

        As `search`, but nothing is found as long as no word of the query says what it is about.

        Args:
            query: the words so far.
            k: how many passages are looked at.
            id_of: names a passage's document; by default its file.
        """
        name = id_of or (lambda passage: passage.source.partition("#")[0])
        if not any(self._words.frequency(term) for term in self._words.terms(query[:MAX_QUERY])):
            return (), 0.0
        scores: dict[str, float] = {}
        for passage in self.search(query, k):
            scores.setdefault(name(passage), passage.score)
        first, second = [*scores.values(), 0.0, 0.0][:2]
        return tuple(scores), 1 - second / first if first > 0 else 0.0

    def _cosines(self, vector: Vectors, numbers: list[int]) -> list[float]:
        """For each chunk, the cosine of its nearest sentence."""
        rows = [self._rows[number] for number in numbers]
        cosines = self._vectors.cosines(vector, [row for group in rows for row in group])
        ends = np.cumsum([0, *map(len, rows)])
        return [float(cosines[start:end].max()) for start, end in pairwise(ends)]

    def _doubts(self, repaired: Repair) -> dict[str, float]:
        """How sure each term is that came from a name put right: its similarity."""
        return {term: similar for _, name, similar in repaired.found for term in self._words.terms(name)}

    def _coverages(self, terms: list[str], doubts: dict[str, float], numbers: list[int]) -> list[float]:
        """For each chunk, the share of the question's words, by rarity, that it holds; a mended name counts less."""
        weights = {term: rarity(len(self._chunks), self._words.frequency(term)) for term in terms}
        total = sum(weights.values()) or 1.0
        sure = {term: weight * doubts.get(term, 1.0) for term, weight in weights.items()}
        hashed = {hash(term): weight for term, weight in sure.items()}
        held = [self._held(number) for number in numbers]
        return [sum(weight for term, weight in hashed.items() if term in stems) / total for stems in held]

    def _find_held(self, number: int) -> frozenset[int]:
        """The stems that a chunk holds, by `hash`."""
        return frozenset(map(hash, self._words.terms(self._chunks[number].indexed)))

    def _passage(self, number: int, score: float, cosine: float, sparse: float, coverage: float) -> Passage:
        chunk = self._chunks[number]
        return Passage(chunk.text, chunk.source, chunk.title, score, cosine, sparse, coverage)

    def _is_word(self, word: str) -> bool:
        """Whether a plain word is in the knowledge, or is a common word of the language."""
        terms = self._words.terms(word)
        return all(self._words.frequency(term) for term in terms) or self._embedder.has_word(word)
