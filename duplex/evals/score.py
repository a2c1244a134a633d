"""`duplex eval score`: the metrics of other systems' recordings, in the folder layout of Full-Duplex-Bench.

Where a folder has no transcript the words are heard by Whisper base, and speech is found by Silero's voice detector, as
in the official scripts; their own recogniser is another, so figures that hang on words differ a little. Speech of which
Whisper understands less than half is timed by its spans.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.evals.fdb import BadLayout, Recording, find, to_replay
from duplex.evals.metrics import measure
from duplex.evals.metrics.segments import WINDOW, segments
from duplex.evals.metrics.spans import Spans, Word, merge, overlaps, total
from duplex.evals.results import Result
from duplex.evals.scenario import Span
from duplex.evals.statistics import describe
from duplex.models import model_folder

_BREATH = 0.3
"""Seconds between two words that belong to them."""
_TELLING = 1.0
"""Seconds of speech below which it may well hold no word."""
SHOWN = (
    "tor_fdb",
    "tor_pause_window",
    "response_latency",
    "fto",
    "no_response",
    "tor_bc_fdb",
    "bc_frequency_fdb",
    "bc_jsd",
    "stop_latency_fdb",
    "response_latency_fdb15",
    "post_interrupt_relevance",
    "i_a",
    "r_y",
)
"""What the table has, as far as a task has it."""


class Ears:
    """The detector and the recogniser, loaded when they are first needed."""

    @cached_property
    def _vad(self) -> Any:
        from asr.vad import SileroVad

        return SileroVad(model_folder("silero-vad"))

    @cached_property
    def _whisper(self) -> Any:
        from asr.whisper import WhisperModel

        return WhisperModel(model_folder("whisper-base"))

    def probabilities(self, pcm: Pcm) -> list[float]:
        """Of speech in each window of 512 samples of int16 [n] at 16 kHz; the last one is filled with silence."""
        found: list[float] = self._vad.stream().accept(np.pad(pcm, (0, -len(pcm) % WINDOW)))
        return found

    def speech(self, pcm: Pcm) -> list[Span]:
        """Segments of speech in int16 [n] at 16 kHz."""
        return segments(self.probabilities(pcm), len(pcm))

    def words(self, pcm: Pcm) -> list[Word]:
        """The words of int16 [n] at 16 kHz. Computes: about a tenth of its length."""
        return [(word.text, word.start, word.end) for word in self._whisper.transcribe(pcm)]


def score(
    folder: Path,
    ears: Ears,
    listen: bool = True,
    distributions: Mapping[str, Sequence[float]] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[tuple[str, Result]]:
    """The system and the result of each recording in a tree; what cannot be read is told and left out.

    Args:
        folder: the tree.
        ears: hear what the folders do not tell.
        listen: words where there is no transcript; else spans of speech stand for them.
        distributions: human backchannels by sample, for `bc_jsd`.
        tell: is told of progress and problems.
    """
    found = []
    for recording in find(folder, tell):
        try:
            result = _result(recording, ears, listen, distributions)
        except BadLayout as error:
            tell(str(error))
            continue
        found.append((recording.system, result))
        tell(f"{recording.system} {recording.sample}")
    return found


def understood(words: Sequence[Word], speech: Spans) -> bool:
    """Whether words were heard in at least half of the speech: a recogniser gives up on babble, which is speech too."""
    long = merge(speech, 0.0)
    heard = total(overlaps(long, merge([(start, end) for _, start, end in words], _BREATH)))
    return total(long) < _TELLING or heard >= total(long) / 2


def _result(
    recording: Recording, ears: Ears, listen: bool, distributions: Mapping[str, Sequence[float]] | None
) -> Result:
    replay = to_replay(recording, ears.speech)
    speech = ears.speech(replay.agent)
    words = recording.words
    if words is None and listen:
        heard = tuple(ears.words(replay.agent))
        words = heard if understood(heard, speech) else None
    metrics = measure(replay, words, None, distributions, speech)
    expect = metrics.pop("expect")
    return Result(recording.output.parent, recording.sample, recording.task, "", metrics, tuple(expect))


def aggregate(rows: Iterable[tuple[str, Result]]) -> list[dict[str, Any]]:
    """{system, task, metric, n, mean, p50, p90, ...} for each system, task and metric; see `statistics.describe`."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for system, result in rows:
        groups.setdefault((system, result.task), []).append(result)
    table = []
    for (system, task), results in sorted(groups.items(), key=lambda item: (item[0][1], item[0][0])):
        for name in SHOWN:
            told = describe(name, results, task)
            if told is not None:
                table.append({"system": system, "task": task, "metric": name, "samples": len(results)} | told)
    return table


def render(table: Sequence[Mapping[str, Any]]) -> str:
    """The table as text; n is how many samples have the metric."""
    head = ("task", "system", "metric", "n", "mean", "P50", "P90")
    lines = [head, *(_cells(row) for row in table)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < 3 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    figures = (f"{row[key]:.3f}" for key in ("mean", "p50", "p90"))
    return row["task"], row["system"], row["metric"], str(row["n"]), *figures


def as_json_text(rows: Sequence[tuple[str, Result]], table: Sequence[Mapping[str, Any]]) -> str:
    """Every sample and the table."""
    samples = [
        {"system": system, "sample": each.id, "task": each.task, "metrics": dict(each.metrics)}
        for system, each in rows
    ]
    return json.dumps({"samples": samples, "table": list(table)}, indent=1)
