"""Yes, no and never mind, as people say them. English; another language needs another file like this one."""

from __future__ import annotations

import re
from typing import Literal

_FILL = r"(?:(?:uh|um|er|erm|well|oh|so|and|please|thanks|thank you|hm+)\b[\s,.]*)*"
_YES = re.compile(
    rf"^{_FILL}(?:yes|yeah|yep|yup|sure|correct|right|exactly|perfect|absolutely|definitely|certainly|of course|"
    r"ok|okay|fine|great|go ahead|do it|please do|that'?s (?:right|correct|it|fine|good|all|perfect)|"
    r"sounds (?:good|right|great)|that (?:is|sounds) (?:right|correct|good|fine)|"
    r"it is|i do|confirm(?:ed)?|place (?:it|the order)|go for it)\b",
    re.I,
)
_NO = re.compile(
    rf"^{_FILL}(?:no|nope|nah|not (?:quite|really|right|yet)|wrong|don'?t|that'?s (?:not|wrong)|"
    r"incorrect|wait|hold on)\b",
    re.I,
)
_OBJECT = (
    r"(?:it|that|this|them|about (?:it|that)|the (?:whole )?(?:order|thing)|my order|everything|"
    r"all of (?:it|that))"
)
_CANCEL = re.compile(
    rf"\b(?:never ?mind|(?:forget|cancel) {_OBJECT}|cancel(?=\W*$)|scratch that|leave it|stop it|drop it|"
    r"call it off|i(?:'ve| have)? changed my mind|don'?t (?:bother|(?:order|do) (?:it|that|anything)))\b(?! to\b)",
    re.I,
)
_LEAD_IN = re.compile(
    rf"^{_FILL}(?:(?:my name is|my name's|the name is|the name's|name of|it'?s for|it is for|it'?s|it is|that'?s|"
    r"that is|i'?m|i am|this is|make (?:it|that)|i (?:said|meant|mean)|for|under|call me|say|to)\b[\s,:]*)?"
    r"(?:(?:the name|for)\b[\s,]*)?",
    re.I,
)
_NAMES = re.compile(
    rf"^{_FILL}(?:my name(?: is|'s)|the name(?: is|'s)|name of|(?:it'?s|it is) for|make (?:it|that)|"
    r"for|under|call me|i (?:said|meant|mean))\b",
    re.I,
)
_LEAD_OUT = re.compile(r"[\s,]*(?:\b(?:please|thanks|thank you)\b[\s.,!]*)+$", re.I)


def answer_of(text: str) -> Literal["yes", "no"] | None:
    """Whether words begin as a yes or as a no; "no, no, that's fine" is the yes that it means.

    >>> answer_of("Um, yes please."), answer_of("No, make it large"), answer_of("A large one")
    ('yes', 'no', None)
    """
    text = text.strip()
    refuses = False
    while match := _NO.match(text):
        refuses, text = True, text[match.end() :].lstrip(" ,.")
    if _YES.match(text):
        return "yes"
    return "no" if refuses else None


def without_cancelled(text: str) -> tuple[str, bool]:
    """What is said after the caller took back what was before, and whether they did.

    >>> without_cancelled("Two bags of coffee. Oh, actually, forget it, a mocha.")
    (' a mocha.', True)
    """
    matches = list(_CANCEL.finditer(text))
    return (text[matches[-1].end() :].lstrip(",."), True) if matches else (text, False)


def corrected_answer(text: str, limit: int) -> str | None:
    """What is named in place of what was read back: after a no, where words such as "for" or "make it" lead to it.

    >>> corrected_answer("No, for Mary Stein.", 80), corrected_answer("No, that's wrong.", 80)
    ('Mary Stein', None)
    """
    refused = _NO.match(text.strip())
    rest = text.strip()[refused.end() :].lstrip(" ,.") if refused else ""
    return free_answer(rest, limit) if _NAMES.match(rest) else None


def free_answer(text: str, limit: int) -> str | None:
    """What a short answer names; None where it is a question, or nothing is left of it.

    >>> free_answer("Uh, it's for Mary Brown, please.", 80)
    'Mary Brown'
    """
    if text.strip().endswith("?"):
        return None
    if agreed := _YES.match(text.strip()) or _NO.match(text.strip()):
        text = text.strip()[agreed.end() :].lstrip(" ,.")
    words = _LEAD_OUT.sub("", _LEAD_IN.sub("", text.strip())).strip(" .,!")
    return words[:limit] if words else None
