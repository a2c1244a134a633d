"""When the fast path speaks, what it may cost, and the words that it has ready."""

from __future__ import annotations

from dataclasses import dataclass

FRAMES = ("As for {},", "On {}:", "About {}:", "{}, then:", "{}: well,", "So, {}:")
"""How the subject of a question is put before what is said of it."""
OPENERS = (
    *("Well,", "Let me see,", "Hmm,", "Let me think,", "Let's see,", "Um,", "Let me look,", "Ah,"),
    *("Let me check,", "Hm, let me see,", "Well, let me think,", "One moment,"),
)
"""Said where there is nothing better; one after the other, so that none is heard twice in a dozen. None promises an
answer: where nothing was drafted, there often is none."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """When the fast path speaks, and what it may cost.

    Attributes:
        silence: seconds from the end of the user's voice after which a prefix may be said.
        patience: seconds more that a draft is waited for before an opener is said instead.
        sure: the least P(end | quick words).
        whole: how much less will do where these have the shape of a whole question, and its answer was drafted.
        keep: the least probability of the verifier that the answer can go on from a prefix; None for its own.
        openers: what is said without a draft; none where it is empty.
        tokens: of the language model, for drafts, in a session; 0 for any number.
        speech: seconds of speech made in advance, in a session; 0 for any number.
    """

    silence: float = 0.16
    patience: float = 0.12
    sure: float = 0.9
    whole: float = 0.2
    keep: float | None = None
    openers: tuple[str, ...] = OPENERS
    tokens: int = 20_000
    speech: float = 600.0


@dataclass(slots=True)
class Spent:
    """What speculation has cost a session.

    Attributes:
        drafts: how many were made.
        tokens: of the language model.
        speech: seconds of audio.
        used: prefixes that were said.
    """

    drafts: int = 0
    tokens: int = 0
    speech: float = 0.0
    used: int = 0
