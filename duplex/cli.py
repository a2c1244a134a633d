"""The command line. Every command imports what it needs when it runs, so that `duplex --help` is quick."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from duplex import shell
from duplex.bench.cli import bench
from duplex.bench.relay_cli import verifier
from duplex.core.cli import app as train_app
from duplex.evals.cli import app as eval_app
from duplex.models.cli import app as models_app
from duplex.shell import Offline, go_offline
from duplex.transport.cli import run, talk

if TYPE_CHECKING:
    from anyio import Event

app = typer.Typer(
    name="duplex",
    help="Full-duplex spoken-dialogue agents with real models, on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models_app, name="models")
app.add_typer(eval_app, name="eval")
app.add_typer(train_app, name="train")
train_app.command()(verifier)

AgentName = Annotated[str, typer.Argument(help="A shipped agent's name, or an agent file or its folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
    log_json: Annotated[bool, typer.Option("--log-json", help="Log a JSON object a line.")] = False,
    log_captions: Annotated[
        bool, typer.Option("--log-captions", help="Also log what callers and agents say.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Full-duplex spoken-dialogue agents with real models, on this machine.

    The options below may also stand after the command.
    """
    from duplex.logs import configure

    configure(log_level.value, log_json, log_captions)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for recording, events and timeline.")] = Path("out/demo"),
    voice: Annotated[str, typer.Option(help="The caller's Kokoro voice.")] = "af_heart",
    offline: Offline = False,
) -> None:
    """Call the shipped agent `lakes`, ask it five questions aloud, and check its answers."""
    from duplex.bench.demo import run_demo

    go_offline(offline)
    raise typer.Exit(run_demo(out, voice))


@app.command()
def serve(
    agent: AgentName,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8080,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar="DUPLEX_SERVER_CONFIG", help="A file like configs/server.yaml; options go before it."
        ),
    ] = None,
    max_sessions: Annotated[
        int | None, typer.Option(min=1, max=1_000, envvar="DUPLEX_MAX_SESSIONS", help="Calls at a time (4).")
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(envvar="DUPLEX_ORIGINS", help="Another site whose pages may call; repeat it for more."),
    ] = None,
    record: Annotated[Path | None, typer.Option(help="Keep each session's events in this folder.")] = None,
    loopback: Annotated[
        bool, typer.Option("--loopback", help="Offer 127.0.0.1 alone (no other interface is used).")
    ] = False,
    offline: Offline = False,
) -> None:
    """Serve an agent to browsers: the page is at the printed address.

    The first Ctrl-C or SIGTERM takes no more calls and lets those under way end, the second ends them.
    """
    from duplex.server.config import load_config
    from duplex.server.host import Agent
    from duplex.server.serve import run

    go_offline(offline)
    settings = load_config(
        config, max_sessions=max_sessions, origins=origin or None, loopback=loopback or None
    )
    loaded = Agent.from_file(agent)

    async def main(stop: Event) -> None:
        await loaded.serve(host, port, config=settings, record=record, stop=stop)

    run(main)


@app.command()
def call(
    target: Annotated[
        str,
        typer.Argument(
            help="A server's address, such as http://127.0.0.1:8080, or an agent, served for this call."
        ),
    ],
    say: Annotated[list[str], typer.Option(help="A WAV file or a text to say; repeat it for more turns.")],
    out: Annotated[Path, typer.Option(help="Folder for the recording.")] = Path("out/call"),
    as_json: AsJson = False,
    offline: Offline = False,
) -> None:
    """Call a server or an agent, say something, and print what came back."""
    from duplex.bench.caller import run_call

    go_offline(offline)
    if target.startswith(("http://", "https://")):
        raise typer.Exit(run_call(target, say, out, as_json))
    from duplex.agent.loader import load_agent
    from duplex.bench.served import serve as served

    load_agent(target)  # its faults are told here, not by a server that does not come up
    with served(target, out / "sessions", "--loopback", log=None) as server:
        code = run_call(server.url, say, out, as_json)
    raise typer.Exit(code)


app.command()(run)
app.command()(talk)
app.command()(bench)


@app.command()
def check(agent: AgentName, as_json: AsJson = False) -> None:
    """Check an agent file: every fault with its line and the nearest key that exists."""
    from duplex.agent.loader import AgentFileError, check_agent, describe, find_agent, notes

    try:
        file = find_agent(agent)
    except AgentFileError as error:
        if not as_json:
            raise
        fault = {"line": None, "key": "", "message": str(error)}
        typer.echo(json.dumps({"file": agent, "ok": False, "faults": [fault], "notes": []}))
        raise typer.Exit(1) from error
    spec, faults = check_agent(file)
    told = notes(spec) if spec else []
    if as_json:
        rows = [{"line": fault.line, "key": fault.key, "message": fault.message} for fault in faults]
        typer.echo(json.dumps({"file": str(file), "ok": not faults, "faults": rows, "notes": told}))
        raise typer.Exit(1 if faults else 0)
    for line in (*(describe(file, fault) for fault in faults), *(f"note: {note}" for note in told)):
        typer.echo(line, err=True)
    if spec:
        typer.echo(f"{file}: OK, the agent {spec.name!r}")
    raise typer.Exit(1 if faults else 0)


@app.command()
def schema() -> None:
    """Print the JSON Schema of agent files, for editors.

    \b
    Save it:                        duplex schema > agent.schema.json
    and begin an agent file with:   # yaml-language-server: $schema=agent.schema.json
    """
    from duplex.agent.schema import json_schema
    from duplex.agent.spec import AgentSpec

    typer.echo(json.dumps(json_schema(AgentSpec), indent=2))


@app.command()
def graph(agent: AgentName) -> None:
    """Print the agent's event graph as Mermaid."""
    from duplex.agent.blueprint import mermaid
    from duplex.agent.loader import load_agent

    typer.echo(mermaid(load_agent(agent)), nl=False)


_EVERYWHERE = {"--log-level": True, "--log-json": False, "--log-captions": False}
"""Options of every command, and whether a value follows."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The `duplex` command; `arguments` stand for the process's own."""
    given = shell.hoist(sys.argv[1:] if arguments is None else arguments, _EVERYWHERE)
    sys.exit(shell.guard(lambda: _invoke(given)))


def _invoke(arguments: list[str]) -> None:
    """Run a command without typer's own idea of exits, which says nothing on Ctrl-C."""
    command = typer.main.get_command(app)
    with command.make_context("duplex", arguments) as context:
        command.invoke(context)
