"""Two ways to change the rate, for two purposes.

`Resampler` (soxr, the best quality the field has) is for voices and files. Fed 20 ms at a time it holds 16-36 ms
back (HQ; measured), for it works in blocks, which a live microphone cannot afford: there `Decimator` brings the
48 kHz that Opus decodes to down to the recogniser's rate with a short linear-phase filter, one frame in, one
frame out, 0.65 ms of delay.
"""

from __future__ import annotations

import numpy as np
import soxr

from duplex.audio.pcm import Framer, Pcm, check_pcm, frame_samples


class Resampler:
    """A stream of int16 audio at one rate in, frames of exactly 20 ms at another rate out."""

    def __init__(self, rate_in: int, rate_out: int, *, quality: str = "HQ") -> None:
        """`quality` is soxr's: QQ, LQ, MQ, HQ or VHQ; the lower, the less is held back."""
        self._framer = Framer(frame_samples(rate_out))
        self._stream = (
            None if rate_in == rate_out else soxr.ResampleStream(rate_in, rate_out, 1, "int16", quality)
        )

    def push(self, pcm: Pcm) -> list[Pcm]:
        """The frames that `pcm`, int16 [n] at the input rate, completes."""
        check_pcm(pcm)
        return list(self._framer.push(pcm if self._stream is None else self._stream.resample_chunk(pcm)))

    def flush(self) -> list[Pcm]:
        """What is still held, the last frame padded with silence; then ready for another stream."""
        frames: list[Pcm] = []
        if self._stream is not None:
            frames += self._framer.push(self._stream.resample_chunk(np.zeros(0, np.int16), last=True))
            self._stream.clear()
        tail = self._framer.flush()
        return frames if tail is None else [*frames, tail]


def resample(pcm: Pcm, rate_in: int, rate_out: int) -> Pcm:
    """A whole recording at another rate, int16 [n * rate_out / rate_in]."""
    if rate_in == rate_out:
        return check_pcm(pcm)
    return np.asarray(soxr.resample(check_pcm(pcm), rate_in, rate_out), np.int16)


def lowpass(factor: int, taps: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A Blackman-windowed sinc, float32 [taps], that passes what survives a decimation by `factor`."""
    middle = (taps - 1) / 2
    cutoff = 0.9 / factor
    kernel = cutoff * np.sinc(cutoff * (np.arange(taps) - middle)) * np.blackman(taps)
    return np.asarray(kernel / kernel.sum(), np.float32)


class Decimator:
    """int16 at `factor` times the wanted rate in, int16 at the wanted rate out, nothing held back.

    Each piece's length must be a multiple of `factor`; [n] in gives [n / factor] out. The delay is
    (taps - 1) / 2 samples of the input.
    """

    def __init__(self, factor: int, taps: int = 63) -> None:
        if factor < 1 or taps % 2 == 0:
            raise ValueError(f"decimation needs factor >= 1 and odd taps, got {factor} and {taps}")
        self._factor = factor
        self._kernel = lowpass(factor, taps)
        self._history = np.zeros(taps - 1, np.float32)

    def push(self, pcm: Pcm) -> Pcm:
        """`pcm`, int16 [n], at the lower rate, int16 [n / factor]."""
        if len(check_pcm(pcm)) % self._factor:
            raise ValueError(f"{len(pcm)} samples are not a multiple of {self._factor}")
        if self._factor == 1 or not len(pcm):
            return pcm
        joined = np.concatenate((self._history, pcm.astype(np.float32)))
        self._history = joined[len(pcm) :]
        windows = np.lib.stride_tricks.sliding_window_view(joined, len(self._kernel))[:: self._factor]
        lower: Pcm = np.clip(np.rint(windows @ self._kernel), -32768, 32767).astype(np.int16)
        return lower
