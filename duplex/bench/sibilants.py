"""Where one word ends and the next begins within a phrase, seen in the audio: at an s beside a vowel.

Words within a phrase have no pause between them, but where an s meets a vowel, the energy moves between the
bands above 4 kHz and below 2 kHz within some 10 ms. Such boundaries are a reference that owes nothing to the
voice's durations nor to a recogniser's alignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tts.types import WordTime

TEXTS = (
    "We saw seven sorry sailors go see a show near the sea.",
    "The low sun may set so early that you see so few.",
    "You may send me several new songs so they stay away.",
    "This apple is on ice and this egg is always nice and old.",
    "His uncle loves us as our voice asks us all.",
    "Once upon a place all mice ate rice on ice.",
)
_WINDOW, _HOP, _HELD = (
    0.008,
    0.002,
    0.03,
)  # seconds; _HELD: for how long most of what follows stays beyond 0 dB
_VOWELS = frozenset("aeiouyw")


def boundary_errors(pcm: NDArray[np.int16], rate: int, words: Sequence[WordTime]) -> list[float]:
    """By how many seconds each boundary between an s and a vowel misses where the audio changes.

    Args:
        pcm: int16 [n], the whole utterance.
        words: all its words.
    """
    balance = _balance(pcm, rate)
    errors = []
    for one, two in pairwise(words):
        rising = one.text[-1] in _VOWELS and two.text[0] in "sS" and two.text[1:2] != "h"
        falling = one.text.endswith(("s", "ce")) and two.text[0].lower() in "aeio"
        low, high = one.start + 0.3 * (one.end - one.start), two.start + 0.8 * (two.end - two.start)
        if rising or falling:
            changed = _change(balance if rising else -balance, low, high)
            if changed is not None:
                errors += [one.end - changed, two.start - changed]
    return errors


def _balance(pcm: NDArray[np.int16], rate: int) -> NDArray[np.float64]:
    """Energy above 4 kHz over that of 0.1-2 kHz, in dB, every `_HOP` seconds from the first window's middle on."""
    size, hop = int(_WINDOW * rate), int(_HOP * rate)
    frames = np.lib.stride_tricks.sliding_window_view(pcm.astype(np.float64), size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames)) ** 2
    bands = np.fft.rfftfreq(size, 1 / rate)
    high, low = power[:, bands > 4_000].sum(1), power[:, (bands > 100) & (bands < 2_000)].sum(1)
    ratio: NDArray[np.float64] = 10 * np.log10((high + 1) / (low + 1))
    return ratio


def _change(balance: NDArray[np.float64], low: float, high: float) -> float | None:
    """Seconds of the first lasting step over 0 dB between `low` and `high`."""
    held = round(_HELD / _HOP)
    first, last = (max(1, round((at - _WINDOW / 2) / _HOP)) for at in (low, high))
    for at in range(first, min(last, len(balance) - held)):
        if balance[at - 1] < 0 <= balance[at] and (balance[at : at + held] > 0).mean() > 0.8:
            return at * _HOP + _WINDOW / 2
    return None
