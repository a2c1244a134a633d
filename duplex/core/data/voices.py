"""Who speaks: voices of three engines, dealt out so that validation and test hear nobody from training.

Training hears espeak-ng's variants and half of Kokoro's voices. The other half of Kokoro and all of Piper speak in
validation and test alone, so that no result can rest on knowing a speaker, nor an engine. Pitch, tempo and formants
are changed by saying it at another pace and then resampling: who speaks 10 % higher has a head 10 % smaller.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import soxr
from numpy.typing import NDArray

from asr.types import SAMPLE_RATE
from duplex.audio.pcm import Pcm, to_float, to_int16
from duplex.core.data.clips import Clip, audible, spread
from duplex.core.data.lexicon import Split

if TYPE_CHECKING:
    from tts import KokoroSynthesiser, PiperSynthesiser
    from tts.types import Synthesiser


def _listed(names: str) -> tuple[str, ...]:
    return tuple(names.split())


_VARIANTS = _listed(
    "f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8 Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo "
    "Jacky Lee Marco Mario Michael Mike Nguyen adam anika antonio aunty belinda benjamin boris caleb david ed edward "
    "grandma grandpa gustave iven john linda marcelo max michel miguel norbert pablo paul pedro quincy rob robert "
    "sandro shelby steph travis victor"
)
_ACCENTS = ("en-us", "en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029")

KOKORO = {
    Split.train: _listed(
        "af_alloy af_bella af_heart af_kore af_nova af_sarah am_adam am_eric am_liam am_onyx am_santa bf_alice "
        "bf_isabella bm_fable"
    ),
    Split.validation: _listed("af_aoede af_river am_echo am_michael bf_emma bm_daniel af_jessica"),
    Split.test: _listed("af_nicole af_sky am_fenrir am_puck bf_lily bm_george bm_lewis"),
}
NATURAL = 0.2
"""Share of Kokoro's voices in training; espeak-ng, which is a hundred times faster, has the rest."""
PIPER_IN = (Split.validation, Split.test)
"""Where Piper speaks: nowhere in training."""


_SENTENCE = re.compile(r"(?<=[.?!]) ")
_BREATH = round(0.35 * SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker.

    Attributes:
        engine: espeak, kokoro or piper.
        name: the engine's name of the voice.
        tempo: 1 is the engine's own pace.
        scale: by which pitch and formants are raised; 1 leaves them.
        pitch: espeak's own pitch, 0..99.
        span: how much espeak's pitch moves, 0..99.
    """

    engine: str
    name: str
    tempo: float = 1.0
    scale: float = 1.0
    pitch: int = 50
    span: int = 50

    @property
    def speaker(self) -> str:
        """Whose voice it is, whatever the pace: what splits must not share."""
        return f"{self.engine}:{self.name}"


def draw_user(split: Split, rng: Random, natural: float = NATURAL) -> Voice:
    """A user's voice; `natural` is Kokoro's share in training, where espeak-ng has the rest."""
    if split is Split.train and rng.random() >= natural:
        return _espeak(rng)
    if split is not Split.train and rng.random() < 0.3:
        return _shifted("piper", "joe", rng, 0.22)
    return _shifted("kokoro", rng.choice(KOKORO[split]), rng, 0.1)


def draw_agent(split: Split, rng: Random, user: Voice) -> Voice:
    """The agent's voice, as it is, and never the user's."""
    if split is Split.train:
        if rng.random() >= NATURAL / 2:
            return _espeak(rng)
    elif user.engine != "piper" and rng.random() < 0.7:
        return Voice("piper", "joe")
    return Voice("kokoro", rng.choice([name for name in KOKORO[split] if name != user.name]))


def draw_stranger(split: Split, rng: Random, user: Voice) -> Voice:
    """Somebody else in the room."""
    while True:
        voice = draw_user(split, rng, natural=0.0)
        if voice.speaker != user.speaker:
            return voice


def _espeak(rng: Random) -> Voice:
    name = f"{rng.choice(_ACCENTS)}+{rng.choice(_VARIANTS)}"
    voice = _shifted("espeak", name, rng, 0.1)
    return Voice("espeak", name, voice.tempo, voice.scale, rng.randint(25, 75), rng.randint(20, 80))


def _shifted(engine: str, name: str, rng: Random, most: float) -> Voice:
    scale = round(2 ** rng.uniform(-most, most) if rng.random() < 0.7 else 1.0, 2)
    return Voice(engine, name, round(rng.uniform(0.88, 1.2), 2), scale)


class Studio:
    """Says texts in any voice; what the slow engines said is kept on disk.

    Args:
        cache: folder for the clips of Kokoro and Piper.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._kokoro: KokoroSynthesiser | None = None
        self._piper: dict[float, PiperSynthesiser] = {}
        cache.mkdir(parents=True, exist_ok=True)

    def say(self, text: str, voice: Voice) -> Clip:
        """The text as 16 kHz audio, from its first audible sample to its last, with a time for each written word.

        Raises:
            FileNotFoundError: espeak-ng is not installed.
            ModelError: a voice's model is missing and cannot be fetched.
        """
        if voice.engine == "espeak":
            return self._say_espeak(text, voice)
        key = hashlib.sha256(json.dumps([text, repr(voice)]).encode()).hexdigest()[:24]
        file = self._cache / key[:2] / f"{key}.npz"
        if file.exists():
            with np.load(file) as kept:
                return Clip(kept["pcm"], tuple((float(a), float(b)) for a, b in kept["times"]))
        clip = self._say_neural(text, voice)
        file.parent.mkdir(exist_ok=True)
        part = file.with_suffix(".part")
        with part.open("wb") as out:
            np.savez(out, pcm=clip.pcm, times=np.array(clip.times, np.float64).reshape(-1, 2))
        part.replace(file)
        return clip

    def say_all(self, text: str, voice: Voice) -> Clip:
        """Sentence by sentence, as an agent's voice does: what it often says is said once."""
        clips = [self.say(sentence, voice) for sentence in _SENTENCE.split(text)]
        parts: list[Pcm] = []
        times: list[tuple[float, float]] = []
        at = 0.0
        for number, clip in enumerate(clips):
            parts += [np.zeros(_BREATH, np.int16)] * (number > 0) + [clip.pcm]
            at += _BREATH / SAMPLE_RATE * (number > 0)
            times += [(start + at, end + at) for start, end in clip.times]
            at += clip.seconds
        return Clip(np.concatenate(parts), tuple(times))

    def _say_espeak(self, text: str, voice: Voice) -> Clip:
        from duplex.core.data.espeak import Espeak

        rate = round(165 * voice.tempo / voice.scale)
        with Espeak() as engine:
            pcm, begun = engine.say(text, voice.name, rate, voice.pitch, voice.span)
        seconds = len(pcm) / engine.sample_rate
        starts = _first_of_each_word(text, begun)
        times = [(start, end) for start, end in zip(starts, [*starts[1:], seconds], strict=True)]
        return _clip(to_float(pcm), engine.sample_rate, times, text, voice.scale)

    def _say_neural(self, text: str, voice: Voice) -> Clip:
        engine = self._engine(voice)
        utterance = engine.stream()
        chunks = [*utterance.feed(text), *utterance.finish()]
        wave = to_float(np.concatenate([chunk.pcm for chunk in chunks]))
        times = [(word.start, word.end) for chunk in chunks for word in chunk.words]
        return _clip(wave, engine.sample_rate, times, text, voice.scale)

    def _engine(self, voice: Voice) -> Synthesiser:
        from duplex.models import model_folder
        from tts import KokoroSynthesiser, PiperSynthesiser

        speed = min(2.0, max(0.5, voice.tempo / voice.scale))
        if voice.engine == "piper":
            pace = round(speed * 5) / 5  # each pace is a loaded model
            if pace not in self._piper:
                self._piper[pace] = PiperSynthesiser(model_folder("piper-joe"), speed=pace, varied=False)
            return self._piper[pace]
        if self._kokoro is None:
            self._kokoro = KokoroSynthesiser(model_folder("kokoro"))
        return self._kokoro.with_voice(voice.name, speed)


def _first_of_each_word(text: str, begun: Sequence[tuple[int, float]]) -> list[float]:
    """When each written word begins; espeak may begin several in one ("twenty-one"), or none."""
    starts: list[float] = []
    place = 0
    for word in text.split():
        place = text.index(word, place)
        inside = [at for first, at in begun if place <= first < place + len(word)]
        starts.append(inside[0] if inside else (starts[-1] if starts else 0.0))
        place += len(word)
    return starts


def _clip(
    wave: NDArray[np.float32], rate: int, times: Sequence[tuple[float, float]], text: str, scale: float
) -> Clip:
    """Resample to 16 kHz, `scale` times faster; keep what is audible."""
    if scale != 1.0:
        times = [(start / scale, end / scale) for start, end in times]
    pcm: Pcm = to_int16(soxr.resample(wave, rate * scale, SAMPLE_RATE, quality="MQ"))
    kept = audible(pcm)
    lead, length = kept.start / SAMPLE_RATE, (kept.stop - kept.start) / SAMPLE_RATE
    count = len(text.split())
    if len(times) != count:  # a word without a spoken form
        return Clip(pcm[kept], spread(text.split(), length))
    inside = [(min(max(0.0, s - lead), length), min(max(0.0, e - lead), length)) for s, e in times]
    return Clip(pcm[kept], (*inside[:-1], (inside[-1][0], length)) if inside else ())
