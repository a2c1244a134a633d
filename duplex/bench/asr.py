"""How well and how fast the recognisers hear: error rate, time of each call, and how firm stable words are.

Two sources of speech: the development questions in a synthetic voice, which every machine can make (once as they
are and once, `asr.named`, with the knowledge's headings as vocabulary, as the agent does it), and, where Debian's
`asterisk-core-sounds-en` and `asterisk-core-sounds-en-g722` are installed, recorded prompts with transcripts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from asr import SAMPLE_RATE, Hypothesis, Pcm, SileroVad, StreamingWhisper, WhisperModel
from duplex.bench.measure import Measure, of_quantile
from duplex.bench.search import dev_questions, open_lakes
from duplex.bench.speaker import Speaker
from duplex.evals.recordings import packaged
from duplex.models import model_folder
from tools_rag import WordLlama

COMMAND = "duplex bench asr"
CLIPS = 40
_HOP = SAMPLE_RATE // 4
_LEAD, _TAIL = SAMPLE_RATE // 2, SAMPLE_RATE * 2 // 5


@dataclass(frozen=True, slots=True)
class Clip:
    """Speech, int16 [n] at 16 kHz from its first audible sample to its last, and what is said."""

    pcm: Pcm
    text: str


@dataclass(slots=True)
class Followed:
    """What following the clips one after the other gave; times in seconds."""

    partial: list[float] = field(default_factory=list)
    final: list[float] = field(default_factory=list)
    first_stable: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    stable: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)


def run() -> list[Measure]:
    """All measures of `duplex bench asr`."""
    tiny = WhisperModel(model_folder("whisper-tiny.en"))
    base = WhisperModel(model_folder("whisper-base"), shortest=8.0)
    recogniser = StreamingWhisper(tiny, base)
    speaker = Speaker(Path("out/bench/asr"))
    questions = dev_questions()[:CLIPS]
    clips = [Clip(speaker.say(question.text), question.text) for question in questions]
    measures = [*_vad(clips), *_followed("asr", clips, recogniser)]
    with TemporaryDirectory() as cache:
        titles = open_lakes(WordLlama(model_folder("wordllama")), Path(cache)).titles
    measures += _followed("asr.named", clips, StreamingWhisper(tiny, base, vocabulary=titles))
    if prompts := recorded_prompts(CLIPS):
        measures += _followed("asr.prompts", prompts, recogniser)
    return measures


def recorded_prompts(count: int) -> list[Clip]:
    """Recorded prompts of 3 words or more and 1 to 10 s; none where Debian's packages are not installed."""
    return [Clip(each.pcm, each.text) for each in packaged(count)]


def follow(clip: Clip, recogniser: StreamingWhisper, result: Followed) -> None:
    """Play one clip with half a second of quiet before it, asking for words at every hop."""
    stream = recogniser.stream()
    quiet = np.zeros(_LEAD, dtype=np.int16)
    pcm = np.concatenate([quiet, clip.pcm, quiet[:_TAIL]])
    belief, known = Hypothesis(), 0
    for end in range(_HOP, len(pcm) + 1, _HOP):
        stream.accept(pcm[end - _HOP : end])
        began = time.perf_counter()
        belief = stream.hypothesis()
        result.partial.append(time.perf_counter() - began)
        now = end / SAMPLE_RATE
        if belief.stable and not known:
            result.first_stable.append(now - _LEAD / SAMPLE_RATE)
        result.lag += [now - word.end for word in belief.words[known : belief.stable]]
        known = belief.stable
    began = time.perf_counter()
    final = stream.finalise()
    result.final.append(time.perf_counter() - began)
    result.stable.append(belief.stable_text)
    result.last.append(belief.text)
    result.heard.append(final.text)


def _followed(name: str, clips: Sequence[Clip], recogniser: StreamingWhisper) -> list[Measure]:
    follow(clips[0], recogniser, Followed())  # the first run of a model also allocates
    result = Followed()
    for clip in clips:
        follow(clip, recogniser, result)
    texts = [clip.text for clip in clips]
    milliseconds = [1_000 * seconds for seconds in result.partial]
    finals = [1_000 * seconds for seconds in result.final]
    return [
        of_errors(f"{name}.wer_final", texts, result.heard),
        of_errors(f"{name}.wer_partial", texts, result.last),
        of_errors(f"{name}.stable_changed_by_final", result.stable, result.heard, prefix=True),
        of_quantile(f"{name}.partial_p50_ms", milliseconds, "ms", COMMAND),
        of_quantile(f"{name}.partial_p95_ms", milliseconds, "ms", COMMAND, q=0.95),
        of_quantile(f"{name}.final_p50_ms", finals, "ms", COMMAND),
        of_quantile(f"{name}.final_p95_ms", finals, "ms", COMMAND, q=0.95),
        of_quantile(f"{name}.first_stable_p50_s", result.first_stable, "s", COMMAND),
        of_quantile(f"{name}.stable_lag_p50_s", result.lag, "s", COMMAND),
    ]


def _vad(clips: Sequence[Clip]) -> list[Measure]:
    stream = SileroVad(model_folder("silero-vad")).stream()
    times = []
    for at in range(0, len(clips[0].pcm) - 512, 512):
        began = time.perf_counter()
        stream.accept(clips[0].pcm[at : at + 512])
        times.append(1e6 * (time.perf_counter() - began))
    return [of_quantile("asr.vad_window_us", times, "us", COMMAND)]


def spelled(text: str) -> list[str]:
    """Words as they are compared: lower case, no punctuation, numbers in words."""
    from num2words import num2words

    text = re.sub(r"(?<=\d),(?=\d)", "", text.lower()).replace("-", " ")
    text = re.sub(r"\d{1,15}", lambda number: f" {num2words(int(number[0]))} ".replace("-", " "), text)
    return re.sub(r"[^\w' ]", " ", text).split()


def edits(reference: str, heard: str, prefix: bool = False) -> int:
    """Word substitutions, deletions and insertions; with `prefix` what is heard after the reference is free."""
    want, got = spelled(reference), spelled(heard)
    row = list(range(len(got) + 1))
    for at, word in enumerate(want, 1):
        above, row = row, [at]
        for to, other in enumerate(got, 1):
            row.append(min(above[to] + 1, row[to - 1] + 1, above[to - 1] + (word != other)))
    return min(row) if prefix else row[-1]


def of_errors(name: str, references: Sequence[str], heard: Sequence[str], prefix: bool = False) -> Measure:
    """Edits per reference word over all utterances, with a bootstrap interval over utterances.

    Raises:
        ValueError: the references hold no words.
    """
    counts = np.array([edits(a, b, prefix) for a, b in zip(references, heard, strict=True)])
    words = np.array([len(spelled(text)) for text in references])
    if not words.sum():
        raise ValueError(f"{name}: no words; leave the measure out")
    rows = np.random.default_rng(0).integers(0, len(words), (2_000, len(words)))
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = np.nanquantile(counts[rows].sum(axis=1) / words[rows].sum(axis=1), (0.025, 0.975))
    value = counts.sum() / words.sum()
    interval = (round(float(low), 4), round(float(high), 4))
    return Measure(name, round(float(value), 4), "errors per word", int(words.sum()), interval, COMMAND)
