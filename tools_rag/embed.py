"""Sentences as unit vectors, from local files, without torch.

`MiniLM` (all-MiniLM-L6-v2, Reimers & Gurevych 2019) understands paraphrase. `WordLlama` is a table of token vectors:
about a hundred times cheaper and nearly as good on short questions. Both keep one protocol, so that an index takes
either.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tools_rag.errors import KnowledgeError

Vectors = NDArray[np.float32]

MAX_TOKENS = 256
"""Tokens of a text that are read; the rest is cut off. MiniLM was trained on at most 256."""

BATCH_TOKENS = 1024
"""Padded tokens in one forward pass: past this a batch saves nothing on one core and costs memory."""


class Embedder(Protocol):
    """Texts to unit vectors."""

    @property
    def id(self) -> str:
        """Names the model and its weights: vectors of different ids are not comparable."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 [n, dimension], each row of length 1 (an empty text gives zeros). Safe from several threads."""

    def has_word(self, word: str) -> bool:
        """Whether the model has a token for the whole word (lower case): it is a common word of its language."""


class WordLlama:
    """Mean of static token vectors (WordLlama l2_supercat, 256 dimensions): about 0.05 ms a query.

    Args:
        folder: holds `l2_supercat_256.safetensors` and `l2_supercat_tokenizer_config.json`.

    Raises:
        KnowledgeError: a file is missing or unreadable.
    """

    def __init__(self, folder: Path) -> None:
        weights, tokenizer = (
            folder / "l2_supercat_256.safetensors",
            folder / "l2_supercat_tokenizer_config.json",
        )
        self._table: NDArray[np.float16] = load_tensors(weights)["embedding.weight"]
        self._tokenizer = load_tokenizer(tokenizer)
        self.id = f"wordllama-{fingerprint(weights)}"
        self.dimension = int(self._table.shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 [n, 256], each row of length 1."""
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, encoding in zip(
            rows, self._tokenizer.encode_batch(list(texts), add_special_tokens=False), strict=True
        ):
            ids = [i for i in encoding.ids[:MAX_TOKENS] if i < len(self._table)]
            if ids:
                row[:] = self._table[ids].astype(np.float32).mean(axis=0)
        return normalise(rows)

    def has_word(self, word: str) -> bool:
        """Whether `word` is a token."""
        return self._tokenizer.token_to_id(f"▁{word}") is not None


class MiniLM:
    """all-MiniLM-L6-v2 in ONNX Runtime on one thread: about 3 ms a query, 17 ms a passage of 100 words.

    The graph is built in memory from the published weights (see `bert.py`): no file is derived.

    Args:
        folder: holds `model.safetensors`, `tokenizer.json` and `config.json`.

    Raises:
        KnowledgeError: a file is missing, unreadable or not a BERT of the expected shape.
    """

    def __init__(self, folder: Path) -> None:
        from tools_rag.bert import Encoder

        weights = folder / "model.safetensors"
        tensors = load_tensors(weights)
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        try:
            self._encoder = Encoder(tensors, heads=12)
        except KeyError as missing:
            raise KnowledgeError(f"{weights}: no tensor {missing}; pull the model again") from missing
        self.id = f"minilm-{fingerprint(weights)}"
        self.dimension = self._encoder.width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 [n, 384], each row of length 1."""
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        rows = np.zeros((len(ids), self.dimension), np.float32)
        for batch in batches([len(i) for i in ids]):
            rows[batch] = self._encoder.pooled([ids[i] for i in batch])
        return normalise(rows)

    def has_word(self, word: str) -> bool:
        """Whether `word` is a token."""
        return self._tokenizer.token_to_id(word) is not None


def batches(lengths: Sequence[int], budget: int = BATCH_TOKENS) -> list[list[int]]:
    """Indices in groups of like length, so that padding wastes little: longest x count <= `budget`, or one alone."""
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if groups and lengths[index] * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def normalise(rows: Vectors) -> Vectors:
    """Each row scaled to length 1; rows of zeros stay."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(norms > 0, norms, 1)).astype(np.float32)


def load_tensors(path: Path) -> dict[str, Any]:
    """All tensors of a safetensors file by name."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(str(path)))
    except (OSError, SafetensorError) as error:
        raise KnowledgeError(
            f"cannot read embedding weights {path}: {error}; pull the model again"
        ) from error


def load_tokenizer(path: Path) -> Any:
    """The tokenizer in a `tokenizers` JSON file."""
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises a bare Exception for a bad file
        raise KnowledgeError(f"cannot read tokenizer {path}: {error}; pull the model again") from error


_fingerprints: dict[tuple[str, int, int], str] = {}
_fingerprint_lock = threading.Lock()


def fingerprint(path: Path) -> str:
    """12 hex digits that name the file's content; computed once per file and modification."""
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    with _fingerprint_lock:
        if key not in _fingerprints:
            with path.open("rb") as file:
                _fingerprints[key] = hashlib.file_digest(file, "sha256").hexdigest()[:12]
        return _fingerprints[key]
