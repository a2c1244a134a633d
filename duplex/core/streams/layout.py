"""The frame layout: which streams enter the core each 80 ms, what it is asked, and what the labels mean.

Streams run in parallel and are summed at the model's input, each perhaps some frames late, as in Moshi (Défossez
et al. 2024) and delayed-streams modelling; a stream that has nothing to say in a frame holds PAD, which embeds as
zero. Frame `i` covers samples `[1280 i, 1280 (i + 1))` of 16 kHz audio. Everything known at the frame's end, and
nothing later, may enter it; its outputs and its labels speak of that moment, `frame_end(i)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

FRAME_TICKS = 3_840
"""48 kHz ticks in a frame."""
FRAME_SECONDS = 0.08
FRAME_SAMPLES = 1_280
"""16 kHz samples in a frame."""

HOPS = 4
"""Spectra in a frame: one each 20 ms."""
MELS = 40
FEATURES = HOPS * MELS
"""Numbers per frame and channel."""

STATES = ("listen", "start", "hold", "backchannel", "yield", "resume", "ignore")
"""What the agent should do at the end of a frame.

- `listen`: go on as you are. The user speaks to the agent, or nobody speaks, or the agent speaks undisturbed.
- `start`: the user's turn is over and the reply is not yet heard: begin.
- `hold`: the user is silent within a turn and will go on: do not begin.
- `backchannel`: a moment for a short "mhm" of the agent's own; the user's turn goes on.
- `yield`: while the agent speaks, the user takes the floor: stop.
- `resume`: while the agent speaks, what overlaps it is a backchannel, an echo or noise: go on speaking.
- `ignore`: a voice that does not speak to the agent, whether the agent speaks or not: no turn begins.
"""

OVERLAPS = ("none", "backchannel", "takes_floor", "not_addressed", "echo", "noise")
"""What the user's channel holds while the agent speaks; `none` where it is silent or the agent is."""

HORIZON = 32
"""Frames that the hazard looks ahead: bin 0 is "the turn is over", bin k "it ends k frames from now"."""

VAP_BINS = (0.2, 0.4, 0.6, 0.8)
"""Seconds of the voice-activity projection's bins, one after the other (Ekstedt and Skantze 2022)."""
VAP_CLASSES = 1 << (2 * len(VAP_BINS))
"""Bit `4 s + b` of the class is set where speaker `s` (0 user, 1 agent) is active in most of bin `b`."""

UNKNOWN = -1
"""The label that asks nothing: the frame does not count for that head."""

TOOL_STATUS = ("none", "running", "done")
"""What the agent's tools are doing: `done` from a result on until it is spoken of."""

WORD_WINDOW = 24
"""Recognised words of the user's turn that the core sees, the latest ones."""

PAD_TOKEN = 0
"""Nothing in this frame."""
END_OF_PAD = 1
"""The frame before a word begins, as Moshi announces it in its text stream."""

USER_AUDIO, AGENT_AUDIO, USER_WORDS = "user_audio", "agent_audio", "user_words"
AGENT_WORDS, DECISION, HINT, TOOL, MONOLOGUE = "agent_words", "decision", "hint", "tool", "monologue"


class Kind(StrEnum):
    """How a stream becomes a part of the model's input."""

    DENSE = "dense"
    """A vector of floats, projected."""
    WORD = "word"
    """An id of the word table: its frozen vector, projected."""
    CLASS = "class"
    """A small id with a learnt vector; 0 is PAD."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream.

    Attributes:
        name: what it is called in arrays and in weights.
        kind: how it enters.
        size: numbers per frame (DENSE) or ids, PAD included (CLASS); 0 for WORD, whose ids the table counts.
        delay: frames by which it enters late.
        fed: it is an input now. One that is not keeps its place: the next half trains it.
    """

    name: str
    kind: Kind
    size: int = 0
    delay: int = 0
    fed: bool = True


DEFAULT_STREAMS = (
    Stream(USER_AUDIO, Kind.DENSE, FEATURES),
    Stream(AGENT_AUDIO, Kind.DENSE, FEATURES),
    Stream(AGENT_WORDS, Kind.WORD),
    Stream(DECISION, Kind.CLASS, 1 + len(STATES)),
    Stream(HINT, Kind.WORD),
    Stream(TOOL, Kind.CLASS, len(TOOL_STATUS)),
    Stream(MONOLOGUE, Kind.WORD, delay=1, fed=False),
)
"""Beside these, `USER_WORDS` enters through the word path: a window of words that is encoded when it changes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The streams of one model, in the order of its inputs."""

    streams: tuple[Stream, ...] = field(default=DEFAULT_STREAMS)

    @property
    def fed(self) -> tuple[Stream, ...]:
        """The streams that are inputs."""
        return tuple(stream for stream in self.streams if stream.fed)

    def with_delays(self, **delays: int) -> Layout:
        """The same streams, those named entering so many frames late.

        Raises:
            ValueError: there is no such stream, or a delay is negative.
        """
        names = {stream.name for stream in self.streams}
        for name, delay in delays.items():
            if name not in names or delay < 0:
                raise ValueError(
                    f"no stream {name!r} with a delay of {delay} frames; there are {sorted(names)}"
                )
        return Layout(tuple(replace(s, delay=delays.get(s.name, s.delay)) for s in self.streams))


def frame_end(index: int) -> float:
    """Seconds from the start to the end of frame `index`: when its outputs are due."""
    return (index + 1) * FRAME_SECONDS


def frame_of(seconds: float) -> int:
    """The first frame at whose end something that was known at `seconds` is known: its end is not before.

    >>> frame_of(0.0), frame_of(0.08), frame_of(0.0801)
    (0, 0, 1)
    """
    samples = round(seconds * FRAME_SAMPLES / FRAME_SECONDS)
    return max(0, -(-samples // FRAME_SAMPLES) - 1)
