"""Greetings, thanks and goodbyes, answered from a table: an agent that only knows its documents must not meet "Hello"
with "I don't know". Data; an agent may bring its own table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SmallTalk:
    """One line of the table: what the whole utterance looks like, and the reply."""

    pattern: str
    reply: str


_HI = r"(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|greetings)(?: there| again)?"
_THANKS = r"(?:thank you|thanks|cheers)(?: (?:so|very) much| a lot)?(?: (?:for .{1,40}|indeed))?"
_BYE = r"(?:(?:good)?bye(?: bye)?|good night|see you(?: later| soon)?|that(?: i|')s all|have a (?:nice|good) day)"
SMALL_TALK: tuple[SmallTalk, ...] = (
    SmallTalk(rf"{_HI}|(?:{_HI} )?(?:can you hear me|are you (?:still )?there|is anyone there)",
              "Hello! What would you like to know?"),
    SmallTalk(rf"(?:{_HI} )?how are you(?: doing)?(?: today)?", "I'm well, thank you. What would you like to know?"),
    SmallTalk(rf"(?:(?:okay|ok|great|no|alright) )?{_THANKS}(?: {_BYE})+|(?:ok |okay |no )?{_BYE} {_THANKS}|"
              rf"(?:okay |ok )?(?:no )?{_BYE}", "Goodbye!"),
    SmallTalk(rf"(?:(?:okay|ok|great|perfect|wonderful|alright|yes|no|that's (?:great|good|all)) )?{_THANKS}",
              "You're welcome."),
    SmallTalk(r"(?:i'm |i am )?sorry|excuse me", "No problem. What would you like to know?"),
    SmallTalk(r"okay|ok|great|perfect|alright|i see|got it|very good|nice|wonderful|cool",
              "Is there anything else you would like to know?"),
)  # fmt: skip


def small_talk(text: str, table: Sequence[SmallTalk] = SMALL_TALK) -> str | None:
    """The reply to a greeting, thanks or goodbye that is the whole utterance; None for anything else.

    >>> small_talk("Thank you very much!"), small_talk("Hello, how deep is the lake?")
    ("You're welcome.", None)
    """
    plain = " ".join(re.sub(r"[^\w' ]", " ", text.replace("’", "'").lower()).split())[:200]
    return next((line.reply for line in table if re.fullmatch(line.pattern, plain)), None)
