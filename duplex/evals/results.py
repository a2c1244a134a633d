"""What a run left in its folder, read back: one `Result` for each scenario, and the run's own head."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class ResultError(Exception):
    """A folder, summary or file of gates cannot be used; the message says which, where and why."""


@dataclass(frozen=True)
class Result:
    """One scenario of a run.

    Attributes:
        folder: where it lies.
        id, task: the scenario's; the task is `unknown` where the scenario could not be read.
        error: why it failed; empty where it did not.
        metrics: its numbers by name, as `metrics.measure` gives them; finite, and empty where it failed.
        expect: what was expected of it: {metric, behaviour, ok, value, note} each.
        head: of its replay: who was asked, how, what was missed. Empty where nothing was replayed.
    """

    folder: Path
    id: str
    task: str
    error: str
    metrics: Mapping[str, float]
    expect: tuple[Json, ...] = ()
    head: Json = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """Items of its timeline whose moment never came."""
        return [str(each) for each in self.head.get("missed", ())]

    @property
    def title(self) -> str:
        """The scenario's, for people."""
        return str(self.head.get("scenario", {}).get("title") or "")

    @cached_property
    def verdict(self) -> bool | None:
        """Whether all that was expected and could be judged came true; None where nothing could."""
        judged = [each["ok"] for each in self.expect if each.get("ok") is not None]
        return all(judged) if judged else None

    def parts(self, name: str) -> tuple[float, float] | None:
        """Numerator and denominator of a metric that is a share or occurs several times; None without one."""
        above, below = self.metrics.get(f"{name}.sum"), self.metrics.get(f"{name}.n")
        return None if above is None or below is None else (above, below)


def read_results(folder: Path) -> list[Result]:
    """The scenarios of a run in the order of their ids, failed ones too.

    Raises:
        ResultError: there is none, or one cannot be read.
    """
    files = sorted(folder.glob("*/metrics.json"))
    if not files:
        raise ResultError(f"{folder}: no scenario was run there (it has no */metrics.json)")
    return sorted((_read(file) for file in files), key=lambda each: each.id)


def read_json(file: Path) -> Json:
    """A JSON object.

    Raises:
        ResultError: it cannot be read, or is none.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(f"{file}: cannot be read: {error}") from error
    except ValueError as error:
        raise ResultError(f"{file}: is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ResultError(f"{file}: is no JSON object")
    return found


def _read(file: Path) -> Result:
    row = read_json(file)
    try:
        replay = file.with_name("replay.json")
        return Result(
            folder=file.parent,
            id=str(row["id"]),
            task=str(row["task"] or "unknown"),
            error=str(row["error"] or ""),
            metrics=_numbers(row["metrics"]),
            expect=tuple(dict(each) for each in row.get("expect", ())),
            head=read_json(replay) if replay.exists() else {},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultError(
            f"{file}: is not what a scenario leaves: {type(error).__name__}: {error}"
        ) from error


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Those that were measured; what was not is None or absent."""
    found = {name: float(value) for name, value in metrics.items() if isinstance(value, bool | int | float)}
    return {name: value for name, value in found.items() if math.isfinite(value)}
