"""Words to phonemes through espeak-ng, each phoneme with the word it belongs to.

espeak speaks phrases, not words: it joins "of the" into one group and says one written token as several. Word
times need the owner of every phoneme, so where groups and words do not match one to one, the phonemes are
aligned (Levenshtein) with those of each word said alone.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tts.normalise import Spoken

PUNCTUATION = frozenset(",;:.!?")
_LOCK = threading.Lock()  # espeak-ng keeps its voice and its text in global state


@dataclass(frozen=True, slots=True)
class Phonemes:
    """A phrase in IPA.

    Attributes:
        symbols: one code point each, with blanks between groups and punctuation.
        owners: for each symbol the index of its word; -1 for punctuation and the blanks behind it. Any other blank
            belongs to the word behind it, as in the voices' audio: a fricative begins within its blank.
    """

    symbols: tuple[str, ...]
    owners: tuple[int, ...]


def phrase(spoken: Sequence[Spoken], voice: str) -> tuple[tuple[str, ...], list[int]]:
    """A clause's phonemes and for each the index of its *written* word in `spoken`, or -1."""
    words = [(index, word) for index, item in enumerate(spoken) for word in item.words]
    last = {index: at for at, (index, _) in enumerate(words)}
    stops = [spoken[index].stop if last[index] == at else "" for at, (index, _) in enumerate(words)]
    phonemes = phonemise([word for _, word in words], stops, voice)
    return phonemes.symbols, [words[owner][0] if owner >= 0 else -1 for owner in phonemes.owners]


def phonemise(words: Sequence[str], stops: Sequence[str], voice: str) -> Phonemes:
    """Phonemes of words that are spoken as one phrase.

    Args:
        words: spoken words: letters and apostrophes.
        stops: the punctuation behind each, or "".
        voice: an espeak-ng voice, for example "en-us".
    """
    text = " ".join(word + stop for word, stop in zip(words, stops, strict=True))
    symbols = _espeak(text, voice)
    owners = _owners(symbols, words, voice)
    for at, symbol in enumerate(symbols):
        if symbol == " " and symbols[at - 1] not in PUNCTUATION:
            owners[at] = owners[at + 1]
    return Phonemes(symbols, tuple(owners))


def _espeak(text: str, voice: str) -> tuple[str, ...]:
    with _LOCK:
        sentences = _phonemizer().phonemize(voice, text)
    symbols: list[str] = []
    for sentence in sentences:
        symbols += [" ", *sentence] if symbols else sentence
    return tuple("".join(symbols).strip())


@lru_cache(maxsize=1)
def _phonemizer() -> Any:
    from piper.phonemize_espeak import EspeakPhonemizer

    return EspeakPhonemizer()


@lru_cache(maxsize=4096)
def _alone(word: str, voice: str) -> str:
    """A word's phonemes when it is said alone, without stress marks and blanks."""
    return "".join(symbol for symbol in _espeak(word, voice) if _is_sound(symbol))


def _is_sound(symbol: str) -> bool:
    return symbol.isalpha() and symbol not in "ˈˌː" and not unicodedata.combining(symbol)


def _owners(symbols: Sequence[str], words: Sequence[str], voice: str) -> list[int]:
    groups = _groups(symbols)
    if len(groups) == len(words):
        owners = [-1] * len(symbols)
        for index, group in enumerate(groups):
            for at in group:
                owners[at] = index
        return owners
    return _aligned_owners(symbols, [_alone(word, voice) for word in words])


def _groups(symbols: Sequence[str]) -> list[list[int]]:
    """Indices of the symbols of each group between blanks and punctuation."""
    groups: list[list[int]] = [[]]
    for at, symbol in enumerate(symbols):
        if symbol == " " or symbol in PUNCTUATION:
            groups.append([])
        else:
            groups[-1].append(at)
    return [group for group in groups if group]


def _aligned_owners(symbols: Sequence[str], alone: Sequence[str]) -> list[int]:
    """Owners by the cheapest alignment of the phrase's sounds with those of its words said alone."""
    sounds = [at for at, symbol in enumerate(symbols) if _is_sound(symbol)]
    owner_of = [index for index, word in enumerate(alone) for _ in word]
    path = _levenshtein([symbols[at] for at in sounds], "".join(alone))
    owners = [-1] * len(symbols)
    last = 0
    for at, target in zip(sounds, path, strict=True):
        if target is not None:
            last = owner_of[target]
        owners[at] = last
    _spread(symbols, owners)
    return owners


def _spread(symbols: Sequence[str], owners: list[int]) -> None:
    """Give marks to a sound: stress to the one behind it, length and others to the one before it."""
    for at in range(len(symbols) - 1, -1, -1):
        if owners[at] < 0 and symbols[at] in "ˈˌ" and at + 1 < len(symbols):
            owners[at] = owners[at + 1]
    for at in range(1, len(symbols)):
        if owners[at] < 0 and symbols[at] != " " and symbols[at] not in PUNCTUATION:
            owners[at] = owners[at - 1]


def _levenshtein(source: Sequence[str], target: Sequence[str]) -> list[int | None]:
    """For each symbol of `source` the index in `target` it stands for, or None where it was inserted."""
    rows = [[float(j) for j in range(len(target) + 1)]]
    for i, symbol in enumerate(source, 1):
        row = [float(i)]
        for j, other in enumerate(target, 1):
            row.append(min(rows[-1][j - 1] + _cost(symbol, other), rows[-1][j] + 1, row[-1] + 1))
        rows.append(row)
    i, j = len(source), len(target)
    path: list[int | None] = [None] * i
    while i and j:
        if rows[i][j] == rows[i - 1][j - 1] + _cost(source[i - 1], target[j - 1]):
            i, j = i - 1, j - 1
            path[i] = j
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return path


_VOWELS = frozenset("aeiouæɑɒɐɔəɚɛɜɝɪɨʊʌᵻ")


def _cost(one: str, other: str) -> float:
    """Vowels stand for vowels: words in a phrase weaken theirs."""
    if one == other:
        return 0.0
    return 0.6 if (one in _VOWELS) == (other in _VOWELS) else 1.6
