"""How an answer may begin before it is known: drafts, what may be said of them, and how the answer goes on from them.

A prefix is heard before the slow path has an answer, so nothing in it may be a guess at a fact: no number, no name that
the user did not speak, no yes or no. What is left is what people begin with too, the question's own words turned round
("The deepest lake in ...") or its subject ("As for Lake Baikal, ..."). Pure functions.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from duplex.llm.lexicon import SCALES, STOP, TENS, UNITS
from duplex.llm.restate import restated
from duplex.llm.types import LLM, Request, Token
from duplex.llm.words import content, covered, same, words

MAX_WORDS = 5
"""Words of a prefix at most (RelayS2S)."""
_LEAST_WORDS = 2
_TOKENS, _TOP = 16, 8  # tokens that a draft may take, and alternatives read of each


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


Source = Literal["model", "evidence", "talk", "topic", "restated", "opener"]
"""Who drafted: the language model, the sentence that will be quoted, the table of small talk, the question's subject,
the question turned round, or the table of openers, which knows nothing."""


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure a drafter was of one word: of its tokens the least log-probability, the largest entropy in nats, the
    least margin of the first alternative over the second in probability."""

    logprob: float = 0.0
    entropy: float = 0.0
    margin: float = 1.0


@dataclass(frozen=True, slots=True)
class Draft:
    """What an answer will probably begin with.

    Attributes:
        text: the words; a `topic` is the subject alone, which whoever says it puts into a frame.
        source: who drafted.
        sureness: of each word, where a model wrote it.
        evidence: what it rests on.
        tokens: what it cost the language model.
    """

    text: str
    source: Source
    sureness: tuple[Sureness, ...] = ()
    evidence: Evidence = field(default_factory=lambda: Evidence())
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The chance 0..1 that the best sentence answers the question so far, and by how much that exceeds the next one's;
    1 where none is needed."""

    chance: float = 1.0
    ahead: float = 1.0


def quoted(sentence: str, asked: str, evidence: Evidence) -> Draft | None:
    """What an answer begins with that is this sentence, or close to it."""
    begins = permitted(sentence, asked)
    return Draft(begins, "evidence", (), evidence) if begins else None


def subject(asked: str, title: str, passage: str, evidence: Evidence) -> Draft | None:
    """The question's subject, which any answer may begin with: the last name in it that the passage has; None for none.

    "Lake" is not yet the name of "Lake Tahoe": what only begins the title, or is no name, may still go on. "Sea" does
    not tell which.
    """
    known = words(f"{title} {passage}")
    whole = [word for word in words(title) if word in content(title)]
    for about in _named(asked):
        named = content(about)
        begins = len(named) < len(whole) and whole[: len(named)] == named
        begins = begins or all(word in passage.split() for word in named)
        if not begins and not _KINDS.issuperset(named) and all(covered(word, known) for word in named):
            return Draft(about, "topic", (), evidence)
    return None


def turned(asked: str, evidence: Evidence) -> Draft | None:
    """The question turned round, for an answer that a model writes; None where no rule knows how."""
    begins = permitted(restated(asked), asked)
    return Draft(begins, "restated", (), evidence) if begins else None


async def write(llm: LLM, request: Request, asked: str, evidence: Evidence) -> Draft | None:
    """What the model begins to write, when nothing else is to be done; it is stopped after a prefix's length.

    Raises:
        LLMError: the model failed.
    """
    writing = Writing()
    early = replace(request, max_tokens=_TOKENS, top_logprobs=_TOP, early=True)
    async with contextlib.aclosing(llm.stream(early)) as tokens:
        async for token in tokens:
            if writing.add(token):
                break
    begins = permitted(writing.text, asked)
    if not begins:
        return None
    return Draft(begins, "model", writing.sureness[: len(begins.split())], evidence, writing.tokens)


class Writing:
    """A model's draft as its tokens come, with how sure it was of each word."""

    def __init__(self) -> None:
        self.text = ""
        self.tokens = 0
        self._sure: list[Sureness] = []

    def add(self, token: Token) -> bool:
        """Take a token; whether all the words that a prefix can have are there, or a sentence's end."""
        self.tokens += 1
        self.text += token.text
        count = len(self.text.split())
        if count:
            sure = sureness(token)
            if len(self._sure) == count:
                before = self._sure.pop()
                sure = Sureness(
                    min(before.logprob, sure.logprob),
                    max(before.entropy, sure.entropy),
                    min(before.margin, sure.margin),
                )
            self._sure.append(sure)
        return count > MAX_WORDS or self.text.rstrip().endswith((".", "!", "?"))

    @property
    def sureness(self) -> tuple[Sureness, ...]:
        """Of each word."""
        return tuple(self._sure)


def sureness(token: Token) -> Sureness:
    """How sure a model was of a token, as far as its alternatives tell."""
    if not token.top:
        return Sureness(token.logprob or 0.0)
    chances = sorted((math.exp(logprob) for _, logprob in token.top), reverse=True)
    entropy = -math.fsum(p * math.log(p) for p in chances if p > 0)
    margin = chances[0] - (chances[1] if len(chances) > 1 else 0.0)
    return Sureness(token.logprob if token.logprob is not None else 0.0, entropy, margin)


def plain(word: str) -> str:
    """A word as two spellings of it have it in common.

    >>> plain("Lake's,"), plain("—")
    ("lake's", '')
    """
    return re.sub(r"[^\w']", "", word.replace("’", "'")).strip("'").lower()


_COUNTS = frozenset(
    {*UNITS, *TENS, *SCALES, "half", "third", "quarter", "dozen", "first", "second", "once", "twice"}
)
_KINDS = _set(
    "lake lakes sea seas loch river rivers mount mountain mountains island islands castle city town"
)
"""Words of names that are none by themselves: a recogniser writes them with a capital all the same."""
_CLAIMS = _set("yes no not never none nobody nothing neither nor hardly false true only i me my we us our")
_DANGLING = _set(
    "do does did has have had can could will would may might must shall should be been being"
) | _set(
    "a an the of in on at to for by with from and or that which its his her their my your is are was were"
)


def permitted(text: str, spoken: str) -> str:
    """The leading words of a draft that may be said before the answer is known; empty where too few are left.

    Numbers, names that were not spoken, yes or no, and "I" end it, and so does the sentence's end. It never ends in a
    word that hangs in the air, if enough is left without it.

    Args:
        text: what was drafted.
        spoken: what the user has said, with what it refers to written out.

    >>> permitted("The deepest lake in the world is Lake Baikal.", "What is the deepest lake in the world")
    'The deepest lake'
    >>> permitted("Lake Baikal holds 23,600 cubic kilometres.", "How much water is in Lake Baikal")
    'Lake Baikal holds'
    >>> permitted("Olkhon is the largest island.", "What is the largest island")
    ''
    """
    heard = [bare for word in spoken.split() if (bare := plain(word))]
    kept: list[str] = []
    for word in text.split()[:MAX_WORDS]:
        if not _may_say(word, heard):
            break
        kept.append(word)
        if word[-1] in ".!?":
            break
    rest = text.split()[len(kept) : len(kept) + 1]
    while len(kept) > _LEAST_WORDS and rest and _within_name(kept[-1], rest[0]):
        rest = [kept.pop()]
    while len(kept) > _LEAST_WORDS and hanging(kept[-1]):
        kept.pop()
    prefix = " ".join(kept).rstrip(",;.")  # whoever writes on from a full stop says it again
    return prefix if len(kept) >= _LEAST_WORDS and content(prefix) else ""


def _within_name(last: str, following: str) -> bool:
    """Whether a name would be cut in two."""
    return last[-1].isalnum() and last[:1].isupper() and following[:1].isupper()


_ASKS = _set(
    "what which who whose when where why how what's who's where's how's is are was were do does did can could has have"
)
_LEAST_QUESTION = 4


def whole_question(text: str) -> bool:
    """Whether words have the shape of a question that could be all: they begin as one, and nothing hangs in the air.

    >>> whole_question("Does Lake Balaton freeze over?"), whole_question("What I really want to ask is")
    (True, False)
    """
    asked = text.split()
    return len(asked) >= _LEAST_QUESTION and plain(asked[0]) in _ASKS and not hanging(asked[-1])


def hanging(word: str) -> bool:
    """Whether a word hangs in the air where nothing follows it: an article, a preposition, "is"."""
    return plain(word) in _DANGLING


def _may_say(word: str, heard: list[str]) -> bool:
    bare = plain(word)
    if any(letter.isdigit() for letter in word) or bare in _COUNTS | _CLAIMS or bare.endswith("n't"):
        return False
    if not word.strip("\"'“‘(")[:1].isupper() or bare in STOP:
        return bool(bare)
    return any(same(bare.removesuffix("'s"), other.removesuffix("'s") or other) for other in heard)


_NAMES = re.compile(r"(?:\b[Tt]he )?\b[A-Z][\w'’-]*(?: (?:of |the |de )*[A-Z][\w'’-]*)*")
_FRAME_WORDS = 3


def topic(question: str) -> str:
    """What a question is about, in the words that it was asked with: the last name in it; empty where there is none.

    >>> topic("How many rivers run into Lake Baikal?"), topic("Why is the Dead Sea so salty?"), topic("And how deep?")
    ('Lake Baikal', 'the Dead Sea', '')
    """
    return next(_named(question), "")


def _named(question: str) -> Iterator[str]:
    """The names in a question, last first."""
    asked = question.rstrip("?.! ")
    inside = asked.partition(" ")[2]  # the first word has its capital from the sentence
    for match in reversed(list(_NAMES.finditer(inside))):
        name = match.group().removesuffix("'s").removesuffix("’s").rstrip("'’")
        bare = [word for word in name.split() if word.lower() not in STOP]
        if bare and len(name.split()) <= _FRAME_WORDS and not any(plain(word) in _COUNTS for word in bare):
            yield name[:1].lower() + name[1:] if name.startswith("The ") else name
