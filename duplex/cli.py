"""The command line. Every command imports what it needs when it runs, so that `duplex --help` is quick."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from duplex.models.cli import app as models_app

app = typer.Typer(
    name="duplex",
    help="Full-duplex spoken-dialogue agents with real models, on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(models_app, name="models")

AgentName = Annotated[str, typer.Argument(help="A shipped agent's name, or an agent file or its folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing; fail if a model is missing.")]


class Bench(StrEnum):
    """What can be measured."""

    graph = "graph"
    search = "search"
    asr = "asr"
    tts = "tts"
    llm = "llm"
    call = "call"
    start = "start"


class Level(StrEnum):
    """How much is logged."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


def _version(wanted: bool) -> None:
    if wanted:
        from duplex import __version__

        typer.echo(f"duplex {__version__}")
        raise typer.Exit


@app.callback()
def options(
    log_level: Annotated[Level, typer.Option(help="How much is logged to stderr.")] = Level.info,
    log_json: Annotated[bool, typer.Option(help="Log a JSON object a line.")] = False,
    log_captions: Annotated[bool, typer.Option(help="Also log what callers and agents say.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Full-duplex spoken-dialogue agents with real models, on this machine."""
    from duplex.logs import configure

    configure(log_level.value, log_json, log_captions)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for recording, events and timeline.")] = Path(
        "out/demo"
    ),
    voice: Annotated[str, typer.Option(help="The caller's Kokoro voice.")] = "af_heart",
    offline: Offline = False,
) -> None:
    """Call the shipped agent `lakes`, ask it five questions aloud, and check its answers."""
    from duplex.bench.demo import run_demo

    _set_offline(offline)
    raise typer.Exit(run_demo(out, voice))


@app.command()
def serve(
    agent: AgentName,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8080,
    max_sessions: Annotated[int, typer.Option(min=1, max=1_000, help="Calls at a time.")] = 4,
    record: Annotated[Path | None, typer.Option(help="Keep each session's events in this folder.")] = None,
    loopback: Annotated[
        bool, typer.Option(help="Offer 127.0.0.1 alone (no other interface is used).")
    ] = False,
    offline: Offline = False,
) -> None:
    """Serve an agent to browsers: the page is at the printed address."""
    from duplex.server.host import Agent
    from duplex.server.serve import run

    _set_offline(offline)
    loaded = Agent.from_file(agent)

    async def main() -> None:
        await loaded.serve(host, port, max_sessions=max_sessions, record=record, loopback=loopback)

    run(main)


@app.command()
def call(
    url: Annotated[str, typer.Argument(help="The server's address, such as http://127.0.0.1:8080.")],
    say: Annotated[list[str], typer.Option(help="A WAV file or a text to say; repeat it for more turns.")],
    out: Annotated[Path, typer.Option(help="Folder for the recording.")] = Path("out/call"),
    as_json: AsJson = False,
    offline: Offline = False,
) -> None:
    """Call a running server, say something, and print what came back."""
    from duplex.bench.caller import run_call

    _set_offline(offline)
    raise typer.Exit(run_call(url, say, out, as_json))


@app.command()
def check(agent: AgentName, as_json: AsJson = False) -> None:
    """Check an agent file: every fault with its line and the nearest key that exists."""
    from duplex.agent.loader import check_agent, describe, find_agent

    file = find_agent(agent)
    spec, faults = check_agent(file)
    if as_json:
        rows = [{"line": fault.line, "key": fault.key, "message": fault.message} for fault in faults]
        typer.echo(json.dumps({"file": str(file), "ok": not faults, "faults": rows}))
    elif faults:
        typer.echo("\n".join(describe(file, fault) for fault in faults), err=True)
    elif spec is not None:
        typer.echo(f"{file}: OK, the agent {spec.name!r}")
    raise typer.Exit(1 if faults else 0)


@app.command()
def schema() -> None:
    """Print the JSON Schema of agent files, for editors."""
    from duplex.agent.spec import AgentSpec

    typer.echo(json.dumps(AgentSpec.model_json_schema(), indent=2))


@app.command()
def graph(agent: AgentName) -> None:
    """Print the agent's event graph as Mermaid."""
    from duplex.agent.blueprint import mermaid
    from duplex.agent.loader import load_agent

    typer.echo(mermaid(load_agent(agent)), nl=False)


@app.command()
def bench(
    what: Annotated[Bench, typer.Argument(help="What to measure.")],
    file: Annotated[Path | None, typer.Option("--json", help="Write the measures here.")] = None,
    offline: Offline = False,
) -> None:
    """Measure something and print the figures; a figure that could not be measured is absent."""
    from importlib import import_module

    from duplex.bench.measure import write_json

    _set_offline(offline)
    measures = import_module(f"duplex.bench.{what.value}").run()
    for measure in measures:
        interval = f"  [{measure.ci95[0]:g}, {measure.ci95[1]:g}]" if measure.ci95 else ""
        typer.echo(f"{measure.name:32} {measure.value:>10g} {measure.unit:8} n={measure.n}{interval}")
    if file is not None:
        write_json(measures, file)


def _set_offline(offline: bool) -> None:
    if offline:
        os.environ["DUPLEX_OFFLINE"] = "1"


def main() -> NoReturn:
    """Run the command line: faults in one line, 130 after Ctrl-C."""
    try:
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        sys.exit(_explain(error))
    sys.exit(code or 0)


def _explain(error: Exception) -> int:
    """One line for what a user can act on; the whole trace with --log-level debug."""
    import logging

    if show := getattr(error, "show", None):  # a usage error of the command line itself
        show()
        return int(getattr(error, "exit_code", 2))
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger("duplex").error("failed", exc_info=error)
    text = str(error) or type(error).__name__
    print(f"duplex: {text}" if "\n" not in text else text, file=sys.stderr)
    return 1
