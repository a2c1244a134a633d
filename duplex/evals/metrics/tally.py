"""Collects what is observed in a scenario, with the numerators and denominators that a report pools."""

from __future__ import annotations

from collections.abc import Iterable


class Tally:
    """Collects observations; gives X, X.sum and X.n of each name, and single numbers as they are."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}
        self._single: dict[str, float] = {}

    def add(self, name: str, value: float | None) -> None:
        """One observation; None was not measured."""
        if value is not None:
            self.ratio(name, float(value), 1)

    def each(self, name: str, values: Iterable[float]) -> None:
        """Several."""
        for value in values:
            self.add(name, value)

    def ratio(self, name: str, part: float, whole: float) -> None:
        """Part of a whole; nothing where there is no whole."""
        if whole > 0:
            before = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = (before[0] + part, before[1] + whole)

    def put(self, name: str, value: float | None) -> None:
        """A number alone."""
        if value is not None:
            self._single[name] = value

    def flat(self) -> dict[str, float]:
        """All of it."""
        rows: dict[str, float] = {}
        for name, (part, whole) in self._sums.items():
            rows |= {name: part / whole, f"{name}.sum": part, f"{name}.n": whole}
        return {name: round(value, 6) for name, value in (rows | self._single).items()}
