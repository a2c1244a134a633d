"""Does a passage carry the answer? Checks of a question and an answer against a passage, without a model.

A small model hardly ever says that it does not know: it writes a fluent wrong sentence instead. So nothing is spoken
that these checks cannot find in the passage: every number and name of the answer, most of its other words, and enough
of what was asked. Pure functions; the thresholds were set on the development half of configs/bench/grounded.jsonl.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from duplex.llm.lexicon import ANSWER_KINDS, MEASURES
from duplex.llm.words import content, covered_words, is_number, kin, names, sentences, words

_PRONOUN = re.compile(r"^(?:It|Its|He|His|She|Her|They|Their|This|These|That|Those)\b")


@dataclass(frozen=True, slots=True)
class Support:
    """How far an answer is found in a passage.

    Attributes:
        share: the share of its content words that the passage has, 0..1.
        invented: its numbers and names that neither the passage nor the question has.
        adds: whether it says anything that the question did not.
    """

    share: float
    invented: tuple[str, ...]
    adds: bool


def coverage(question: str, text: str, title: str = "") -> float:
    """The share, 0..1, of the question's content words that the passage answers to.

    Words of the title count half, since every chunk below it has them; what is asked for beside them decides.
    """
    asked = content(question)
    if not asked:
        return 0.0
    found = covered_words(asked, words(f"{title} {text}"))
    heading = covered_words(asked, words(title))
    weights = {word: 0.5 if word in heading else 1.0 for word in asked}
    return sum(weights[word] for word in found) / sum(weights.values())


def missing_names(question: str, text: str, title: str = "") -> list[str]:
    """Names in the question that the passage does not have, also not misspelt: the passage is about another."""
    asked = names(question)
    found = covered_words(asked, words(f"{title} {text}"))
    return [name for name in asked if name not in found]


def support(answer: str, question: str, text: str, title: str = "") -> Support:
    """How far `answer` is found in the passage."""
    said, evidence, asked = content(answer), words(f"{title} {text}"), content(question)
    if not said:
        return Support(0.0, (), False)
    found = covered_words(said, evidence)
    echoed = covered_words(said, asked)
    proper = set(names(answer))
    unsupported = (w for w in said if w not in found and w not in echoed and (is_number(w) or w in proper))
    return Support(len(found) / len(said), tuple(unsupported), any(word not in echoed for word in said))


def rarity(question: str, parts: Iterable[str]) -> dict[str, float]:
    """The question's content words with a weight in 0..1: one over one plus the number of sentences that have it."""
    asked = content(question)
    found = [covered_words(asked, words(part)) for part in parts]
    return {word: 1 / (1 + sum(word in some for some in found)) for word in asked}


def rank_sentences(
    question: str, text: str, title: str = "", rare: Mapping[str, float] | None = None
) -> list[tuple[float, int, str]]:
    """The passage's sentences as (score, position, sentence), best first.

    A word counts the more the fewer sentences have it; a sentence with the kind of thing that is asked for (an amount,
    a time, a name) gets a bonus; one that begins with a pronoun counts the words of the one before it by half; of
    equals the shorter is first. `rare` makes scores comparable between passages; by default it is this text's.
    """
    parts = sentences(text)
    bags = [words(part) for part in parts]
    asked = content(question)
    found = [covered_words(asked, bag) for bag in bags]
    rare = rarity(question, parts) if rare is None else rare
    heading = covered_words(asked, words(title))
    cues = [cue for ask, cue in ANSWER_KINDS if re.search(ask, question, re.I)][:1]
    proper = set(names(question))
    weight = {word: 0.5 if word in heading else 1.5 if word in proper else 1.0 for word in asked}
    measures = [word for word in words(question) if word in MEASURES]
    ranked = []
    for i, part in enumerate(parts):
        score = sum(rare[w] * weight[w] for w in found[i])
        if i and _PRONOUN.match(part):
            score += 0.5 * sum(rare[w] * weight[w] for w in found[i - 1] - found[i])
        score += 0.5 * sum(bool(re.search(cue, part)) for cue in cues) - 0.005 * len(bags[i])
        score += 0.5 * any(kin(measure, word) for measure in measures for word in bags[i])
        ranked.append((score, i, part))
    return sorted(ranked, key=lambda item: (-item[0], item[1]))


def answers_kind(question: str, sentence: str) -> bool:
    """Whether a sentence has the kind of thing that the question asks for; True where the question names none."""
    for ask, cue in ANSWER_KINDS:
        if re.search(ask, question, re.I):
            return re.search(cue, sentence) is not None
    return True
