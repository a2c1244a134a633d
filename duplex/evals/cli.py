"""`duplex eval`: replay scenarios against an agent, score, compare, and read the report."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duplex.evals.cli_baselines import baselines
from duplex.evals.cli_fdb import export, score
from duplex.evals.cli_results import compare, gate, report
from duplex.evals.cli_scenarios import check, schema
from duplex.evals.cli_speech import speech
from duplex.evals.crag.command import audiocrag

if TYPE_CHECKING:
    from duplex.evals.job import Done
    from duplex.evals.runner import Watch

app = typer.Typer(
    name="eval",
    help="Replay scenarios against an agent; score, compare and gate what came of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for _command in (baselines, report, compare, gate, score, export, check, schema, speech):
    app.command()(_command)
app.command()(audiocrag)


class LaneName(StrEnum):
    """How the audio goes."""

    virtual = "virtual"
    webrtc = "webrtc"
    text = "text"


class ComputeMode(StrEnum):
    """What computing costs in virtual time."""

    measured = "measured"
    fixed = "fixed"
    zero = "zero"


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="A folder or file of scenarios, or a shipped suite's name.")],
    agent: Annotated[str, typer.Option(help="A shipped agent's name, or an agent file or its folder.")],
    lane: Annotated[
        LaneName, typer.Option(help="Virtual time, a real call, or words without audio.")
    ] = LaneName.virtual,
    compute: Annotated[
        ComputeMode,
        typer.Option(help="What computing costs: what it takes here, what a table says, or nothing."),
    ] = ComputeMode.measured,
    out: Annotated[Path, typer.Option(help="Folder for what comes of it.")] = Path("out/eval"),
    data: Annotated[
        Path | None, typer.Option(help="Where clips and corpora lie; else with the scenario or above it.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Scenarios at a time; not with measured.")] = 1,
    only: Annotated[str, typer.Option(metavar="GLOB", help="Ids or tasks, such as 'pause_*'.")] = "*",
    fresh: Annotated[bool, typer.Option("--fresh", help="Do again what an earlier run did.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Fetch nothing; fail if a model is missing.")
    ] = False,
) -> None:
    """Replay scenarios against an agent and measure what it does.

    Leaves a folder for each scenario (dialogue.wav with the user left, events.jsonl, metrics.json), run.json, a summary
    and a report. Run again, it goes on where it was stopped.
    """
    from duplex.evals import runner
    from duplex.evals.job import Options
    from duplex.evals.suite import find_suite

    if offline:
        os.environ["DUPLEX_OFFLINE"] = "1"
    options = Options(
        find_suite(suite), out, lane.value, compute.value, data=data, jobs=jobs, only=only, fresh=fresh
    )
    make, identity = runner.agent(agent, lane.value)
    with _progress() as watch:
        ran = runner.run_suite(make, identity, options, watch)
    if as_json:
        typer.echo((out / "run.json").read_text(encoding="utf-8"))
    else:
        typer.echo(f"{len(ran.done)} scenarios in {ran.wall:.0f} s; results in {out}")
    if ran.others:
        names = ", ".join(ran.others[:5]) + (" and others" if len(ran.others) > 5 else "")
        typer.echo(
            f"{len(ran.others)} left out, since they are not for the {lane.value} lane: {names}", err=True
        )
    for each in ran.failed:
        typer.echo(f"failed: {each.id}: {each.error}", err=True)
    if ran.failed:
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Watch]:
    """A bar on a terminal, else a line for each scenario; on stderr."""

    def told(done: Done) -> str:
        how = "kept" if done.kept else f"{done.seconds:.0f} s in {done.wall:.1f} s"
        return f"{done.id}: {done.error or how}"

    count = 0
    if not sys.stderr.isatty():

        def tell(done: Done, of: int) -> None:
            nonlocal count
            count += 1
            typer.echo(f"[{count}/{of}] {told(done)}", err=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("loading the models", total=None)

        def watch(done: Done, of: int) -> None:
            bar.update(task, description=told(done), total=of, advance=1)

        yield watch
