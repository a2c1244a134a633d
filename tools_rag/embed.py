"""Sentences as unit vectors, from local files, without torch.

`MiniLM` (all-MiniLM-L6-v2, Reimers & Gurevych 2019) understands paraphrase. `WordLlama` is a table of token vectors:
about a hundred times cheaper and nearly as good on short questions. Both keep one protocol, so that an index takes
either.
"""

from __future__ import annotations

import hashlib
import json
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
        self._table = map_tensors(weights)["embedding.weight"]
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
    """all-MiniLM-L6-v2 in ONNX Runtime on one thread, as int8: about 1 ms a query.

    The graph is built in memory from the published weights (see `bert.py`): no file is derived.

    Args:
        folder: holds `model.safetensors`, `tokenizer.json` and `config.json`.

    Raises:
        KnowledgeError: a file is missing, unreadable or not a BERT of the expected shape.
    """

    def __init__(self, folder: Path) -> None:
        from tools_rag.bert import Encoder

        weights = folder / "model.safetensors"
        # Mapped twice: the pages that building the graph touches are given back with the first mapping.
        tensors, mapped = map_tensors(weights), map_tensors(weights)
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        try:
            self._encoder = Encoder(tensors, mapped["embeddings.word_embeddings.weight"], heads=12)
        except KeyError as missing:
            raise KnowledgeError(f"{weights}: no tensor {missing}; pull the model again") from missing
        self.id = f"minilm-int8-{fingerprint(weights)}"
        self.dimension = self._encoder.width

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 [n, 384], each row of length 1."""
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, encoding in zip(rows, self._tokenizer.encode_batch(list(texts)), strict=True):
            row[:] = self._encoder.pooled(encoding.ids)
        return normalise(rows)

    def has_word(self, word: str) -> bool:
        """Whether `word` is a token."""
        return self._tokenizer.token_to_id(word) is not None


def normalise(rows: Vectors) -> Vectors:
    """Each row scaled to length 1; rows of zeros stay."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(norms > 0, norms, 1)).astype(np.float32)


_DTYPES = {"F32": "<f4", "F16": "<f2"}


def map_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The floating-point tensors of a safetensors file by name, as views of the mapped file.

    So what is not read takes no memory: the library's own loader copies 47 MB of word vectors of which a call needs a
    few hundred. The format: https://github.com/huggingface/safetensors#format

    Raises:
        KnowledgeError: the file is missing or is no safetensors file.
    """
    try:
        mapped = np.memmap(path, np.uint8, "r")
        size = int(mapped[:8].view("<u8")[0])
        header: dict[str, Any] = json.loads(bytes(mapped[8 : 8 + min(size, len(mapped))]))
        body = mapped[8 + size :]
        found = {}
        for name, entry in header.items():
            if dtype := _DTYPES.get(entry.get("dtype", "")):
                first, last = entry["data_offsets"]
                found[name] = np.asarray(body[first:last]).view(dtype).reshape(entry["shape"])
        return found
    except (OSError, ValueError, TypeError, KeyError) as error:
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
