"""Recordings as WAV files: the user on the left, the agent on the right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from duplex.audio.pcm import Pcm, check_pcm, to_int16
from duplex.audio.resample import resample

LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000


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


class BadRecording(ValueError):
    """A file that cannot be heard; the text names it and says what to do."""


def read_speech(path: str | Path, rate: int, max_seconds: float) -> Pcm:
    """A sound file of any rate and any number of channels as mono int16 [n] at `rate` Hz.

    Args:
        path: a WAV, or what else libsndfile reads.
        rate: wanted, in Hz.
        max_seconds: the longest that is taken.

    Raises:
        BadRecording: there is no such file, it is no sound file, empty, or too long.
    """
    path = Path(path)
    if not path.is_file():
        raise BadRecording(f"{path}: there is no such file")
    try:
        info = soundfile.info(str(path))
        if info.frames == 0:
            raise BadRecording(f"{path}: there is no audio in it; record it again")
        if info.duration > max_seconds:
            raise BadRecording(
                f"{path}: {info.duration:.0f} s is too long, at most {max_seconds:.0f} s are taken; cut it"
            )
        if not LOWEST_RATE <= info.samplerate <= HIGHEST_RATE:
            raise BadRecording(f"{path}: {info.samplerate} Hz is no rate of speech; save it as 16 kHz WAV")
        # As floats: libsndfile reads a file of floats as whole numbers without scaling it.
        samples, _ = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise BadRecording(f"{path}: no sound file ({error}); give a WAV") from error
    mono = np.nan_to_num(samples.mean(axis=1), nan=0.0, posinf=1.0, neginf=-1.0)
    return resample(to_int16(mono), int(info.samplerate), rate)
