"""`duplex eval score|export`: recordings of other systems in, replays out, in the layout of Full-Duplex-Bench."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def score(
    folder: Annotated[
        Path, typer.Argument(help="A tree of sample folders; output.wav or output_<system>.wav in each.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every sample and the table as JSON.")
    ] = False,
    listen: Annotated[
        bool, typer.Option(help="Hear the words where there is no output.json; else only speech is timed.")
    ] = True,
    offline: Annotated[
        bool, typer.Option("--offline", help="Fetch nothing; fail if a model is missing.")
    ] = False,
) -> None:
    """Score other systems' recordings, in the folder layout of Full-Duplex-Bench.

    DUPLEX_EVALDATA may name a folder of evaluation data: from it come the human backchannels that bc_jsd needs.
    These are not official Full-Duplex-Bench scores: another recogniser hears the words.
    """
    from duplex.evals.metrics import DATA_ENV, read_distributions
    from duplex.evals.score import Ears, aggregate, as_json_text, render
    from duplex.evals.score import score as score_tree

    if offline:
        os.environ["DUPLEX_OFFLINE"] = "1"
    if not folder.is_dir():
        typer.echo(f"{folder}: there is no such folder", err=True)
        raise typer.Exit(2)
    distributions = read_distributions(os.environ.get(DATA_ENV, ""))
    rows = score_tree(folder, Ears(), listen, distributions, lambda line: typer.echo(line, err=True))
    if not rows:
        typer.echo(
            f"{folder}: no recordings: a sample is a folder with input.wav and output.wav in it", err=True
        )
        raise typer.Exit(1)
    table = aggregate(rows)
    typer.echo(as_json_text(rows, table) if as_json else render(table))


def export(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    out: Annotated[Path, typer.Argument(help="Where the samples' folders are made.")],
) -> None:
    """Write a run's replays as folders of Full-Duplex-Bench, for its official scripts."""
    from duplex.evals.fdb_export import export_run

    counts = export_run(run, out)
    for task, count in counts.items():
        typer.echo(f"{out / task}: {count}")
    if not counts:
        typer.echo(f"{run}: no replays of the benchmark's tasks with audio", err=True)
        raise typer.Exit(1)
