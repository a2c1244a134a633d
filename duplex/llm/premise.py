"""Questions that take for true what a passage says otherwise: "Why is Lake Baikal in Peru?". Pure, without a model.

Most questions with a wrong premise are refused as they are: no passage has "Peru" and Baikal. Where a passage has the
same kind of thing in the same place of the same fact (where something lies, a year of what happens once, a measure, who
made it, which is the largest), it is named instead. All must fit, for to correct who was right is worse than to refuse.

English. Another language needs another file like this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duplex.llm.places import apart, narrowest, places_in
from duplex.llm.select import MAX_PASSAGE, PassageLike
from duplex.llm.words import content, covered_words, sentences, words


@dataclass(frozen=True, slots=True)
class Correction:
    """What the question has wrong, and what is so.

    Attributes:
        text: both, as it is said.
        sentence: the passage's that says so.
        passage: where it is from.
    """

    text: str
    sentence: str
    passage: PassageLike


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NAME = r"(?:[A-Z][\w'’-]*(?: (?:(?:of|the|de|du|la|da|am|del) )*[A-Z][\w'’-]*)*)"
_LIKE = re.compile(
    r"\b(?:like|than|other|others|another|similar|besides|else|not|never|n't|compared)\b", re.I
)
_FIXED = (
    r"(?:lakes?|loch|sea|rivers?|mountain|volcano|islands?|city|town|village|tower|bridge|castle|church|cathedral|abbey|"
    r"museum|valley|park|desert|building|monument|palace|temple|waterfall|forest|bay|peninsula|glacier|canal|dam|"
    r"university|country|state|region|province|capital)"
)
_LIES = re.compile(
    rf"(?:, [^,]*,)? (?:(?:lies|stands|flows|is (?:located|situated))\b|is (?:in|on|at|between|near)\b|"
    rf"is (?:an?|the) [^,.]*?\b{_FIXED}\b)"
)
"""What something that stays where it is does, behind its name."""
_ASIDE = re.compile(
    r"\b(?:that|which|where|who|whose|and (?:is|was|has)|because|built|made|named|called|by)\b"
)
_ONCE = _set("""
    found establish build construct open complete finish sink die discover invent patent create become design launch
    publish write paint declare erect
""")
_FORMS = {
    "found": "found(?:ed)?",
    "build": "buil[dt]",
    "sink": "s[iau]nk",
    "become": "bec[oa]me",
    "write": "wr(?:ite|ote|itten)",
    "complete": "completed?",
    "die": "died?",
}
"""What happens to a thing once, so that another year for it is a wrong one; by verb, its forms where they differ."""
_MADE_BY = _set("discover invent patent build found write paint design compose create")
_UNITS = r"(?:kilomet(?:re|er)s?|met(?:re|er)s?|feet|foot|miles?|years?|centimet(?:re|er)s?)"
_DIMENSIONS = {
    "deep": r"\b(?:deep|depth|deepest)\b",
    "long": r"\b(?:long|length)\b",
    "wide": r"\b(?:wide|width)\b",
    "high": r"\b(?:high|height|tall|above sea level)\b",
    "tall": r"\b(?:high|height|tall)\b",
    "old": r"\b(?:old|age|aged)\b",
}
_WHY = re.compile(r"^(?:(?:so|and|but|well|okay)\b,? )?(?:why|how come|since when)\b", re.I)
_GENERIC = _set("mount river city town village ship place")
_YEAR = r"(?:1\d{3}|20\d\d)"
_NEAR = 0.2
"""Two measures that differ by this share of the larger, or less, may both be right."""


def corrected(question: str, passages: Sequence[PassageLike]) -> Correction | None:
    """What a passage says against what the question takes for true; None where none does.

    >>> from tools_rag.types import Passage
    >>> baikal = Passage("Lake Baikal is in southern Siberia, in Russia.", "baikal.md", "Lake Baikal", 1.0)
    >>> corrected("Why is Lake Baikal in Peru?", [baikal]).text
    "Lake Baikal isn't in Peru. Lake Baikal is in southern Siberia, in Russia."
    """
    asked = " ".join(question.split())
    if _LIKE.search(asked):
        return None
    for rule in (_place, _year, _maker, _measure, _first):
        if (found := rule(asked, passages)) is not None:
            return found
    return None


def _place(asked: str, passages: Sequence[PassageLike]) -> Correction | None:
    """Something that stays where it is, said to be in one place, and lying in others."""
    for written, place in places_in(asked):
        attached = re.search(
            rf"\b(?:[Ii]s|[Aa]re|was|were|do|does|did|of|near|around|on|from|into|at|in) (?:the )?({_NAME}),? "
            rf"(?:(?:lie|stand|flow) )?in (the )?{written}\b",
            asked,
        )
        for fact in _facts(attached[1], passages) if attached else ():
            if not _LIES.match(fact.rest) or any(name == place for _, name in places_in(fact.passage.text)):
                continue
            told = narrowest({name for _, name in places_in(_ASIDE.split(fact.rest)[0])})
            if attached and told and all(apart(place, each) for each in told):
                return fact.against(f"{_start(attached[1], asked)} isn't in {attached[2] or ''}{written}.")
    return None


def _year(asked: str, passages: Sequence[PassageLike]) -> Correction | None:
    """What happens once, said to have happened in another year."""
    match = re.search(
        rf"\b(?:did|was|were) (?:the )?((?:[a-z]+ of )?{_NAME}) ([a-z]+)\b(.*?) in (?:the year )?({_YEAR})\b",
        asked,
    )
    verb = next((verb for verb in _ONCE if match and _is_form(verb, match[2])), None)
    if match is None or verb is None:
        return None
    subject, more = [word for word in content(match[1]) if word not in _GENERIC], content(match[3])
    for sentence, passage in _sentences(passages):
        done = re.search(rf"\b{_forms(verb)}\b", sentence)
        years = re.findall(rf"\b{_YEAR}\b", sentence)
        if done is None or len(years) != 1 or match[4] in passage.text:
            continue
        before = words(sentence[: done.start()])
        known = before + (words(passage.title) if _begins(sentence, passage) else [])
        if _all(subject, known) and _all(more, words(sentence)):
            return _Fact(sentence, "", passage).against(f"Not in {match[4]}.")
    return None


def _maker(asked: str, passages: Sequence[PassageLike]) -> Correction | None:
    """Something said to have been made or found by another than the one who did."""
    match = re.search(rf"\bdid ({_NAME}) ([a-z]+) (?:the )?(.+?)(?: in {_YEAR})?[?.!]*$", asked)
    verb = next((verb for verb in _MADE_BY if match and verb == match[2]), None)
    if match is None or verb is None or not content(match[3]):
        return None
    maker = content(match[1])
    for sentence, passage in _sentences(passages):
        by = re.search(rf"\b{_forms(verb)} by (?:[a-z ]*)({_NAME})", sentence)
        if by is None or covered_words(maker, words(f"{passage.title} {passage.text}")):
            continue
        made = words(sentence[: by.start()]) + (words(passage.title) if _begins(sentence, passage) else [])
        if _all(content(match[3]), made):
            return _Fact(sentence, "", passage).against(f"It wasn't {match[1]}.")
    return None


def _measure(asked: str, passages: Sequence[PassageLike]) -> Correction | None:
    """One dimension of a thing, said to be another number of the same unit."""
    match = re.search(
        rf"\b(?:is|are|was|were) (?:the )?({_NAME}) (?:only |just |about )?(\d[\d,.]*) ({_UNITS}) (\w+)\b",
        asked,
    )
    if match is None or match[4] not in _DIMENSIONS or not _WHY.match(asked):
        return None
    said, measured = _number(match[2]), list[tuple[float, _Fact]]()
    for sentence, passage in _sentences(passages):
        if _is_of(match[1], passage) and re.search(_DIMENSIONS[match[4]], sentence):
            numbers = re.findall(rf"(\d[\d,.]*) {match[3].rstrip('s')}", sentence)
            measured += [(_number(each), _Fact(sentence, "", passage)) for each in numbers]
    if any(abs(said - each) <= _NEAR * max(said, each) for each, _ in measured):
        return None
    own = [fact for _, fact in measured if re.search(rf"^It |{re.escape(match[1])}", fact.sentence)]
    return own[0].against(f"Not {match[2]} {match[3]}.") if own else None


def _first(asked: str, passages: Sequence[PassageLike]) -> Correction | None:
    """What is the largest of its kind, said of another."""
    match = re.search(
        rf"\b(?:is|are|was|were) (?:the )?({_NAME}) (the [a-z]+est [a-z ]+ (?:in|on|of) (?:the )?\w+(?: \w+)?)[?.!]*$",
        asked,
    )
    if match is None or not _WHY.match(asked):
        return None
    if any(_is_of(match[1], passage) and match[2] in passage.text for passage in passages):
        return None
    for sentence, passage in _sentences(passages):
        hedged = re.search(
            rf"\b(?:one of|second|third|fourth|after|once|was)\b|{re.escape(match[2])} by\b", sentence
        )
        if re.search(rf"{re.escape(match[2])}\b", sentence) and _begins(sentence, passage) and not hedged:
            return _Fact(sentence, "", passage).against(f"Not {match[1]}.")
    return None


@dataclass(frozen=True, slots=True)
class _Fact:
    """A sentence, what of it stands behind its subject, and its passage."""

    sentence: str
    rest: str
    passage: PassageLike

    def against(self, wrong: str) -> Correction:
        title = self.passage.title
        whole = re.sub(r"^It\b", title, self.sentence)
        return Correction(f"{wrong} {whole}", self.sentence, self.passage)


def _sentences(passages: Sequence[PassageLike]) -> Iterator[tuple[str, PassageLike]]:
    for passage in passages:
        for sentence in sentences(passage.text[:MAX_PASSAGE]):
            yield sentence, passage


def _facts(subject: str, passages: Sequence[PassageLike]) -> Iterator[_Fact]:
    """What is said of the subject itself, where a passage has its name for a title."""
    for sentence, passage in _sentences(passages):
        title = passage.title
        if _is_of(subject, passage) and sentence.startswith((title, "It ")):
            yield _Fact(
                sentence, sentence.removeprefix("It" if sentence.startswith("It ") else title), passage
            )


def _begins(sentence: str, passage: PassageLike) -> bool:
    """Whether a sentence is about its passage's subject."""
    return sentence.startswith((passage.title, "It "))


def _is_of(subject: str, passage: PassageLike) -> bool:
    """Whether the passage's title is this name."""
    mine = [word for word in content(subject) if word not in _GENERIC]
    title = [word for word in content(passage.title) if word not in _GENERIC]
    return bool(mine) and _all(mine, title) and _all(title, mine)


def _all(wanted: Sequence[str], known: list[str]) -> bool:
    return len(covered_words(list(wanted), known)) == len(set(wanted))


def _forms(verb: str) -> str:
    return _FORMS.get(verb, rf"{verb[:-1]}(?:e|ed|n)" if verb.endswith("e") else rf"{verb}(?:ed)?")


def _is_form(verb: str, word: str) -> bool:
    return re.fullmatch(_forms(verb), word) is not None


def _number(text: str) -> float:
    return float(text.replace(",", "").rstrip(".") or 0)


def _start(subject: str, asked: str) -> str:
    """The subject at a sentence's beginning, with the article that the question gives it."""
    return f"The {subject}" if re.search(rf"\bthe {re.escape(subject)}\b", asked) else subject
