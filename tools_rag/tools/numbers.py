"""Numbers as they are said: "twenty four" and 24 are the same to whoever fills an argument."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from rapidfuzz.distance import Levenshtein

from tools_rag.names import sound
from tools_rag.words import STOP_WORDS

_LIKELY = 0.78

# fmt: off
_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
# fmt: on
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_UNITS = {word: value for value, word in enumerate(_SMALL)} | {"oh": 0}
_VALUES = _UNITS | {word: 10 * (place + 2) for place, word in enumerate(_TENS)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "dozen": 12}


def in_words(number: int) -> list[str]:
    """0 to 999 in words, larger ones as their digits.

    >>> in_words(216)
    ['two', 'hundred', 'sixteen']
    """
    if not 0 <= number < 1_000:
        return [str(number)]
    hundreds, rest = divmod(number, 100)
    words = [_SMALL[hundreds], "hundred"] if hundreds else []
    if rest >= 20:
        words.append(_TENS[rest // 10 - 2])
        rest %= 10
    return [*words, _SMALL[rest]] if rest or not words else words


def is_number(word: str) -> bool:
    """Whether a word is a number or a part of one."""
    return word in _VALUES or word in _SCALES or _decimal(word) is not None


def numbers(words: Sequence[str]) -> list[tuple[float, int, int]]:
    """The numbers in a row of words, each with its first word and the one behind its last.

    >>> numbers("a table for twenty four at 7.5".split())
    [(24.0, 3, 5), (7.5, 6, 7)]
    """
    found: list[tuple[float, int, int]] = []
    start = 0
    while start < len(words):
        value, end = _at(words, start)
        if end > start:
            found.append((value, start, end))
        start = max(end, start + 1)
    return found


def at(words: Sequence[str], place: int) -> str:
    """The word at a place, empty where there is none."""
    return words[place] if 0 <= place < len(words) else ""


def whole(words: Sequence[str], place: int) -> tuple[int, int]:
    """The whole number below 1,000 that begins here, and where it ends; 0 where none does."""
    for value, start, end in numbers(words[place : place + 4])[:1]:
        if start == 0 and value.is_integer() and 0 < value < 1_000:
            return int(value), place + end
    return 0, place


def goes_on(words: Sequence[str], place: int) -> bool:
    """Whether the word here is the end of a number that began before: "five" of "twenty five"."""
    return at(words, place - 1) in _TENS and 0 < _VALUES.get(at(words, place), 0) < 10


def likely(word: str) -> str:
    """The number word that a word was probably meant for, where a number is expected: "tin" is ten; else itself.

    >>> [likely(word) for word in ("elevens", "tin", "friday")]
    ['eleven', 'ten', 'friday']
    """
    if is_number(word) or len(word) < 3 or word in STOP_WORDS:
        return word

    def likeness(number: str) -> float:
        similar = Levenshtein.normalized_similarity
        return (similar(word, number) + similar(sound(word), sound(number))) / 2

    best = max(_VALUES, key=likeness)
    return best if likeness(best) >= _LIKELY else word


def digits(words: Sequence[str]) -> str:
    """The words with spelt numbers as digits and digits in a row joined: "order four two 7" gives "order 427"."""
    out: list[str] = []
    joins = False
    for word in words:
        digit = str(_UNITS[word]) if word in _UNITS else word if word.isdecimal() else ""
        if digit and joins:
            out[-1] += digit
        else:
            out.append(digit or word)
        joins = bool(digit)
    return " ".join(out)


def _at(words: Sequence[str], start: int) -> tuple[float, int]:
    """The number that begins here, and where it ends; `start` itself where none does."""
    total, current, place = 0.0, 0.0, start
    last = ""
    while place < len(words):
        word = words[place]
        if word in _SCALES and (last or word == "dozen"):
            current = max(current, 1) * _SCALES[word]
            if _SCALES[word] >= 1_000:
                total, current = total + current, 0.0
        elif word == "and" and last == "hundred" and place + 1 < len(words) and words[place + 1] in _VALUES:
            pass
        elif word in _VALUES and _fits(last, word):
            current += _VALUES[word]
        elif not last and (number := _decimal(word)) is not None:
            current = float(number)
        else:
            break
        last = word
        place += 1
    return total + current, place


def _fits(last: str, word: str) -> bool:
    """Whether `word` may go on a number whose last word was `last`: "twenty four", not "four five"."""
    return not last or last in _SCALES or last == "and" or (last in _TENS and 0 < _VALUES[word] < 10)


def _decimal(word: str) -> Decimal | None:
    try:
        number = Decimal(word)
    except InvalidOperation:
        return None
    return number if number.is_finite() and word[:1].isdigit() else None
