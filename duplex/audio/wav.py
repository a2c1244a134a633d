"""Recordings as WAV files: the user on the left, the agent on the right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from duplex.audio.pcm import Pcm, check_pcm, downmix


def write_two_channels(path: str | Path, left: Pcm, right: Pcm, rate: int) -> None:
    """Write both channels side by side, int16, the shorter one padded with silence.

    Raises OSError naming the file if it cannot be written.
    """
    both = np.zeros((max(len(check_pcm(left)), len(check_pcm(right))), 2), np.int16)
    both[: len(left), 0] = left
    both[: len(right), 1] = right
    try:
        soundfile.write(str(path), both, rate, subtype="PCM_16", format="WAV")
    except soundfile.LibsndfileError as error:
        raise OSError(f"cannot write the recording {path}: {error}") from error


def read_mono(path: str | Path) -> tuple[Pcm, int]:
    """A sound file as (int16 [n], rate), its channels mixed.

    Raises ValueError naming the file if it is no readable sound file.
    """
    try:
        samples, rate = soundfile.read(str(path), dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"cannot read {path} as audio: {error}") from error
    return downmix(np.ascontiguousarray(samples).reshape(-1), samples.shape[1]), int(rate)
