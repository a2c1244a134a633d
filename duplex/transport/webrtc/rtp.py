"""RTP headers (RFC 3550): what of them is read, how ours are written, and arithmetic on numbers that wrap."""

from __future__ import annotations

import struct
from typing import NamedTuple

MAX_PAYLOAD = 1_500
"""Bytes; a datagram on the way holds no more."""
_VERSION_2 = 0x80
_MARKER = 0x80
_HEADER = struct.Struct("!BBHII")


class Packet(NamedTuple):
    """An incoming packet: the header fields that matter here, and the payload."""

    ssrc: int
    sequence: int
    timestamp: int
    payload: bytes


def write(payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool) -> bytes:
    """A packet to send, without extensions; numbers wrap as the header's fields do."""
    kind = payload_type | (_MARKER if marker else 0)
    return _HEADER.pack(_VERSION_2, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


def signed16(difference: int) -> int:
    """A difference of two sequence numbers, -32768..32767."""
    return ((difference + 0x8000) & 0xFFFF) - 0x8000


def signed32(difference: int) -> int:
    """A difference of two RTP timestamps, -2^31..2^31-1."""
    return ((difference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
