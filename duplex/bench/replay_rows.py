"""Whether our metrics agree with an independent computation: takeovers, gaps and overlaps of recorded systems.

`expected_vad_rows.json` in the evaluation data holds, for each recording, segments of speech and what follows from
them. The user's segments are the truth that it gives, since the user's channel as each system heard it is not in the
folder; the system's are found in its recording by our own detector. A row agrees where its takeover is the same, and
every gap and overlap is there within one frame of the detector.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duplex.audio.pcm import Pcm
from duplex.audio.wav import read_speech
from duplex.bench.measure import Measure, of_share
from duplex.evals.metrics.fdb1 import takeover_by_sound
from duplex.evals.metrics.fdb15 import USER_GAP
from duplex.evals.metrics.segments import RATE, RELEASE, THRESHOLD, WINDOW
from duplex.evals.metrics.spans import FDB_GAP, Spans, gap_rows, merge, overlaps
from duplex.evals.score import Ears

DATA_ENV = "DUPLEX_EVALDATA"
FRAME = WINDOW / RATE
ROWS = Path("nc_fdb_site", "expected_vad_rows.json")


@dataclass(frozen=True, slots=True)
class Row:
    """What was expected of one recording, and what was found.

    Attributes:
        name: sample and system.
        wrong: of takeover, gaps and overlaps those that differ.
        by_rule: the same from the row's own segments: what then still differs is a fault of the metrics.
        why: what the detector heard where its segments differ; empty where all agrees.
    """

    name: str
    wrong: tuple[str, ...]
    by_rule: tuple[str, ...]
    why: str


def rows_agree(data: Path | None = None) -> Iterator[Measure]:
    """`replay.fdb_rows_agree`, over takeover, gaps and overlaps of every row; nothing without evaluation data.

    Prints each row that differs, and why.

    Args:
        data: the folder; by default the one that the environment names.
    """
    folder = data or (Path(os.environ[DATA_ENV]) if os.environ.get(DATA_ENV) else None)
    if folder is None or not (folder / ROWS).exists():
        return
    rows = compared(folder)
    command = f"{DATA_ENV}=DIR duplex bench replay"
    checks = 3 * len(rows)
    yield of_share("replay.fdb_rows_agree", checks - sum(len(row.wrong) for row in rows), checks, command)
    yield of_share("replay.fdb_whole_rows_agree", sum(not row.wrong for row in rows), len(rows), command)
    yield of_share("replay.fdb_rules_agree", checks - sum(len(row.by_rule) for row in rows), checks, command)
    for row in rows:
        if row.wrong or row.by_rule:
            print(f"differs: {row.name}: {', '.join(row.wrong or row.by_rule)}: {row.why}")


def compared(data: Path) -> list[Row]:
    """Every row of the evaluation data that has its recording there."""
    folder, ears = data / ROWS.parent, Ears()
    raw: list[dict[str, Any]] = json.loads((data / ROWS).read_text(encoding="utf-8"))
    found = []
    for row in raw:
        file = folder / row["sample"] / f"output_{row['system']}.wav"
        if file.exists():
            found.append(_compared(row, read_speech(file, RATE, 600.0), ears))
    return found


def _compared(row: Mapping[str, Any], pcm: Pcm, ears: Ears) -> Row:
    user, agent = _spans(row["user"]), ears.speech(pcm)
    wrong = differing(row, user, agent)
    why = _why(_spans(row["model"]), agent, ears.probabilities(pcm)) if wrong else ""
    by_rule = differing(row, user, _spans(row["model"]))
    return Row(f"{row['sample']} {row['system']}", wrong, by_rule, why)


def differing(row: Mapping[str, Any], user: Spans, agent: Spans) -> tuple[str, ...]:
    """Which of takeover, gaps and overlaps, computed from these segments, are not as the row expects."""
    theirs, ours = merge(user, USER_GAP), merge(agent, FDB_GAP)
    checks: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("takeover", lambda: takeover_by_sound(agent) == row["TOR_energy"]),
        ("gaps", lambda: near(gap_rows(theirs, ours), _spans(row["resp"]))),
        ("overlaps", lambda: near(overlaps(theirs, ours), _spans(row["overlap"]))),
    )
    return tuple(name for name, agrees in checks if not agrees())


def near(one: Spans, other: Spans) -> bool:
    """The same spans, each edge within one frame of the detector."""
    pairs = [pair for a, b in zip(one, other, strict=False) for pair in zip(a, b, strict=True)]
    # Expected times are rounded to milliseconds.
    return len(one) == len(other) and all(abs(a - b) <= FRAME + 0.001 for a, b in pairs)


def _why(expected: Spans, found: Spans, probabilities: Sequence[float]) -> str:
    """The edges that only one side has, and how sure our detector was around them."""
    told = []
    for label, mine, others in (("expected", expected, found), ("found", found, expected)):
        known = [edge for span in others for edge in span]
        for start, end in mine:
            for edge in (start, end):
                if all(abs(edge - other) > FRAME + 0.001 for other in known):
                    told.append(
                        f"an edge {label} at {edge:.3f} s, where speech has p {_around(probabilities, edge)}"
                    )
    limits = f"speech begins at {THRESHOLD} and ends below {RELEASE}"
    return "; ".join(told) + f" ({limits})"


def _around(probabilities: Sequence[float], t: float) -> str:
    middle = int(t / FRAME)
    near_by = probabilities[max(0, middle - 2) : middle + 3]
    return f"{min(near_by):.2f} to {max(near_by):.2f}" if near_by else "none"


def _spans(raw: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    return [(float(start), float(end)) for start, end in raw]
