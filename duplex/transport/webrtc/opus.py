"""Opus in and out: libopus itself where PyAV's wheel carries it, PyAV's codec where it does not.

Both give and take the same, but PyAV hides what a call over a bad network needs: it conceals nothing, reads no
redundancy, and its encoder cannot be told what is lost. The packet's own header (RFC 6716, 3.1) is read here.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

import numpy as np

from duplex.audio.pcm import Pcm, frame_samples

RTP_RATE = 48_000
"""RTP timestamps of Opus count 48 kHz samples whatever the audio's rate (RFC 7587, 4.1)."""
BITRATE = 32_000
MAX_PACKET = 1_275
"""Bytes in one Opus frame at most; an encoder's output here is one frame."""
UNIT = RTP_RATE // 400
"""2.5 ms: Opus's shortest frame, and the grain of what a decoder can conceal."""
MAX_SAMPLES = RTP_RATE * 120 // 1000
"""A packet lasts 120 ms at most."""

_FRAMES = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
"""Samples in a frame by the header's configuration number: SILK, hybrid, CELT."""


class OpusError(ValueError):
    """libopus refused a packet or a setting; the message is its own."""


class Encoder(Protocol):
    """Mono int16 frames of 20 ms to packets, one for one; the codec's own lookahead is 6.5 ms."""

    def encode(self, pcm: Pcm) -> bytes:
        """One packet for int16 [20 ms]. Raises ValueError on another shape."""

    def expect_loss(self, percent: int) -> None:
        """Spend bits on redundancy for a network that loses `percent` of the packets, 0..100."""


class Decoder(Protocol):
    """Packets to mono int16. Counts are at the decoder's rate, in multiples of 2.5 ms."""

    def decode(self, payload: bytes) -> Pcm:
        """The packet's audio, int16 [n]. Raises OpusError on one that is damaged."""

    def recover(self, payload: bytes, samples: int) -> Pcm:
        """The lost audio just before `payload`, int16 [samples], from its redundancy; concealed if it has none."""

    def conceal(self, samples: int) -> Pcm:
        """A continuation in place of what was lost, int16 [samples]."""

    def reset(self) -> None:
        """Forget the stream: what comes next belongs to another."""


def packet_samples(payload: bytes) -> int:
    """The length of a packet's audio in 48 kHz samples; 0 for what is no Opus packet."""
    if not payload:
        return 0
    coded = payload[0] & 3
    count = min(coded + 1, 2)
    if coded == 3:
        count = payload[1] & 0x3F if len(payload) > 1 else 0
    samples = _FRAMES[payload[0] >> 3] * count
    return samples if samples <= MAX_SAMPLES else 0


def silent_packet(payload: bytes) -> bytes:
    """A packet that says "silence goes on" after `payload`: its header and an empty frame (RFC 6716, 3.2.1)."""
    return bytes((payload[0] & 0xFC,))


def says_silence(payload: bytes) -> bool:
    """Whether the sender stopped transmitting with this packet: a header and next to nothing."""
    return len(payload) <= 2


def check_frame(pcm: Pcm, rate: int) -> Pcm:
    """`pcm` if it is int16 [20 ms] at `rate`, else ValueError saying what it is."""
    size = frame_samples(rate)
    if pcm.dtype != np.int16 or pcm.shape != (size,):
        raise ValueError(f"a frame must be int16 [{size}] at {rate} Hz, got {pcm.dtype} {list(pcm.shape)}")
    return pcm


@cache
def _bundled() -> bool:
    from duplex.transport.webrtc import libopus

    return libopus.load() is not None


def new_encoder(rate: int, bitrate: int = BITRATE) -> Encoder:
    """A mono voice encoder for 8000, 12000, 16000, 24000 or 48000 Hz."""
    if _bundled():
        from duplex.transport.webrtc.libopus import LibopusEncoder

        return LibopusEncoder(rate, bitrate)
    from duplex.transport.webrtc.pyav_opus import PyavEncoder

    return PyavEncoder(rate, bitrate)


def new_decoder(rate: int) -> Decoder:
    """A decoder to mono at 8000, 12000, 16000, 24000 or 48000 Hz, however many channels come."""
    if _bundled():
        from duplex.transport.webrtc.libopus import LibopusDecoder

        return LibopusDecoder(rate)
    from duplex.transport.webrtc.pyav_opus import PyavDecoder

    return PyavDecoder(rate)
