"""People's speech to measure by, and its truth: the recordings of the folder that DUPLEX_EVALDATA names.

Each reader knows one kind of folder and gives what is in it; a folder that is not there gives nothing. Where a folder
has no times of its own, speech is where the voice detector finds it in the whole recording (Silero's own segments, not
the floor's quicker ones). No file is kept, and nothing is chosen by these recordings.

| source | what | truth |
|---|---|---|
| `fdb_pauses` | Full-Duplex-Bench's pauses and stories: a turn that goes on to the recording's end | its annotation |
| `fdb_turns` | its smooth turns, and what is asked before an interruption | its annotation |
| `requests` | its disfluent tool requests | the detector |
| `orders` | Picovoice's spoken orders | the detector |
| `vap_short`, `vap_long` | phrases, and the same words continued; WaveNet voices, no people | word times |
| `interruptions` | of Full-Duplex-Bench, over speech of the agent's own voice | its annotation |
| `meetings`, `noises` | other people's meeting (AMI), and sounds, over the agent's speech | nothing is for the agent |
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.audio.wav import read_speech
from duplex.evals.score import Ears

RATE = 16_000
LONGEST = 120.0
"""Seconds of a recording that are taken."""
ANSWERED = 2.4
"""Seconds of the user's silence in which a question was answered: what comes then is an interruption."""
BEFORE, AFTER = 1.5, 1.5
"""Seconds of the agent's speech before an interruption, and after it."""
PIECE = 10.0
"""Seconds of what is heard over the agent's speech at a time."""
_NEAR = 0.1
"""Seconds beside speech that may hold some of it."""
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of one user's turn, or of what is heard over the agent's speech.

    Attributes:
        source: of which kind; see the module's table.
        name: its own.
        pcm: the user's channel, int16 [n] at 16 kHz.
        spans: seconds of the user's speech, in order, the last one ending the turn.
        ended: the turn is over then; else it goes on, and only cutting in can be seen.
        agent: from when to when the agent speaks; None for not at all.
        claims: what is heard over the agent's speech wants the floor.
        branch: seconds at which the words so far could have been all; None where that is not known.
    """

    source: str
    name: str
    pcm: Pcm
    spans: tuple[Span, ...]
    ended: bool = True
    agent: Span | None = None
    claims: bool = False
    branch: float | None = None


def clips(data: Path) -> list[Clip]:
    """All of them, in the order of the table."""
    ears = Ears()
    found = [
        *_site(data / "nc_fdb_site"),
        *_examples(data / "nc_fdb_v1_examples", ears),
        *_spoken(data / "nc_fdb_v3_samples", "*/input.wav", "requests", ears),
        *_spoken(data / "speech" / "picovoice_commands", "*.wav", "orders", ears),
        *_phrases(data / "vap_phrases"),
        *_over_speech(data / "ami_overlap", "meetings"),
        *_over_speech(data / "noise", "noises"),
    ]
    return [clip for clip in found if clip.spans]


def _read(path: Path) -> Pcm:
    return read_speech(path, RATE, 3_600.0)[: round(LONGEST * RATE)]


def _site(folder: Path) -> Iterator[Clip]:
    """`TASK_KIND/NUMBER/{input.wav, annotation.json}`."""
    for file in sorted(folder.glob("*/*/annotation.json")):
        task, spans = file.parent.parent.name, _spans(_json(file)["user_speech"])
        name, pcm = f"{task}/{file.parent.name}", _read(file.parent / "input.wav")
        if task.startswith("interruption"):
            yield from _interrupting(name, pcm, spans, _onset(spans))
        elif task.startswith("turntaking"):
            yield Clip("fdb_turns", name, pcm, spans)
        else:
            yield Clip("fdb_pauses", name, pcm, spans, ended=False)


def _examples(folder: Path, ears: Ears) -> Iterator[Clip]:
    """The official samples: `*_example/NUMBER/input.wav` with `pause.json`, `turn_taking.json` or `interrupt.json`."""
    for file in sorted(folder.glob("*_example/*/input.wav")):
        name, pcm = f"{file.parent.parent.name}/{file.parent.name}", _read(file)
        spans = tuple(ears.speech(pcm))
        if (file.parent / "pause.json").is_file():
            yield Clip("fdb_pauses", name, pcm, spans, ended=False)
        elif (told := file.parent / "turn_taking.json").is_file():
            over = float(_json(told)[0]["timestamp"][0])
            yield Clip("fdb_turns", name, pcm, tuple((a, min(b, over)) for a, b in spans if a < over))
        elif (told := file.parent / "interrupt.json").is_file():
            yield from _interrupting(name, pcm, spans, float(_json(told)[0]["timestamp"][0]))


def _interrupting(name: str, pcm: Pcm, spans: tuple[Span, ...], onset: float | None) -> Iterator[Clip]:
    """The question, which is a turn, and what is said over its answer."""
    if onset is None:
        return
    asked = tuple(span for span in spans if span[1] <= onset)
    said = tuple(span for span in spans if span[1] > onset)
    if asked:
        before = round((said[0][0] if said else onset) * RATE)
        yield Clip("fdb_turns", name, pcm[:before], asked)
    if said:
        agent = (max(asked[-1][1] if asked else 0.0, said[0][0] - BEFORE), said[-1][1] + AFTER)
        yield Clip("interruptions", name, pcm, said, agent=agent, claims=True)


def _onset(spans: tuple[Span, ...]) -> float | None:
    return next((later[0] for earlier, later in pairwise(spans) if later[0] - earlier[1] > ANSWERED), None)


def _spoken(folder: Path, pattern: str, source: str, ears: Ears) -> Iterator[Clip]:
    """Recordings of one turn each."""
    for file in sorted(folder.glob(pattern)):
        pcm = _read(file)
        yield Clip(source, str(file.relative_to(folder)), pcm, tuple(ears.speech(pcm)))


def _phrases(folder: Path) -> Iterator[Clip]:
    """`phrases.json`: a list with each file's words and their times."""
    if not (folder / "phrases.json").is_file():
        return
    told: list[dict[str, Any]] = _json(folder / "phrases.json")
    short = {(each["phrase"], each["tts"]): len(each["words"]) for each in told if each["size"] == "short"}
    for each in sorted(told, key=lambda each: str(each["file"])):
        times = _spans(each["vad"])
        count = short.get((each["phrase"], each["tts"]), len(times))
        branch = times[min(count, len(times)) - 1][1]
        pcm = _read(folder / each["file"])
        spans = ((times[0][0], times[-1][1]),)
        yield Clip(f"vap_{each['size']}", each["file"], pcm, spans, branch=branch)


def _over_speech(folder: Path, source: str) -> Iterator[Clip]:
    """What is not meant for the agent, over its speech, in pieces of at most 10 s."""
    for file in sorted(folder.glob("*.wav")):
        pcm, size = _read(file), round(PIECE * RATE)
        for at in range(0, len(pcm), size):
            piece = pcm[at : at + size]
            seconds = len(piece) / RATE
            if seconds >= 1.0:
                whole = ((0.0, seconds),)
                yield Clip(source, f"{file.name}@{at // RATE}", piece, whole, agent=(0.0, seconds))


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _spans(raw: Any) -> tuple[Span, ...]:
    return tuple((float(start), float(end)) for start, end in raw)


def silence_of(clip: Clip, seconds: float) -> Pcm:
    """So many seconds of the recording's own quiet, to and fro: int16 [n]; soft noise where it has none."""
    size = RATE // 5
    edges = [0.0, *(edge for span in clip.spans for edge in span), len(clip.pcm) / RATE]
    gaps = [
        (round((a + _NEAR) * RATE), round((b - _NEAR) * RATE))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]
    starts = [at for first, after in gaps for at in range(first, after - size + 1, size // 4)]
    if not starts:
        return np.random.default_rng(0).integers(-2, 3, round(seconds * RATE)).astype(np.int16)
    loud = [float(np.square(clip.pcm[at : at + size].astype(np.float64)).mean()) for at in starts]
    at = starts[int(np.argmin(loud))]
    piece = clip.pcm[at : at + size]
    return np.resize(np.concatenate((piece, piece[::-1])), round(seconds * RATE)).astype(np.int16)
