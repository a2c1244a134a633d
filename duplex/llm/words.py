"""Words as evidence: which words of a question or an answer carry content, and whether two of them are the same.

Pure functions under the grounding checks. Matching is tolerant on purpose: inflection ("erupts", "eruption"), numbers
in words or digits, and the recogniser's guesses at names ("Bikal" for "Baikal", "lark spur" for "Larkspur").
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

from duplex.llm.lexicon import KIN, MEASURES, SCALES, STOP, TENS, UNITS

_WORD = re.compile(r"\d[\d,]*(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?")
_SENTENCE = re.compile(r"(?<=[.!?])[\"”')\]]*\s+(?=[\"“(\[]?[A-Z0-9])")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Mt|Prof|vs|e\.g|i\.e|approx|No)|\b[A-Z])\.$")

_SUFFIXES = (
    *(
        "ations",
        "ation",
        "ings",
        "ing",
        "ions",
        "ion",
        "ies",
        "ied",
        "est",
        "ed",
        "es",
        "ly",
        "s",
    ),
)
_SOUNDS = (
    *(
        (r"(.)\1+", r"\1"),
        (r"ph|v", "f"),
        (r"[cgkq]+h?", "k"),
        (r"sh|[sz]", "s"),
        (r"[td]+", "t"),
        (r"b", "p"),
    ),
    (r"[aeiouyhw]", ""),
)


def words(text: str) -> list[str]:
    """The words of a text, lower case, numbers as digits: "Two hundred and five lakes" → ["205", "lakes"]."""
    return list(_words(text))


@lru_cache(maxsize=2048)
def _words(text: str) -> tuple[str, ...]:
    raw = [word.replace(",", "").removesuffix("'s").lower() for word in _WORD.findall(_plain(text))]
    return tuple(_join_numbers(raw))


def content(text: str) -> list[str]:
    """The words that carry content, in order, each once; without function words and words that ask for a measure."""
    return [w for w in dict.fromkeys(words(text)) if w not in STOP and w not in MEASURES]


def names(text: str) -> list[str]:
    """Words written with a capital that do not begin a sentence, lower case: what is probably a name."""
    found = []
    for sentence in sentences(text):
        for match in list(_WORD.finditer(_plain(sentence)))[1:]:
            word = match.group().removesuffix("'s")
            if word[0].isupper() and word.lower() not in STOP:
                found.append(word.lower())
    return list(dict.fromkeys(found))


def is_number(word: str) -> bool:
    """Whether a word from `words` is a number."""
    return word[0].isdigit()


def sentences(text: str) -> list[str]:
    """Split prose into sentences; abbreviations and initials do not end one."""
    parts: list[str] = []
    for part in _SENTENCE.split(" ".join(text.split())):
        if parts and _ABBREVIATION.search(parts[-1]):
            parts[-1] += " " + part
        elif part:
            parts.append(part)
    return parts


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without its common English endings; a rough Porter that never leaves fewer than three letters."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(suffix)
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word.removesuffix("e").removesuffix("i").removesuffix("y") if len(word) > 3 else word


_KIN_OF: dict[str, set[int]] = {}
for _i, _group in enumerate(KIN.strip().splitlines()):
    for _word in _group.split():
        _KIN_OF.setdefault(stem(_word), set()).add(_i)


@lru_cache(maxsize=16384)
def same(a: str, b: str) -> bool:
    """Whether two lower-case words count as the same: equal, inflected, misspelt, or alike in sound.

    >>> same("eruption", "erupted"), same("bikal", "baikal"), same("seven", "eleven")
    (True, True, False)
    """
    if a == b:
        return True
    if is_number(a) or is_number(b):
        return False
    sa, sb = stem(a), stem(b)
    if sa == sb:
        return True
    if min(len(a), len(b)) < 4:
        return False
    from rapidfuzz.fuzz import ratio

    alike, left, right = ratio(a, b), sound(a), sound(b)
    if alike >= 84:  # one letter more, less or other, but not another ending: "printer" is not "printed"
        return a[0] == b[0] and left[-1:] == right[-1:]
    return alike >= 70 and len(left) >= 3 and left == right


def kin(a: str, b: str) -> bool:
    """Whether one word can answer the other: the same, or of one group ("cost", "pay")."""
    return same(a, b) or bool(_KIN_OF.get(stem(a), set()) & _KIN_OF.get(stem(b), set()))


def covered(word: str, by: list[str]) -> bool:
    """Whether a word is found, as itself or as kin, among others; two neighbours may be one word written apart."""
    return any(kin(word, other) for other in by)


def covered_words(asked: list[str], by: list[str]) -> set[str]:
    """Those of `asked` that are covered; "lark", "spur" are both covered by "larkspur", and "bluebell" by both."""
    found = {word for word in asked if covered(word, by)}
    for left, right in pairwise(asked):
        if any(same(left + right, other) for other in by):
            found |= {left, right}
    joined = [a + b for a, b in pairwise(by)]
    return found | {word for word in asked if len(word) >= 6 and any(same(word, other) for other in joined)}


def _plain(text: str) -> str:
    """Without accents, with straight apostrophes: people and recognisers leave accents out."""
    parts = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


@lru_cache(maxsize=8192)
def sound(word: str) -> str:
    """The consonants of a word as they sound, for names that a recogniser spells as it hears them."""
    key = word
    for pattern, sound in _SOUNDS:
        key = re.sub(pattern, sound, key)
    return key


def _join_numbers(raw: list[str]) -> list[str]:
    """Replace runs of number words by digits; "nineteen thirty one" is a year."""
    out: list[str] = []
    i = 0
    while i < len(raw):
        length, value = _number(raw[i:])
        out.append(str(value) if length else raw[i])
        i += length or 1
    return out


def _number(run: list[str]) -> tuple[int, int]:
    """How many words at the start of `run` are one number, and its value; (0, 0) where none are."""
    total = group = used = 0
    last = ""  # the kind of the previous word
    for i, word in enumerate(run):
        if word in UNITS and last in ("", "tens", "scale"):
            if last == "tens" and UNITS[word] > 9:
                break
            group, last = group + UNITS[word], "teen" if 10 < UNITS[word] < 20 else "unit"
        elif word in TENS and last in ("", "scale"):
            group, last = group + TENS[word], "tens"
        elif word in TENS and ((last == "teen") or (last == "tens" and group == 20)) and total == 0:
            group, last = group * 100 + TENS[word], "tens"
        elif word in SCALES and last:
            group *= SCALES[word]
            if word != "hundred":
                total, group = total + group, 0
            last = "scale"
        elif word == "and" and last == "scale" and i + 1 < len(run) and run[i + 1] in UNITS | TENS:
            continue
        else:
            break
        used = i + 1
    return used, total + group
