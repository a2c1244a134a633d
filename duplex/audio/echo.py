"""Echo cancellation for callers on loudspeakers: what the agent said is taken out of what the microphone hears.

WebRTC's third canceller (AEC3), from the `livekit` wheel: an adaptive filter and a suppressor that follow the echo's
path by themselves. There is no mute period; while both speak, some of the user's sound may be lost with the echo.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from duplex.audio.pcm import Pcm, check_pcm

USER_RATE = 16_000
AGENT_RATE = 24_000
_MAX_DELAY_MS = 500
"""The longest that WebRTC's canceller can be told."""


class EchoCanceller:
    """One call's canceller. 20 ms of each side at a time, in the order in which they pass."""

    def __init__(self) -> None:
        """Raises ImportError where `livekit` is not installed (`pip install 'duplex-voice[local]'`)."""
        from livekit import rtc

        self._frame = rtc.AudioFrame
        self._apm = rtc.AudioProcessingModule(echo_cancellation=True)

    def played(self, pcm: Pcm) -> None:
        """Note what goes out to the caller, int16 [480] at 24 kHz."""
        for half in np.split(check_pcm(pcm), 2):
            self._apm.process_reverse_stream(self._ten_ms(half, AGENT_RATE))

    def clean(self, pcm: Pcm, delay: float) -> Pcm:
        """Take the echo out of what came in, int16 [320] at 16 kHz; gives the same length.

        Args:
            pcm: 20 ms of the microphone.
            delay: seconds from `played` to the echo's arrival here, roughly; the canceller finds the rest.
        """
        self._apm.set_stream_delay_ms(round(min(max(0.0, delay * 1000), _MAX_DELAY_MS)))
        cleaned: list[Pcm] = []
        for half in np.split(check_pcm(pcm), 2):
            frame = self._ten_ms(half, USER_RATE)
            self._apm.process_stream(frame)
            cleaned.append(np.frombuffer(frame.data, np.int16))
        return np.concatenate(cleaned)

    def _ten_ms(self, pcm: Pcm, rate: int) -> Any:
        return self._frame(bytearray(pcm.tobytes()), rate, 1, len(pcm))
