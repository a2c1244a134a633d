"""A network path that loses packets and holds them up: what becomes of each is drawn by its number. Pure."""

from __future__ import annotations

import numpy as np

from duplex.evals.scenario import Channel

APART = 1e-5
"""Seconds between two arrivals at least, so that their order is sure."""


class Path:
    """One direction. `on(t) -> arrival`: when a packet that is sent at `t` arrives, None where it is lost.

    Losses are independent. A packet takes half the round trip and a wait that is drawn evenly from 0 to `jitter_ms`.
    None overtakes another: on real paths jitter is queues, and what is held up holds up what follows.

    What is drawn depends on the seed and the packet's number alone, so two runs lose the same packets.

    Args:
        channel: its loss, jitter and round trip.
        seed: any integers; the two directions of a call need different ones.
    """

    def __init__(self, channel: Channel, *seed: int) -> None:
        self.sent = 0
        self.lost = 0
        self._loss = channel.loss
        self._jitter = channel.jitter_ms / 1000
        self._delay = channel.rtt_ms / 2000
        self._random = np.random.default_rng([abs(each) for each in seed])
        self._last = -np.inf

    def on(self, t: float) -> float | None:
        """Take the next packet; times are seconds on any clock, and never go back."""
        loss, wait = self._random.random(2)
        self.sent += 1
        if loss < self._loss:
            self.lost += 1
            return None
        self._last = max(self._last + APART, t + self._delay + wait * self._jitter)
        return float(self._last)
