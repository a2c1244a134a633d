"""The meaning side of the index: nearest unit vectors by cosine (usearch, HNSW of Malkov & Yashunin 2016)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tools_rag.embed import Vectors

EXACT_UP_TO = 20_000
"""Up to so many vectors all are compared (under 1 ms): the graph saves nothing worth a missed passage."""


def key_of(text: str) -> int:
    """64 bits that name a text. A vector is kept under its text's key, so a text that stays is not embedded again."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


class VectorIndex:
    """Unit vectors in half precision, each under a key. Searching is safe from several threads."""

    def __init__(self, dimension: int) -> None:
        from usearch.index import Index

        self.dimension = dimension
        self._index: Any = Index(ndim=dimension, metric="cos", dtype="f16")
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path, dimension: int) -> VectorIndex:
        """What `save` wrote."""
        index = cls(dimension)
        index._index.load(str(path))
        return index

    def save(self, path: Path) -> None:
        """Writes one file."""
        self._index.save(str(path))

    def __len__(self) -> int:
        return len(self._index)

    def keys(self) -> set[int]:
        """The keys held."""
        return {int(key) for key in np.asarray(self._index.keys, np.uint64)}

    def add(self, keys: Sequence[int], vectors: Vectors) -> None:
        """Adds float32 [n, dimension] under new keys."""
        self._index.add(np.array(keys, np.uint64), vectors, threads=1)

    def remove(self, keys: Iterable[int]) -> None:
        """Forgets vectors."""
        gone = np.array(sorted(keys), np.uint64)
        if len(gone):
            self._index.remove(gone)

    def best(self, query: Vectors, count: int) -> list[int]:
        """Keys of the nearest, nearest first. `query` is float32 [dimension]."""
        if not len(self) or count < 1:
            return []
        with self._lock:
            exact = len(self) <= EXACT_UP_TO
            found = self._index.search(query, min(count, len(self)), exact=exact, threads=1)
        return [int(key) for key in found.keys]

    def cosines(self, query: Vectors, keys: Sequence[int]) -> list[float]:
        """The cosine of each key's vector with a unit vector float32 [dimension]."""
        if not keys:
            return []
        with self._lock:
            rows = self._index.get(np.array(keys, np.uint64), dtype=np.float32)
        return [float(cosine) for cosine in np.asarray(rows, np.float32).reshape(len(keys), -1) @ query]
