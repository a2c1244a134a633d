"""Names as recognisers hear them: "lake bikal", "titty kaka", "lock ness" still find Baikal, Titicaca and Loch Ness.

A recogniser that does not know a name writes something that sounds like it, often as two words. So a word of the
question that the knowledge does not hold, alone or with its neighbours, is compared with the names that it does hold,
by spelling and by a rough key of its sound (in the spirit of Metaphone, Philips 1990, with the vowels kept as one).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MIN_LETTERS = 4
"""Shorter names sound like too much else."""

MAX_NAMES = 20_000
"""The most frequent are kept."""

MAX_QUERY_WORDS = 60
"""Names are looked for in so many words of a question; it bounds the time, whatever a caller says."""

ALONE, TOGETHER, KNOWN = 0.62, 0.68, 0.86
"""Least similarity to a name: of one unknown word; of several words, one of them unknown; of words all known."""

_TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
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
        known: whether a word, in lower case, occurs in the texts or is too common to be a name.
    """

    def __init__(self, texts: Iterable[str], known: Callable[[str], bool]) -> None:
        self._known = known
        counted = _names(texts)
        self._spoken = {plain(name): name for name, _ in reversed(counted.most_common(MAX_NAMES))}
        self._plain = list(self._spoken)
        self._sounds = [sound(name) for name in self._plain]

    def repair(self, question: str) -> Repair:
        """The question with each unknown word that sounds like a name replaced by the name."""
        tokens = list(_TOKEN.finditer(question))[:MAX_QUERY_WORDS]
        unknown = [not self._known(plain(token[0])) for token in tokens]
        found: list[tuple[float, int, int, str]] = []
        for start in range(len(tokens)):
            for end in range(start + 1, min(start + 4, len(tokens) + 1)):
                least = _least(unknown[start:end])
                match = self._nearest("".join(plain(token[0]) for token in tokens[start:end]), least)
                if match:
                    found.append((match[0], start, end, match[1]))
        return self._applied(question, tokens, found)

    def _nearest(self, heard: str, least: float) -> tuple[float, str] | None:
        from rapidfuzz import process
        from rapidfuzz.distance import Levenshtein

        if not self._plain or least > 1 or not MIN_LETTERS - 1 <= len(heard) <= 30:
            return None
        similar = Levenshtein.normalized_similarity
        # The sound decides which names are worth a look; sound and spelling together decide.
        close = process.extract(
            sound(heard), self._sounds, scorer=similar, score_cutoff=least - 0.1, limit=5, processor=None
        )
        scored = [
            (0.6 * value + 0.4 * similar(heard, self._plain[place]), self._plain[place])
            for _, value, place in close
        ]
        best = max(scored, default=(0.0, ""))
        if best[0] < least or best[1] == heard:
            return None
        return best[0], self._spoken[best[1]]

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


def _least(unknown: list[bool]) -> float:
    if len(unknown) == 1:
        return ALONE if unknown[0] else 2.0
    return TOGETHER if any(unknown) else KNOWN


def _names(texts: Iterable[str]) -> Counter[str]:
    """Words, and pairs of them, written with a capital inside a sentence and never without one."""
    names: Counter[str] = Counter()
    common: set[str] = set()
    for text in texts:
        previous: re.Match[str] | None = None
        for token in _TOKEN.finditer(text):
            word = token[0]
            if not word[0].isupper():
                common.add(plain(word))
                previous = None
                continue
            starts = bool(_SENTENCE_START.search(text[max(0, token.start() - 6) : token.start()]))
            if not starts and len(plain(word)) >= MIN_LETTERS:
                names[word] += 1
            if previous is not None and text[previous.end() : token.start()] == " ":
                names[f"{previous[0]} {word}"] += 1
            previous = token
    return Counter({name: count for name, count in names.items() if _is_name(name, common)})


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
