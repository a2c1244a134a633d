"""A recording put together from packets that come when they come.

Packets jitter by milliseconds, so placing each where it arrived would cut clicks into every word; placing all by
the sender's timestamps would hide a late start. So each *stretch* of sound is placed where its first packet
stood, the rest follow by their timestamps, and silence ends a stretch.
"""

from __future__ import annotations

import numpy as np

from duplex.audio.pcm import Pcm, check_pcm

QUIET_AMPLITUDE = 33
"""A packet whose samples all stay below this (-60 dBFS) is silence."""
STRETCH_ENDS_S = 0.1
"""This much silence ends a stretch: the next sound is placed anew."""
STALL_S = 0.1
"""A packet later than this behind its place was audibly late: it starts a stretch of its own."""


class Timeline:
    """Audio at `rate` Hz on a clock that starts at 0, at most `max_seconds` of it."""

    def __init__(self, rate: int, max_seconds: float = 3600.0) -> None:
        self.rate = rate
        self._limit = round(max_seconds * rate)
        self._samples = np.zeros(rate * 10, np.int16)
        self._length = 0
        self._anchor: float | None = None
        self._last_sound = 0.0
        self._sound_end = 0.0

    def place(self, at: float, media_time: float, pcm: Pcm) -> float:
        """Put a packet where it belongs; returns that place in seconds.

        Args:
            at: when the packet was sent or came, in seconds on the timeline's clock.
            media_time: the sender's own time of its first sample, in seconds from any origin.
            pcm: int16 [n] at the timeline's rate.
        """
        loud = bool(len(check_pcm(pcm))) and int(np.abs(pcm.astype(np.int32)).max()) >= QUIET_AMPLITUDE
        if self._anchor is not None and media_time - self._last_sound > STRETCH_ENDS_S:
            self._anchor = None
        if self._anchor is not None and at - (self._anchor + media_time) > STALL_S:
            self._anchor = None
        if self._anchor is None and loud:
            self._anchor = max(at, self._sound_end) - media_time
        start = at if self._anchor is None else self._anchor + media_time
        if loud:
            self._last_sound = media_time + len(pcm) / self.rate
            self._sound_end = start + len(pcm) / self.rate
        self._write(round(start * self.rate), pcm)
        return start

    def _write(self, at: int, pcm: Pcm) -> None:
        if at < 0:
            pcm, at = pcm[-at:], 0
        pcm = pcm[: max(0, self._limit - at)]
        if not len(pcm):
            return
        end = at + len(pcm)
        while end > len(self._samples):
            self._samples = np.concatenate((self._samples, np.zeros_like(self._samples)))
        self._samples[at:end] = pcm
        self._length = max(self._length, end)

    def samples(self, start_s: float = 0.0, end_s: float | None = None) -> Pcm:
        """A copy of the audio from `start_s` to `end_s` (default: the end of what has come)."""
        end = self._length if end_s is None else round(end_s * self.rate)
        first = max(0, round(start_s * self.rate))
        out = np.zeros(max(0, end - first), np.int16)
        known = self._samples[first : min(end, self._length)]
        out[: len(known)] = known
        return out
