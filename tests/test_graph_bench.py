"""Measures: what they say, how they are written, and that the graph's can be taken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.bench import graph
from duplex.bench.measure import bootstrap_ci95, of_quantile, of_share, write_json


def test_a_hop_is_measured_and_written(tmp_path: Path) -> None:
    measures = graph.run(trips=200, paced_trips=5)
    write_json(measures, tmp_path / "graph.json")
    hop, paced = json.loads((tmp_path / "graph.json").read_text())["measures"]
    assert list(hop) == ["name", "value", "unit", "n", "ci95", "command"]
    assert (hop["name"], hop["unit"], hop["n"]) == ("graph.hop_us", "us", 200)
    assert (paced["name"], paced["unit"], paced["n"]) == ("graph.paced10_us", "us", 5)
    assert 0 < hop["value"] < paced["value"]
    assert hop["ci95"][0] <= hop["value"] <= hop["ci95"][1]


def test_the_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(60):
        low, high = bootstrap_ci95(random.exponential(size=60))
        covered += low <= np.log(2) <= high
    assert covered >= 51


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_a_quantile_lies_within_its_samples(samples: list[float], q: float) -> None:
    measure = of_quantile("a.b_ms", samples, "ms", "duplex bench a", q, digits=6)
    assert measure.ci95 is not None
    assert min(samples) - 1e-6 <= measure.ci95[0] <= measure.ci95[1] <= max(samples) + 1e-6
    assert measure.n == len(samples)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (18, 20, 0.699, 0.9721)]
)
def test_a_share_has_wilsons_interval(hits: int, n: int, low: float, high: float) -> None:
    measure = of_share("a.share", hits, n, "duplex bench a")
    assert measure.value == hits / n
    assert measure.ci95 == pytest.approx((low, high), abs=1e-3)


def test_what_was_not_measured_is_no_measure() -> None:
    with pytest.raises(ValueError, match="leave the measure out"):
        of_quantile("a.b_ms", [], "ms", "duplex bench a")
    with pytest.raises(ValueError, match="no share"):
        of_share("a.share", 0, 0, "duplex bench a")
