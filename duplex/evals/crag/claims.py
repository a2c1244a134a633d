"""What an answer claims, and what it only says that it cannot: the words that refuse, deny and affirm."""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”')\]]*\s+(?=[\"“(\[]?[A-Z0-9])|\n+")
_TURN = re.compile(r"[,;] (?:but|although|though|however,?|yet)\s+")
_ASIDE = re.compile(r"\([^()]*\)")
_ABBREVIATED = re.compile(r"(?:\b(?:mr|mrs|ms|dr|st|jr|sr|inc|co|corp|ltd|no|vs|mt)|\b[a-z])\.$", re.I)
_KNOW = r"(?:know|have|find|see|recall|remember|understand)"
_GIVEN = r"(?:mention|state|specif|provid|giv|list|includ|contain|say|indicat|disclos|answer|discuss|available|have)"
_REFUSALS = re.compile(
    "|".join(
        (
            rf"\b(?:i|we)(?:'m| am| are)? (?:really |just |simply )?(?:do not|don't|did not|didn't|could not|couldn't) "
            rf"(?:actually |currently )?{_KNOW}\b",
            r"\b(?:i|we) (?:can not|cannot|can't|could not|couldn't|am unable|'m unable|am not able)\b",
            r"\b(?:i'm|i am|we are|we're) (?:not (?:sure|certain|aware|able)|unable)\b",
            rf"\b(?:text|article|context|passages?|documents?|information|data|sources?|page|it|there|they)\b[^.!?]{{0,80}}?"
            rf"\b(?:do|does|did|is|are|was|were)(?: not|n't) "
            rf"(?:\w+ly |any |enough |the |currently |been )*{_GIVEN}",
            r"\b(?:is|are|was|were)(?: not|n't) (?:\w+ly )?(?:mentioned|stated|specified|provided|given|listed|"
            r"disclosed|available|clear|included|discussed)\b",
            r"\b(?:no|not enough|insufficient|not sufficient|without (?:any|more|further)) "
            r"(?:specific |explicit |such |direct |relevant |further )?(?:information|mention|data|details?|context)\b",
            r"\b(?:can not|cannot|can't|could not|not possible to|impossible to|unable to|difficult to) (?:be )?"
            r"(?:accurately |exactly |precisely )?"
            r"(?:determine|provide|answer|calculate|find|say|tell|give|identif|confirm)",
            r"\bwe need (?:to know|more)\b|\bthe question (?:is asking|asks|is about)\b",
            r"\bit(?: i|')s (?:unclear|unknown|not clear|not known)\b",
            r"\bunknown\.?$",
        )
    ),
    re.I,
)
_INVALID = re.compile(
    r"\b(?:invalid question|question is (?:invalid|wrong|not valid|based on)|false premise|premise is|"
    r"(?:is|are|was|were|'s)(?: not|n't) (?:true|correct|accurate|the case)|incorrect|misleading|mistaken|"
    r"no such|does(?: not|n't) exist|do(?: not|n't) exist|did(?: not|n't) exist|there (?:is|are|was|were|has been|"
    r"have been) no\b|no evidence|never)\b",
    re.I,
)
_DENIAL = re.compile(r"\b(?:not|never|none|neither|nor|no|nobody|zero)\b|n't\b", re.I)
_YES = re.compile(r"^\W*(?:yes|yeah|yep|correct|true|that's right|that is right|indeed|absolutely)\b", re.I)
_NO = re.compile(
    r"^\W*(?:no|nope|false|incorrect|that's not|that is not)\b(?! \w+ (?:is|are|was|were)\b)", re.I
)


def clauses(text: str) -> list[str]:
    """A text's sentences, parted where one turns ("..., but ..."); an abbreviation's full stop ends none."""
    out: list[str] = []
    for piece in _SENTENCE_END.split(text.replace("’", "'")):
        if out and _ABBREVIATED.search(out[-1]):
            out[-1] += f" {piece}"
        elif piece and piece.strip():
            out.append(piece.strip())
    return [clause for sentence in out for clause in _TURN.split(sentence) if clause.strip()]


def refuses(clause: str) -> bool:
    """It says that the answer is not known or not to be had; what stands in brackets is said by the way."""
    return _REFUSALS.search(_ASIDE.sub(" ", clause)) is not None


def rejects(sentence: str) -> bool:
    """It calls the question invalid, or denies what it takes for granted."""
    return _INVALID.search(sentence) is not None


def denies(sentence: str) -> bool:
    """It holds a negation."""
    return _DENIAL.search(sentence) is not None


def opening(text: str) -> bool | None:
    """True where an answer begins with yes, False with no, None with neither."""
    if _YES.search(text):
        return True
    return False if _NO.search(text) else None
