"""`duplex eval report|compare|gate`: what is made of runs that are done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def report(
    folder: Annotated[Path, typer.Argument(help="A run's folder.")],
    beside: Annotated[
        list[Path] | None,
        typer.Option(help="Another run's folder to set beside it; those in FOLDER/baselines are."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Make a run's summary.json, report.md and report.html anew from what its scenarios left."""
    from duplex.evals.report import write_report

    summary = write_report(folder, beside or ())
    if as_json:
        typer.echo(json.dumps(summary, indent=1))
    else:
        run = summary["run"]
        typer.echo(f"{run['done']} of {run['scenarios']} scenarios; open {folder / 'report.html'}")


def compare(
    a: Annotated[Path, typer.Argument(help="A run's folder.")],
    b: Annotated[Path, typer.Argument(help="Another's.")],
    by_task: Annotated[bool, typer.Option("--by-task", help="Every metric of every task.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two runs over the scenarios that both have, with paired intervals."""
    from duplex.evals import compare as comparing

    found = comparing.compare(a, b)
    typer.echo(json.dumps(found.plain(), indent=1) if as_json else comparing.render(found, by_task))


def gate(
    summary: Annotated[Path, typer.Argument(help="A summary.json, or the folder that holds it.")],
    gates: Annotated[Path, typer.Argument(help="A YAML file of gates, such as configs/evals/gates.yaml.")],
    as_json: AsJson = False,
) -> None:
    """Fail where a figure of a run leaves its bounds, and say which and by how much."""
    from duplex.evals.gate import check, load_gates
    from duplex.evals.summary import read_summary

    verdicts = check(read_summary(summary), load_gates(gates))
    rows = [
        each.gate.model_dump() | {"value": each.value, "n": each.n, "fallen": each.fallen}
        for each in verdicts
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            why = f" ({row['why']})" if row["why"] else ""
            value = "" if row["value"] is None else f" {row['value']:.4g}"
            told = (
                f"fallen: {row['metric']}: {row['fallen']}"
                if row["fallen"]
                else f"held: {row['metric']}{value}"
            )
            typer.echo(told + why)
    fallen = sum(bool(row["fallen"]) for row in rows)
    if fallen:
        typer.echo(f"{fallen} of {len(rows)} gates fell", err=True)
        raise typer.Exit(1)
