"""The meaning side of the index: nearest sentences by cosine.

Sentences rather than whole chunks are embedded, and a chunk is as near as its nearest sentence (the idea of late
interaction, ColBERT, Khattab & Zaharia 2020, at the grain of a sentence): a question asks for one fact, and the mean
of ten facts is near to none. All are compared, by usearch's half-precision kernels: 10,000 in 0.3 ms, which no
approximate graph has to beat at the size of an agent's knowledge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools_rag.embed import Vectors

Half = NDArray[np.float16]


def key_of(text: str) -> int:
    """64 bits that name a text. A vector is kept under its text's key, so a text that stays is not embedded again."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


class VectorIndex:
    """Unit vectors float16 [n, dimension] with a key each; a vector's row is its number."""

    def __init__(self, keys: Sequence[int], rows: Half) -> None:
        if rows.ndim != 2 or len(rows) != len(keys):
            raise ValueError(f"{len(keys)} keys for vectors of shape {rows.shape}")
        self.keys = list(keys)
        self.rows = np.ascontiguousarray(rows, np.float16)

    @classmethod
    def load(cls, path: Path) -> VectorIndex:
        """What `save` wrote."""
        with np.load(path, allow_pickle=False) as saved:
            return cls(saved["keys"].tolist(), saved["rows"])

    def save(self, path: Path) -> None:
        """Writes one .npz file."""
        np.savez(path, keys=np.array(self.keys, np.uint64), rows=self.rows)

    def __len__(self) -> int:
        return len(self.keys)

    def best(self, query: Vectors, count: int) -> list[int]:
        """Rows of the nearest, nearest first. `query` is float32 [dimension] of length 1."""
        from usearch.index import search

        if not len(self) or count < 1:
            return []
        found = search(
            self.rows, query.astype(np.float16), min(count, len(self)), "ip", exact=True, threads=1
        )
        return [int(row) for row in found.keys]

    def cosines(self, query: Vectors, rows: Sequence[int]) -> Vectors:
        """float32 [n]: the cosine of each row with `query`."""
        cosines: Vectors = self.rows[list(rows)].astype(np.float32) @ query
        return cosines
