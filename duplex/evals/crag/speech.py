"""The questions as speech: local voices that the agent does not use, each read back to see if it can be understood.

All questions are asked as they were spoken, well or badly. Only where synthesis itself failed, that is where neither of
two voices can be understood, is a question said by another engine. Synthesis that is hard to understand is part of the
result: it is shown by how much of it was read back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from platformdirs import user_cache_path

from asr import WhisperModel
from duplex.audio.pcm import Pcm
from duplex.evals.clips import load_clip, speak, voice_of
from duplex.evals.crag.questions import Question
from duplex.evals.metrics.asr import word_errors, words_of
from duplex.evals.scenario import Item, ScenarioError
from duplex.evals.spoken import Spoken, say, spans_of
from duplex.models import model_folder
from duplex.models.store import write_atomically

FAILED = 0.5
"""Read-back WER from which on a voice is not understood."""
BUCKETS = (
    (0.0, "0"),
    (0.1, "up to 10 %"),
    (0.25, "up to 25 %"),
    (0.5, "up to 50 %"),
    (float("inf"), "over 50 %"),
)
"""Upper bounds of read-back WER, and what a report calls them."""
_READER = "whisper-base"
_FORMAT = 1  # of what was read back
_LAST_RESORT = "en-gb"

Read = Callable[[Pcm], str]
"""From speech, int16 [n] at 16 kHz, to its words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is asked.

    Attributes:
        spoken: its audio and, of a synthesised one, the times of its words.
        voice: who says it: a voice's name, or `recording`.
        heard: what was read back of it.
        wer: word error rate of that, from 0 on.
        repaired: two voices failed and another engine says it.
    """

    spoken: Spoken
    voice: str
    heard: str
    wer: float
    repaired: bool = False

    @property
    def bucket(self) -> str:
        """Its place among `BUCKETS`."""
        return next(name for bound, name in BUCKETS if self.wer <= bound)


def ask(question: Question, seed: int, avoid: Collection[str], read: Read | None = None) -> Asked:
    """Say a question. Computes: seconds for one that was never said before.

    Args:
        question: its text.
        seed: chooses the voice, with the question's id.
        avoid: the agent's voices.
        read: reads back; by default Whisper base, without any hint.

    Raises:
        ScenarioError: no voice says anything of it.
    """
    voices = [voice_of(_item(question), _seed(question, seed), avoid)]
    voices.append(voice_of(_item(question), _seed(question, seed), (*avoid, *voices)))
    first = _said(question, voices[0], read)
    if first.wer <= FAILED:
        return first
    second = _said(question, voices[1], read)
    if second.wer <= FAILED:
        return first  # somebody can be understood, so the text can be said: it is asked as it came
    try:
        third = _heard(_espeak(question.text), _LAST_RESORT, question.text, read)
    except ValueError:
        return first
    best = min(first, second, third, key=lambda each: each.wer)
    return Asked(best.spoken, best.voice, best.heard, best.wer, repaired=best is not first)


def recorded(question: Question, folder: Path, read: Read | None = None) -> Asked:
    """A question as somebody recorded it: `folder/<id>.wav`, or .flac, .ogg, .mp3.

    Raises:
        ScenarioError: there is no such file, or it is no sound.
    """
    for suffix in (".wav", ".flac", ".ogg", ".mp3"):
        path = folder / f"{question.id}{suffix}"
        if path.exists():
            pcm = load_clip(path)
            spans = spans_of(pcm)
            if not spans:
                raise ScenarioError(f"{path}: nothing is to be heard in it")
            return _heard(Spoken(pcm, (), spans), "recording", question.text, read)
    raise ScenarioError(f"{folder}: no recording of the question {question.id} ({question.id}.wav)")


def _seed(question: Question, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{question.id}".encode()).digest()[:4])


def _item(question: Question) -> Item:
    return Item(id=question.id, kind="user_speech", at=0.0, text=question.text)


def _said(question: Question, voice: str, read: Read | None) -> Asked:
    item = _item(question).model_copy(update={"tts": {"text": question.text, "voice": voice}})
    return _heard(speak(item, 0), voice, question.text, read)


def _espeak(text: str) -> Spoken:
    from tts import EspeakSynthesiser

    return say(text, EspeakSynthesiser(_LAST_RESORT, 0.9))


def _heard(spoken: Spoken, voice: str, text: str, read: Read | None) -> Asked:
    heard = (read or _read_back)(spoken.pcm)
    return Asked(spoken, voice, heard, error_rate(text, heard))


def error_rate(text: str, heard: str) -> float:
    """WER over words in one spelling, so that "2.5 %" and "two and a half percent" differ as little as they can."""
    errors, words = word_errors(words_of(text), words_of(heard))
    return errors / words if words else float(errors > 0)


def _read_back(pcm: Pcm) -> str:
    """What Whisper understands, from the cache where it has heard it before."""
    key = hashlib.sha256(f"{_FORMAT} {_READER}\n".encode() + pcm.tobytes()).hexdigest()[:24]
    path = user_cache_path("duplex", appauthor=False) / "clips" / f"{key}.heard.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["text"]
        if isinstance(kept, str):
            return kept
    except (OSError, ValueError, KeyError, TypeError):
        pass
    heard = " ".join(word.text for word in _whisper().transcribe(pcm)).strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({"text": heard}).encode())
    return heard


@lru_cache(maxsize=1)
def _whisper() -> WhisperModel:
    return WhisperModel(model_folder(_READER))
