"""Opus through PyAV, for a PyAV that was built against a libopus of the system's.

What is lost becomes silence, and the redundancy sent is that for `EXPECTED_LOSS`, fixed when the encoder is made.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np

from duplex.audio.pcm import Pcm, downmix, frame_samples
from duplex.audio.resample import Decimator
from duplex.transport.webrtc.opus import RTP_RATE, OpusError, check_frame

EXPECTED_LOSS = "5"
"""Percent."""


class PyavEncoder:
    """See `opus.Encoder`."""

    def __init__(self, rate: int, bitrate: int) -> None:
        self._rate = rate
        self._count = 0
        self._codec: Any = av.CodecContext.create("libopus", "w")
        self._codec.sample_rate = rate
        self._codec.layout = "mono"
        self._codec.format = "s16"
        self._codec.bit_rate = bitrate
        self._codec.options = {"application": "voip", "fec": "1", "packet_loss": EXPECTED_LOSS}
        self._codec.time_base = Fraction(1, rate)

    def encode(self, pcm: Pcm) -> bytes:
        """One packet for 20 ms."""
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(check_frame(pcm, self._rate))[None], format="s16", layout="mono"
        )
        frame.sample_rate = self._rate
        frame.pts = self._count * frame_samples(self._rate)
        self._count += 1
        (packet,) = self._codec.encode(frame)
        return bytes(packet)

    def expect_loss(self, percent: int) -> None:
        """Has no effect: FFmpeg's encoder takes it once, before its first frame."""


class PyavDecoder:
    """See `opus.Decoder`."""

    def __init__(self, rate: int) -> None:
        self._factor = RTP_RATE // rate
        self.reset()

    def decode(self, payload: bytes) -> Pcm:
        """The packet's audio."""
        try:
            frames = self._codec.decode(av.Packet(payload)) if payload else []
        except av.FFmpegError as error:
            raise OpusError(f"FFmpeg: {error}") from error
        if not frames:
            raise OpusError("FFmpeg: no audio in the packet")
        pieces = [downmix(each.to_ndarray().reshape(-1), len(each.layout.channels)) for each in frames]
        return self._decimate.push(np.concatenate(pieces))

    def recover(self, payload: bytes, samples: int) -> Pcm:
        """Silence: FFmpeg does not read the redundancy."""
        return self.conceal(samples)

    def conceal(self, samples: int) -> Pcm:
        """Silence."""
        return self._decimate.push(np.zeros(samples * self._factor, np.int16))

    def reset(self) -> None:
        """Forget the stream."""
        self._codec: Any = av.CodecContext.create("libopus", "r")
        self._codec.format, self._codec.layout, self._codec.sample_rate = "s16", "mono", RTP_RATE
        self._decimate = Decimator(self._factor)
