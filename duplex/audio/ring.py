"""A bounded queue of samples. When it is full the oldest go, so what is read is never older than its length."""

from __future__ import annotations

import numpy as np

from duplex.audio.pcm import Pcm, check_pcm


class Ring:
    """First in, first out, at most `capacity` samples."""

    __slots__ = ("_buffer", "_length", "_start", "dropped")

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a ring needs room for at least one sample, got {capacity}")
        self._buffer = np.zeros(capacity, np.int16)
        self._start = 0
        self._length = 0
        self.dropped = 0
        """Samples lost so far because the ring was full."""

    def __len__(self) -> int:
        """Samples waiting."""
        return self._length

    @property
    def capacity(self) -> int:
        """The most samples it holds."""
        return len(self._buffer)

    def write(self, pcm: Pcm) -> int:
        """Append int16 [n]; returns how many of the oldest samples had to go."""
        lost = max(0, self._length + len(check_pcm(pcm)) - self.capacity)
        kept = pcm[-self.capacity :]
        self.skip(self._length + len(kept) - self.capacity)
        at = (self._start + self._length + np.arange(len(kept))) % self.capacity
        self._buffer[at] = kept
        self._length += len(kept)
        self.dropped += lost
        return lost

    def read(self, n: int) -> Pcm:
        """Take up to `n` samples, oldest first."""
        n = min(n, self._length)
        taken = self._buffer[(self._start + np.arange(n)) % self.capacity]
        self.skip(n)
        return taken

    def read_padded(self, n: int) -> Pcm:
        """Take exactly `n` samples; what is missing is silence at the end."""
        taken = self.read(n)
        return taken if len(taken) == n else np.concatenate((taken, np.zeros(n - len(taken), np.int16)))

    def skip(self, n: int) -> None:
        """Drop the oldest `n` samples, or all of them; a negative `n` drops none."""
        n = min(max(0, n), self._length)
        self._start = (self._start + n) % self.capacity
        self._length -= n

    def clear(self) -> None:
        """Drop everything: how an answer is cut off."""
        self.skip(self._length)
