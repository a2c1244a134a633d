"""One dialogue from a seed: texts, voices, times, sound, what the recogniser hears, labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from asr.types import SAMPLE_RATE
from asr.vad import SileroVad
from duplex.audio.pcm import Pcm
from duplex.core.data.clips import Clip, spoken
from duplex.core.data.ear import Question, Reply, questions, voice_edges
from duplex.core.data.labels import Reading, label
from duplex.core.data.lexicon import Split
from duplex.core.data.mix import Scene, draw_scene, mix
from duplex.core.data.plan import Exchange, plan
from duplex.core.data.schedule import Kind, Schedule, Voiced, lay_out
from duplex.core.data.scripts import Script
from duplex.core.data.slow import drafted, tool_status
from duplex.core.data.voices import NATURAL, Studio, Voice, draw_agent, draw_stranger, draw_user
from duplex.core.streams.dialogue import Dialogue
from duplex.core.streams.layout import FRAME_SECONDS, STATES

MOST_EXCHANGES = 8


@dataclass(frozen=True, slots=True)
class Staged:
    """A dialogue as the recogniser meets it."""

    pcm: Pcm
    asked: Sequence[Question]
    schedule: Schedule
    scene: Scene
    rng: Random


Recognise = Callable[[Staged], list[Reading]]
"""Answers the questions: the real recogniser, or its simulation."""


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes the dialogues of one split; each depends on the seed and its own number alone.

    Attributes:
        split: whose texts, voices and noises.
        seed: any whole number.
        studio: the voices.
        vad: the voice detector.
        recognise: what hears the user.
        sentences: turns from elsewhere, as words.
        natural: share of training's users with a natural voice.
        slow: of the agent's answers, how many come later than people's would.
    """

    split: Split
    seed: int
    studio: Studio
    vad: SileroVad
    recognise: Recognise
    sentences: Sequence[tuple[str, ...]] = ()
    natural: float = NATURAL
    slow: float = 0.0

    def build(self, number: int) -> Dialogue:
        """The dialogue of this number, checked."""
        rng = Random(f"{self.split.value} {self.seed} {number}")
        waves = np.random.default_rng([self.seed, list(Split).index(self.split), number])
        user = draw_user(self.split, rng, self.natural)
        agent = draw_agent(self.split, rng, user)
        exchanges = plan(self.split, rng, rng.randint(3, MOST_EXCHANGES), self.sentences)
        voiced = [self._voiced(exchange, user, agent, rng) for exchange in exchanges]
        schedule, scene = lay_out(voiced, rng, self.slow), draw_scene(waves)
        mixed = mix(schedule, scene, self.split, waves)
        length = len(mixed.user) / SAMPLE_RATE
        replies = [Reply(s.start, s.end, s.broken) for s in schedule.agent if s.kind is Kind.reply]
        asked = questions(voice_edges(mixed.user, self.vad), replies, length, rng)
        readings = self.recognise(Staged(mixed.user, asked, schedule, scene, rng))
        frames = round(length / FRAME_SECONDS)
        aside = Random(f"slow path {self.split.value} {self.seed} {number}")
        turns = [sound for sound in schedule.user if sound.kind in (Kind.turn, Kind.backchannel)]
        return Dialogue(
            user_pcm=mixed.user,
            agent_pcm=mixed.agent,
            heard=tuple(reading.heard for reading in readings),
            agent_words=tuple(word for sound in schedule.agent for word in sound.words),
            labels=label(schedule, readings, frames, mixed.echo),
            user_words=tuple(word for sound in turns for word in sound.words),
            decision=decisions(schedule, frames),
            tool=tool_status(schedule, frames, aside),
            hints=drafted(schedule, aside),
            meta={
                "split": self.split.value,
                "seed": str(self.seed),
                "number": str(number),
                "voice": user.speaker,
                "agent_voice": agent.speaker,
                "family": " ".join(sorted({exchange.turn.family for exchange in exchanges})),
                "scene": repr(scene),
            },
        ).check()

    def _voiced(self, exchange: Exchange, user: Voice, agent: Voice, rng: Random) -> Voiced:
        side = user if rng.random() < 0.5 else draw_stranger(self.split, rng, user)
        voices = [side if script.kind == "side" else user for script in exchange.extras]
        return Voiced(
            exchange=exchange,
            turn=self._say(exchange.turn, user),
            reply=self.studio.say_all(exchange.reply, agent),
            opening=self.studio.say_all(exchange.opening, agent) if exchange.opening else None,
            murmurs=tuple(self.studio.say(text, agent) for text in exchange.murmurs[:4]),
            extras=tuple(self._say(s, v) for s, v in zip(exchange.extras, voices, strict=True)),
        )

    def _say(self, script: Script, voice: Voice) -> Clip:
        return spoken(script, self.studio.say(script.text, voice))


def decisions(schedule: Schedule, frames: int) -> NDArray[np.int8]:
    """What the agent last decided, known before each frame, as 1 + index in STATES; 0 before the first.

    It follows from what the agent did: it began, gave a backchannel, or stopped because the user spoke.
    """
    decided = np.zeros(frames, np.int8)
    ends = (np.arange(frames) + 1) * FRAME_SECONDS
    events: list[tuple[float, str]] = []
    for sound in schedule.agent:
        events.append((sound.start, "backchannel" if sound.kind is Kind.murmur else "start"))
        events.append((sound.end, "yield" if sound.broken else "listen"))
    for at, what in sorted(events):
        decided[ends - FRAME_SECONDS >= at] = 1 + STATES.index(what)
    return decided
