"""`duplex run` and `duplex talk`: an agent without a server, with a file or with this machine's microphone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duplex.shell import Offline, go_offline

if TYPE_CHECKING:
    from duplex.transport.captions import Line
    from duplex.transport.file import FileCall, Watch

AgentName = Annotated[str, typer.Argument(help="A shipped agent's name, or an agent file or its folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class ComputeMode(StrEnum):
    """What computing costs in virtual time."""

    measured = "measured"
    fixed = "fixed"
    zero = "zero"


def run(
    agent: AgentName,
    recording: Annotated[Path, typer.Argument(metavar="WAV", help="What the user says; any rate, 30 min.")],
    out: Annotated[Path, typer.Option(help="Folder for the recording and the events.")] = Path("out/run"),
    compute: Annotated[
        ComputeMode,
        typer.Option(help="What computing costs: what it takes here, what a table says, or nothing."),
    ] = ComputeMode.measured,
    costs: Annotated[
        Path | None, typer.Option(help="For fixed: seconds by job, before those of configs/costs.yaml.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**31 - 1, help="Of voices that vary; with --compute fixed it repeats to the byte."
        ),
    ] = None,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Begin at once, not when the greeting has ended.")
    ] = False,
    as_json: AsJson = False,
    offline: Offline = False,
) -> None:
    """Let an agent hear a sound file, in virtual time: a call without a network, faster than it would last.

    Leaves call.wav (the user left, the agent right) and events.jsonl, and prints what both said.
    """
    from duplex.agent.loader import load_agent
    from duplex.audio.wav import read_speech
    from duplex.transport.costs import read_costs
    from duplex.transport.file import MAX_SECONDS, call_with_file
    from duplex.transport.types import USER_RATE

    if costs is not None and compute is not ComputeMode.fixed:
        raise typer.BadParameter("a table is for --compute fixed", param_hint="--costs")
    go_offline(offline)
    audio = read_speech(recording, USER_RATE, MAX_SECONDS)
    table = read_costs(costs) if compute is ComputeMode.fixed else None
    spec = load_agent(agent)
    with _progress(quiet=as_json) as watch:
        call = call_with_file(
            spec, audio, out, compute=compute.value, costs=table, seed=seed, at_once=at_once, watch=watch
        )
    if as_json:
        typer.echo(json.dumps(_report(spec.name, call, compute.value, seed, out), indent=2))
    else:
        typer.echo(f"{call.tracks.seconds:.1f} s in {call.wall:.1f} s, {call.speed:.1f} times real time")
        typer.echo(f"recorded in {out / 'call.wav'} (the user left, the agent right)")
    if call.ended == "cut":
        typer.echo("the agent had not finished when the call was cut off, 30 s after the file", err=True)
        raise typer.Exit(1)


def _print_devices(wanted: bool) -> None:
    if not wanted:
        return
    from duplex.transport.devices import devices

    found = devices()
    if not found:
        typer.echo("there is no microphone and no speaker", err=True)
    for device in found:
        chosen = " and ".join("microphone" if side == "input" else "speaker" for side in device.default)
        default = f"  (the system's {chosen})" if chosen else ""
        typer.echo(f"{device.index:3}  {device.name}  {device.inputs} in, {device.outputs} out{default}")
    raise typer.Exit


def talk(
    agent: AgentName,
    microphone: Annotated[
        str | None,
        typer.Option("--input", metavar="DEVICE", help="The microphone: number or part of its name."),
    ] = None,
    speaker: Annotated[
        str | None,
        typer.Option("--output", metavar="DEVICE", help="The speaker: number or part of its name."),
    ] = None,
    list_devices: Annotated[
        bool, typer.Option("--list", callback=_print_devices, is_eager=True, help="Print the devices.")
    ] = False,
    offline: Offline = False,
) -> None:
    """Talk with an agent through this machine's microphone and speaker; Ctrl-C hangs up.

    Use headphones: from a loudspeaker the agent would hear itself. Needs pip install 'duplex-voice[console]'.
    """
    import anyio

    from duplex.agent.loader import load_agent
    from duplex.transport.console import talk as connect
    from duplex.transport.devices import choose
    from duplex.transport.screen import Screen

    go_offline(offline)
    spec = load_agent(agent)
    devices = (
        choose("input", microphone),
        choose("output", speaker),
    )  # said now, not when the models are loaded
    screen, on = Screen(), False

    def begun() -> None:
        nonlocal on
        on = True
        typer.echo(f"{spec.name} is on the line; Ctrl-C hangs up")

    try:
        anyio.run(connect, spec, *devices, screen.show, begun)
    except KeyboardInterrupt as stop:
        if not on or type(stop) is not KeyboardInterrupt:  # SIGTERM is told apart by its class
            raise
    finally:
        screen.clear()


def _report(agent: str, call: FileCall, compute: str, seed: int | None, out: Path) -> dict[str, Any]:
    jobs = {
        name: {
            "n": jobs.n,
            "mean_ms": round(1000 * jobs.run / jobs.n, 2) if jobs.n else None,
            "max_ms": round(1000 * jobs.max_run, 2),
            "max_wait_ms": round(1000 * jobs.max_wait, 2),
        }
        for name, jobs in sorted(call.jobs.items())
    }
    said = [
        {"t": round(line.t, 3), "who": line.who, "text": line.text, "interrupted": line.interrupted}
        for line in call.captions.lines
    ]
    return {
        "agent": agent,
        "compute": compute,
        "seed": seed,
        "said": said,
        "ended": call.ended,
        "seconds": round(call.tracks.seconds, 2),
        "wall_seconds": round(call.wall, 2),
        "speed": round(call.speed, 2),
        "late_frames": call.tracks.late,
        "jobs": jobs,
        "recording": str(out / "call.wav"),
        "events": str(out / "events.jsonl"),
    }


@contextmanager
def _progress(quiet: bool) -> Iterator[Watch]:
    """What was said, printed as it is said, and on a terminal a bar that moves."""

    from duplex.transport.screen import told

    def say(line: Line | None) -> None:
        if line is not None and line.final and not quiet:
            typer.echo(told(line))

    if not sys.stderr.isatty():
        yield lambda now, whole, line: say(line)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    both = sys.stdout.isatty()  # then what is printed has to go above the bar
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=both,
    ) as bar:
        task = bar.add_task("loading the models", total=None)

        def watch(now: float, whole: float, line: Line | None) -> None:
            bar.update(task, description=f"{now:.0f} s", completed=min(now, whole), total=whole)
            say(line)

        yield watch
