"""How far a measurement is: a line for each thing that is done, that a person can read while it runs."""

from __future__ import annotations

from duplex.graph import perf_seconds


class Progress:
    """Lines of a part's progress on stdout.

    Args:
        part: what is being measured.
        of: how many things there are.
    """

    def __init__(self, part: str, of: int) -> None:
        self._part, self._of, self._done = part, of, 0
        self._since = perf_seconds()

    def tell(self, what: str) -> None:
        """One more is done, and this came of it."""
        self._done += 1
        now = perf_seconds()
        took, self._since = now - self._since, now
        print(f"{self._part:8} {self._done:3}/{self._of} {took:5.1f} s  {what}", flush=True)
