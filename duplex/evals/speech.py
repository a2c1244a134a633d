"""How a recogniser hears people: errors, when its words come, how often it takes them back, what it costs.

A recording is fed as a live call feeds it: 20 ms at a time from shortly before the voice begins, a partial for each
quarter of a second unless the last one is still being made, and the final words once it has been quiet for as long as
an end of a turn takes at least. The clock is the audio's; what is computed is added to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asr import SherpaRecogniser, SileroVad, StreamingWhisper, WhisperModel
from asr.types import Hypothesis, Recogniser
from duplex.audio.pcm import Pcm
from duplex.evals import bootstrap
from duplex.evals.bootstrap import Interval
from duplex.evals.metrics.asr import (
    Partial,
    aligned,
    changed,
    emission,
    erased,
    first_correct,
    word_errors,
    words_of,
)
from duplex.evals.metrics.spans import Word
from duplex.evals.recordings import Recording
from duplex.evals.scenario import ScenarioError
from duplex.evals.spoken import RATE
from duplex.graph import perf_seconds
from duplex.models import model_folder

WHISPERS = {
    "whisper": ("whisper-tiny.en", "whisper-base"),
    "whisper-tiny.en": ("whisper-tiny.en", "whisper-tiny.en"),
    "whisper-base": ("whisper-base", "whisper-base"),
}
"""Who reads along and who reads the whole, by what a recogniser is called here; the first is an agent's default."""
_FRAME = RATE // 50
_HOP = 0.25
_PREROLL, _TAIL = 0.3, 0.3
_VOICE = 0.5
_WINDOW = 512
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recogniser made of a recording.

    Attributes:
        recording: which.
        partials: in the order they came, the final last; times in seconds of the recording.
        computed: seconds of computing in all.
        final: seconds of computing of the final words.
        seconds: of audio.
    """

    recording: Recording
    partials: tuple[Partial, ...]
    computed: float
    final: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """A recogniser on a set of recordings: each figure with its interval over recordings, latencies' over words."""

    recogniser: str
    origin: str
    recordings: int
    words: int
    slots: int
    figures: dict[str, Interval]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        figures = {
            name: {"value": each.value, "ci95": [each.low, each.high], "n": each.n}
            for name, each in self.figures.items()
        }
        counts = {"recordings": self.recordings, "words": self.words, "slots": self.slots}
        return {"recogniser": self.recogniser, "set": self.origin} | counts | figures


def load(name: str) -> Recogniser:
    """A recogniser by its name: one of `WHISPERS`, or `sherpa:FOLDER`.

    Raises:
        ScenarioError: there is none of that name, or its folder holds no model.
        ModelError: its model cannot be had.
    """
    if name in WHISPERS:
        partial, final = WHISPERS[name]
        models = {each: WhisperModel(model_folder(each)) for each in {partial, final}}
        return StreamingWhisper(models[partial], models[final])
    kind, _, folder = name.partition(":")
    if kind != "sherpa" or not folder:
        raise ScenarioError(f"no recogniser {name!r}; there are: {', '.join(WHISPERS)}, sherpa:FOLDER")
    try:
        return SherpaRecogniser(Path(folder))
    except (FileNotFoundError, ValueError) as error:
        raise ScenarioError(str(error)) from error


def voiced(pcm: Pcm, detector: SileroVad) -> tuple[float, float]:
    """When the first voice begins and the last one ends, in seconds; all of it where none is found."""
    stream = detector.stream()
    windows = [p for at in range(0, len(pcm), _WINDOW) for p in stream.accept(pcm[at : at + _WINDOW])]
    loud = [at for at, p in enumerate(windows) if p >= _VOICE]
    if not loud:
        return 0.0, len(pcm) / RATE
    return loud[0] * _WINDOW / RATE, (loud[-1] + 1) * _WINDOW / RATE


def follow(recording: Recording, recogniser: Recogniser, voice: tuple[float, float]) -> Heard:
    """Feed a recording as a live call does.

    Args:
        recording: which.
        recogniser: who listens.
        voice: when its first voice begins and its last one ends, in seconds.
    """
    first, last = max(0.0, voice[0] - _PREROLL), voice[1] + _TAIL
    fed = np.zeros(math.ceil((last - first) * RATE / _FRAME) * _FRAME, np.int16)
    piece = recording.pcm[round(first * RATE) :][: len(fed)]
    fed[: len(piece)] = piece
    stream = recogniser.stream()
    partials = list[Partial]()
    computed, free, due = 0.0, 0.0, first + _HOP
    for at in range(0, len(fed), _FRAME):
        stream.accept(fed[at : at + _FRAME])
        now = first + (at + _FRAME) / RATE
        if now + 1e-9 >= due and now >= free:
            belief, cost = _timed(stream.hypothesis)
            computed, free, due = computed + cost, now + cost, now + _HOP
            partials.append(_partial(free, belief))
    final, cost = _timed(stream.finalise)
    partials.append(_partial(max(now, free) + cost, final))
    return Heard(recording, tuple(partials), computed + cost, cost, len(fed) / RATE)


def _timed(decode: Callable[[], Hypothesis]) -> tuple[Hypothesis, float]:
    start = perf_seconds()
    return decode(), perf_seconds() - start


def _partial(t: float, belief: Hypothesis) -> Partial:
    words = words_of(belief.text)
    stable = len(words) if belief.final else min(len(words), len(words_of(belief.stable_text)))
    return Partial(t, words, stable)


def reference(recording: Recording, reader: WhisperModel) -> list[Word]:
    """The words of a transcript with their times; NaN where they are not known.

    Where the recording comes without times they are those of the words that Whisper base, reading all of it at once,
    hears as they were written down. On speech whose times are known these are early by some 50 ms in the median.
    """
    if recording.words:
        return [(each, a, b) for text, a, b in recording.words for each in words_of(text)]
    heard = [
        (each, word.start, word.end)
        for word in reader.transcribe(recording.pcm)
        for each in words_of(word.text)
    ]
    said = words_of(recording.text)
    times = dict(aligned(said, [text for text, *_ in heard]))
    return [(text, *(heard[times[at]][1:] if at in times else (_NAN, _NAN))) for at, text in enumerate(said)]


def measure(name: str, heard: Sequence[Heard], references: Sequence[list[Word]]) -> list[Row]:
    """A row for each set of recordings, in the order of their names."""
    pairs = list(zip(heard, references, strict=True))
    origins = sorted({each.recording.origin for each in heard})
    return [
        _row(name, origin, [pair for pair in pairs if pair[0].recording.origin == origin])
        for origin in origins
    ]


def _row(name: str, origin: str, pairs: Sequence[tuple[Heard, list[Word]]]) -> Row:
    written = [(each, words) for each, words in pairs if words]
    wordings = [[partial.words for partial in each.partials] for each, _ in pairs]
    finals = [float(len(each[-1])) for each in wordings]
    figures: dict[str, Interval] = {}
    if written:
        errors = [word_errors([w for w, *_ in words], each.partials[-1].words) for each, words in written]
        figures["wer"] = bootstrap.ratio([float(e) for e, _ in errors], [float(n) for _, n in errors])
        figures |= _latencies(
            "emission", [s for each, words in written for s in emission(words, each.partials)]
        )
        figures |= _latencies(
            "first_correct", [s for each, words in written for s in first_correct(words, each.partials)]
        )
    slots = [(each.partials[-1].words, each.recording.slots) for each, _ in pairs if each.recording.slots]
    if slots:
        hits = [[recalled(slot, words) for slot in wanted] for words, wanted in slots]
        recall = bootstrap.share([float(sum(each)) for each in hits], [float(len(each)) for each in hits])
        figures["slot_recall"] = recall
    if sum(finals):
        figures["ne"] = bootstrap.ratio([float(erased(each)) for each in wordings], finals)
        figures["upwr"] = bootstrap.ratio([float(changed(each)) for each in wordings], finals)
    figures["final_p50_s"] = bootstrap.median([each.final for each, _ in pairs])
    figures["rtf"] = bootstrap.ratio(
        [each.computed for each, _ in pairs], [each.seconds for each, _ in pairs]
    )
    words, asked = sum(len(each) for _, each in pairs), sum(len(each.recording.slots) for each, _ in pairs)
    return Row(name, origin, len(pairs), words, asked, figures)


def _latencies(name: str, seconds: Iterable[float]) -> dict[str, Interval]:
    """P50 and P90 over the words whose times are known."""
    known = [each for each in seconds if not math.isnan(each)]
    if not known:
        return {}
    return {f"{name}_p50_s": bootstrap.median(known), f"{name}_p90_s": bootstrap.quantile(known, 0.9)}


def recalled(slot: str, words: Sequence[str]) -> bool:
    """Whether all words of a slot stand in a row."""
    wanted = words_of(slot)
    return any(tuple(words[at : at + len(wanted)]) == wanted for at in range(len(words) - len(wanted) + 1))
