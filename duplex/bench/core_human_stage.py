"""A recording of `core_human_data` as a dialogue: heard by the real detector and recogniser, as a call hears it.

A second of the recording's own ambient sound stands before it, and after a turn as much as any rule waits. Where the
agent speaks, it does so in the voice of the shipped agents, and the user's channel holds nothing of that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from random import Random

import numpy as np
from numpy.typing import NDArray

from asr import SileroVad, StreamingWhisper, WhisperModel
from duplex.audio.pcm import Pcm
from duplex.audio.resample import resample
from duplex.bench.core_human_data import RATE, Clip, Span, silence_of
from duplex.bench.core_rules import Scene
from duplex.core.data.ear import Reply, heard_really, questions, voice_edges
from duplex.core.streams.dialogue import Dialogue, Heard, Labels, TimedWord
from duplex.core.streams.layout import FRAME_SAMPLES, FRAME_SECONDS, STATES, UNKNOWN, frame_end, frame_of
from duplex.core.turns import PATIENCE, Turn
from duplex.models import model_folder
from tts.types import Synthesiser

LEAD = 1.0
"""Seconds before the recording."""
_REST = 0.4
"""Seconds beyond what any rule waits."""
_STORY = (
    "The old road over the pass was built for carts. It climbs through the forest in long bends, and at the top "
    "stands a small inn. In summer the valley is full of hay, and in winter nobody comes for weeks. The river below "
    "drives three mills, of which one still grinds corn. "
)
"""What the agent says: nobody interrupts it for what it says."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A clip, staged.

    Attributes:
        clip: where it is from.
        scene: the dialogue and its voice edges.
        turn: the user's; None where the agent is what is tried.
        agent: seconds from and to which the agent speaks; None for not at all.
        spans: the clip's, in the dialogue's time.
    """

    clip: Clip
    scene: Scene
    turn: Turn | None
    agent: Span | None
    spans: tuple[Span, ...]


class Theatre:
    """The detector, the recogniser and the agent's voice, loaded when they are first needed."""

    @cached_property
    def _vad(self) -> SileroVad:
        return SileroVad(model_folder("silero-vad"))

    @cached_property
    def _whisper(self) -> StreamingWhisper:
        partial, final = (WhisperModel(model_folder(name)) for name in ("whisper-tiny.en", "whisper-base"))
        return StreamingWhisper(partial, final)

    @cached_property
    def _story(self) -> tuple[Pcm, list[TimedWord]]:
        from tts import PiperSynthesiser

        return said(PiperSynthesiser(model_folder("piper-joe")), _STORY)

    def stage(self, clip: Clip) -> Stage:
        """Hear a clip; computes, about half of its length."""
        spans = tuple((start + LEAD, end + LEAD) for start, end in clip.spans)
        agent = None if clip.agent is None else (clip.agent[0] + LEAD, clip.agent[1] + LEAD)
        until = (spans[-1][1] + PATIENCE * FRAME_SECONDS if agent is None else agent[1]) + _REST
        frames = math.ceil(until / FRAME_SECONDS)
        pcm = _padded(clip, frames * FRAME_SAMPLES)
        edges = voice_edges(pcm, self._vad)
        replies = [] if agent is None else [Reply(*agent)]
        asked = questions(edges, replies, frames * FRAME_SECONDS, Random(clip.name))
        heard = tuple(reading.heard for reading in heard_really(pcm, asked, self._whisper))
        spoken, words = (np.zeros_like(pcm), ()) if agent is None else self._speaking(agent, frames)
        dialogue = Dialogue(
            user_pcm=pcm,
            agent_pcm=spoken,
            heard=heard,
            agent_words=tuple(words),
            labels=_labels(frames, spans, agent),
            decision=_decided(frames, agent),
        ).check()
        return Stage(clip, Scene(dialogue, edges), None if agent else turn_of_spans(spans), agent, spans)

    def _speaking(self, agent: Span, frames: int) -> tuple[Pcm, tuple[TimedWord, ...]]:
        """The agent's channel: what it says, said again where that is too short."""
        pcm, words = self._story
        first, after = (round(t * RATE) for t in agent)
        channel = np.zeros(frames * FRAME_SAMPLES, np.int16)
        channel[first:after] = np.resize(pcm, after - first)
        length = len(pcm) / RATE
        times = math.ceil((agent[1] - agent[0]) / length)
        moved = (
            TimedWord(word.text, word.start + by, word.end + by)
            for by in (agent[0] + length * number for number in range(times))
            for word in words
        )
        return channel, tuple(word for word in moved if word.end <= agent[1])


def staged(clips: Sequence[Clip], told: Callable[[int, int], None]) -> list[Stage]:
    """All clips, heard."""
    theatre, found = Theatre(), []
    for done, clip in enumerate(clips, 1):
        found.append(theatre.stage(clip))
        if done % 20 == 0 or done == len(clips):
            told(done, len(clips))
    return found


def said(voice: Synthesiser, text: str) -> tuple[Pcm, list[TimedWord]]:
    """A text in a voice, int16 [n] at 16 kHz, and its words."""
    stream = voice.stream()
    chunks = [*stream.feed(text), *stream.finish()]
    pcm = resample(np.concatenate([chunk.pcm for chunk in chunks]), voice.sample_rate, RATE)
    return pcm, [TimedWord(word.text, word.start, word.end) for chunk in chunks for word in chunk.words]


def _padded(clip: Clip, samples: int) -> Pcm:
    lead = round(LEAD * RATE)
    rest = max(0, samples - lead - len(clip.pcm))
    quiet = silence_of(clip, (lead + rest) / RATE)
    return np.concatenate((quiet[:lead], clip.pcm, quiet[lead:]))[:samples]


def turn_of_spans(spans: Sequence[Span]) -> Turn:
    """The turn that speech in these seconds makes."""
    over = spans[-1][1]
    frame = frame_of(over)
    pauses = tuple((a[1], b[0]) for a, b in pairwise(spans))
    return Turn(max(0, frame_of(spans[0][0]) - 1), over, frame, True, True, pauses, frame + PATIENCE)


def empty_dialogue(
    frames: int, spans: Sequence[Span], heard: tuple[Heard, ...], agent_words: tuple[TimedWord, ...]
) -> Dialogue:
    """One without sound, the user speaking in these seconds."""
    silent = np.zeros(frames * FRAME_SAMPLES, np.int16)
    return Dialogue(silent, silent, heard, agent_words, _labels(frames, spans, None)).check()


def _labels(frames: int, spans: Sequence[Span], agent: Span | None) -> Labels:
    """Who speaks; all else is not known."""
    unknown = np.full(frames, UNKNOWN, np.int8)
    vad = np.stack((_during(frames, spans), _during(frames, [agent] if agent else [])), axis=1)
    return Labels(unknown, unknown.astype(np.int16), vad, unknown, unknown)


def _during(frames: int, spans: Sequence[Span]) -> NDArray[np.bool_]:
    middles = np.array([frame_end(at) - FRAME_SECONDS / 2 for at in range(frames)])
    inside = np.zeros(frames, np.bool_)
    for start, end in spans:
        inside |= (middles >= start) & (middles < end)
    return inside


def _decided(frames: int, agent: Span | None) -> NDArray[np.int8]:
    """What the agent last did, as training has it."""
    decided = np.zeros(frames, np.int8)
    if agent is not None:
        decided[frame_of(agent[0]) + 1 :] = 1 + STATES.index("start")
    return decided
