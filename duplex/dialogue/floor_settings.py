"""Who may have the floor, how patient it is, and what it gives way to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal


class State(Enum):
    """Who has the floor."""

    QUIET = auto()
    USER = auto()
    ENDING = auto()
    AGENT = auto()


@dataclass(frozen=True, slots=True)
class FloorSettings:
    """How patient the agent is. Seconds are counted from the end of the user's voice.

    Attributes:
        silence: the shortest silence after which a turn may end.
        doubt: the silence that ends a turn whose words may well be all, but need not.
        timeout: the silence that ends a turn whatever its words.
        sure: the least P(end | words) at which the short silence is enough.
        threshold: the least at which the doubtful one is.
        overlap: what the agent stops for: `any` voice, or `words` that want the floor.
        barge: how long a voice must last over the agent's before the agent stops, whatever its words.
        ducked: how long the agent speaks softly at most. It then goes on at full level, though it may still stop.
        lead: what leads back into what was cut `long_ago`, once a reply.
        own: names that the agent goes by, in lower case: whoever calls it by one speaks to it.
        reaction: a voice that begins this soon after the agent's is the same turn going on, not an answer to it:
            people need about 200 ms to react to what they hear.
    """

    silence: float = 0.24
    doubt: float = 0.8
    timeout: float = 1.6
    sure: float = 0.9
    threshold: float = 0.5
    overlap: Literal["any", "words"] = "words"
    barge: float = 0.64
    ducked: float = 0.53
    reaction: float = 0.2
    long_ago: float = 3.0
    lead: str = "As I was saying,"
    own: frozenset[str] = frozenset()
