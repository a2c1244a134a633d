"""A knowledge folder that can be asked: words and meaning together, one score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tools_rag.chunks import Chunk, chunk
from tools_rag.documents import from_markdown
from tools_rag.embed import Embedder, Vectors
from tools_rag.errors import KnowledgeError
from tools_rag.types import Passage
from tools_rag.words import WordIndex

Progress = Callable[[int, int], None]


class KnowledgeIndex:
    """Searches chunks. Safe from several threads."""

    def __init__(
        self, chunks: Sequence[Chunk], vectors: Vectors, words: WordIndex, embedder: Embedder
    ) -> None:
        self._chunks, self._vectors, self._words, self._embedder = chunks, vectors, words, embedder

    @classmethod
    def open(
        cls, folder: Path, cache: Path, embedder: Embedder, progress: Progress | None = None
    ) -> KnowledgeIndex:
        """Reads the folder, or what is saved of it."""
        chunks = [
            piece
            for path in sorted(folder.rglob("*.md"))
            for piece in chunk(
                from_markdown(path.read_text(encoding="utf-8"), path.relative_to(folder).as_posix())
            )
        ]
        if not chunks:
            raise KnowledgeError(f"no text in {folder}")
        words = WordIndex()
        words.add(piece.indexed for piece in chunks)
        return cls(chunks, embedder.embed([piece.indexed for piece in chunks]), words, embedder)

    def search(self, query: str, k: int = 3) -> list[Passage]:
        """The k best passages, best first; empty where nothing matches."""
        cosine = self._vectors @ self._embedder.embed([query])[0]
        sparse = dict(self._words.best(((term, 1.0) for term in set(self._words.terms(query))), 20))
        top = max(sparse.values(), default=1.0)
        candidates = {*sparse, *np.argsort(-cosine)[:20].tolist()}
        ranked = sorted(candidates, key=lambda i: -(float(cosine[i]) + 0.3 * sparse.get(i, 0.0) / top))
        return [self._passage(i, float(cosine[i]), sparse.get(i, 0.0)) for i in ranked[:k]]

    def _passage(self, number: int, dense: float, sparse: float) -> Passage:
        piece = self._chunks[number]
        return Passage(piece.text, piece.source, piece.title, max(0.0, min(1.0, dense)), dense, sparse)
