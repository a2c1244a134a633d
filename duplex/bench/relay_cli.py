"""`duplex train verifier`, and the parts of `duplex bench relay`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class RelayPart(StrEnum):
    """What of the relay can be measured alone: the fast path; voices over the agent's in virtual time, by its rule, by
    one that stops for any, and over calls; drafts as text; many calls at once; whether answers are as good."""

    fast = "fast"
    overlap = "overlap"
    any = "any"
    drafts = "drafts"
    calls = "calls"
    load = "load"
    quality = "quality"


class RelayCompute(StrEnum):
    """What computing costs in virtual time: what it takes here, or what a table says."""

    measured = "measured"
    fixed = "fixed"


def verifier(
    drafts: Annotated[
        Path,
        typer.Option(
            help="Drafts and what came of them; made first, in an hour, where there is no such file."
        ),
    ] = Path("out/bench/drafts/drafts.jsonl"),
    out: Annotated[Path, typer.Option(help="Where the weights go.")] = Path("configs/relay/verifier.json"),
) -> None:
    """Train what keeps or drops the words that an agent with `relay: on` says before it knows its answer."""
    from duplex.bench.relay_train import trained_on

    try:
        result = trained_on(drafts)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--drafts") from error
    result.save(out)
    typer.echo(f"{out}: {json.dumps(result.figures, indent=2)}")
