"""How fast the local voices are, and how true their word times.

Word times come out of a voice's own duration predictor, so the reference must not. There are three. In a list
read aloud the voice pauses at commas, and the pause's edges can be seen in the audio (only pauses inside a clause
count, since those between clauses are ours): exact, but it knows only words at pauses, whose ends the voices
look up in the audio too. Whisper's alignment knows every word, but is itself tens of milliseconds off: what it
differs by bounds the error of words within a phrase from above. And where an s meets a vowel, words within a
phrase have a boundary that can be seen (`duplex.bench.sibilants`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from asr.types import Word
from duplex.audio.detect import first_audible
from duplex.audio.resample import resample
from duplex.bench import sibilants
from duplex.bench.measure import Measure, of_quantile
from tts.types import SpeechChunk, Synthesiser

COMMAND = "duplex bench tts"
VOICES = ("piper", "kokoro")
SHORT = ("Yes, it is.", "It was frozen.", "Two hundred metres.", "Nobody knows it.", "In northern Scotland.")
LONG = (
    "The deepest part of the lake lies close to its northern shore.",
    "Most of the water comes from melting snow in the early summer.",
    "Every second bus from the station stops right beside the old harbour.",
    "It freezes over in most winters and stays that way until April.",
    "People have fished here with nets and small boats for many centuries.",
)
LISTS = (
    "The visitors came on foot and saw pine trees, open water, low hills, old boats, and red deer.",
    "On the table there were green apples, fresh bread, cold milk, brown sugar, and clean plates.",
    "She called her neighbours one by one: Peter, Margaret, Benjamin, Dorothy, and Katherine.",
    "They packed the car with blankets, candles, potatoes, binoculars, and detailed maps.",
    "The garden was full of lavender, tomatoes, butterflies, dandelions, and garden benches.",
    "You can get there by bicycle, by tractor, by boat, by bus, and by taxi.",
    "We spoke about politics, cooking, gardening, education, and problems with the boiler.",
    "The colours were yellow, turquoise, burgundy, purple, and charcoal.",
)
GAP = 0.08
"""Seconds of quiet between two words that count as a pause: longer than the closure of a stop consonant."""
_HOP = 0.005
_QUIET = 10 ** (-45 / 20) * 32_768


RATE = 16_000

Listen = Callable[[NDArray[np.int16]], Sequence[Word]]


@dataclass(frozen=True, slots=True)
class Said:
    """One text, spoken.

    Attributes:
        chunks: the audio.
        first: seconds until the first chunk.
        whole: seconds until the last.
    """

    chunks: list[SpeechChunk]
    first: float
    whole: float


def run(rounds: int = 4) -> list[Measure]:
    """Measure each voice; one whose model cannot be had has no figures."""
    from asr import WhisperModel
    from duplex.models import model_folder

    listen = WhisperModel(model_folder("whisper-base")).transcribe
    return [measure for voice in VOICES for measure in _measure(voice, rounds, listen)]


def _measure(voice: str, rounds: int, listen: Listen) -> list[Measure]:
    engine, prefix = _load(voice), f"tts.{voice}." if voice != VOICES[0] else "tts."
    say(engine, "One to warm up.")
    short = [say(engine, text) for _ in range(rounds) for text in SHORT]
    long = [say(engine, text) for _ in range(rounds) for text in LONG]
    lists = [say(engine, text) for text in LISTS]
    rate = engine.sample_rate
    lead = [
        seconds for said in short + long if (seconds := first_audible(said.chunks[0].pcm, rate)) is not None
    ]
    factor = [said.whole / (sum(len(chunk.pcm) for chunk in said.chunks) / rate) for said in long + lists]
    return [
        of_quantile(f"{prefix}first_chunk_3_words_ms", [said.first * 1000 for said in short], "ms", COMMAND),
        of_quantile(f"{prefix}first_chunk_12_words_ms", [said.first * 1000 for said in long], "ms", COMMAND),
        of_quantile(f"{prefix}rtf", factor, "s/s", COMMAND),
        of_quantile(f"{prefix}lead_silence_ms", [seconds * 1000 for seconds in lead], "ms", COMMAND),
        *_boundaries(prefix, lists, long[: len(LONG)], rate, listen),
        *_within(prefix, [say(engine, text) for text in sibilants.TEXTS], rate),
    ]


def _boundaries(prefix: str, lists: list[Said], long: list[Said], rate: int, listen: Listen) -> list[Measure]:
    pauses = [
        error for said in lists for clause in clauses(said, rate) for error in boundary_errors(clause, rate)
    ]
    aligned = [error for said in (*lists, *long) for error in alignment_errors(said, rate, listen)]
    out = []
    for name, errors in (("word_boundary", pauses), ("word_boundary_whisper", aligned)):
        sizes = [abs(error) * 1000 for error in errors]
        for label, q in (("p50", 0.5), ("p95", 0.95)):
            if sizes:
                out.append(of_quantile(f"{prefix}{name}_{label}_ms", sizes, "ms", COMMAND, q=q))
    return out


def _within(prefix: str, phrases: list[Said], rate: int) -> list[Measure]:
    sizes = []
    for said in phrases:
        pcm = np.concatenate([chunk.pcm for chunk in said.chunks])
        words = [word for chunk in said.chunks for word in chunk.words]
        sizes += [abs(error) * 1000 for error in sibilants.boundary_errors(pcm, rate, words)]
    return [
        of_quantile(f"{prefix}word_boundary_within_phrase_{label}_ms", sizes, "ms", COMMAND, q=q)
        for label, q in (("p50", 0.5), ("p95", 0.95))
        if sizes
    ]


def _load(voice: str) -> Synthesiser:
    from duplex.models import model_folder
    from tts import KokoroSynthesiser, PiperSynthesiser

    if voice == "piper":
        return PiperSynthesiser(model_folder("piper-joe"))
    return KokoroSynthesiser(model_folder("kokoro"))


def say(engine: Synthesiser, text: str) -> Said:
    """Speak a text and take the time."""
    utterance = engine.stream()
    start, first = time.perf_counter(), None
    chunks = []
    for chunk in (part for step in (utterance.feed(text), utterance.finish()) for part in step):
        chunks.append(chunk)
        first = first or time.perf_counter() - start
    whole = time.perf_counter() - start
    return Said(chunks, first or whole, whole)


def alignment_errors(said: Said, rate: int, listen: Listen) -> list[float]:
    """By how many seconds the starts and ends of the words that Whisper hears too differ from where it hears them."""
    pcm = np.concatenate([chunk.pcm for chunk in said.chunks])
    ours = [word for chunk in said.chunks for word in chunk.words]
    heard = listen(resample(pcm, rate, RATE))
    names, others = ([re.sub(r"\W", "", word.text).lower() for word in words] for words in (ours, heard))
    errors = []
    for at, other, size in SequenceMatcher(None, names, others, autojunk=False).get_matching_blocks():
        for one, two in zip(ours[at : at + size], heard[other : other + size], strict=True):
            errors += [one.start - two.start, one.end - two.end]
    return errors


def clauses(said: Said, rate: int) -> list[SpeechChunk]:
    """The chunks of each clause as one: a clause begins with the pause of zeros that was put before it."""
    out: list[SpeechChunk] = []
    for chunk in said.chunks:
        if not out or not chunk.pcm[: int(GAP * rate)].any():
            out.append(chunk)
        else:
            last = out[-1]
            pcm = np.concatenate((last.pcm, chunk.pcm))
            out[-1] = SpeechChunk(pcm, last.start, last.words + chunk.words)
    return out


def boundary_errors(chunk: SpeechChunk, rate: int) -> list[float]:
    """By how many seconds a word's end before a comma, and the next word's start, miss the pause in the audio.

    The pause is the longest quiet stretch between the middles of the two words; a comma without one is left out.
    """
    spans = [(chunk.start + start, chunk.start + end) for start, end in quiet_spans(chunk.pcm, rate)]
    errors = []
    for one, two in pairwise(chunk.words):
        low, high = (one.start + one.end) / 2, (two.start + two.end) / 2
        near = [(end - start, start, end) for start, end in spans if low < start and end < high]
        if one.text[-1] in ",;:" and near:
            _, start, end = max(near)
            errors += [one.end - start, two.start - end]
    return errors


def quiet_spans(pcm: NDArray[np.int16], rate: int) -> Sequence[tuple[float, float]]:
    """Start and end in seconds of each quiet stretch of at least `GAP` between two loud ones."""
    hop = int(_HOP * rate)
    frames = pcm[: len(pcm) // hop * hop].astype(np.float64).reshape(-1, hop)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=1)) >= _QUIET)
    before, after = loud[:-1], loud[1:]
    wide = (after - before - 1) * _HOP >= GAP
    return [
        (float(one + 1) * hop / rate, float(two) * hop / rate)
        for one, two in zip(before[wide], after[wide], strict=True)
    ]
