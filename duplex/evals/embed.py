"""Data and sound as they stand in a page."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.evals.record import RATE

PEAKS_A_SECOND = 100
"""Enough for one peak a pixel at the zoom where a syllable can be seen."""


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that can stand in a `<script>` element: no character in it can end the element or begin a comment.

    Raises:
        ValueError: a figure in it is no number.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def peaks(pcm: Pcm, rate: int = RATE) -> str:
    """The loudest sample of every 10 ms of int16 [n] as a byte (255 is full scale), base64.

    Rounded up, so that only digital silence is 0.
    """
    size = rate // PEAKS_A_SECOND
    padded = np.zeros(-(-len(pcm) // size) * size, dtype=np.int32)
    padded[: len(pcm)] = np.abs(pcm.astype(np.int32))
    loudest = padded.reshape(-1, size).max(axis=1) if len(padded) else padded
    return base64.b64encode(np.ceil(loudest * (255 / 32_768)).astype(np.uint8).tobytes()).decode("ascii")
