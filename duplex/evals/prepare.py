"""From a scenario to the audio of all its items, and to a scenario that holds the truth about that audio."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.audio.pcm import Pcm, silence
from duplex.evals.clips import load_clip, locate, speak
from duplex.evals.scenario import Item, Scenario, ScenarioError
from duplex.evals.sounds import SECONDS, make_sound
from duplex.evals.spoken import RATE, without_pauses


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario that is ready to be played.

    Attributes:
        scenario: with the true `text`, `words`, `speech` and `dur` of what was made on this machine; a record keeps
            this one, so that metrics take the truth of the audio and not of a word clock.
        audio: by item id, int16 [n] at 16 kHz; gains are not applied.
    """

    scenario: Scenario
    audio: Mapping[str, Pcm]


def prepare(scenario: Scenario, folder: Path, avoid: Collection[str] = ()) -> Prepared:
    """Load or make the audio of every item. Computes: seconds for a text that was never said before.

    Args:
        scenario: which.
        folder: the scenario's own, from which clips are found.
        avoid: voices that the agent uses.

    Raises:
        ScenarioError: an item's audio cannot be had; names the scenario and the item.
    """
    items, audio = [], {}
    for at, item in enumerate(scenario.timeline):
        try:
            made, audio[item.id] = _made(item, folder, scenario.seed, at, avoid)
        except ScenarioError as error:
            raise ScenarioError(f"{scenario.id}: {error}") from error
        items.append(made)
    return Prepared(scenario.model_copy(update={"timeline": tuple(items)}), audio)


def _made(item: Item, folder: Path, seed: int, at: int, avoid: Collection[str]) -> tuple[Item, Pcm]:
    if item.clip is not None:
        pcm = _fitted(load_clip(locate(item.clip, folder)), item.dur)
        return item.model_copy(update={"dur": len(pcm) / RATE}), pcm
    if item.tts is not None or (item.text and item.kind not in ("noise", "silence", "pause")):
        spoken = speak(item, seed, avoid)
        text = item.text or without_pauses((item.tts or {})["text"])
        truth = {"text": text, "words": spoken.words, "speech": spoken.speech, "dur": len(spoken.pcm) / RATE}
        return item.model_copy(update=truth), spoken.pcm
    if item.sound is not None:
        seconds = item.dur or SECONDS[item.sound]
        return item.model_copy(update={"dur": seconds}), make_sound(item.sound, seconds, seed * 1_000 + at)
    if item.kind in ("silence", "pause"):
        return item, silence(item.dur or 0.0, RATE)
    raise ScenarioError(f"{item.id}: nothing to play: it has no clip, no text and no sound")


def _fitted(pcm: Pcm, seconds: float | None) -> Pcm:
    """Cut, or filled with silence, to a length."""
    if seconds is None:
        return pcm
    out = np.zeros(round(seconds * RATE), np.int16)
    out[: len(pcm)] = pcm[: len(out)]
    return out
