"""Log-mel features of one channel: causal, and the same to the last bit whether a file or a frame is given.

The filterbank is Whisper's (Slaney's), with 40 bands. A spectrum sees 25 ms that end where its 20 ms hop ends, so a
frame needs its own samples and the 80 before them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from asr.mel import N_FFT, filterbank
from duplex.audio.pcm import Pcm, check_pcm
from duplex.core.streams.layout import FEATURES, FRAME_SAMPLES, HOPS, MELS

_HOP = FRAME_SAMPLES // HOPS
CONTEXT = N_FFT - _HOP
"""Samples before a frame that its first spectrum sees."""
_FLOOR = 1e-7
"""Power that counts as silence: white noise of about -78 dBFS."""
_BLOCK = 512
"""Frames of a scan that are worked on at once, for memory's sake."""

Features = NDArray[np.float32]


@cache
def _analysis() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    window = np.hanning(N_FFT + 1)[:-1] / 32768
    return window.astype(np.float32), np.ascontiguousarray(filterbank(MELS).T)


def frame_features(samples: NDArray[np.int16]) -> Features:
    """Features of frames, each with its context: int16 [n, 80 + 1280] to float32 [n, 160], about -2..2.

    Each row is computed by itself, so that its bits do not depend on how many are computed at once.
    """
    window, bank = _analysis()
    windows = np.lib.stride_tricks.sliding_window_view(samples, N_FFT, axis=-1)[:, ::_HOP]
    spectra = np.fft.rfft(windows * window, axis=-1)
    power = (spectra.real**2 + spectra.imag**2).astype(np.float32)
    mel = np.matmul(power, bank)  # one product of [4, 201] and [201, 40] for each row
    scaled = (np.log10(np.maximum(mel, np.float32(_FLOOR))) + np.float32(3)) * np.float32(0.5)
    return np.asarray(scaled.reshape(len(samples), FEATURES), dtype=np.float32)


class FeatureStream:
    """One channel on its way to features, 1,280 samples at a time."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = np.zeros(CONTEXT, np.int16)

    def window(self, pcm: Pcm) -> NDArray[np.int16]:
        """Append a frame, int16 [1280]; returns it after its context, int16 [80 + 1280], for `frame_features`.

        Raises:
            ValueError: it is not 1,280 samples of mono int16.
        """
        if len(check_pcm(pcm)) != FRAME_SAMPLES:
            raise ValueError(f"a frame is {FRAME_SAMPLES} samples, got {len(pcm)}")
        window = np.concatenate((self._tail, pcm))
        self._tail = window[FRAME_SAMPLES:]
        return window

    def step(self, pcm: Pcm) -> Features:
        """Append a frame and return its features, float32 [160]."""
        return np.asarray(frame_features(self.window(pcm)[None])[0])


def scan_features(pcm: Pcm) -> Features:
    """Features of a whole recording, int16 [n] to float32 [n // 1280, 160]; a last part of a frame is left out."""
    frames = len(check_pcm(pcm)) // FRAME_SAMPLES
    padded = np.concatenate((np.zeros(CONTEXT, np.int16), pcm))
    features = np.zeros((frames, FEATURES), np.float32)
    for first in range(0, frames, _BLOCK):
        last = min(frames, first + _BLOCK)
        block = padded[first * FRAME_SAMPLES : last * FRAME_SAMPLES + CONTEXT]
        windows = np.lib.stride_tricks.sliding_window_view(block, CONTEXT + FRAME_SAMPLES)[::FRAME_SAMPLES]
        features[first:last] = frame_features(windows)
    return features
