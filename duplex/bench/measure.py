"""One measure and how it is written: a value, its unit, how many samples, how sure, and how to get it again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

_CHUNK = 500_000
"""Samples drawn at a time, to bound memory."""
_ROUNDS = 2_000
"""Resamples of a bootstrap; its own error is then well below the interval's width."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure. One that could not be measured is left out, and never 0.

    Attributes:
        name: `area.what_unit`, as gates and reports look it up.
        value: the figure.
        unit: its unit.
        n: how many samples it rests on.
        ci95: the 95 % confidence interval, low and high; None where there is none.
        command: what to type to measure it again.
    """

    name: str
    value: float
    unit: str
    n: int
    ci95: tuple[float, float] | None
    command: str


def of_quantile(
    name: str, samples: Sequence[float], unit: str, command: str, q: float = 0.5, digits: int = 3
) -> Measure:
    """The q-quantile of `samples` (by default the median) with its bootstrap interval.

    Raises:
        ValueError: there are no samples.
    """
    if not len(samples):
        raise ValueError(f"{name}: no samples; leave the measure out")
    value = float(np.quantile(samples, q))
    low, high = bootstrap_ci95(samples, q)
    return Measure(
        name, round(value, digits), unit, len(samples), (round(low, digits), round(high, digits)), command
    )


def of_share(name: str, hits: int, n: int, command: str) -> Measure:
    """A share of n with its Wilson interval (Wilson 1927), which holds for few samples and near 0 and 1.

    Raises:
        ValueError: n is not positive, or hits is not within 0..n.
    """
    if not 0 <= hits <= n or n < 1:
        raise ValueError(f"{name}: {hits} of {n} is no share")
    z, share = 1.96, hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Measure(name, round(share, 4), "share", n, (round(low, 4), round(high, 4)), command)


def bootstrap_ci95(samples: Sequence[float], q: float = 0.5, seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile-bootstrap interval of the q-quantile (Efron 1979); the same samples give the same one."""
    values = np.asarray(samples, dtype=np.float64)
    random = np.random.default_rng(seed)
    n = len(values)
    rows = max(1, _CHUNK // n)
    estimates = [
        np.quantile(values[random.integers(0, n, (min(rows, _ROUNDS - done), n))], q, axis=1)
        for done in range(0, _ROUNDS, rows)
    ]
    low, high = np.quantile(np.concatenate(estimates), (0.025, 0.975))
    return float(low), float(high)


def write_json(measures: Iterable[Measure], path: str | Path) -> None:
    """Write `{"measures": [...]}`, one object a measure, with the fields of `Measure`.

    Raises:
        OSError: the file cannot be written.
    """
    text = json.dumps({"measures": [asdict(measure) for measure in measures]}, indent=2, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def merge_json(measures: Sequence[Measure], path: Path) -> None:
    """Put measures into a file that `write_json` wrote, or a new one.

    What the file held by the same commands goes: a figure that could not be measured this time is left out.

    Raises:
        OSError: the file cannot be written.
        ValueError: it is none of `write_json`'s.
    """
    kept: list[Measure] = []
    if path.exists():
        try:
            kept = [Measure(**row) for row in json.loads(path.read_text(encoding="utf-8"))["measures"]]
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"{path}: holds no measures ({error})") from error
    names, commands = {each.name for each in measures}, {each.command for each in measures}
    others = [each for each in kept if each.command not in commands and each.name not in names]
    write_json([*others, *measures], path)
