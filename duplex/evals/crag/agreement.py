"""How far the scorer agrees with a person: measured on labelled answers, kept with the scorer's own fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml

from duplex.evals.crag.questions import kind_of
from duplex.evals.crag.scorer import Verdict, score
from duplex.resources import ResourceError, config_path

LABELLED = "nc_crag/scorer_gold_hand_labelled.jsonl"
"""In the folder of evaluation data: `query`, `gold`, `prediction` and `label` in each line."""
KEPT = "evals/scorer.yaml"
"""Where the shipped figure lies."""
_PARTS = ("scorer", "choices", "matching", "claims", "normal")
_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class LabelError(Exception):
    """The labelled answers cannot be used; the message says which line and why."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many of n labelled answers the scorer judges as the person did.

    Attributes:
        agree, n: the counts.
        confusion: how often each label (first) was judged as each verdict (second).
    """

    agree: int
    n: int
    confusion: dict[tuple[Verdict, Verdict], int]

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share."""
        return _interval(self.agree, self.n)


def agreement(path: Path) -> Agreement:
    """Judge labelled answers.

    Raises:
        LabelError: a line is none.
        OSError: it cannot be read.
    """
    confusion: dict[tuple[Verdict, Verdict], int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            pair = _judged(line, f"{path}: line {number}")
            confusion[pair] = confusion.get(pair, 0) + 1
    if not confusion:
        raise LabelError(f"{path}: holds no labelled answer")
    agree = sum(count for (label, verdict), count in confusion.items() if label == verdict)
    return Agreement(agree, sum(confusion.values()), confusion)


def _judged(line: str, where: str) -> tuple[Verdict, Verdict]:
    try:
        row: dict[str, Any] = json.loads(line)
        gold, label = row["gold"], row["label"]
        said, asked = str(row["prediction"]), str(row["query"])
    except (ValueError, KeyError, TypeError) as error:
        raise LabelError(f"{where}: needs query, gold, prediction and label: {error!r}") from error
    golds = [str(each) for each in gold] if isinstance(gold, list) else [str(gold)]
    verdict = next((each for each in _VERDICTS if each == label), None)
    if verdict is None:
        raise LabelError(f"{where}: the label {label!r} is none of {', '.join(_VERDICTS)}")
    return verdict, score(said, golds, kind_of(golds[0]), asked)


def fingerprint() -> str:
    """Of the scorer's code: another scorer agrees with people in another way."""
    folder = Path(__file__).parent
    code = b"".join((folder / f"{name}.py").read_bytes() for name in _PARTS)
    return hashlib.sha256(code).hexdigest()[:16]


def shipped() -> dict[str, Any] | None:
    """The figure that was measured last: agreement, low, high, n, and `current`, whether of this very scorer.

    None where none was measured.
    """
    try:
        kept = yaml.safe_load(config_path(KEPT).read_text(encoding="utf-8"))
    except (ResourceError, OSError):
        return None
    agree, n = int(kept["agree"]), int(kept["n"])
    low, high = _interval(agree, n)
    current = kept["scorer"] == fingerprint()
    return {"agreement": agree / n, "low": low, "high": high, "n": n, "current": current}


def _interval(agree: int, n: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    found = binomtest(agree, n).proportion_ci(0.95, method="wilson")
    return round(float(found.low), 4), round(float(found.high), 4)
