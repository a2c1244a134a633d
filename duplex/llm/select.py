"""Which sentence answers, and does it? One logistic model over what words and meaning say of question and sentence.

A sentence, not a passage, is what the small model is shown: reading costs about 3 ms a token, and with one sentence
it confuses nothing. Meaning is compared with what the sentences of a passage have in common taken away: they are all
near a question about their subject, and what is left tells whether this one has what is asked of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from duplex.llm.evidence import answers_kind, begins_with_pronoun, counted, missing_names
from duplex.llm.words import content, covered_words, names, sentences, words

Embed = Callable[[Sequence[str], bool], Awaitable[NDArray[np.float32]]]
"""Texts to unit vectors, float32 [n, d], off the event loop; and whether it is only in advance, so not urgent."""

Vectors = Mapping[str, NDArray[Any]]
"""Texts and their unit vectors."""

MAX_PASSAGE = 4000  # characters that are read of a passage
_COMMON = 2  # titles with a word, such as "lake", from which on it does not tell one from another
_CACHED = 4096  # vectors kept: 6 MB at 384 dimensions

BY_WORDS = ("bias", "uncounted", "covered", "elsewhere", "titled", "named")
BY_MEANING = ("cosine", "beside_title", "ahead")
WEIGHTS = np.array([-4.60, -2.32, 1.14, 2.13, 1.83, -1.30, 3.25, 3.79, 7.10])
WORD_WEIGHTS = np.array([-2.94, -2.10, 4.14, -0.53, 0.09, -0.07])
"""Log-odds for each unit of the features, the first for words and MiniLM's vectors, the second for words alone.

Fitted by `python -m duplex.bench.answer_fit` on 796 questions about eleven subjects; it prints how well they do on each
subject when fitted on the others.
"""


class PassageLike(Protocol):
    """What is needed of a retrieved passage: `tools_rag.types.Passage`, or anything alike."""

    @property
    def text(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def score(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer.

    Attributes:
        sentence: as it stands in the passage.
        before: the sentence before it, empty for the first.
        passage: where it is from.
        chance: 0..1, that it answers.
    """

    sentence: str
    before: str
    passage: PassageLike
    chance: float = 0.0


def candidates(
    question: str, passages: Sequence[PassageLike], vectors: Vectors | None = None
) -> list[Candidate]:
    """The sentences of the passages with the chance that each answers, best first.

    Args:
        question: what is asked, follow-ups resolved.
        passages: in any order.
        vectors: of the question, the sentences and the titles; without them words alone decide, and less well.
    """
    found = split(passages)
    if not found:
        return []
    table = by_words(question, found)
    weights = WORD_WEIGHTS
    if vectors is not None:
        table, weights = np.hstack([table, by_meaning(question, found, vectors)]), WEIGHTS
    chances = possible(question, found) / (1.0 + np.exp(-table @ weights))
    rated = [
        Candidate(one.sentence, one.before, one.passage, float(chance))
        for one, chance in zip(found, chances, strict=True)
    ]
    return sorted(rated, key=lambda candidate: -candidate.chance)


def split(passages: Sequence[PassageLike]) -> list[Candidate]:
    """The sentences of the passages, each once."""
    found: dict[str, Candidate] = {}
    for passage in passages:
        before = ""
        for sentence in sentences(passage.text[:MAX_PASSAGE]):
            found.setdefault(sentence, Candidate(sentence, before, passage))
            before = sentence
    return list(found.values())


def possible(question: str, found: Sequence[Candidate]) -> NDArray[np.bool_]:
    """bool [n]: whether a sentence can answer at all.

    Its passage must have every name in the question, and it the kind of thing that is asked for. Where the question
    names one of several alike ("Lake Huron", with titles of lakes), it or its title must have that name: a passage
    about another lake may well mention it.
    """
    passages = {(one.passage.text, one.passage.title) for one in found}
    told = {each for each in passages if not missing_names(question, *each)}
    proper, alike = _telling(question, found)
    return np.array(
        [
            (one.passage.text, one.passage.title) in told
            and answers_kind(question, one.sentence)
            and not (alike and proper and not covered_words(proper, words(one.passage.title) + _words(one)))
            for one in found
        ]
    )


def _telling(question: str, found: Sequence[Candidate]) -> tuple[list[str], bool]:
    """The names in the question that tell one title from another; whether a word of it is common to several titles."""
    titles = [words(title) for title in {one.passage.title for one in found}]
    common = {word for word in content(question) if sum(word in title for title in titles) >= _COMMON}
    return [name for name in names(question) if name not in common], bool(common)


def _words(one: Candidate) -> list[str]:
    """A sentence's words, with those of the one before where it refers to it."""
    return words(one.sentence) + (words(one.before) if begins_with_pronoun(one.sentence) else [])


def by_words(question: str, found: Sequence[Candidate]) -> NDArray[np.float64]:
    """float64 [n, len(BY_WORDS)]: what words say of each candidate.

    uncounted: it has no number of what "How many ...?" asks for. covered: its share of the question's words that are
    not in the passage's title. elsewhere: no telling name is in the sentence or the title. titled: the share of such
    names that the title has. named: there are names.
    """
    asked = content(question)
    proper, _ = _telling(question, found)
    rows = []
    for one in found:
        title, bag = words(one.passage.title), _words(one)
        heading = covered_words(asked, title)
        rest = [word for word in asked if word not in heading]
        titled = covered_words(proper, title)
        rows.append(
            (
                1.0,
                counted(question, one.sentence) is False,
                len(covered_words(rest, bag)) / len(rest) if rest else 1.0,
                bool(proper) and not titled and not covered_words(proper, bag),
                len(titled) / len(proper) if proper else 0.0,
                bool(proper),
            )
        )
    return np.array(rows, np.float64)


def by_meaning(question: str, found: Sequence[Candidate], vectors: Vectors) -> NDArray[np.float64]:
    """float64 [n, len(BY_MEANING)]: cosines of the question and each candidate.

    cosine: as they are. beside_title: without what they share with the passage's title. ahead: how much of that it has
    more than the best of the others.
    """
    asked = vectors[question]
    rows = np.array([vectors[one.sentence] for one in found], np.float64)
    beside = np.empty(len(found))
    for title in {one.passage.title for one in found}:
        own = np.array([one.passage.title == title for one in found])
        beside[own] = _beside(vectors[title], asked, rows[own])
    first = int(beside.argmax())
    others = np.delete(beside, first)
    ahead = beside - beside[first]
    ahead[first] = beside[first] - (others.max() if len(others) else 0.0)
    return np.column_stack([rows @ asked, beside, ahead])


def _beside(title: NDArray[Any], asked: NDArray[Any], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [n]: cosines of `asked` and each row, without their parts along `title`."""
    left, right = asked - (asked @ title) * title, rows - np.outer(rows @ title, title)
    lengths = np.linalg.norm(right, axis=1) * np.linalg.norm(left)
    cosines: NDArray[np.float64] = right @ left / np.maximum(lengths, 1e-9)
    return cosines


class Meaning:
    """Vectors of a question, sentences and titles; those of the latter are kept."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._kept: OrderedDict[str, NDArray[Any]] = OrderedDict()

    async def vectors(
        self, question: str, passages: Sequence[PassageLike], early: bool = False
    ) -> dict[str, NDArray[Any]]:
        """The vectors that `candidates` needs. About 3 ms for each text that is new."""
        # In this order, not a set's: what is embedded together must be the same in every run.
        texts = dict.fromkeys(
            [*(one.sentence for one in split(passages)), *(passage.title for passage in passages)]
        )
        new = [text for text in texts if text not in self._kept]
        rows = await self._embed([question, *new], early)
        self._kept.update(zip(new, rows[1:], strict=True))
        result = {text: self._kept[text] for text in texts} | {question: rows[0]}
        while len(self._kept) > _CACHED:
            self._kept.popitem(last=False)
        return result
