"""Intervals over scenarios: that they cover what they claim, and depend on nothing but the values."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from duplex.evals import bootstrap
from duplex.evals.bootstrap import Interval

finite = st.floats(-1e6, 1e6)
samples = st.lists(finite, min_size=2, max_size=30)


@settings(max_examples=40, deadline=None)
@given(samples, st.randoms(use_true_random=False))
def test_the_order_of_scenarios_changes_nothing(values: list[float], order: random.Random) -> None:
    shuffled = list(values)
    order.shuffle(shuffled)
    assert bootstrap.mean(shuffled) == bootstrap.mean(values)
    assert bootstrap.quantile(shuffled, 0.9) == bootstrap.quantile(values, 0.9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=20), st.randoms(use_true_random=False))
def test_pairs_stay_together_whatever_their_order(
    pairs: list[tuple[float, float]], order: random.Random
) -> None:
    shuffled = list(pairs)
    order.shuffle(shuffled)
    assert bootstrap.difference(*zip(*pairs, strict=True)) == bootstrap.difference(
        *zip(*shuffled, strict=True)
    )


@settings(max_examples=40, deadline=None)
@given(samples)
def test_an_interval_lies_within_the_values(values: list[float]) -> None:
    for found in (bootstrap.mean(values), bootstrap.median(values)):
        assert found.low is not None
        assert found.high is not None
        assert min(values) - 1e-6 <= found.low <= found.high <= max(values) + 1e-6


@settings(max_examples=30, deadline=None)
@given(samples, st.floats(-100, 100), st.floats(0.1, 10))
def test_an_interval_moves_with_the_values(values: list[float], shift: float, scale: float) -> None:
    here, there = bootstrap.mean(values), bootstrap.mean([scale * value + shift for value in values])
    for name in ("value", "low", "high"):
        assert getattr(there, name) == pytest.approx(scale * getattr(here, name) + shift, rel=1e-6, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(samples)
def test_a_system_does_not_differ_from_itself(values: list[float]) -> None:
    assert bootstrap.difference(values, values) == Interval(0.0, 0.0, 0.0, len(values))


@pytest.mark.parametrize("statistic", [bootstrap.mean, bootstrap.median])
def test_about_95_of_100_intervals_cover_the_truth(statistic: Callable[[list[float]], Interval]) -> None:
    draw = np.random.default_rng(3)
    found = [statistic(list(draw.normal(4.0, 2.0, size=40))) for _ in range(200)]
    covered = sum(each.low <= 4.0 <= each.high for each in found if each.low and each.high)
    assert 180 <= covered <= 198


def test_it_agrees_with_scipy() -> None:
    values = list(np.random.default_rng(5).gamma(2.0, size=50))
    theirs = stats.bootstrap((values,), np.mean, n_resamples=10_000, method="percentile", rng=1)
    ours = bootstrap.mean(values)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), rel=0.02)


def test_a_median_is_resampled_as_numpy_would() -> None:
    values = np.random.default_rng(7).normal(size=9)
    draws = bootstrap._draws(9)
    resampled = np.quantile(np.sort(values)[draws], 0.9, axis=1)
    ours = bootstrap.quantile(list(values), 0.9)
    assert (ours.low, ours.high) == pytest.approx(tuple(np.percentile(resampled, (2.5, 97.5))))


def test_a_ratio_weighs_scenarios_by_what_they_have() -> None:
    found = bootstrap.ratio([9.0, 0.0], [9.0, 1.0])
    assert (found.value, found.low, found.high) == (0.9, 0.0, 1.0)


def test_what_has_nothing_below_the_line_is_no_ratio() -> None:
    assert bootstrap.ratio([0.0, 1.0], [0.0, 2.0]).low == 0.5  # a draw of two empty rows says nothing
    with pytest.raises(ValueError, match="below the line"):
        bootstrap.ratio([0.0], [0.0])


def test_a_pooled_difference_is_drawn_together() -> None:
    hits, chances = [1.0, 3.0, 0.0, 2.0], [2.0, 4.0, 1.0, 2.0]

    def found(ours: list[float]) -> Interval:
        columns = [hits, chances, ours, chances]
        return bootstrap.of_sums(columns, lambda sums: sums[:, 2] / sums[:, 3] - sums[:, 0] / sums[:, 1])

    assert (found(hits).value, found(hits).low, found(hits).high) == (0.0, 0.0, 0.0)
    better = found(chances)
    assert (better.value, better.excludes_zero) == (pytest.approx(1 / 3), True)


@pytest.mark.parametrize(
    ("hits", "chances", "value", "low", "high"),
    [
        ([0.0] * 12, [1.0] * 12, 0.0, 0.0, 0.2425),
        ([1.0] * 3, [1.0] * 3, 1.0, 0.4385, 1.0),
        ([0.0], [1.0], 0.0, 0.0, 0.7935),
    ],
)
def test_none_of_a_few_is_not_certain(
    hits: list[float], chances: list[float], value: float, low: float, high: float
) -> None:
    found = bootstrap.share(hits, chances)
    assert (found.value, found.method) == (value, "wilson")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_a_share_between_is_resampled() -> None:
    found = bootstrap.share([1.0] * 5 + [0.0] * 5, [1.0] * 10)
    assert (found.value, found.method, found.n) == (0.5, "bootstrap", 10)
    assert (found.low, found.high) == pytest.approx((0.2, 0.8))


def test_one_scenario_has_a_value_but_no_interval() -> None:
    assert bootstrap.mean([3.0]) == Interval(3.0, None, None, 1, "none")


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_what_is_no_number_has_no_mean(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        bootstrap.mean(values)


@pytest.mark.parametrize(("a", "b"), [([1.0], [1.0, 2.0]), ([], [])])
def test_what_is_no_pair_has_no_difference(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match=r"pairs|finite"):
        bootstrap.difference(a, b)


def test_more_hits_than_chances_are_refused() -> None:
    with pytest.raises(ValueError, match="more hits"):
        bootstrap.share([2.0], [1.0])


def test_a_thousand_scenarios_are_drawn_in_pieces() -> None:
    values = list(np.random.default_rng(1).normal(size=1_200))
    found = bootstrap.mean(values)
    assert found.low is not None
    assert found.low < found.value < (found.high or 0)
