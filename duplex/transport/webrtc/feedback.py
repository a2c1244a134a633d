"""What RTCP receiver reports tell of the path: its round trip and what it loses (RFC 3550, 6.4). Pure."""

from __future__ import annotations

EXPECTED_AT_FIRST = 5
"""Percent lost that is assumed until reports tell: nobody knows the network that a call begins on."""
RELEASE = 0.75
"""What remains, a report later, of a loss that is over."""
REMEMBERED = 8
_UNITS = 65_536
"""The middle 32 bits of an NTP time count these to the second."""


def middle(ntp: int) -> int:
    """The middle 32 bits of a 64-bit NTP time, by which a report names the sender report it answers."""
    return (ntp >> 16) & 0xFFFFFFFF


class Feedback:
    """Remembers when sender reports left, and reads the answers."""

    def __init__(self) -> None:
        self._left: dict[int, float] = {}
        self._loss = float(EXPECTED_AT_FIRST)

    @property
    def loss(self) -> int:
        """Percent of our packets that is to be expected lost."""
        return round(self._loss)

    def reported(self, ntp: int, at: float) -> None:
        """A sender report with this NTP time left at `at` seconds."""
        self._left[middle(ntp)] = at
        while len(self._left) > REMEMBERED:
            del self._left[next(iter(self._left))]

    def answered(self, fraction_lost: int, lsr: int, dlsr: int, at: float) -> float | None:
        """A report came at `at`; returns the round trip in seconds, where it can be told.

        Args:
            fraction_lost: 0..255 of 256, since the report before.
            lsr: `middle` of the sender report it answers, 0 if it answers none.
            dlsr: 1/65536 s that the other side held it.
        """
        self._loss = max(100 * fraction_lost / 256, self._loss * RELEASE)
        left = self._left.get(lsr)
        if left is None:
            return None
        trip = at - left - dlsr / _UNITS
        # The other side counts in units of its own clock: on a short path this may come out below nothing.
        return max(0.0, trip) if trip > -0.01 else None
