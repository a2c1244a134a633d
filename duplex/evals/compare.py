"""Two runs over the scenarios that both have: what differs by more than the draw of scenarios explains.

Paired: each scenario is its own control. A metric is compared where both runs measured it; the interval is of the
mean difference, and something is only called better where it leaves 0 out. Of many rows some do so by chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from duplex.evals import bootstrap
from duplex.evals.catalogue import MEANINGS, meaning
from duplex.evals.results import Result, read_results
from duplex.evals.statistics import FEW, names

Winner = Literal["A", "B", "same", "unclear", "differs"]
_PRECISION = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric over the scenarios of a task in which both runs measured it.

    Attributes:
        task: of the scenarios; `all` for all.
        metric, unit: which.
        n: scenarios that both have it in.
        a, b: its means.
        difference, low, high: b - a and its 95 % interval; no interval from one scenario.
        better: which run; `same` in every scenario, `unclear` where the interval holds 0, `differs` where the metric
            has no better way.
        only_a, only_b: scenarios in which only one run has it, such as an answer that never came in the other.
    """

    task: str
    metric: str
    unit: str
    n: int
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    better: Winner
    only_a: int = 0
    only_b: int = 0

    @property
    def few(self) -> bool:
        """It tells of fewer than 10 scenarios."""
        return self.n < FEW


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs.

    Attributes:
        rows: one for each metric over all scenarios, then by task.
        shared: ids of scenarios that both ran to their end.
        left_out: why each other scenario was not compared.
    """

    rows: tuple[Difference, ...]
    shared: tuple[str, ...]
    left_out: dict[str, str]

    def plain(self) -> dict[str, Any]:
        """As JSON's own types."""
        return asdict(self)


def compare(a: Path, b: Path) -> Comparison:
    """Compare the runs in two folders.

    Raises:
        ResultError: one of them holds no run.
    """
    return compare_results(read_results(a), read_results(b))


def compare_results(a: Sequence[Result], b: Sequence[Result]) -> Comparison:
    """Compare two runs' results."""
    ours, theirs = ({each.id: each for each in results} for results in (a, b))
    left_out = {
        id: why for id in sorted({*ours, *theirs}) if (why := _unpaired(ours.get(id), theirs.get(id)))
    }
    shared = [id for id in sorted({*ours} & {*theirs}) if id not in left_out]
    pairs = [(ours[id], theirs[id]) for id in shared]
    tasks = ["all", *sorted({each.task for each, _ in pairs})]
    rows = [
        row
        for task in tasks
        for row in _rows(task, [pair for pair in pairs if task in ("all", pair[0].task)])
    ]
    return Comparison(tuple(rows), tuple(shared), left_out)


def _unpaired(a: Result | None, b: Result | None) -> str:
    if a is None or b is None:
        return "only in " + ("B" if a is None else "A")
    if a.error or b.error:
        failed = " and ".join(name for name, each in (("A", a), ("B", b)) if each.error)
        return f"failed in {failed}"
    return "" if a.task == b.task else f"is {a.task} in A, {b.task} in B"


def _rows(task: str, pairs: Sequence[tuple[Result, Result]]) -> Iterable[Difference]:
    for name in names(each for pair in pairs for each in pair):
        both = [
            (a.metrics[name], b.metrics[name]) for a, b in pairs if name in a.metrics and name in b.metrics
        ]
        if not both:
            continue
        row = _difference(task, name, both)
        only_a = sum(name in a.metrics for a, _ in pairs) - len(both)
        only_b = sum(name in b.metrics for _, b in pairs) - len(both)
        yield replace(row, only_a=only_a, only_b=only_b)


def _difference(task: str, name: str, both: Sequence[tuple[float, float]]) -> Difference:
    a, b = [one for one, _ in both], [other for _, other in both]
    found = bootstrap.difference(a, b)
    n = len(both)
    winner = _winner(task, name, found, all(abs(x - y) < _PRECISION for x, y in both))
    mean_a, mean_b = sum(a) / n, sum(b) / n
    return Difference(
        task, name, meaning(name).unit, n, mean_a, mean_b, found.value, found.low, found.high, winner
    )


def _winner(task: str, name: str, found: bootstrap.Interval, same: bool) -> Winner:
    if same:
        return "same"
    if not found.excludes_zero:
        return "unclear"
    way = meaning(name).better_in(task)
    if way is None:
        return "differs"
    return "B" if (found.value > 0) == (way == "high") else "A"


def depends_on_task(name: str) -> bool:
    """Whether the task decides which way is better: such a metric says little over all tasks."""
    return name in MEANINGS and bool(MEANINGS[name].by_task)


def render(found: Comparison, by_task: bool = False) -> str:
    """The comparison as text: over all scenarios, and by task what only a task makes sense of, or everything."""
    from duplex.evals.markdown import figure, interval, table

    rows = [row for row in found.rows if by_task or (row.task == "all") != depends_on_task(row.metric)]
    marks = {"same": "same", "unclear": "", "differs": "differs"}
    lines = [
        [
            row.metric if row.task == "all" else f"{row.task}.{row.metric}",
            figure(row.a, row.unit),
            figure(row.b, row.unit),
            ("+" if row.difference > 0 else "") + figure(row.difference, row.unit),
            interval(row.low, row.high, row.unit),
            marks.get(row.better, f"{row.better} better"),
            f"{row.n}{' n<10' if row.few else ''}",
            ", ".join(f"{side} alone {n}" for side, n in (("A", row.only_a), ("B", row.only_b)) if n),
        ]
        for row in rows
    ]
    head = ["metric", "A", "B", "B - A", "95 %", "", "n", "measured in"]
    told = f"{len(found.shared)} scenarios in both; intervals from 10,000 paired resamples."
    chance = f"About {max(1, round(len(rows) / 20))} of {len(rows)} rows would leave 0 out by chance alone."
    left = [f"not compared: {id}: {why}" for id, why in found.left_out.items()]
    return "\n".join([table(head, lines), "", told, chance if rows else "Nothing to compare.", *left])
