"""`duplex eval check` and `schema`: for those who write scenarios."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def check(
    paths: Annotated[list[str], typer.Argument(help="Files or folders of scenarios, or shipped suites.")],
    data: Annotated[
        Path | None, typer.Option(help="Where clips and corpora lie; else with the scenario or above it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check scenarios: keys, clips, texts, corpora, moments and windows. Speech that was never made is made."""
    from duplex.evals.check import check as look
    from duplex.evals.suite import find_suite, read_suite

    cases = [case for path in paths for part in read_suite(find_suite(path), "virtual") for case in part]
    found = [look(case, data) for case in cases]
    faulty = [each for each in found if each.faults]
    if as_json:
        rows = [{"id": each.id, "file": str(each.file), "faults": each.faults} for each in found]
        typer.echo(json.dumps({"ok": not faulty, "scenarios": rows}, indent=1))
    else:
        for each in faulty:
            for fault in each.faults:
                typer.echo(fault if str(each.file) in fault else f"{each.file}: {fault}", err=True)
        tasks = {case.scenario.task for case in cases if case.scenario}
        typer.echo(f"{len(found) - len(faulty)} of {len(found)} scenarios are right, over {len(tasks)} tasks")
    if faulty:
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of scenarios, for editors.

    \b
    Save it:                         duplex eval schema > duplex-scenario-1.schema.json
    and begin a scenario's file with: # yaml-language-server: $schema=duplex-scenario-1.schema.json
    """
    from duplex.evals.scenario import scenario_schema

    typer.echo(json.dumps(scenario_schema(), indent=2))
