"""What keeps Whisper honest: rules, without the model, that tell words from what it makes up.

Whisper writes text for any sound. On silence and noise it writes a stock phrase with a high no-speech
probability; when the padding after the audio is short it says its sentence again, with no time left for it.
Both show in numbers that decoding gives anyway, so no second model is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

from asr.types import Word

_GUESSED = 0.12
"""Noise is given names that the model was told of, the surest at .10; of 70 clips of speech the surest word had .49 at
least."""
_UNVOICED = 0.04  # seconds; a word this short was given no audio by the alignment
_MAX_SHORT_COPIES = 8  # "no no no no …": phrases of one or two words
_MAX_LONG_COPIES = 3
_LONGEST_PHRASE = 24


def is_made_up(no_speech: float, log_probability: float, looped: bool = False) -> bool:
    """Whether the text was probably written for a sound that is not speech.

    The no-speech probability alone is no sign: it reaches 0.8 on clear telephone prompts. What noise is
    given is improbable too, or goes round in a loop.

    Args:
        no_speech: the model's probability of its no-speech token, 0..1.
        log_probability: mean log probability of the text's tokens, ≤ 0.
        looped: whether the text ended in a loop.
    """
    return no_speech > 0.4 and (looped or log_probability < -0.95)


def is_guessed(words: Sequence[Word]) -> bool:
    """Whether not one word is likely: a text that the model was told to expect, written for a sound that is none."""
    return all(word.probability < _GUESSED for word in words)


def normalised(text: str) -> str:
    """The letters and digits of a word in one case: how two hypotheses are compared."""
    return "".join(char for char in text.casefold() if char.isalnum())


def kept_of_loop(words: Sequence[Word]) -> int:
    """How many leading words to keep of a text that may end by repeating itself.

    A repeated phrase at the end is a loop if the alignment left words of it without any audio, or if there
    are more copies than people say. Of a loop as many copies stay as the audio has words for, at least one.
    """
    keys = [normalised(word.text) or word.text for word in words]
    best = len(words)
    if best > 2 and keys[-2].startswith(keys[-1]):
        keys[-1] = keys[-2]  # the length limit cut the last word of "beep beep be"
    for period in range(1, min(_LONGEST_PHRASE, len(words) - 1) + 1):
        first = len(words)
        while first > period and keys[first - 1] == keys[first - 1 - period]:
            first -= 1
        repeated = len(words) - first
        if repeated >= (1 if period > 2 else 2):
            best = min(best, _kept(words, first - period, period))
    return best


def _kept(words: Sequence[Word], begin: int, period: int) -> int:
    """Words to keep when `words[begin:]` is one phrase of `period` words, again and again."""
    cycle = words[begin:]
    voiced = sum(word.end - word.start > _UNVOICED for word in cycle)
    tail_voiced = any(word.end - word.start > _UNVOICED for word in cycle[period:])
    most = _MAX_SHORT_COPIES if period <= 2 else _MAX_LONG_COPIES
    copies = len(cycle) / period
    if tail_voiced and voiced >= 0.75 * len(cycle) and copies <= most:
        return len(words)
    return begin + period * min(most, max(1, round(voiced / period)))
