"""`duplex eval baselines`: what a suite says of agents that think nothing, for the report of one that does."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Lane(StrEnum):
    """How the audio goes."""

    virtual = "virtual"
    webrtc = "webrtc"
    text = "text"


def baselines(
    suite: Annotated[str, typer.Argument(help="A folder or file of scenarios, or a shipped suite's name.")],
    out: Annotated[Path, typer.Option(help="The folder of the run beside which they stand.")] = Path(
        "out/eval"
    ),
    lane: Annotated[
        Lane, typer.Option(help="Virtual time, a real call, or words without audio.")
    ] = Lane.virtual,
    data: Annotated[
        Path | None, typer.Option(help="Where clips and corpora lie; else with the scenario or above it.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Scenarios at a time; not over real calls.")] = 1,
    only: Annotated[str, typer.Option(metavar="GLOB", help="Ids or tasks, such as 'pause_*'.")] = "*",
    fresh: Annotated[bool, typer.Option("--fresh", help="Do again what an earlier run did.")] = False,
) -> None:
    """Run the five baselines into OUT/baselines/*; the report of the run in OUT, if there is one, then shows them.

    Never speak, 500 ms of silence, oracle endpoint, oracle trigger, echo. They compute nothing, so virtual time charges
    nothing. Run again, it goes on where it was stopped.
    """
    from duplex.evals import runner
    from duplex.evals.baselines import KINDS, PREFIX
    from duplex.evals.beside import BASELINES
    from duplex.evals.job import Options
    from duplex.evals.report import write_report
    from duplex.evals.suite import find_suite

    folder, failed = find_suite(suite), 0
    for kind in KINDS:
        target = out / BASELINES / kind
        options = Options(folder, target, lane.value, "zero", data=data, jobs=jobs, only=only, fresh=fresh)
        ran = runner.run_suite(*runner.agent(PREFIX + kind, lane.value), options)
        typer.echo(f"{kind}: {len(ran.done)} scenarios in {ran.wall:.0f} s; results in {target}")
        for each in ran.failed:
            typer.echo(f"failed: {each.id}: {each.error}", err=True)
        failed += len(ran.failed)
    if (out / "run.json").exists():
        write_report(out)
    if failed:
        raise typer.Exit(1)
