"""What words alone say of a question, a sentence and an answer. Pure functions, without a model.

A small model hardly ever says that it does not know: it writes a fluent wrong sentence instead. So nothing is spoken
that these checks cannot find in the evidence: every number and name of the answer and most of its other words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from duplex.llm.lexicon import (
    ANSWER_KINDS,
    COUNTED,
    DIMENSIONS,
    INTO,
    LOOSE_NAMES,
    NAMED,
    OUT_OF,
    PERSON,
    PLACE_NAME,
    STOP,
    WHO,
)
from duplex.llm.words import content, covered, covered_words, is_number, kin, names, sound, words

_PRONOUN = re.compile(r"(?:It|Its|He|His|She|Her|They|Their|This|These|That|Those)\b")
_WORD = re.compile(r"[^\W\d_]+")
_ALIKE, _BEFORE = 4, 4  # letters that "Japan" and "Japanese" share; words from a number to what it counts
_QUOTED = 3  # words from which on a draft may be called a quotation
_SUPERLATIVE = re.compile(r"(?!forest|interest|harvest|request|honest|modest)\w{3,}est|first|best|worst")
_CONSONANTS = 2  # of a name that may be another one misheard


@dataclass(frozen=True, slots=True)
class Support:
    """How far an answer is found in a passage.

    Attributes:
        share: the share of its content words that the passage has, 0..1.
        invented: its numbers and names that neither the passage nor the question has, and superlatives that the
            passage has not: only the question says that the water is heaviest there.
        adds: whether it says anything that the question did not.
    """

    share: float
    invented: tuple[str, ...]
    adds: bool


def support(answer: str, question: str, text: str, title: str = "") -> Support:
    """How far `answer` is found in the passage."""
    said, evidence, asked = content(answer), words(f"{title} {text}"), content(question)
    if not said:
        return Support(0.0, (), False)
    found = covered_words(said, evidence)
    echoed = covered_words(said, asked)
    proper = set(names(answer))
    unsupported = (
        word
        for word in said
        if word not in found
        and (_SUPERLATIVE.fullmatch(word) or (word not in echoed and (is_number(word) or word in proper)))
    )
    return Support(len(found) / len(said), tuple(unsupported), any(word not in echoed for word in said))


def missing_names(question: str, text: str, title: str = "") -> list[str]:
    """Names in the question that the text does not have, also not misspelt or as "African" for "Africa".

    A name that only sounds like one of the text's ("Kamau" for "Como") is taken for it; months, continents and
    peoples need not be there.
    """
    asked, whole = names(question), f"{title} {text}"
    by = words(whole)
    found = covered_words(asked, by)
    sounds = {sound(name) for name in names(whole)}
    return [
        name
        for name in asked
        if name not in found
        and name not in LOOSE_NAMES
        and not any(_derived(name, word) for word in by)
        and not (len(sound(name)) >= _CONSONANTS and sound(name) in sounds)
    ]


def answers_kind(question: str, sentence: str) -> bool:
    """Whether a sentence has the kind of thing that the question asks for; True where the question names none."""
    if _other_dimension(question, sentence) or _other_way(question, sentence):
        return False
    for ask, cue in ANSWER_KINDS:
        if re.search(ask, question, re.I):
            return re.search(cue, sentence, re.I) is not None
    if re.search(WHO, question, re.I):
        return (
            _new_name(question, re.sub(PLACE_NAME, "", sentence)) or re.search(PERSON, sentence) is not None
        )
    return re.search(NAMED, question, re.I) is None or _new_name(question, sentence)


def _other_dimension(question: str, sentence: str) -> bool:
    """Whether a sentence measures something else than is asked: a depth, where the length is."""
    for ask, cue in DIMENSIONS:
        if re.search(ask, question, re.I):
            return re.search(cue, sentence, re.I) is None and any(
                re.search(other, sentence, re.I) for _, other in DIMENSIONS
            )
    return False


def _other_way(question: str, sentence: str) -> bool:
    """Whether a sentence says what goes into a thing, where what goes out of it is asked for, or the reverse."""
    ways = [re.search(OUT_OF, question, re.I), re.search(INTO, question, re.I)]
    if None not in ways or ways == [None, None] or not re.match(r"(?:what|which|where)\b", question, re.I):
        return False
    own, other = (OUT_OF, INTO) if ways[0] else (INTO, OUT_OF)
    return re.search(own, sentence, re.I) is None and re.search(other, sentence, re.I) is not None


def counted(question: str, sentence: str) -> bool | None:
    """Whether a sentence has a number of what "How many ...?" asks for; None for any other question."""
    match = re.search(COUNTED, question, re.I)
    things = content(match.group(1)) if match else []
    if not things:
        return None
    bag = words(sentence)
    return any(
        kin(thing, word) and any(map(is_number, bag[max(0, i - _BEFORE) : i]))
        for thing in things
        for i, word in enumerate(bag)
    )


def begins_with_pronoun(sentence: str) -> bool:
    """Whether a sentence speaks of what the one before it named."""
    return _PRONOUN.match(sentence) is not None


def _derived(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    return len(short) >= _ALIKE and long.startswith(short) and len(long) - len(short) <= _ALIKE


def _new_name(question: str, sentence: str) -> bool:
    """Whether a sentence has a word with a capital, not a function word, that the question has not."""
    asked = words(question)
    found = (word.lower() for word in _WORD.findall(sentence) if word[0].isupper())
    return any(word not in STOP and not covered(word, asked) for word in found)


def quotes(draft: str, sentence: str) -> bool:
    """Whether a growing draft is so far, and for at least three words, nothing but the sentence's beginning.

    >>> quotes("The lake is", "The lake is very deep."), quotes("The lake", "The lake is deep.")
    (True, False)
    """
    return len(draft.split()) >= _QUOTED and sentence.startswith(draft.strip())
