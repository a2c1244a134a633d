"""A core over whole dialogues, as it would have heard them: for measuring, and for choosing thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from duplex.core.decide import Act, Decider, Rule, Sight
from duplex.core.runtime.core import CoreSession, DuplexCore
from duplex.core.runtime.outputs import CoreOutput
from duplex.core.streams.dialogue import Dialogue
from duplex.core.streams.layout import AGENT_WORDS, DECISION, FRAME_SAMPLES, HINT, TOOL, frame_end, frame_of
from duplex.core.turns import runs

_GAP = 8
"""Frames of silence within what the agent says."""


class Without(StrEnum):
    """An input that is withheld: silence, no words, no decision."""

    nothing = "both"
    words = "audio_only"
    audio = "words_only"
    agent = "no_agent"


@dataclass(frozen=True, slots=True)
class Followed:
    """A dialogue, what the core said of each of its frames, and what a rule sees of that."""

    dialogue: Dialogue
    outputs: tuple[CoreOutput, ...]
    sights: tuple[Sight, ...]


def audible(dialogue: Dialogue) -> tuple[bool, ...]:
    """In which frames the agent is speaking, pauses between its words included."""
    mask = np.zeros(dialogue.frames, np.bool_)
    for first, after in runs(dialogue.labels.vad[:, 1], join=_GAP):
        mask[first:after] = True
    return tuple(bool(value) for value in mask)


def follow(
    core: DuplexCore,
    dialogues: Sequence[Dialogue],
    without: Without = Without.nothing,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> list[Followed]:
    """Step the core over all dialogues, side by side."""
    tracks = [Track(core.session(), dialogue, without) for dialogue in dialogues]
    longest = max((dialogue.frames for dialogue in dialogues), default=0)
    for at in range(longest):
        going = [track for track in tracks if at < track.dialogue.frames]
        for track in going:
            track.offer(at)
        core.step()
        for track in going:
            assert track.session.output is not None
            track.outputs.append(track.session.output)
        if at % 500 == 0:
            told(at, longest)
    return [track.followed() for track in tracks]


def acts(sights: Sequence[Sight], rule: Rule) -> list[tuple[float, Act]]:
    """What the rule does and when, in seconds."""
    decider = Decider(rule)
    return [(frame_end(at), act) for at, sight in enumerate(sights) for act in decider.on(sight)]


class Track:
    """One dialogue on its way into a session."""

    def __init__(self, session: CoreSession, dialogue: Dialogue, without: Without = Without.nothing) -> None:
        self.session, self.dialogue, self._without = session, dialogue, without
        self.outputs: list[CoreOutput] = []
        self._heard = [] if without is Without.words else list(dialogue.heard)[::-1]
        silent = without in (Without.agent, Without.words)
        self._said = [] if silent else list(dialogue.agent_words)[::-1]
        self._hints = [] if silent else list(dialogue.hints)[::-1]
        told = {DECISION: dialogue.decision, TOOL: dialogue.tool}
        self._told = {} if without is Without.agent else {k: v for k, v in told.items() if v is not None}
        zero = np.zeros_like(dialogue.user_pcm)
        self._user = zero if without is Without.audio else dialogue.user_pcm
        self._agent = zero if without in (Without.audio, Without.agent) else dialogue.agent_pcm

    def offer(self, at: int) -> None:
        """Give frame `at`: all that is known at its end."""
        streams = self.session.streams
        while self._heard and frame_of(self._heard[-1].t) <= at:
            item = self._heard.pop()
            streams.hear(item.words, item.stable)
        for name, words in ((AGENT_WORDS, self._said), (HINT, self._hints)):
            while words and frame_of(words[-1].start) <= at:
                streams.word(name, words.pop().text)
        for name, values in self._told.items():
            streams.token(name, int(values[at]))
        part = slice(at * FRAME_SAMPLES, (at + 1) * FRAME_SAMPLES)
        self.session.offer(self._user[part], self._agent[part])

    def followed(self) -> Followed:
        """All that the core said."""
        heard = zip(self.outputs, audible(self.dialogue), strict=True)
        return Followed(self.dialogue, tuple(self.outputs), tuple(Sight.of(*each) for each in heard))
