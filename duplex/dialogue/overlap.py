"""What a voice over the agent's speech wants, as far as its words tell. Pure.

Most of what listeners say while another speaks claims nothing (Yngve 1970's backchannels); what does claim the
floor says so with its first word. So words decide early where they can, and how long the voice lasts where they
cannot. A text that may still become a backchannel ("I" of "I see") decides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Claim = Literal["none", "open", "backchannel", "turn"]
"""`none`: no words; `open`: more of them are needed; `backchannel`: it wants nothing; `turn`: it wants the floor."""

_CLAIMS = frozenset(
    """
    stop wait no nope not don't hold hang pause quiet enough never please sorry excuse pardon hello hey but and so
    because actually instead what what's which who who's whose when where where's why how how's is isn't are aren't
    was were do does doesn't did didn't can can't could will won't would should shall may let let's tell give show say
    repeat go skip make take i'm i'd i've i'll thank thanks
    """.split()  # noqa: SIM905  a list of words reads as one
)
"""Words with which people take the floor: a single one of them is enough. Of other words it takes two, since a
recogniser writes some word for every hum, and "you" for a breath."""

_PHRASES = frozenset(
    tuple(phrase.split())
    for phrase in """
    mm|mhm|mmhm|mm hm|mm hmm|hm|hmm|hum|um|umm|um hum|uh|uh huh|uhhuh|huh|ah|aha|oh|ooh|wow|yeah|yea|yeh|yah|yep|yup|ya
    yes|ok|okay|kay|right|all right|sure|sure thing|true|exactly|absolutely|definitely|indeed|totally|nice|good|great
    alright|cool|fine|wonderful|perfect|lovely|interesting|really|oh really|i see|i know|i understand|got it|gotcha
    of course|makes sense|that makes sense|fair enough|good point|that's right|that's true|that's good|is that so
    """.replace("\n", "|").split("|")
    if phrase.strip()
)
"""What listeners say to go on listening."""
_OPENINGS = frozenset(phrase[:cut] for phrase in _PHRASES for cut in range(1, len(phrase)))
_LONGEST = max(map(len, _PHRASES))


@dataclass(slots=True)
class Overlap:
    """A voice over the agent's speech that is not decided yet."""

    onset: int
    stopped: int | None = None
    """When it ended, in the audio; None while it lasts."""
    waits: bool = False
    """So far it was a backchannel: it may last a little longer."""


def claim_of(text: str) -> Claim:
    """What the words that were recognised so far claim.

    >>> claim_of("Mm-hm, I see."), claim_of("I"), claim_of("Okay, but"), claim_of("...")
    ('backchannel', 'open', 'turn', 'none')
    """
    words = re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))
    if not words:
        return "none"
    at = 0
    while at < len(words):
        lengths = [n for n in range(_LONGEST, 0, -1) if tuple(words[at : at + n]) in _PHRASES]
        if not lengths:
            rest = tuple(words[at:])
            claims = rest not in _OPENINGS and (rest[0] in _CLAIMS or len(rest) > 1)
            return "turn" if claims else "open"
        at += lengths[0]
    return "backchannel"


def says_nothing(text: str, over_speech: bool) -> bool:
    """Whether final words ask for no answer: there are none, or they only said that the agent may go on."""
    return not text.strip() or (over_speech and claim_of(text) in ("none", "backchannel"))
