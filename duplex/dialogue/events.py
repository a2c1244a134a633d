"""The events of a spoken dialogue: what machines take and give, what the log holds, what clients are told.

Few kinds, each with a reason. `t` is when the event was made; where an event speaks of an earlier moment of
the audio (an onset, an end of speech) that moment has a field of its own, also in ticks.

An *attempt* numbers one guess that the user has finished: everything that is made for it (final words, reply,
speech) carries the number, so that a guess that turns out wrong can be dropped as a whole. What the agent says
unasked has an attempt of its own: 0 is the greeting's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from duplex.graph.event import Event

USER_RATE = 16_000
AGENT_RATE = 24_000

OverlapKind = Literal["turn", "backchannel", "side", "echo", "noise", "nobody"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """The conversation begins, and the agent with `greeting` where it has one."""

    greeting: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAsked(Event):
    """The session is asked to finish: `drain`, or why else."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce(Event):
    """The agent has something to say unasked: now, if nobody has the floor, or not at all."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnding(Event):
    """The session will end, for sure: `limit`, `idle`, `drain` or what it was asked to. A goodbye may follow."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """The session is over: the goodbye was heard, or waited for the floor for too long."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAudio(Event):
    """20 ms of the user's audio, int16 [320] at 16 kHz; `t` is the time of its last sample."""

    pcm: NDArray[np.int16] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceStarted(Event):
    """The user's voice was detected; it began at `onset`."""

    onset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceStopped(Event):
    """The user has been silent for a moment; the voice ended at `end`."""

    end: int


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word with the ticks between which it is spoken, counted on the timeline its owner names."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript(Event):
    """What the user's turn is believed to say so far. `final` ones belong to an attempt.

    `last` are the ticks of sound under the last word of a final one, None where nobody knows.
    """

    turn: int
    text: str
    stable: int = 0
    final: bool = False
    attempt: int = 0
    last: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndProbability(Event):
    """P(the user has finished | the words of this attempt), 0..1."""

    attempt: int
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedText(Event):
    """The user typed instead of speaking: a whole turn at once."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """The user typed something to be known from now on; it is no turn, and nothing is answered."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(Event):
    """A new user turn began; its audio starts at `onset`."""

    turn: int
    onset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Eager(Event):
    """The user is probably ending: prepare a reply for this attempt, but let nothing be heard."""

    attempt: int
    turn: int
    end: int
    text: str | None = None
    """The words, where they are known without recognition (typed text)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """The user went on: drop everything that was made for this attempt."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit(Event):
    """The user has finished, or nobody speaks: what is made for this attempt may be heard."""

    attempt: int
    turn: int
    end: int
    reason: str
    """`words` (they sound complete), `timeout`, `typed`, `greeting`, `announcement`, or `resumption`: the agent had
    stopped for nothing, and says under this attempt what it had not yet said."""
    text: str = ""
    """What the agent says unasked: a greeting, an announcement, or what leads back into what was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded(Event):
    """What sounded like a turn held no words; nothing will be said."""

    attempt: int
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duck(Event):
    """The user's voice overlaps the agent's since `onset`: lower the agent's at once."""

    attempt: int
    onset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unduck(Event):
    """Back to full level: the overlap was nothing, or it is not `decided` after a moment."""

    attempt: int
    decided: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapClass(Event):
    """What a model takes the voice over this attempt's speech, or of its turn, to be; only a `turn` wants the floor."""

    attempt: int
    kind: OverlapKind
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield(Event):
    """Stop: the user takes the floor. `keep`: the rest may be wanted (see `Commit`). `asked`: a yes answers it."""

    attempt: int
    keep: bool = False
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted(Event):
    """A tool is at work for this attempt; its end has the same `call`. `arguments` becomes a read-only copy."""

    attempt: int
    call: str
    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arguments", MappingProxyType(dict(self.arguments)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded(Event):
    """A tool is done with `result`, found in `sources`, or was `cancelled` with the attempt that it worked for."""

    attempt: int
    call: str
    name: str
    result: str = ""
    sources: tuple[str, ...] = ()
    cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUsed(Event):
    """The answer of this attempt rests on what this call gave; it may have been asked before there was an attempt."""

    attempt: int
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyText(Event):
    """A piece of the agent's reply, cut at sentences; `last` closes the reply (its text may be empty)."""

    attempt: int
    text: str
    last: bool = False
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech(Event):
    """Synthesised audio of a reply, int16 [n] at 24 kHz; `words` count ticks from the reply's first sample."""

    attempt: int
    pcm: NDArray[np.int16] = field(repr=False)
    words: tuple[SpokenWord, ...] = ()
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayoutStarted(Event):
    """The first sample of a reply was handed to the transport; it is heard `delay` ticks later. `words` are those that
    are taken up again, which no `Speech` of this attempt holds."""

    attempt: int
    delay: int = 0
    words: tuple[SpokenWord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Event):
    """The words of the reply that the caller has heard so far; sent as they are heard."""

    attempt: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayoutEnded(Event):
    """A reply is over: all of it was heard, or it was cut off after `heard`."""

    attempt: int
    heard: str
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentError(Event):
    """Something failed that the caller should know of; `message` is fit to be shown."""

    message: str
