"""The heart of virtual time: what a loop does where it would wait. See `duplex.graph.virtual` for the rules."""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Any

from duplex.graph.clock import perf_seconds
from duplex.graph.peers import Peers

SETTLE = 0.001
"""Wall seconds to wait for the kernel before a jump, where both ends of a socket are on this loop."""

SPINS = 1_000
"""Rounds that a loop may go on without waiting before the sockets are looked at all the same."""


class VirtualTimeError(RuntimeError):
    """Virtual time cannot go on: every task waits, and nothing that could wake one is under way."""


class VirtualSelector(selectors.DefaultSelector):
    """The loop's selector, and with it the clock: where a real loop would wait, this one decides what time does.

    Attributes:
        now: the virtual time in seconds; it never goes back.
    """

    def __init__(self, charged: bool, patience: float) -> None:
        super().__init__()
        self.now = 0.0
        self.calls: Callable[[], int] = int
        """How many plain thread calls are under way."""
        self.due: Callable[[], float | None] = lambda: None
        """When the loop's next timer is due, None if none ever is."""
        self.worked: Callable[[], float] = float
        """Wall seconds that jobs have held the clock so far."""
        self._charged = charged
        self._patience = patience
        self._peers = Peers()
        self._outside = False
        self._since = perf_seconds()
        """Up to when wall time has been looked at."""
        self._spins = 0
        self._lag = 0.0
        """Wall seconds that have passed outside and not yet here."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file; remember what is at its other end."""
        key = super().register(fileobj, events, data)
        self._peers.add(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file for something else."""
        key = super().modify(fileobj, events, data)
        self._peers.add(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch a file no more."""
        key = super().unregister(fileobj)
        self._peers.remove(key.fd)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; nothing when the clock has moved instead."""
        calls = self.calls()
        if not calls and not self._peers.outside():
            ready = self._jump(timeout)
            self._outside, self._lag = False, 0.0
            self._since = perf_seconds() - self.worked()
            return ready
        if not self._outside:  # it began since the last select, but not before the jobs in between had run
            self._outside = True
            self._since += self.worked()
        if self._charged:
            return self._at_wall_speed(timeout)
        return self._hold(timeout, forever=calls > 0)

    def _jump(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is under way outside: go straight to the next timer."""
        ready = super().select(SETTLE if timeout != 0 and self._peers.inside() else 0)
        if ready or timeout == 0:
            return ready
        if timeout is not None and self.due() is not None:
            self.now += timeout
            return []
        if not (ready := super().select(self._patience)):
            raise VirtualTimeError(f"every task waits, and nothing came in {self._patience} s of wall time")
        return ready

    def _hold(self, timeout: float | None, forever: bool) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the world outside finish, and charge nothing for it."""
        ready = super().select(timeout if timeout == 0 else None if forever else self._patience)
        if not ready and timeout != 0:
            self._peers.give_up()
        return ready

    def _at_wall_speed(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let virtual time pass as wall time does. Jobs that held the clock meanwhile leave it behind; it catches
        up timer by timer, and looks at the sockets only then, so nothing comes in sooner than it could have."""
        if timeout == 0 and self._spins < SPINS:  # tasks are ready: what they do takes no virtual time
            self._spins += 1
            return []
        self._spins, before = 0, self.now
        if not self._catch_up():
            return []
        left = None if timeout is None else max(0.0, timeout - (self.now - before))
        ready = super().select(left)
        return ready if self._catch_up() else []

    def _catch_up(self) -> bool:
        """Let the wall time since the last call pass, up to the next timer; whether all of it could."""
        wall = perf_seconds()
        self._lag += max(0.0, wall - self._since)
        self._since = wall
        due = self.due()
        step = self._lag if due is None else max(0.0, min(self._lag, due - self.now))
        self.now += step
        self._lag -= step
        return self._lag <= 0
