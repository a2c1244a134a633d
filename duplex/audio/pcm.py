"""The shapes audio comes in, and the one place that cuts it into frames.

Transports and models want fixed 20 ms frames while decoders, files and voices give pieces of any length;
`Framer` stands between them without ever losing or inventing a sample.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
"""Mono audio, int16 [n]."""

FRAME_SECONDS = 0.02


def check_pcm(pcm: Pcm) -> Pcm:
    """Return `pcm` if it is int16 [n], else raise ValueError saying what it is."""
    if not isinstance(pcm, np.ndarray) or pcm.dtype != np.int16 or pcm.ndim != 1:
        got = f"{pcm.dtype} {list(pcm.shape)}" if isinstance(pcm, np.ndarray) else type(pcm).__name__
        raise ValueError(f"audio must be mono int16 [n], got {got}")
    return pcm


def frame_samples(rate: int) -> int:
    """Samples in one 20 ms frame at `rate` Hz; ValueError where 20 ms is not a whole number of samples."""
    if rate <= 0 or rate % 50:
        raise ValueError(f"20 ms is not a whole number of samples at {rate} Hz")
    return rate // 50


def silence(seconds: float, rate: int) -> Pcm:
    """`seconds` of digital silence at `rate` Hz."""
    return np.zeros(round(seconds * rate), np.int16)


def to_float(pcm: Pcm) -> NDArray[np.float32]:
    """int16 [n] as float32 [n] in -1..1."""
    return check_pcm(pcm).astype(np.float32) / 32768.0


def to_int16(samples: NDArray[np.floating]) -> Pcm:
    """Float [n] in -1..1 as int16 [n]; what is louder is clipped, never wrapped."""
    pcm: Pcm = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return pcm


def downmix(interleaved: Pcm, channels: int) -> Pcm:
    """Interleaved int16 [n * channels] as the mono mean, int16 [n]."""
    if channels == 1:
        return check_pcm(interleaved)
    if len(interleaved) % channels:
        raise ValueError(f"{len(interleaved)} samples are not a multiple of {channels} channels")
    mono: Pcm = (interleaved.reshape(-1, channels).sum(axis=1, dtype=np.int32) // channels).astype(np.int16)
    return mono


class Framer:
    """Pieces of any length in, frames of exactly `size` samples out, in order and without loss."""

    __slots__ = ("_rest", "size")

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a frame needs at least one sample, got {size}")
        self.size = size
        self._rest = np.zeros(0, np.int16)

    def __len__(self) -> int:
        """Samples held that do not fill a frame yet; always less than `size`."""
        return len(self._rest)

    def push(self, pcm: Pcm) -> Iterator[Pcm]:
        """Every frame, int16 [size], that `pcm` completes."""
        whole = check_pcm(pcm) if not len(self._rest) else np.concatenate((self._rest, check_pcm(pcm)))
        cut = len(whole) - len(whole) % self.size
        self._rest = whole[cut:].copy()
        return (whole[i : i + self.size] for i in range(0, cut, self.size))

    def flush(self) -> Pcm | None:
        """The last, unfilled frame, padded with silence; None if nothing is held."""
        if not len(self._rest):
            return None
        frame = np.zeros(self.size, np.int16)
        frame[: len(self._rest)] = self._rest
        self._rest = self._rest[:0]
        return frame
