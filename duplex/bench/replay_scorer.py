"""Whether the answer scorer can be believed: its verdicts against a person's, where labelled answers are at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from duplex.bench.measure import Measure, of_share
from duplex.evals.crag.agreement import LABELLED, agreement

DATA_ENV = "DUPLEX_EVALDATA"


def scorer(data: Path | None = None) -> Iterator[Measure]:
    """`replay.scorer_agreement`; nothing where there is no evaluation data.

    Args:
        data: its folder; by default the one that the environment names.
    """
    folder = data or (Path(os.environ[DATA_ENV]) if os.environ.get(DATA_ENV) else None)
    if folder is None or not (folder / LABELLED).exists():
        return
    found = agreement(folder / LABELLED)
    yield of_share("replay.scorer_agreement", found.agree, found.n, f"{DATA_ENV}=DIR duplex bench replay")
