"""Gates: bounds that a run's figures must keep, so that a build can stop a change that makes an agent worse.

    gates:
      - {metric: pause_handling.tor_fdb.mean, max: 0.2}
      - {metric: panels.tau.r_y.value, min: 0.9, min_n: 10}

`metric` is a path into summary.json: a task (or `all`), a metric and a figure, or any other path from its top. A
figure that is not there, or tells of fewer than `min_n` cases, falls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from duplex.agent.source import SourceError, dotted, line_of, parse, read_text
from duplex.evals.results import ResultError


class Gate(BaseModel):
    """A bound on one figure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str = Field(min_length=1, max_length=300)
    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    min_n: int = Field(default=1, ge=1)
    why: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _bounds(self) -> Gate:
        if self.min is None and self.max is None:
            raise ValueError("a gate needs min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max: nothing can pass")
        return self


class _Gates(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gates: tuple[Gate, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a gate.

    Attributes:
        gate: which.
        value: the figure; None where there is none.
        n: cases that it tells of; None where the summary does not say.
        fallen: why it fell, and by how much; empty where it held.
    """

    gate: Gate
    value: float | None
    n: float | None
    fallen: str = ""


def load_gates(file: Path) -> list[Gate]:
    """Read a file of gates.

    Raises:
        ResultError: it cannot be read, or something in it is wrong; names the line and the key.
    """
    try:
        raw, lines = parse(read_text(file))
    except SourceError as error:
        key = f"{error.key}: " if error.key else ""
        raise ResultError(f"{file}:{error.line}: {key}{error}") from error
    try:
        return list(_Gates.model_validate(raw).gates)
    except ValidationError as error:
        first = error.errors()[0]
        where = tuple(first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        key = dotted(where) or "the whole"
        raise ResultError(f"{file}:{line_of(lines, where)}: {key}: {message}") from error


def check(summary: Mapping[str, Any], gates: Sequence[Gate]) -> list[Verdict]:
    """Each gate's verdict, in their order."""
    return [_check(summary, gate) for gate in gates]


def _check(summary: Mapping[str, Any], gate: Gate) -> Verdict:
    found, parent = _find(summary, gate.metric)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return Verdict(gate, None, None, _absent(summary, gate.metric, found))
    value, n = float(found), _cases(parent)
    if (n if n is not None else 1) < gate.min_n:
        return Verdict(gate, value, n, f"tells of {n:g} cases, fewer than min_n {gate.min_n}")
    if gate.max is not None and value > gate.max:
        return Verdict(gate, value, n, f"{value:.4g} is above max {gate.max:g} by {value - gate.max:.4g}")
    if gate.min is not None and value < gate.min:
        return Verdict(gate, value, n, f"{value:.4g} is below min {gate.min:g} by {gate.min - value:.4g}")
    return Verdict(gate, value, n)


def _find(summary: Mapping[str, Any], path: str) -> tuple[Any, Mapping[str, Any]]:
    """What stands at a path, and the mapping that it stands in; tasks come first."""
    for top in (summary.get("tasks", {}), summary.get("panels", {}), summary):
        found, parent = _walk(top, path.split("."))
        if found is not None:
            return found, parent
    return None, {}


def _walk(node: Any, parts: Sequence[str]) -> tuple[Any, Mapping[str, Any]]:
    """Down the parts; a key may have dots of its own."""
    if not isinstance(node, Mapping):
        return None, {}
    for size in range(len(parts), 0, -1):
        key = ".".join(parts[:size])
        if key not in node:
            continue
        if size == len(parts):
            return node[key], node
        found, parent = _walk(node[key], parts[size:])
        if found is not None:
            return found, parent
    return None, {}


def _cases(row: Mapping[str, Any]) -> float | None:
    """A share's cases, else the scenarios."""
    counted = row.get("count") if row.get("unit") == "share" else row.get("n")
    found = row.get("n") if counted is None else counted
    return float(found) if isinstance(found, int | float) else None


def _absent(summary: Mapping[str, Any], path: str, found: Any) -> str:
    """Why there is no figure at a path."""
    if found is not None:
        return f"is no figure but {type(found).__name__}; name one of its own, such as {path}.mean"
    parts = path.split(".")
    tops = [
        each for each in (summary.get("tasks", {}), summary.get("panels", {}), summary) if parts[0] in each
    ]
    if not tops:
        return f"is absent: the summary has no {parts[0]} (tasks: {', '.join(summary.get('tasks', {})) or 'none'})"
    node, depth = tops[0], 0
    while depth < len(parts) and isinstance(node, Mapping) and parts[depth] in node:
        node, depth = node[parts[depth]], depth + 1
    if depth == len(parts):
        return f"is absent: {path} was not measured"
    return f"is absent: {'.'.join(parts[:depth])} has no {parts[depth]}"
