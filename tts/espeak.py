"""espeak-ng: a robotic voice that needs no model, for where nothing better can be had.

It is a program of the operating system and is run once a clause. It gives no word times: they are guessed.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence

import numpy as np

from tts.guess import word_times
from tts.normalise import Spoken
from tts.seams import Wave
from tts.utterance import ClauseUtterance, Piece

_TIMEOUT = 20.0  # seconds; a clause takes some 20 ms
_WORDS_PER_MINUTE = 170


class EspeakSynthesiser:
    """The espeak-ng program as a voice.

    Args:
        voice: one of espeak-ng's, for example "en-us" or "en-gb".
        speed: 1 is 170 words a minute.

    Raises:
        FileNotFoundError: espeak-ng is not installed.
        ValueError: the speed is out of 0.5..2, or espeak-ng does not know the voice.
    """

    sample_rate = 22_050

    def __init__(self, voice: str = "en-us", speed: float = 1.0) -> None:
        if not 0.5 <= speed <= 2.0:
            raise ValueError(f"speed is {speed}: give 0.5 to 2")
        program = shutil.which("espeak-ng")
        if program is None:
            raise FileNotFoundError(
                "espeak-ng is not installed: apt-get install espeak-ng (or brew install espeak-ng)"
            )
        pace = round(_WORDS_PER_MINUTE * speed)
        self._command = [program, "-v", voice, "-s", str(pace), "--stdin", "--stdout"]
        self._run("a")

    def stream(self) -> ClauseUtterance:
        """A new, empty utterance."""
        return ClauseUtterance(self._render, self.sample_rate)

    def _render(self, spoken: Sequence[Spoken]) -> Iterator[Piece]:
        text = " ".join(" ".join(item.words) + item.stop for item in spoken if item.words)
        pcm = self._run(text)
        yield Piece(pcm, word_times(pcm, self.sample_rate, spoken, None), last=True)

    def _run(self, text: str) -> Wave:
        """The text's audio, float32 [n]."""
        try:
            done = subprocess.run(
                self._command, input=text.encode(), capture_output=True, timeout=_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"espeak-ng did not answer within {_TIMEOUT:.0f} s") from None
        head = done.stdout.find(b"data")
        if done.returncode or head < 0:
            why = done.stderr.decode(errors="replace").strip().splitlines() or ["it gave no audio"]
            raise ValueError(f"espeak-ng failed: {why[-1]}")
        samples = done.stdout[head + 8 :]  # the length in the header is unknown when writing to a pipe
        return np.frombuffer(samples[: len(samples) // 2 * 2], dtype="<i2").astype(np.float32) / np.float32(
            32_768
        )
