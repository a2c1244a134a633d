"""What jobs cost in fixed compute mode: a YAML file of seconds by job name, such as `asr.final: 0.06`."""

from __future__ import annotations

from pathlib import Path

from duplex.agent.source import SourceError, line_of, parse, read_text
from duplex.resources import config_path

MAX_COST = 600.0
"""Seconds."""


class CostsError(ValueError):
    """The table cannot be used; the text names the file and the line."""


def read_costs(file: Path | None = None) -> dict[str, float]:
    """Seconds by job name: the table that is shipped (`configs/costs.yaml`), and before it what `file` says.

    Raises:
        CostsError: it cannot be read, or a cost is no number of 0 to 600.
    """
    shipped = _read(config_path("costs.yaml"))
    return shipped if file is None else shipped | _read(file)


def _read(file: Path) -> dict[str, float]:
    try:
        data, lines = parse(read_text(file))
    except SourceError as error:
        raise CostsError(f"{file}:{error.line}: {error}") from error
    costs: dict[str, float] = {}
    for name, cost in data.items():
        if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost <= MAX_COST:
            raise CostsError(
                f"{file}:{line_of(lines, (name,))}: {name}: seconds are wanted, 0 to {MAX_COST:g}"
            )
        costs[str(name)] = float(cost)
    return costs
