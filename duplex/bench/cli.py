"""`duplex bench`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duplex.bench.relay_cli import RelayCompute, RelayPart
from duplex.shell import Offline, go_offline

if TYPE_CHECKING:
    from duplex.bench.measure import Measure


class Bench(StrEnum):
    """What can be measured: each is a module of duplex.bench with `run() -> list[Measure]`."""

    graph = "graph"
    search = "search"
    asr = "asr"
    tts = "tts"
    llm = "llm"
    call = "call"
    start = "start"
    transport = "transport"
    replay = "replay"
    rag = "rag"
    core = "core"
    relay = "relay"


class CallCore(StrEnum):
    """What the duplex core can be asked in a call."""

    off = "off"
    voices = "voices"
    ends = "ends"
    full = "full"


def bench(
    what: Annotated[Bench, typer.Argument(help="What to measure.")],
    file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the measures here.")
    ] = None,
    part: Annotated[
        list[RelayPart] | None, typer.Option(help="Of relay: only this part; may be given again.")
    ] = None,
    compute: Annotated[
        RelayCompute, typer.Option(help="Of relay in virtual time: what computing costs.")
    ] = RelayCompute.measured,
    core: Annotated[
        CallCore | None,
        typer.Option(help="Of call: what the duplex core is asked, in place of the agent's own."),
    ] = None,
    offline: Offline = False,
) -> None:
    """Measure something and print the figures; a figure that could not be measured is absent."""
    from importlib import import_module

    from duplex.bench.measure import write_json

    go_offline(offline)
    if file is not None and not file.parent.is_dir():  # said now, not after minutes of measuring
        raise typer.BadParameter(f"there is no folder {file.parent}", param_hint="--json")
    if (part or compute is not RelayCompute.measured) and what is not Bench.relay:
        raise typer.BadParameter("only relay has parts and costs", param_hint="--part, --compute")
    if core is not None and what is not Bench.call:
        raise typer.BadParameter("only call is told what to ask the core", param_hint="--core")
    given: dict[Bench, tuple[object, ...]] = {
        Bench.relay: (part or (), file, compute.value),
        Bench.call: (core and core.value,),
    }
    measures: list[Measure] = import_module(f"duplex.bench.{what.value}").run(*given.get(what, ()))
    for measure in measures:
        interval = f"  [{measure.ci95[0]:g}, {measure.ci95[1]:g}]" if measure.ci95 else ""
        typer.echo(f"{measure.name:32} {measure.value:>10g} {measure.unit:8} n={measure.n}{interval}")
    if file is not None and what is not Bench.relay:  # which writes part by part
        write_json(measures, file)
