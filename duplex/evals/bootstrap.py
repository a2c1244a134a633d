"""95 % intervals by resampling scenarios: what would another draw of as many scenarios have shown?

The percentile bootstrap of Efron (1979) with 10,000 resamples and a fixed seed, so that the same results always give
the same interval. Whoever resamples scenarios, not turns, keeps together what one recording has in common. Rows are
sorted first, so that their order changes nothing, and draws are made once for each number of scenarios.

A share of 0 or 1 has no spread to resample: the bootstrap would call 0 of 12 certain. There the interval is Wilson's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Method = Literal["bootstrap", "wilson", "none"]
_Statistic = Callable[[NDArray[np.int32]], Floats]

RESAMPLES = 10_000
SEED = 20_240
LEVEL = 0.95
_TAILS = (50 * (1 - LEVEL), 50 * (1 + LEVEL))
_CELLS = 2_000_000
"""Numbers held at a time, so that a thousand scenarios need no more memory than ten."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic of a sample, and between what it lies.

    Attributes:
        value: of the sample as it is.
        low, high: the 95 % interval; None where one scenario alone gives none.
        n: scenarios.
        method: how the interval was made.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    method: Method = "bootstrap"

    @property
    def excludes_zero(self) -> bool:
        """A difference with this interval is no chance of the draw."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def mean(values: Sequence[float]) -> Interval:
    """The mean over scenarios; `values` [n >= 1].

    Raises:
        ValueError: there is no value, or one that is not finite.
    """
    rows = _checked(values)
    return _interval(float(rows.mean()), len(rows), lambda draws: rows[draws].mean(axis=1))


def quantile(values: Sequence[float], q: float) -> Interval:
    """A quantile in [0, 1] over scenarios, linear between two; `values` [n >= 1].

    Raises:
        ValueError: as `mean`.
    """
    rows = _checked(values)  # sorted, so a resample in the order of its draws is sorted too
    place = q * (len(rows) - 1)
    lower, upper = int(np.floor(place)), int(np.ceil(place))

    def of(draws: NDArray[np.int32]) -> Floats:
        low, high = rows[draws[:, lower]], rows[draws[:, upper]]
        resampled: Floats = low + (high - low) * (place - lower)
        return resampled

    return _interval(float(np.quantile(rows, q)), len(rows), of)


def median(values: Sequence[float]) -> Interval:
    """The median over scenarios."""
    return quantile(values, 0.5)


def share(hits: Sequence[float], of: Sequence[float]) -> Interval:
    """A rate: hits over chances, summed over scenarios; [n >= 1] each. Wilson's interval where it is 0 or 1.

    Raises:
        ValueError: as `ratio`, or there are more hits than chances.
    """
    found = ratio(hits, of)
    if any(hit > chances + 1e-9 or hit < 0 for hit, chances in zip(hits, of, strict=True)):
        raise ValueError("a share has more hits than chances")
    if 0 < found.value < 1:
        return found
    from scipy.stats import binomtest

    chances = round(sum(of))
    wilson = binomtest(round(sum(hits)), chances).proportion_ci(LEVEL, method="wilson")
    return Interval(found.value, float(wilson.low), float(wilson.high), found.n, "wilson")


def ratio(above: Sequence[float], below: Sequence[float]) -> Interval:
    """A ratio of sums over scenarios, such as seconds saved over seconds waited; [n >= 1] each.

    Raises:
        ValueError: no value, one that is not finite, a negative below the line or nothing below it.
    """
    if any(each < 0 for each in below):
        raise ValueError("a ratio needs something below the line")
    return of_sums([above, below], lambda sums: sums[:, 0] / sums[:, 1])


def of_sums(columns: Sequence[Sequence[float]], statistic: Callable[[Floats], Floats]) -> Interval:
    """Any figure that is made of sums over scenarios, such as F1 or a difference of two ratios.

    Args:
        columns: what is summed, m columns of [n >= 1] each; scenarios are drawn whole.
        statistic: from the sums [draws, m] to the figure [draws]; what is not finite is a draw that says nothing.

    Raises:
        ValueError: no value, one that is not finite, or the sample itself has no such figure.
    """
    rows = _checked_rows(columns)

    def of(draws: NDArray[np.int32]) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.asarray(statistic(rows[draws].sum(axis=1)), np.float64)
        return found[np.isfinite(found)]

    with np.errstate(divide="ignore", invalid="ignore"):
        (value,) = statistic(rows.sum(axis=0)[None, :])
    if not np.isfinite(value):
        raise ValueError("a ratio needs something below the line")
    return _interval(float(value), len(rows), of)


def difference(a: Sequence[float], b: Sequence[float]) -> Interval:
    """The mean of b - a over scenarios that both have, paired; [n >= 1] each.

    Raises:
        ValueError: as `mean`, or they differ in length.
    """
    rows = _checked_rows([a, b])
    return mean(list(rows[:, 1] - rows[:, 0]))


def _interval(value: float, n: int, statistic: _Statistic) -> Interval:
    if n < 2:
        return Interval(value, None, None, n, "none")
    draws = _draws(n)
    step = max(1, _CELLS // n)
    resampled = np.concatenate([statistic(draws[at : at + step]) for at in range(0, RESAMPLES, step)])
    low, high = np.percentile(resampled, _TAILS)
    return Interval(value, float(low), float(high), n)


@lru_cache(maxsize=32)
def _draws(n: int) -> NDArray[np.int32]:
    """Which rows each resample takes, int32 [RESAMPLES, n]; each resample in ascending order."""
    drawn = np.random.default_rng([SEED, n]).integers(n, size=(RESAMPLES, n), dtype=np.int32)
    drawn.sort(axis=1)
    return drawn


def _checked(values: Sequence[float]) -> Floats:
    rows = np.sort(np.asarray(values, np.float64))
    if not rows.size or not np.isfinite(rows).all():
        raise ValueError("a statistic needs finite values, at least one")
    return rows


def _checked_rows(columns: Sequence[Sequence[float]]) -> Floats:
    """Their rows, sorted."""
    if len({len(column) for column in columns}) != 1:
        raise ValueError("pairs need equally many values")
    rows = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    if not rows.size or not np.isfinite(rows).all():
        raise ValueError("a statistic needs finite values, at least one")
    return rows[np.lexsort(rows.T)]
