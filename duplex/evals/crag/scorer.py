"""Is a spoken answer right? CRAG's three verdicts, by rules: no model, no network, the same every time.

The rules follow the order of SCENARIO_FORMAT's section E. They were developed on one half of a noisy set of judgements
and read by hand; how far they agree with labels that a person gave is measured by `replay.scorer_agreement`, which is
printed beside every score.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from duplex.evals.crag.choices import favoured, options_of
from duplex.evals.crag.claims import clauses, denies, opening, refuses, rejects
from duplex.evals.crag.matching import (
    RECALL,
    covers,
    denied,
    excerpt,
    has,
    number_agrees,
    own,
    places,
)
from duplex.evals.crag.normal import MAX_TEXT, date, number, tokens

Verdict = Literal["accurate", "missing", "hallucination"]
Kind = Literal["answer", "false_premise", "no_answer"]

INVALID = "invalid question"
"""The gold of a question that rests on something untrue."""
_ASIDE = re.compile(
    r",? (?:compared (?:to|with)|while|whereas|which|who|because|including|with over|with an? total|where)\b"
    r"|, (?:with|but|and (?:is|was|has|it)|in|on|at|followed|making|having|due|as)\b|(?<=\w\w\w)\. (?=\S)|;| \("
)
_COUNTING = re.compile(
    r"\bhow (?:many|much|old|long|tall|far|big|high|large|fast|deep|often|heavy|wide)\b|\bpercentage\b|\bwhat percent|"
    r"\b(?:price|ratio|eps|number|amount|total|capitali[sz]ation|population|age|height|length|value|worth|cost|score)\b"
)
_PLACED = re.compile(
    r"^\W*(?:where|when|(?:in |on )?(?:what|which) (?:city|town|state|country|date|day))\b", re.I
)
_POLAR = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)\b(?!.*\bor\b)",
    re.I,
)


def score(prediction: str, gold: Sequence[str], kind: Kind = "answer", question: str = "") -> Verdict:
    """Judge one answer.

    A clause that refuses ("it is not mentioned") claims nothing: it is left out before the rest is compared. Where
    nothing right is left, an answer that refused is missing, unless it goes on to answer in the question's words.

    Args:
        prediction: what was answered; the first 4,000 characters count.
        gold: the right answer and its alternatives, each a whole answer.
        kind: `false_premise` wants the premise denied (or a gold of words given), `no_answer` has no right answer, so
            that anything but a refusal is a hallucination.
        question: what was asked; its own words and numbers prove nothing in an answer.
    """
    said = clauses(prediction[:MAX_TEXT])
    claims = [one for one in said if not refuses(one)]
    refused = len(claims) < len(said)
    if not any(tokens(one) for one in said):
        return "missing"
    golds = [one for one in gold if tokens(one)]
    if kind == "no_answer":
        return "missing" if refused and not claims else "hallucination"
    if kind == "false_premise" and _denies_premise(said, question):
        return "accurate"
    worded = [one for one in golds if tokens(one) != tokens(INVALID)]
    if claims and any(_right(claims, one, question) for one in worded):
        return "accurate"
    asked = own(tokens(question), ())
    answered = any(_restates(one, asked) for one in claims)
    return "missing" if refused and not answered else "hallucination"


def _restates(claim: str, asked: Sequence[str]) -> bool:
    """A claim that is made of the question's own words and more: an answer, whatever was refused beside it."""
    return _repeats(claim, asked) and bool(own(tokens(claim), asked))


def _repeats(claim: str, asked: Sequence[str]) -> bool:
    said = tokens(claim)
    return bool(asked) and sum(has(word, said) for word in asked) >= RECALL * len(asked)


def _denies_premise(said: Sequence[str], question: str) -> bool:
    """One clause calls the question invalid, or denies something of what it asks about."""
    asked = own(tokens(question), ())
    for one in said:
        if refuses(one):
            continue
        if "invalid question" in one.lower() or "false premise" in one.lower():
            return True
        held = sum(has(word, tokens(one)) for word in asked)
        if (rejects(one) or denies(one)) and (not asked or held >= len(asked) / 2):
            return True
    return False


def _right(claims: Sequence[str], gold: str, question: str) -> bool:
    said, wanted, asked = tokens(" ".join(claims)), tokens(gold), tokens(question)
    polarity = opening(gold) if len(wanted) == 1 else None
    if polarity is None and _POLAR.match(question) and opening(gold) is not None:
        polarity = opening(gold)
    if polarity is not None:
        return _polarity(claims, asked) is polarity
    options = options_of(question)
    if options:
        wants = favoured([gold], options, question)
        chosen = wants is not None and favoured(claims, options, question) == wants
        return chosen or _only(said, wanted, asked)
    listed = [wanted] if _PLACED.match(question) else _items(gold)
    if len(listed) > 1:
        return _holds_all(said, listed, asked, _enumerated(claims))
    if _COUNTING.search(question.lower()) or number(wanted[-1]) is not None:
        verdict = number_agrees(said, wanted, asked)
        if verdict is not None:
            return verdict
    found_at = places(said, wanted)
    if found_at and all(denied(said, at) for at in found_at):
        return False
    if found_at and not all(word in asked for word in wanted):
        return True
    core = tokens(_core(gold))
    return covers(said, core, asked) or excerpt(said, core, asked)


def _polarity(claims: Sequence[str], asked: Sequence[str]) -> bool | None:
    """Whether an answer affirms what was asked: by its first word, else by its restating it with or without a "not"."""
    first = opening(claims[0])
    if first is not None:
        return first
    mine = own(asked, ())
    for one in claims:
        if _repeats(one, mine):
            return not denies(one)
    return None


def _only(said: Sequence[str], wanted: Sequence[str], asked: Sequence[str]) -> bool:
    """A gold that is none of the options, such as "both"."""
    mine = own(wanted, asked)
    return bool(mine) and bool(places(said, wanted)) and not all(has(word, asked) for word in wanted)


def _items(gold: str) -> list[tuple[str, ...]]:
    """The items of a gold that is a plain list: short ones between commas; one item where it is none."""
    gold = re.sub(r"\s*\([^()]*\)", "", gold)
    body = re.sub(r"^.*?\b(?:are|were|is|include|includes|won by|played)\b:? ", "", gold.lower(), count=1)
    listed = body if body.count(",") or body.count(";") else gold.lower()
    parts = re.split(r"\s*[,;]\s+(?:and\s+)?|\s+and\s+", listed.strip(" ."))
    items = [tokens(part) for part in parts if tokens(part)]
    short = all(len(item) <= 6 for item in items)
    plain = not _ASIDE.search(listed) or ";" in listed
    one = body != gold.lower() and len(parts) == 2 and " and " not in listed  # a sentence with an aside
    dated = one or (any(date(word) or number(word) for word in tokens(gold)) and len(items) < 3)
    return items if len(items) > 1 and short and plain and not dated else [tokens(gold)]


def _enumerated(claims: Sequence[str]) -> int:
    """How many items an answer lists with numbers in front; 0 where it does not."""
    return len(re.findall(r"(?:(?<=\s)|^)\d{1,2}[.)]\s+(?=\S)", " ".join(claims)))


def _holds_all(
    said: Sequence[str], items: Sequence[Sequence[str]], asked: Sequence[str], enumerated: int
) -> bool:
    """Set equality: every item is there, and a numbered list holds no more."""
    if enumerated > len(items):
        return False
    return all(covers(said, item, asked) for item in items)


def _core(gold: str) -> str:
    """A gold's main clause: what else it tells was not asked."""
    cut = _ASIDE.search(gold.lower())
    return gold[: cut.start()] if cut and len(tokens(gold[: cut.start()])) >= 2 else gold
