"""Section H, diarization: DER with a collar of 0, overlapped speech scored, by pyannote-metrics."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Segment = tuple[float, float, str]
"""Start, end, speaker."""


def der(
    reference: Iterable[Segment], hypothesis: Iterable[Segment], end: float | None = None
) -> tuple[float, float]:
    """(False alarm + miss + confusion) and reference speech, in seconds; DER is their quotient.

    Args:
        reference: who truly spoke when.
        hypothesis: who is believed to; speakers' names need not be the same.
        end: of what is scored; default: all.
    """
    from pyannote.core import Annotation, Timeline
    from pyannote.core import Segment as Interval
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(segments: Iterable[Segment]) -> Annotation:
        made = Annotation()
        for at, (start, stop, speaker) in enumerate(segments):
            made[Interval(start, stop), at] = speaker
        return made

    truth, guess = annotation(reference), annotation(hypothesis)
    extent = truth.get_timeline() | guess.get_timeline()
    uem = Timeline([Interval(0, end) if end is not None else extent.extent()])
    parts = DiarizationErrorRate(collar=0.0, skip_overlap=False)(truth, guess, uem=uem, detailed=True)
    errors = parts["false alarm"] + parts["missed detection"] + parts["confusion"]
    return float(errors), float(parts["total"])


def read_rttm(path: Path) -> list[Segment]:
    """The speaker lines of an RTTM file.

    Raises:
        OSError: it cannot be read.
        ValueError: a line of it is no RTTM; names the line.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            start, length = float(fields[3]), float(fields[4])
            found.append((start, start + length, fields[7]))
        except (IndexError, ValueError) as error:
            raise ValueError(f"{path}:{number}: no line of an RTTM: {line[:80]!r}") from error
    return found
