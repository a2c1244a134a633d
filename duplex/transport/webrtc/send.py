"""The outgoing audio: 20 ms at a time on an absolute clock, pulled as late as possible.

A track that hands aiortc ready Opus packets spares its executor hop and its Python loop over every sample
(`compute_audio_level_dbov`, 45 % of the event loop's time in a call), and sends mono instead of 96 kb/s stereo.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from duplex.audio.pcm import FRAME_SECONDS, Pcm, frame_samples

BITRATE = 32_000
CATCH_UP = 3
"""Frames sent in a burst when the loop was late; after a longer stall what is overdue is skipped instead."""


def next_index(sent: int, late_s: float) -> int:
    """The frame that follows frame `sent`, when `late_s` have passed since it was due.

    Up to `CATCH_UP` overdue frames are sent at once. After a longer stall the schedule goes on with the frame
    that is due now: the receiver has run dry anyway, and whatever was sent late would delay all that follows.
    """
    due = int(late_s / FRAME_SECONDS)
    return sent + 1 if due <= CATCH_UP else sent + due


class OpusEncoder:
    """Mono int16 frames of 20 ms to Opus packets, one for one; the codec's own lookahead is 6.5 ms."""

    def __init__(self, rate: int) -> None:
        """`rate`: 8000, 12000, 16000, 24000 or 48000 Hz."""
        self._size = frame_samples(rate)
        self._rate = rate
        self._codec: Any = av.CodecContext.create("libopus", "w")
        self._codec.sample_rate = rate
        self._codec.layout = "mono"
        self._codec.format = "s16"
        self._codec.bit_rate = BITRATE
        self._codec.options = {"application": "voip"}
        self._codec.time_base = Fraction(1, rate)
        self._count = 0

    def encode(self, pcm: Pcm, index: int) -> Any:
        """int16 [20 ms] as an `av.Packet` that stands at frame `index` of the stream."""
        if pcm.dtype != np.int16 or pcm.shape != (self._size,):
            raise ValueError(
                f"a frame must be int16 [{self._size}] at {self._rate} Hz, got {pcm.dtype} {list(pcm.shape)}"
            )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None], format="s16", layout="mono")
        frame.sample_rate = self._rate
        frame.pts = self._count * self._size
        self._count += 1
        (encoded,) = self._codec.encode(frame)
        packet = av.Packet(bytes(encoded))
        packet.pts = index * self._size
        packet.time_base = Fraction(1, self._rate)
        return packet


class PacedTrack(MediaStreamTrack):  # type: ignore[misc]
    """An audio track that asks for the next 20 ms when they are due, never earlier."""

    kind = "audio"

    def __init__(
        self,
        rate: int,
        pull: Callable[[], Pcm],
        *,
        sent: Callable[[Pcm, int, float], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Args:
        rate: of the audio that `pull` gives.
        pull: gives the next 20 ms, int16 [rate / 50].
        sent: told of each frame, its index and the event loop's time as it is handed to the RTP sender.
        failed: told of an exception in `pull`, which ends the track.
        """
        super().__init__()
        self._encoder = OpusEncoder(rate)
        self._pull = pull
        self._sent = sent
        self._failed = failed
        self._start = 0.0
        self._index = -1

    async def recv(self) -> Any:
        """The next Opus packet; aiortc's sender calls this in a loop."""
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        if self._index < 0:
            self._start, self._index = loop.time(), 0
        else:
            self._index = next_index(self._index, loop.time() - self._start - self._index * FRAME_SECONDS)
            await asyncio.sleep(max(0.0, self._start + self._index * FRAME_SECONDS - loop.time()))
        try:
            pcm = self._pull()
            packet = self._encoder.encode(pcm, self._index)
        except Exception as error:
            # aiortc would end the sender with a warning and let the call go on in silence.
            self.stop()
            if self._failed is None:
                raise
            self._failed(error)
            raise MediaStreamError from error
        if self._sent is not None:
            self._sent(pcm, self._index, loop.time())
        return packet
