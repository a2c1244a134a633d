"""`duplex eval audiocrag`: spoken questions, with a tool that takes its time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from duplex.evals.crag.rows import Row
    from duplex.evals.crag.run import Options, Watch
    from duplex.evals.crag.table import Json


class QuestionLane(StrEnum):
    """How the questions go."""

    virtual = "virtual"
    text = "text"


class QuestionCompute(StrEnum):
    """What computing costs in virtual time."""

    measured = "measured"
    fixed = "fixed"
    zero = "zero"


Questions = Annotated[
    Path,
    typer.Argument(help="CRAG's jsonl (.bz2 too), or lines with question, answer and supporting docs."),
]
Agent = Annotated[str, typer.Option(help="A shipped agent's name, or an agent file or its folder.")]
Docs = Annotated[
    Path | None,
    typer.Option(help="What to answer from: a jsonl or a folder; else the questions' own pages."),
]
Limit = Annotated[int | None, typer.Option(min=1, help="How many questions to draw; all by default.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws the questions, their voices and the delays.")]
Delays = Annotated[
    str, typer.Option(help="Seconds that the tool takes, and `paper`: lognormal, P50 2.78 s, P90 4.90 s.")
]
Recordings = Annotated[
    Path | None,
    typer.Option(help="Folder of the questions as sound, ID.wav; else local voices say them."),
]
Lane = Annotated[QuestionLane, typer.Option(help="Speech in virtual time, or words on a clock.")]
Computed = Annotated[
    QuestionCompute,
    typer.Option(help="What computing costs: what it takes here, what a table says, or nothing."),
]
Out = Annotated[Path, typer.Option(help="Folder for what comes of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing; fail if a model is missing.")]


def audiocrag(
    questions: Questions,
    agent: Agent,
    docs: Docs = None,
    limit: Limit = None,
    seed: Seed = 0,
    delays: Delays = "0,0.3,0.6,2,paper",
    recordings: Recordings = None,
    lane: Lane = QuestionLane.virtual,
    compute: Computed = QuestionCompute.measured,
    out: Out = Path("out/audiocrag"),
    as_json: AsJson = False,
    offline: Offline = False,
) -> None:
    """Ask an agent spoken questions while its search takes time: are the answers right, and what is waited for?

    Every question is asked twice at each delay, in pairs: as the agent does it of its own, and open book, where it may
    search only once the turn is over. Leaves crag.json, crag.md and crag.html. Run again, it goes on where it was
    stopped. The figures are called CRAG-spoken (local voice); they are no AudioCRAG scores.
    """
    from duplex.evals.crag.run import Options

    if offline:
        os.environ["DUPLEX_OFFLINE"] = "1"
    options = Options(
        questions,
        out,
        docs,
        recordings,
        limit,
        seed,
        tuple(dict.fromkeys(each.strip() for each in delays.split(",") if each.strip())),
        lane.value,
        compute.value,
    )
    rows, summary = _asked(agent, options)
    _tell(rows, summary, out, as_json)


def _asked(agent: str, options: Options) -> tuple[Sequence[Row], Json]:
    """What came of the questions, and the figures; the report is written even where it is stopped."""
    from duplex.agent.loader import load_agent
    from duplex.evals.crag.report import write_report
    from duplex.evals.crag.run import check, run
    from duplex.evals.crag.table import summarise

    try:
        check(options)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--delays") from error
    spec, ran = load_agent(agent), None
    rows: Sequence[Row] = ()
    summary: Json = {}
    try:
        with _progress() as watch:
            for ran in run(spec, options, watch):  # noqa: B007 - it grows, and is told of even where it is stopped
                pass
    finally:
        if ran is not None and ran.rows:
            rows, summary = ran.rows, summarise(ran, options, spec.name)
            write_report(summary, options.out)
    return rows, summary


def _tell(rows: Sequence[Row], summary: Json, out: Path, as_json: bool) -> None:
    """Print the figures and the questions that failed; leave with 1 where one did."""
    from duplex.evals.crag.report import text

    typer.echo((out / "crag.json").read_text(encoding="utf-8") if as_json else text(summary))
    typer.echo(f"open {out / 'crag.html'}", err=True)
    failed = [row for row in rows if row.error]
    for row in failed:
        typer.echo(f"failed: {row.id}, tool {row.delay}, {row.policy}: {row.error}", err=True)
    if failed:
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Watch]:
    """A bar on a terminal, else a line now and then; on stderr."""
    if not sys.stderr.isatty():

        def tell(what: str, done: int, of: int) -> None:
            typer.echo(f"[{done}/{of}] {what}" if of else what, err=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading the questions", total=None)

        def watch(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of or None)

        yield watch
