"""Embedders: the ONNX graph against the same network in plain numpy, and what vectors must be."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tools_rag.embed import MiniLM, WordLlama, load_tokenizer, map_tensors
from tools_rag.errors import KnowledgeError

TEXTS = ["How deep is Lake Baikal?", "The harbour opens at nine and closes when the last boat is in.", "a"]

ModelPath = Callable[[str], Path]


def reference(folder: Path, text: str) -> np.ndarray:
    """BERT as it is written down (Devlin et al. 2019), one text at a time, float64."""
    w = {
        name: np.asarray(value, np.float64)
        for name, value in map_tensors(folder / "model.safetensors").items()
    }
    ids = load_tokenizer(folder / "tokenizer.json").encode(text).ids
    ids = ids[: ids.index(0)] if 0 in ids else ids
    erf = np.vectorize(math.erf)

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * w[name + ".weight"] + w[name + ".bias"]

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[name + ".weight"].T + w[name + ".bias"]

    e = "embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][: len(ids)]
    x = norm(x + w[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
    for layer in range(6):
        p = f"encoder.layer.{layer}."
        q, k, v = (
            dense(x, f"{p}attention.self.{part}").reshape(len(ids), 12, 32).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = q @ k.swapaxes(1, 2) / math.sqrt(32)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        attended = (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(ids), 384)
        x = norm(x + dense(attended, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        inner = dense(x, p + "intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / math.sqrt(2)))
        x = norm(x + dense(inner, p + "output.dense"), p + "output.LayerNorm")
    pooled = x.mean(0)
    return pooled / np.linalg.norm(pooled)


@pytest.mark.models
def test_minilm_is_bert(model_path: ModelPath) -> None:
    folder = model_path("minilm")
    vectors = MiniLM(folder).embed(TEXTS)
    for vector, text in zip(vectors, TEXTS, strict=True):
        assert vector @ reference(folder, text) > 0.985  # weights and activations are int8


@pytest.mark.models
@pytest.mark.parametrize(
    ("kind", "name", "dimension"), [(MiniLM, "minilm", 384), (WordLlama, "wordllama", 256)]
)
def test_vectors_are_units_and_know_meaning(
    model_path: ModelPath, kind: type[MiniLM | WordLlama], name: str, dimension: int
) -> None:
    embedder = kind(model_path(name))
    vectors = embedder.embed([*TEXTS, "What is the depth of Lake Baikal?", "word " * 3000])
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[3] > 0.8 > vectors[0] @ vectors[1]
    np.testing.assert_array_equal(embedder.embed(TEXTS[:1])[0], vectors[0])  # whatever else is embedded
    assert embedder.embed([]).shape == (0, dimension)
    assert embedder.id.startswith(name + "-")
    assert embedder.has_word("bread")
    assert not embedder.has_word("tittykaka")


def test_missing_or_broken_weights_are_named(tmp_path: Path) -> None:
    for kind in (MiniLM, WordLlama):
        with pytest.raises(KnowledgeError, match="cannot read embedding weights"):
            kind(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"garbage" * 10)
    with pytest.raises(KnowledgeError, match=r"model\.safetensors.*pull the model again"):
        MiniLM(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(KnowledgeError, match="cannot read tokenizer"):
        load_tokenizer(tmp_path / "tokenizer.json")


def test_importing_the_package_loads_no_library() -> None:
    code = (
        "import sys, tools_rag; sys.exit(any(m in sys.modules for m in ('numpy', 'tantivy', 'onnxruntime')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
