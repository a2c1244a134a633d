"""The search bench's own material: every invented town is one chunk, and every measure can be had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from duplex.bench.search import write_places
from duplex.bench.search_fit import fit
from tools_rag.chunks import chunk
from tools_rag.folder import Limits, read, scan


def test_each_invented_town_is_one_chunk_of_its_own(tmp_path: Path) -> None:
    names = write_places(tmp_path, 2_000)
    assert len(set(names)) == 2_000
    (entry,), problems = scan(tmp_path, Limits())
    document, more = read(tmp_path, entry, Limits())
    assert document is not None
    assert problems == more == []
    chunks = chunk(document)
    assert [piece.title for piece in chunks] == names
    assert len({piece.text for piece in chunks}) == 2_000
    assert all(60 <= len(piece.text.split()) <= 120 for piece in chunks)


def test_the_fit_finds_the_weights_that_made_the_data() -> None:
    chance = np.random.default_rng(0)
    features = np.column_stack([np.ones(20_000), chance.uniform(0, 1, 20_000), chance.uniform(0, 1, 20_000)])
    truth = np.array([-4.0, 5.0, 2.0])
    labels = (chance.uniform(size=20_000) < 1 / (1 + np.exp(-features @ truth))).astype(float)
    assert fit(features, labels) == pytest.approx(truth, abs=0.3)
