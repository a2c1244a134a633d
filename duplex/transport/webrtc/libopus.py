"""libopus, as it lies inside PyAV's wheel, called through ctypes.

Found by its file's place beside PyAV, so that it is the very library that FFmpeg has loaded already. Calls keep
the interpreter's lock (`PyDLL`): they last 20-140 µs, and a loop that gives the lock up may wait milliseconds to
get it back from a thread that computes.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_int16, c_int32, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from duplex.audio.pcm import Pcm, frame_samples
from duplex.transport.webrtc.opus import MAX_PACKET, OpusError, check_frame

_OK = 0
_VOIP = 2048
_SET_BITRATE, _SET_INBAND_FEC, _SET_PACKET_LOSS, _SET_SIGNAL = 4002, 4012, 4014, 4024
_VOICE = 3001
_RESET_STATE = 4028
_LONGEST_MS = 120


def candidates(package: Path) -> list[Path]:
    """Where wheels of PyAV, installed at `package`, keep the library: Linux and Windows, then macOS."""
    places = (package.parent / "av.libs", package / ".dylibs")
    return [file for place in places if place.is_dir() for file in sorted(place.glob("*opus*"))]


@cache
def load() -> Any:
    """The library with its functions' types set, or None where this PyAV carries none."""
    for path in candidates(Path(av.__file__).parent):
        try:
            return _declare(ctypes.PyDLL(str(path)))
        except (OSError, AttributeError):
            continue
    return None


def _declare(lib: Any) -> Any:
    samples = POINTER(c_int16)
    lib.opus_strerror.restype = c_char_p
    lib.opus_encoder_create.argtypes = (c_int32, c_int, c_int, POINTER(c_int))
    lib.opus_encoder_create.restype = c_void_p
    lib.opus_encoder_destroy.argtypes = (c_void_p,)
    lib.opus_encoder_destroy.restype = None
    lib.opus_encode.argtypes = (c_void_p, c_char_p, c_int, c_char_p, c_int32)
    lib.opus_encode.restype = c_int32
    # Only the fixed arguments: Apple's arm64 passes variadic ones differently, and ctypes tells them by this.
    lib.opus_encoder_ctl.argtypes = (c_void_p, c_int)
    lib.opus_decoder_create.argtypes = (c_int32, c_int, POINTER(c_int))
    lib.opus_decoder_create.restype = c_void_p
    lib.opus_decoder_destroy.argtypes = (c_void_p,)
    lib.opus_decoder_destroy.restype = None
    lib.opus_decode.argtypes = (c_void_p, c_char_p, c_int32, samples, c_int, c_int)
    lib.opus_decoder_ctl.argtypes = (c_void_p, c_int)
    return lib


def _checked(lib: Any, result: int) -> int:
    if result < 0:
        raise OpusError(f"libopus: {lib.opus_strerror(result).decode()}")
    return result


class LibopusEncoder:
    """See `opus.Encoder`."""

    def __init__(self, rate: int, bitrate: int) -> None:
        self._rate = rate
        self._frame = frame_samples(rate)
        self._lib = load()
        error = c_int()
        self._state = self._lib.opus_encoder_create(rate, 1, _VOIP, byref(error))
        _checked(self._lib, error.value)
        self._out = ctypes.create_string_buffer(MAX_PACKET)
        self._loss = -1
        self._set(_SET_BITRATE, bitrate)
        self._set(_SET_INBAND_FEC, 1)
        self._set(_SET_SIGNAL, _VOICE)  # what is taken for music gets no redundancy

    def _set(self, request: int, value: int) -> None:
        _checked(self._lib, self._lib.opus_encoder_ctl(self._state, request, c_int32(value)))

    def encode(self, pcm: Pcm) -> bytes:
        """One packet for 20 ms."""
        data = check_frame(pcm, self._rate).tobytes()
        length = self._lib.opus_encode(self._state, data, self._frame, self._out, MAX_PACKET)
        return self._out.raw[: _checked(self._lib, length)]

    def expect_loss(self, percent: int) -> None:
        """Redundancy for this much loss."""
        if percent != self._loss:
            self._set(_SET_PACKET_LOSS, min(100, max(0, percent)))
            self._loss = percent

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._lib.opus_encoder_destroy(self._state)


class LibopusDecoder:
    """See `opus.Decoder`."""

    def __init__(self, rate: int) -> None:
        self._lib = load()
        error = c_int()
        self._state = self._lib.opus_decoder_create(rate, 1, byref(error))
        _checked(self._lib, error.value)
        self._room = rate * _LONGEST_MS // 1000
        self._buffer: Pcm = np.empty(self._room, np.int16)
        self._pointer = self._buffer.ctypes.data_as(POINTER(c_int16))

    def _decode(self, payload: bytes | None, samples: int, fec: int) -> Pcm:
        length = 0 if payload is None else len(payload)
        count = self._lib.opus_decode(self._state, payload, length, self._pointer, samples, fec)
        pcm: Pcm = self._buffer[: _checked(self._lib, count)].copy()
        return pcm

    def decode(self, payload: bytes) -> Pcm:
        """The packet's audio."""
        if not payload:
            raise OpusError("libopus: an empty packet")
        return self._decode(payload, self._room, 0)

    def recover(self, payload: bytes, samples: int) -> Pcm:
        """What was lost before `payload`."""
        return self._decode(payload, min(samples, self._room), 1)

    def conceal(self, samples: int) -> Pcm:
        """A continuation."""
        return self._decode(None, min(samples, self._room), 0)

    def reset(self) -> None:
        """Forget the stream."""
        _checked(self._lib, self._lib.opus_decoder_ctl(self._state, _RESET_STATE))

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._lib.opus_decoder_destroy(self._state)
