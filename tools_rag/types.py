"""What knowledge search is: passages with scores, and the protocol that an index keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Passage:
    """One retrieved chunk.

    Attributes:
        text: the chunk's words.
        source: the file it is from, relative to the knowledge folder, with `#heading` or `#page` where known.
        title: the nearest heading above it, or the file's name.
        score: 0..1, comparable between queries: how well the passage carries the query.
        dense: cosine similarity of the embeddings in -1..1.
        sparse: BM25 score, 0 where no query word occurs.
        coverage: 0..1, the share of the query's words, weighed by rarity, that the passage holds.
    """

    text: str
    source: str
    title: str
    score: float
    dense: float = 0.0
    sparse: float = 0.0
    coverage: float = 0.0


class KnowledgeIndex(Protocol):
    """A searchable knowledge folder."""

    def search(self, query: str, k: int = 3) -> list[Passage]:
        """The k best passages, best first; empty where nothing matches. Synchronous; about 20 ms on one core."""
