"""The folder layout of Full-Duplex-Bench: other systems' recordings in, replays out for the official scripts.

A sample is a folder with input.wav (the user), output.wav (the system), output.json {text, chunks: [{text, timestamp}]}
and, by task, pause.json, turn_taking.json, interrupt.json or (v1.5) metadata.json. The layout of the benchmark's web
site is read too: output_<system>.wav, input_<system>.wav where the user was heard otherwise, and annotation.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.audio.wav import BadRecording, read_speech
from duplex.evals.metrics.segments import SHORTEST
from duplex.evals.metrics.spans import Spans, Word, clip, merge
from duplex.evals.record import RATE, Placed, Replay
from duplex.evals.scenario import Scenario, Span, Task

MAX_SECONDS = 3_600.0
MAX_BYTES = 4 * 2**20
"""Of a JSON file."""
_APART = 2.0
"""Seconds of silence between a user's first turn and an interruption, where no mark says when that is."""
_BY_NAME: Mapping[str, Task] = {
    "backchannel": "backchannel",
    "user_backchannel": "user_backchannel",
    "pause": "pause_handling",
    "turn": "smooth_turn_taking",
    "interrupt": "user_interruption",
    "talking_to_other": "talking_to_other",
    "background": "background_speech",
}
_MARKS: Mapping[str, Task] = {
    "pause.json": "pause_handling",
    "turn_taking.json": "smooth_turn_taking",
    "interrupt.json": "user_interruption",
}
_OVERLAPS: Mapping[Task, Mapping[str, Any]] = {
    "user_interruption": {"kind": "interruption"},
    "user_backchannel": {"kind": "backchannel", "claims_floor": False, "ends_turn": False},
    "talking_to_other": {
        "kind": "side_talk",
        "addressed_to": "other",
        "claims_floor": False,
        "ends_turn": False,
    },
    "background_speech": {
        "kind": "background_speech",
        "addressed_to": "none",
        "claims_floor": False,
        "ends_turn": False,
    },
}


class BadLayout(ValueError):
    """A folder that is no sample; the text names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One system's recording of one sample.

    Attributes:
        system: whose.
        sample: the folder's path below the tree that was scored.
        speech: the user's spans where the folder tells them for this very input; else they are to be detected.
        words: the system's, where the folder has a transcript.
        spans: of the mark: the pause, the turn's end, the interruption.
        text: what is said in an interruption, and before it.
    """

    system: str
    sample: str
    task: Task
    input: Path
    output: Path
    speech: tuple[Span, ...] | None = None
    words: tuple[Word, ...] | None = None
    spans: tuple[Span, ...] = ()
    text: Mapping[str, str] = field(default_factory=dict)


def find(folder: Path, tell: Callable[[str], None] = lambda problem: None) -> Iterator[Recording]:
    """Every recording in a tree, in the order of their names; `tell` hears of samples that cannot be read."""
    for path in sorted(folder.rglob("output*.wav")):
        try:
            found = _recording(folder, path)
        except BadLayout as error:
            tell(str(error))
            continue
        if found is None:
            tell(f"{path}: left out: nothing tells its task, or there is no input beside it")
        else:
            yield found


def _recording(folder: Path, path: Path) -> Recording | None:
    sample, name = path.parent, path.stem.removeprefix("output").lstrip("_")
    own = sample / f"input_{name}.wav"
    heard = own if name and own.exists() else sample / "input.wav"
    relative = sample.relative_to(folder) if sample != folder else Path(sample.name)
    task, spans, text = _marks(sample)
    if task is None or not heard.exists():
        return None
    return Recording(
        system=name or (relative.parts[0] if len(relative.parts) > 2 else folder.resolve().name),
        sample=str(relative),
        task=task,
        input=heard,
        output=path,
        speech=None if heard == own else _annotated(sample),
        words=None if name else _transcript(sample / "output.json"),
        spans=spans,
        text=text,
    )


def _marks(sample: Path) -> tuple[Task | None, tuple[Span, ...], dict[str, str]]:
    """The task, the marked spans and the texts of a sample."""
    for file, marked in _MARKS.items():
        if (sample / file).exists():
            rows = _json(sample / file, list)
            spans = tuple(_span(row.get("timestamp"), sample / file) for row in rows)
            return (
                marked,
                spans,
                {key: str(rows[0].get(key, "")) for key in ("context", "interrupt")} if rows else {},
            )
    named = _named(sample)
    if (sample / "metadata.json").exists():
        raw = _json(sample / "metadata.json", dict)
        if "timestamps" in raw:
            text = {"context": raw.get("context_text", ""), "interrupt": raw.get("current_turn_text", "")}
            task = named if named in _OVERLAPS else "user_interruption"
            return (
                task,
                (_span(raw["timestamps"], sample / "metadata.json"),),
                {k: str(v) for k, v in text.items()},
            )
    return named, (), {}


def _named(sample: Path) -> Task | None:
    """The task that the folders' names tell; the longest name that fits."""
    for part in (sample.name, *(parent.name for parent in list(sample.parents)[:3])):
        found = [key for key in _BY_NAME if key in part.lower()]
        if found:
            return _BY_NAME[max(found, key=len)]
    return None


def _annotated(sample: Path) -> tuple[Span, ...] | None:
    path = sample / "annotation.json"
    if not path.exists():
        return None
    rows = _json(path, dict).get("user_speech") or []
    return tuple(_span(row, path) for row in rows)


def _transcript(path: Path) -> tuple[Word, ...] | None:
    """The words of an output.json; those without an end, as Whisper leaves them at times, end where they begin."""
    if not path.exists():
        return None
    words = []
    for chunk in _json(path, dict).get("chunks") or []:
        stamp = chunk.get("timestamp") if isinstance(chunk, dict) else None
        start, end = stamp[:2] if isinstance(stamp, list) and len(stamp) >= 2 else (None, None)
        if isinstance(start, int | float) and math.isfinite(start + (end or 0.0)):
            words.append(
                (str(chunk.get("text", "")).strip(), float(start), float(start if end is None else end))
            )
    return tuple(words)


def _json(path: Path, kind: type[list[Any]] | type[dict[str, Any]]) -> Any:
    try:
        size, raw = path.stat().st_size, b""
        if size <= MAX_BYTES:
            raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadLayout(f"{path}: cannot be read: {error}") from error
    if size > MAX_BYTES:
        raise BadLayout(f"{path}: larger than {MAX_BYTES // 2**20} MiB")
    if not isinstance(raw, kind) or (kind is list and not all(isinstance(row, dict) for row in raw)):
        raise BadLayout(f"{path}: holds no {'list of objects' if kind is list else 'object'}")
    return raw


def _span(raw: Any, path: Path) -> Span:
    numbers = [each for each in raw if isinstance(each, int | float)] if isinstance(raw, list) else []
    if len(numbers) != 2:
        raise BadLayout(f"{path}: {raw!r} is no span of two numbers")
    start, end = map(float, numbers)
    if not 0 <= start <= end <= MAX_SECONDS:
        raise BadLayout(f"{path}: {raw!r} is no span within a recording")
    return start, end


def to_replay(recording: Recording, detect: Callable[[Pcm], Spans]) -> Replay:
    """A recording as a replay without a log: what the user did is its scenario.

    Args:
        recording: which.
        detect: finds speech in int16 [n] at 16 kHz, where the folder does not tell the user's.

    Raises:
        BadLayout: one of its files is no recording.
    """
    try:
        user, agent = (read_speech(path, RATE, MAX_SECONDS) for path in (recording.input, recording.output))
    except BadRecording as error:
        raise BadLayout(str(error)) from error
    length = max(len(user), len(agent))
    speech = recording.speech if recording.speech is not None else tuple(detect(user))
    items = _items(recording, list(speech), length / RATE)
    scenario = Scenario.model_validate(
        {
            "schema": "duplex-scenario/1",
            "id": f"{recording.sample.replace('/', '_')}-{recording.system}"[:200].replace(" ", "_"),
            "task": recording.task,
            "duration": max(length / RATE, 0.02),
            "timeline": items,
            "expect": [],
        }
    )
    placed = [Placed(item, 0.0, length / RATE) for item in scenario.timeline]
    return Replay(
        scenario,
        recording.system,
        "virtual",
        "real",
        placed=placed,
        user=np.pad(user, (0, length - len(user))),
        agent=np.pad(agent, (0, length - len(agent))),
    )


def _items(recording: Recording, speech: list[Span], seconds: float) -> list[dict[str, Any]]:
    """The scenario's timeline: each item begins at 0, its spans of speech say when it is heard."""
    task, marks = recording.task, recording.spans
    if task == "pause_handling":
        return [_item("u1", _without(speech, marks), ends_turn=False)]
    if task == "backchannel":
        return [_item("u1", speech, ends_turn=False)]
    if task == "smooth_turn_taking":
        # The mark begins where the turn ends: the official script reads its first number.
        end = marks[0][0] if marks else seconds
        return [_item("u1", clip(speech, 0.0, end) or [(0.0, end)])]
    event = marks or tuple(merge(speech, _APART)[1:][-1:])
    before = clip(speech, 0.0, event[0][0]) if event else speech
    # A detector begins an event's own speech a little before the mark.
    before = [span for span in before if span[1] - span[0] > SHORTEST]
    first = [_item("u1", before, text=recording.text.get("context", ""))] if before else []
    own = _OVERLAPS[task]
    spans = clip(speech, *event[0]) or list(event) if event else []
    rest = [_item("i1", spans, text=recording.text.get("interrupt", ""), **own)] if event else []
    return [*first, *rest]


def _item(name: str, speech: Spans, **more: Any) -> dict[str, Any]:
    return {"id": name, "kind": "user_speech", "at": 0.0, "speech": [list(span) for span in speech]} | more


def _without(speech: Spans, pauses: Sequence[Span]) -> list[Span]:
    """Speech with the marked pauses cut out: a voice detector joins over short ones."""
    if not pauses:
        return list(speech)
    edges = [0.0, *(edge for pause in merge(pauses, 0.0) for edge in pause), MAX_SECONDS]
    return [
        span for start, end in zip(edges[::2], edges[1::2], strict=True) for span in clip(speech, start, end)
    ]
