"""Whisper's input features in numpy: log-mel spectrograms exactly as the model was trained on.

Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision"; the filterbank is
Slaney's (Auditory Toolbox, 1998), as librosa computes it and as Whisper ships it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from asr.types import SAMPLE_RATE, Pcm

N_FFT = 400
HOP = 160
"""Samples from one feature frame to the next: 10 ms."""


def _hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above."""
    above = 15 + np.log(np.maximum(hz, 1e-9) / 1000) / (np.log(6.4) / 27)
    return np.where(hz < 1000, hz * 3 / 200, above)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))


@cache
def filterbank(bands: int = 80) -> NDArray[np.float32]:
    """Triangular filters float32 [bands, 201] over 0..8 kHz, each of unit area."""
    bins = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    top = _hz_to_mel(np.array(SAMPLE_RATE / 2))
    edges = _mel_to_hz(np.linspace(0, float(top), bands + 2))
    width = np.diff(edges)
    slopes = edges[:, None] - bins[None, :]
    rising = -slopes[:-2] / width[:-1, None]
    falling = slopes[2:] / width[1:, None]
    weights = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(weights * (2 / (edges[2:] - edges[:-2]))[:, None], dtype=np.float32)


@cache
def _window() -> NDArray[np.float32]:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT), dtype=np.float32)


def log_mel(pcm: Pcm, frames: int, bands: int = 80) -> NDArray[np.float32]:
    """Features of `pcm`, zero-padded to `frames`.

    Args:
        pcm: int16 [n] at 16 kHz; at most `frames * 160` samples.
        frames: how many 10 ms frames the model shall see.
        bands: mel bands, 80 for every Whisper but large-v3.

    Returns:
        float32 [bands, frames], contiguous.

    Raises:
        ValueError: the audio is longer than the window.
    """
    if len(pcm) > frames * HOP:
        raise ValueError(f"{len(pcm)} samples do not fit a window of {frames * HOP}")
    # Only frames that touch audio are computed: all others of the zero padding have power 0.
    used = min(frames, -(-(len(pcm) + N_FFT // 2) // HOP))
    padded = np.zeros(used * HOP + N_FFT, dtype=np.float32)
    audio = pcm.astype(np.float32) / 32768
    padded[N_FFT // 2 : N_FFT // 2 + len(audio)] = audio
    edge = audio[1 : N_FFT // 2 + 1][::-1]  # the reflection before the first sample, as torch.stft pads
    padded[N_FFT // 2 - len(edge) : N_FFT // 2] = edge
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[: used * HOP : HOP]
    power = np.abs(np.fft.rfft(windows * _window(), axis=1)) ** 2
    mel = np.full((bands, frames), 1e-10, dtype=np.float32)
    mel[:, :used] = np.maximum(filterbank(bands) @ power.T.astype(np.float32), 1e-10)
    log = np.log10(mel)
    return np.asarray((np.maximum(log, log.max() - 8) + 4) / 4, dtype=np.float32)
