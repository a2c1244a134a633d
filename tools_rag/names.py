"""Names as recognisers hear them: "lake bikal", "titty kaka", "lock ness" still find Baikal, Titicaca and Loch Ness.

A recogniser that does not know a name writes something that sounds like it, often as two words. So a word of the
question that the knowledge does not hold, alone or with its neighbours, is compared with the names that it does hold,
by spelling and by a rough key of its sound (in the spirit of Metaphone, Philips 1990, with the vowels kept as one).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from math import ceil

import numpy as np

from tools_rag.words import STOP_WORDS

MIN_LETTERS = 4
"""Shorter names sound like too much else."""

MAX_NAMES = 20_000
"""The most frequent are kept."""

MAX_QUERY_WORDS = 60
"""Names are looked for in so many words of a question; it bounds the time, whatever a caller says."""

UNKNOWN, KNOWN, AFTER_HEAD, SAME_SOUND = 0.78, 0.87, 0.1, 0.07
"""Least similarity to a name where a word heard is no word at all, and where all are words; and what is taken off
where the word before stands before that name in the knowledge too, as "lake" before Baikal, and where a word that is
none sounds just like the name: "Kamau" is Como."""

REMEMBERED = 4_096
"""Rows of words whose nearest name is kept."""

_EVEN = 1e-9
"""Of lengths that are just as far apart as they may be, floats must not tell."""

CLOSE = 8
"""Names that a coarse sound proposes."""

_TOKEN = re.compile(r"[^\W\d_]+")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+|\n)\W*$")


@dataclass(frozen=True, slots=True)
class Repair:
    """A question with names put right.

    Attributes:
        text: the question to search for.
        found: (as heard, the name, similarity 0..1), in order.
    """

    text: str
    found: tuple[tuple[str, str, float], ...] = ()


class Names:
    """The names in a body of text.

    Args:
        texts: the chunks.
        is_word: whether a plain word is in the texts or is a common word of the language.
    """

    def __init__(self, texts: Iterable[str], is_word: Callable[[str], bool]) -> None:
        self._is_word = is_word
        counted, heads, self._common = _names(texts)
        self._names = {plain(name): name for name, _ in reversed(counted.most_common(MAX_NAMES))}
        self._heads = {name: heads[self._names[name]] for name in self._names}
        self._all_heads = set[str]().union(*self._heads.values())
        self._plain = list(self._names)
        self._sounds = [sound(name) for name in self._plain]
        self._places: dict[str, list[int]] = {}
        """By coarse sound, the names that have it; the shortest sounds first."""
        for place, key in sorted(enumerate(map(coarse, self._sounds)), key=lambda each: len(each[1])):
            self._places.setdefault(key, []).append(place)
        self._coarse = list(self._places)
        self._lengths = [len(key) for key in self._coarse]
        # While somebody speaks, all but the last words are those of the look before.
        self._nearest = lru_cache(maxsize=REMEMBERED)(self._find_nearest)

    def repair(self, question: str) -> Repair:
        """The question with each word that is none, but sounds like a name, replaced by the name."""
        tokens = list(_TOKEN.finditer(question))[:MAX_QUERY_WORDS]
        words = [plain(token[0]) for token in tokens]
        right = [word in self._names for word in words]
        # A capital inside a sentence is the recogniser's word for it that this is a name, whatever else it is.
        real = [
            self._is_word(word) and (word in self._common or not (place and token[0][0].isupper()))
            for place, (word, token) in enumerate(zip(words, tokens, strict=True))
        ]
        found: list[tuple[float, int, int, str]] = []
        for start in range(len(words)):
            for end in range(start + 1, min(start + 4, len(words) + 1)):
                if any(right[start:end]):
                    continue
                before = words[start - 1] if start else ""
                if end == start + 1 and real[start] and before not in self._all_heads:
                    continue
                # "roam on" is not "Roman", but "In Gara" may be Angara, and "to ho" after "lake" Tahoe.
                joins = any(
                    word in STOP_WORDS and token[0].islower()
                    for word, token in zip(words[start:end], tokens[start:end], strict=True)
                )
                match = self._nearest("".join(words[start:end]), before, all(real[start:end]))
                if match and not (joins and before not in self._heads[plain(match[1])]):
                    found.append((match[0], start, end, match[1]))
        return self._applied(question, tokens, found)

    def _find_nearest(self, heard: str, before: str, real: bool) -> tuple[float, str] | None:
        """Similarity and name, where one is near enough."""
        from rapidfuzz.distance import Levenshtein

        if not MIN_LETTERS <= len(heard) <= 30:
            return None
        least = KNOWN if real else UNKNOWN
        similar = Levenshtein.normalized_similarity
        # The coarse sound decides which names are worth a look; both sounds and the spelling decide.
        key = sound(heard)
        best = (0.0, 0.0, "")
        for place, value in self._close(coarse(key), least - 0.2):
            name = self._plain[place]
            similarity = (value + similar(key, self._sounds[place]) + similar(heard, name)) / 3
            bonus = AFTER_HEAD if before in self._heads[name] else 0.0
            if not real and key == self._sounds[place]:
                bonus = max(bonus, SAME_SOUND)
            best = max(best, (similarity + bonus, similarity, name))
        if best[0] < least or best[2] == heard:
            return None
        return best[1], self._names[best[2]]

    def _close(self, key: str, least: float) -> list[tuple[int, float]]:
        """The places of the names whose coarse sound is nearest, and how near, nearest first."""
        from rapidfuzz import process
        from rapidfuzz.distance import Levenshtein

        # Only keys of a like length can be near enough: a shorter one is at best as similar as it is long.
        first = bisect_left(self._lengths, ceil(len(key) * least - _EVEN))
        last = bisect_right(self._lengths, int(len(key) / least + _EVEN))
        keys = self._coarse[first:last]
        if not keys:
            return []
        similar = Levenshtein.normalized_similarity
        # One row of a matrix: it compares many keys at once (SIMD), three times as fast as `process.extract`.
        (row,) = process.cdist([key], keys, scorer=similar, score_cutoff=least, dtype=np.float64)
        near = [
            (-float(row[at]), place)
            for at in np.flatnonzero(row >= least)
            for place in self._places[keys[at]]
        ]
        return [(place, -value) for value, place in nsmallest(CLOSE, near)]

    @staticmethod
    def _applied(
        question: str, tokens: list[re.Match[str]], found: list[tuple[float, int, int, str]]
    ) -> Repair:
        """The best matches that do not overlap, put into the question."""
        chosen: list[tuple[float, int, int, str]] = []
        for match in sorted(found, key=lambda m: (-m[0], m[1])):
            if all(match[2] <= other[1] or match[1] >= other[2] for other in chosen):
                chosen.append(match)
        text, repairs = question, []
        for similarity, start, end, name in sorted(chosen, key=lambda m: -m[1]):
            first, last = tokens[start].start(), tokens[end - 1].end()
            repairs.append((question[first:last], name, similarity))
            text = text[:first] + name + text[last:]
        return Repair(text, tuple(reversed(repairs)))


def _names(texts: Iterable[str]) -> tuple[Counter[str], dict[str, set[str]], set[str]]:
    """Words, and pairs of them, written with a capital inside a sentence, or at its beginning with another behind
    them ("Jane Goodall"), and never without one; what precedes each; and the words that are written without one."""
    names: Counter[str] = Counter()
    heads: dict[str, set[str]] = {}
    common: set[str] = set()
    for text in texts:
        previous: re.Match[str] | None = None
        for token in _TOKEN.finditer(text):
            word = token[0]
            adjacent = previous is not None and text[previous.end() : token.start()] == " "
            if not word[0].isupper():
                common.add(plain(word))
            else:
                starts = bool(_SENTENCE_START.search(text[max(0, token.start() - 6) : token.start()]))
                if not starts and len(plain(word)) >= MIN_LETTERS:
                    names[word] += 1
                if previous is not None and adjacent and previous[0][0].isupper() and not _asks(previous[0]):
                    names[f"{previous[0]} {word}"] += 1
                    if len(plain(previous[0])) >= MIN_LETTERS:
                        names[previous[0]] += 1
                    heads.setdefault(word, set()).add(plain(previous[0]))
            previous = token
    kept = Counter({name: count for name, count in names.items() if _is_name(name, common)})
    return kept, {name: heads.get(name, set()) for name in kept}, common


def _asks(word: str) -> bool:
    return word.lower() in STOP_WORDS


def _is_name(name: str, common: set[str]) -> bool:
    """A pair must have no common word in it ("Lake Baikal" is found by "Baikal"), and not be two long names."""
    words = [plain(word) for word in name.split()]
    return not any(word in common for word in words) and len("".join(words)) <= (14 if len(words) > 1 else 30)


def plain(word: str) -> str:
    """Lower-case letters without accents: `Léman` to `leman`."""
    decomposed = unicodedata.normalize(
        "NFKD", word.lower().replace("ß", "ss").replace("ø", "o").replace("ł", "l")
    )
    return "".join(c for c in decomposed if c.isalpha())


_SOUNDS = [
    (re.compile(pattern), key)
    for pattern, key in (
        (r"^(kn|gn|pn)", "n"),
        (r"^wr", "r"),
        (r"^x", "s"),
        (r"ph", "f"),
        (r"gh(?=[aeiouy])", "g"),
        (r"gh", ""),
        (r"tch|ch(?=[eiy])|cc(?=[ei])", "C"),
        (r"sch|sh|ti(?=o)|ssi(?=o)", "S"),
        (r"ch|ck|q(u(?=[aeiouy]))?", "k"),
        (r"th", "t"),
        (r"dge?(?=[eiy])|j", "J"),
        (r"c(?=[eiy])", "s"),
        (r"c", "k"),
        (r"x", "ks"),
        (r"z", "s"),
        (r"v", "f"),
        (r"[aeiouy][wh](?![aeiouy])", "a"),
        (r"h(?![aeiouy])", ""),
        (r"e$", ""),
        (r"[aeiouy]+", "a"),
        (r"(.)\1+", r"\1"),
    )
]


def sound(word: str) -> str:
    """A rough key of how an English recogniser may hear a plain word: `titicaca` and `tittykaka` to `tatakaka`."""
    for pattern, key in _SOUNDS:
        word = pattern.sub(key, word)
    return word


_MERGED = str.maketrans("bpfdtgkJCSszmn", "PPPTTKKKSSSSNN")


def coarse(key: str) -> str:
    """The sound key with voiced and voiceless consonants of one place merged: Baikal heard as "vacal" is the same."""
    return re.sub(r"(.)\1+", r"\1", key.translate(_MERGED))
