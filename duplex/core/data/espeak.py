"""espeak-ng through its library: many speakers, three hundred times faster than they speak, with word times.

`tts.espeak` runs the program once a clause, which is right for a fallback voice; a training set is hundreds of
thousands of clauses, and needs to know when each word begins. What it says depends on what it said before, in bits and
in length, so it is loaded anew for each text: that takes 10 ms. Use from one thread.
"""

from __future__ import annotations

import _ctypes
import ctypes
import ctypes.util
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

_SYNCHRONOUS, _UTF8 = 2, 1
_CHARACTERS = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_WORD, _LAST = 1, 0
_DONT_EXIT = 0x8000


class _Id(ctypes.Union):
    _fields_: ClassVar = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_: ClassVar = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@cache
def _name() -> str:
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        raise FileNotFoundError("espeak-ng is not installed: apt-get install espeak-ng")
    return name


class Espeak:
    """The library as it is when it has just been loaded; a context, which unloads it.

    Raises:
        FileNotFoundError: espeak-ng is not installed.
    """

    def __init__(self) -> None:
        self._library: Any = ctypes.CDLL(_name())
        ctypes.CDLL(None).srand(1)  # some voices breathe at random
        self.sample_rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _DONT_EXIT)
        self._pcm: list[bytes] = []
        self._begun: list[tuple[int, int]] = []
        self._callback = _Callback(self._take)  # kept: the library holds no reference to it
        self._library.espeak_SetSynthCallback(self._callback)

    def __enter__(self) -> Espeak:
        return self

    def __exit__(self, *_: object) -> None:
        handle = self._library._handle
        self._library.espeak_Terminate()
        self._library = None
        _ctypes.dlclose(handle)

    def say(
        self, text: str, voice: str = "en-us", rate: int = 170, pitch: int = 50, span: int = 50
    ) -> tuple[NDArray[np.int16], list[tuple[int, float]]]:
        """Say a text.

        Args:
            text: any length.
            voice: a language and perhaps a variant, "en-us+f3".
            rate: words a minute.
            pitch: 0..99.
            span: how much the pitch moves, 0..99.

        Returns:
            int16 [n] at `sample_rate`, and for each word that was begun its first character's place in the text
            and the second at which it begins.

        Raises:
            ValueError: there is no such voice.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, span)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._pcm, self._begun = [], []
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        begun = [(place - 1, milliseconds / 1000) for place, milliseconds in self._begun]
        return np.frombuffer(b"".join(self._pcm), np.int16), begun

    def _take(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._pcm.append(ctypes.string_at(samples, 2 * count))
        at = 0
        while events[at].type != _LAST:
            if events[at].type == _WORD:
                self._begun.append((events[at].text_position, events[at].audio_position))
            at += 1
        return 0
