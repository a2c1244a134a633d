"""The user's audio: clips of any kind as 16 kHz mono, and speech made on this machine with the times of its words.

A scenario without a clip is spoken here, in a voice that is kept for evaluating. The truth about when its words were
said then comes from the voice and from the audio itself, never from what the scenario's file assumed.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import random
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duplex.audio.pcm import Pcm
from duplex.audio.wav import BadRecording, read_speech
from duplex.evals.scenario import Item, ScenarioError
from duplex.evals.spoken import RATE, Spoken, say, spans_of
from duplex.models import ModelError, model_folder
from duplex.models.store import write_atomically
from tts.types import Synthesiser

MAX_SECONDS = 600.0
"""Of a clip."""
VOICES = ("af_sky", "am_fenrir", "am_puck", "bf_lily", "bm_george", "bm_lewis")
"""Kokoro's voices that are kept for evaluating: nothing may be trained or tuned on them."""
_FORMAT = 1  # of the cache: another makes all clips anew

logger = logging.getLogger(__name__)


class Say(BaseModel):
    """What may stand under `tts`; see `duplex.evals.spoken.say` for pauses in the text."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    text: str = Field(max_length=10_000, pattern=r"\w")
    voice: str | None = None
    speed: float = Field(default=1.0, ge=0.5, le=2.0)


def load_clip(path: Path) -> Pcm:
    """A sound file of any rate and any number of channels as int16 [n] at 16 kHz; channels are mixed.

    Raises:
        ScenarioError: it is missing, no sound file, empty, longer than 10 minutes, or holds NaN.
    """
    try:
        pcm = read_speech(path, RATE, MAX_SECONDS)
        if soundfile.info(path).subtype in ("FLOAT", "DOUBLE"):
            samples, _ = soundfile.read(path, dtype="float64")
            if not np.isfinite(samples).all():
                raise ScenarioError(f"{path}: some of its samples are no numbers (NaN); write it again")
    except (BadRecording, soundfile.LibsndfileError, OSError) as error:
        raise ScenarioError(str(error)) from error
    return pcm


def locate(name: str, folder: Path) -> Path:
    """A file or folder that a scenario names: seen from the scenario's folder, else from one of the four above it.

    Raises:
        ScenarioError: it is in none of them.
    """
    for base in (folder, *list(folder.absolute().parents)[:4]):
        if (base / name).exists():
            return base / name
    raise ScenarioError(f"{name}: there is nothing of that name in {folder} or the folders above it")


def voice_of(item: Item, seed: int, avoid: Collection[str] = ()) -> str:
    """The voice that an item is said in: its own, else one chosen by the seed; background speech is somebody else's.

    Args:
        avoid: the agent's voices.
    """
    named = (item.tts or {}).get("voice")
    if named:
        return str(named)
    voices = [voice for voice in VOICES if voice not in avoid]
    random.Random(seed).shuffle(voices)
    return voices[1 if item.kind == "background_speech" else 0]


def speak(item: Item, seed: int, avoid: Collection[str] = ()) -> Spoken:
    """What an item says, in a voice that the agent does not use; kept in the user's cache. Computes: seconds, once.

    Args:
        item: with `tts: {text, voice?, speed?}`, or with `text` alone.
        seed: the scenario's.
        avoid: the agent's voices.

    Raises:
        ScenarioError: it has no text, or one that cannot be spoken.
    """
    try:
        ask = Say.model_validate({"text": item.text} | (item.tts or {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(("tts", *map(str, first["loc"])))
        raise ScenarioError(f"{item.id}: {where}: {first['msg']}") from error
    voice = voice_of(item, seed, avoid)
    folder = _kokoro_folder()
    name = f"kokoro {voice}" if folder else f"espeak {_nearest(voice)}"
    key = hashlib.sha256(json.dumps([_FORMAT, name, ask.speed, ask.text]).encode()).hexdigest()[:24]
    path = user_cache_path("duplex", appauthor=False) / "clips" / f"{key}.wav"
    kept = _load(path)
    if kept is None:
        try:
            kept = say(ask.text, _engine(folder, voice, ask.speed))
        except (FileNotFoundError, ValueError) as error:
            raise ScenarioError(f"{item.id}: tts: {error}") from error
        _save(path, kept)
    return kept


def _load(path: Path) -> Spoken | None:
    """A clip that was kept; None where there is none, or it is damaged."""
    try:
        notes: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        pcm, rate = soundfile.read(path, dtype="int16")
        words = tuple((str(text), float(start), float(end)) for text, start, end in notes["words"])
        whole = rate == RATE and len(pcm) == notes["samples"]
    except (OSError, ValueError, KeyError, TypeError, soundfile.LibsndfileError):
        return None
    return Spoken(pcm, words, spans_of(pcm)) if whole else None


def _save(path: Path, clip: Spoken) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = io.BytesIO()
    soundfile.write(sound, clip.pcm, RATE, format="WAV", subtype="PCM_16")
    write_atomically(path, sound.getvalue())
    notes = {"samples": len(clip.pcm), "words": clip.words}
    write_atomically(path.with_suffix(".json"), json.dumps(notes).encode())


def _engine(folder: Path | None, voice: str, speed: float) -> Synthesiser:
    if folder is not None:
        engine: Synthesiser = _kokoro(folder).with_voice(voice, speed)
        return engine
    from tts import EspeakSynthesiser

    return EspeakSynthesiser(_nearest(voice), speed)


def _nearest(voice: str) -> str:
    """espeak-ng's voice of the same accent and sex."""
    return ("en-gb" if voice[:1] == "b" else "en-us") + ("+m3" if voice[1:2] == "m" else "+f3")


@lru_cache(maxsize=1)
def _kokoro_folder() -> Path | None:
    """Where Kokoro lies; None where it cannot be had, which is said once."""
    try:
        return model_folder("kokoro")
    except ModelError as error:
        logger.warning("Kokoro cannot be had (%s): scenarios are spoken by espeak-ng", error)
        return None


@lru_cache(maxsize=1)
def _kokoro(folder: Path) -> Any:
    """Kokoro, loaded once for all voices."""
    from tts import KokoroSynthesiser

    return KokoroSynthesiser(folder, VOICES[0])
