"""All streams of a dialogue side by side, one row per frame: what the model is fed, in training and live.

`scan_streams` makes them of a whole dialogue; `FrameStream` makes the same ones frame by frame, as things happen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from duplex.audio.pcm import Pcm
from duplex.core.streams import layout
from duplex.core.streams.dialogue import Dialogue
from duplex.core.streams.features import CONTEXT, Features, FeatureStream, frame_features, scan_features
from duplex.core.streams.layout import FRAME_SAMPLES, PAD_TOKEN, WORD_WINDOW, Layout
from duplex.core.streams.words import (
    Belief,
    Beliefs,
    WordTable,
    belief,
    same_belief,
    scan_beliefs,
    word_stream,
)

OLDEST = 25
"""Frames (2 s) from which on a belief counts as old."""
CLOCKS = 2
"""Numbers that tell how old the belief is and how many words it has."""

Tokens = NDArray[np.int32]
Number = TypeVar("Number", bound=np.generic)


def clocks(age: NDArray[np.integer], count: NDArray[np.integer]) -> Features:
    """Frames since the belief changed and its number of words, both scaled to 0..1: float32 [..., 2]."""
    scaled = (np.minimum(age, OLDEST) / OLDEST, np.minimum(count, WORD_WINDOW) / WORD_WINDOW)
    return np.stack(scaled, axis=-1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Streams:
    """T frames of one dialogue.

    Attributes:
        audio: features by stream, float32 [T, 160].
        tokens: ids by stream, int32 [T], for word and class streams.
        beliefs: the user's words.
        age: int32 [T], frames since the belief changed, the frame of the change being 0.
    """

    audio: dict[str, Features]
    tokens: dict[str, Tokens]
    beliefs: Beliefs
    age: Tokens


def scan_streams(dialogue: Dialogue, table: WordTable, streams: Layout) -> Streams:
    """Every fed stream of a dialogue, each as late as the layout says."""
    frames = dialogue.frames
    audio: dict[str, Features] = {}
    tokens: dict[str, Tokens] = {}
    for stream in streams.fed:
        match stream.name:
            case layout.USER_AUDIO | layout.AGENT_AUDIO as name:
                pcm = dialogue.user_pcm if name == layout.USER_AUDIO else dialogue.agent_pcm
                audio[name] = _late(scan_features(pcm), stream.delay, _silent())
            case name:
                tokens[name] = _late(_tokens(dialogue, name, table), stream.delay, PAD_TOKEN)
    beliefs = scan_beliefs(table, dialogue.heard, frames)
    changes = np.flatnonzero(np.diff(beliefs.index, prepend=0))
    since = np.zeros(frames, np.int32)
    since[changes] = changes
    return Streams(audio, tokens, beliefs, np.arange(frames, dtype=np.int32) - np.maximum.accumulate(since))


def _tokens(dialogue: Dialogue, name: str, table: WordTable) -> Tokens:
    frames = dialogue.frames
    match name:
        case layout.AGENT_WORDS:
            return word_stream(table, dialogue.agent_words, frames)
        case layout.HINT:
            return word_stream(table, dialogue.hints, frames)
        case layout.MONOLOGUE:
            return word_stream(table, dialogue.agent_words, frames, announce=True)
        case layout.DECISION if dialogue.decision is not None:
            return dialogue.decision.astype(np.int32)
        case layout.TOOL if dialogue.tool is not None:
            return dialogue.tool.astype(np.int32)
    return np.full(frames, PAD_TOKEN, np.int32)


def _silent() -> Features:
    return np.asarray(frame_features(np.zeros((1, CONTEXT + FRAME_SAMPLES), np.int16))[0])


def _late(rows: NDArray[Number], delay: int, fill: object) -> NDArray[Number]:
    if delay == 0:
        return rows
    late = np.empty_like(rows)
    late[:delay] = fill
    late[delay:] = rows[: max(0, len(rows) - delay)]
    return late


@dataclass(slots=True)
class Frame:
    """What one session gives to one step.

    Attributes:
        audio: windows by stream, int16 [n, 80 + 1280], for `frame_features`; their mean counts. n is 1 unless
            frames were merged.
        tokens: an id by stream.
        belief: the user's words now.
        fresh: they are not those of the frame before.
        age: frames since they changed.
    """

    audio: dict[str, NDArray[np.int16]]
    tokens: dict[str, int]
    belief: Belief
    fresh: bool
    age: int

    def merge(self, later: Frame, most: int) -> Frame:
        """This frame and the next as one, so that a stall leaves no queue: of audio the mean of the latest `most`
        windows counts, of tokens the last one that is not PAD."""
        return Frame(
            {name: np.concatenate((self.audio[name], later.audio[name]))[-most:] for name in self.audio},
            {name: later.tokens[name] or self.tokens[name] for name in self.tokens},
            later.belief,
            self.fresh or later.fresh,
            later.age,
        )


class FrameStream:
    """One session's streams, as things happen: tell it what is known, then close the frame with its audio."""

    def __init__(self, table: WordTable, streams: Layout | None = None) -> None:
        self._table = table
        self._fed = (streams or Layout()).fed
        self._audio = {
            stream.name: FeatureStream()
            for stream in self._fed
            if stream.name in (layout.USER_AUDIO, layout.AGENT_AUDIO)
        }
        self._now = {stream.name: PAD_TOKEN for stream in self._fed if stream.name not in self._audio}
        silent = np.zeros(CONTEXT + FRAME_SAMPLES, np.int16)
        fill = dict.fromkeys(self._audio, silent)
        self._lines: dict[str, deque[NDArray[np.int16]]] = {}
        self._token_lines: dict[str, deque[int]] = {}
        for stream in self._fed:
            if stream.name in fill:
                self._lines[stream.name] = deque([silent] * stream.delay)
            else:
                self._token_lines[stream.name] = deque([PAD_TOKEN] * stream.delay)
        self._belief = self._last = belief(table)
        self._age = -1

    def hear(self, words: Sequence[str], stable: int = 0) -> None:
        """The recogniser now believes these are all words of the user's turn; none when a turn begins."""
        self._belief = belief(self._table, words, stable)

    def word(self, stream: str, text: str) -> None:
        """A word begins in a word stream: the agent's own as it is heard, or a hint. Nothing if the model has no such
        stream."""
        if stream in self._now and (ids := self._table.ids([text])):
            self._now[stream] = ids[-1]

    def token(self, stream: str, value: int) -> None:
        """A class stream holds `value` in this frame: the last decision, the tools' status."""
        self._now[stream] = value

    def close(self, user: Pcm, agent: Pcm) -> Frame:
        """The frame ends: 1,280 samples of 16 kHz int16 of each side.

        Raises:
            ValueError: the audio has another shape.
        """
        given = {layout.USER_AUDIO: user, layout.AGENT_AUDIO: agent}
        windows = {}
        for name, stream in self._audio.items():
            self._lines[name].append(stream.window(given[name]))
            windows[name] = self._lines[name].popleft()[None]
        tokens = {}
        for name, value in self._now.items():
            self._token_lines[name].append(value)
            tokens[name] = self._token_lines[name].popleft()
            self._now[name] = PAD_TOKEN
        fresh = not same_belief(self._belief, self._last)
        self._age = 0 if fresh else self._age + 1
        self._last = self._belief
        return Frame(windows, tokens, self._belief, fresh, self._age)
