"""The rules that the core is measured against, on the same dialogues: timers, the floor, smart-turn, any voice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from asr.mel import HOP, N_FFT, filterbank
from asr.types import SAMPLE_RATE
from duplex.audio.pcm import Pcm
from duplex.core.data.ear import FINAL_COST, VoiceEdge
from duplex.core.streams.dialogue import Dialogue
from duplex.core.streams.layout import frame_end, frame_of
from duplex.core.turns import PATIENCE, Turn

_BEFORE = 0.3
"""Seconds before a turn's label in which its voice may be noticed."""
_BUSY = 1.4
"""A final transcript's mean cost, as a multiple of its least."""
ANY_VOICE = 0.16
"""Seconds that a voice lasts before it stops an agent that stops for any."""
SMART_SILENCE, SMART_SURE, SMART_WINDOW = 0.2, 0.5, 8
"""When smart-turn is asked, what it must say, and how many seconds it hears: its own defaults."""
_SMART_LEAD = 0.5

Judge = Callable[[str, str], float]
"""From the user's words and what the agent said last to P(end | words)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A dialogue, and what the voice detector noticed in it."""

    dialogue: Dialogue
    edges: Sequence[VoiceEdge]

    def within(self, turn: Turn) -> list[VoiceEdge]:
        """The detector's events of a turn and of the silence after it, a beginning first."""
        start, until = frame_end(turn.first) - _BEFORE, turn.over + frame_end(PATIENCE)
        found = [edge for edge in self.edges if start <= edge.t < until]
        if found and not found[0].began:  # another voice was there before
            found.insert(0, VoiceEdge(start, True, start))
        return found

    def said_before(self, t: float) -> str:
        """What the agent said last, at most 200 characters."""
        words = [word.text for word in self.dialogue.agent_words if word.start < t]
        return " ".join(words[-40:])[-200:]


def stops(edges: Sequence[VoiceEdge]) -> list[tuple[VoiceEdge, float]]:
    """Each end of a voice, and when the next one was noticed."""
    later = [*(edge.t for edge in edges[1:]), float("inf")]
    return [(edge, after) for edge, after in zip(edges, later, strict=False) if not edge.began]


def by_silence(scene: Scene, turn: Turn, seconds: float) -> list[float]:
    """A timer alone: when it takes the turn for ended."""
    due = [(max(edge.t, edge.edge + seconds), after) for edge, after in stops(scene.within(turn))]
    return [at for at, after in due if at < after]


def final_words(dialogue: Dialogue, stop: VoiceEdge, until: float) -> tuple[float, str]:
    """What is recognised at the end of a voice, and when; the last words before where nothing new came."""
    heard = [item for item in dialogue.heard if stop.t < item.t < until]
    if heard:
        return heard[0].t, " ".join(heard[0].words)
    before = [item for item in dialogue.heard if item.t <= stop.t]
    return stop.t + _BUSY * FINAL_COST, " ".join(before[-1].words) if before else ""


class SmartTurn:
    """Pipecat's smart-turn v3: P(the turn is over) from its last 8 s of audio."""

    def __init__(self, file: str) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def probability(self, pcm: Pcm) -> float:
        """Of int16 [n] at 16 kHz that ends in the silence asked about."""
        found = self._session.run(None, {"input_features": smart_features(pcm)[None]})[0]
        return float(np.asarray(found).reshape(-1)[0])

    def commits(self, scene: Scene, turn: Turn) -> list[float]:
        """Asked 200 ms into each silence; what it does not take for the end waits for 3 s, longer than is looked at."""
        start, found = frame_end(turn.first) - _SMART_LEAD, []
        for edge, after in stops(scene.within(turn)):
            at = max(edge.t, edge.edge + SMART_SILENCE)
            if at >= after:
                continue
            first, last = (max(0, round(t * SAMPLE_RATE)) for t in (max(start, at - SMART_WINDOW), at))
            if self.probability(scene.dialogue.user_pcm[first:last]) > SMART_SURE:
                found.append(at)
        return found


def smart_features(pcm: Pcm) -> NDArray[np.float32]:
    """Whisper's log-mel of 8 s, silence first, of unit variance: float32 [80, 800]."""
    length = SMART_WINDOW * SAMPLE_RATE
    audio = np.zeros(length, np.float32)
    kept = pcm[-length:].astype(np.float32) / 32768
    audio[length - len(kept) :] = kept
    audio = (audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)
    padded = np.pad(audio, N_FFT // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[:length:HOP]
    power = np.abs(np.fft.rfft(windows * np.hanning(N_FFT + 1)[:-1], axis=1)) ** 2
    mel = np.log10(np.maximum(filterbank(80) @ power.T, 1e-10))
    return np.asarray((np.maximum(mel, mel.max() - 8) + 4) / 4, dtype=np.float32)


def any_voice(scene: Scene, audible: Sequence[bool], barge: float = ANY_VOICE) -> list[float]:
    """Barge-in on any voice: when the agent would stop, a voice having lasted over its own."""
    found = []
    for edge, after in pairwise([*scene.edges, VoiceEdge(float("inf"), False, float("inf"))]):
        at = max(edge.t, edge.edge + barge)
        frame = frame_of(at)
        if edge.began and at < after.t and frame < len(audible) and audible[frame]:
            found.append(at)
    return found
