"""`duplex train data`: dialogues to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duplex.core.data.lexicon import Split
from duplex.core.streams.layout import FRAME_SECONDS


def data(
    hours: Annotated[
        float, typer.Option(min=0.001, max=10_000, help="Hours of dialogue; what is there counts.")
    ],
    split: Annotated[Split, typer.Option(help="Texts, voices and noises of each are its own.")] = Split.train,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder; the dialogues go to OUT/SPLIT (default: ~/.cache/duplex/train)."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=9_999, help="Another seed makes other dialogues.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Processes, each with a core of its own.")] = 1,
    real: Annotated[
        bool,
        typer.Option("--real", help="Recognise training dialogues really, at a core second each second."),
    ] = False,
    natural: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Share of training's users with Kokoro's slow voices (0.2)."),
    ] = None,
) -> None:
    """Make dialogues with labels. It may be stopped, and goes on where it was when it is run again.

    In training the turns in OUT/texts/*.txt, one a line, are said too: see `duplex train texts`. Validation
    and test speak other sentences in other voices, and hear with the real recogniser.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from duplex.core.data.make import Order, default_folder, make
    from duplex.core.data.voices import NATURAL

    folder, share = out or default_folder(), NATURAL if natural is None else natural
    order = Order(split, hours, folder, default_folder() / "clips", seed, jobs, real, share)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.2f} of {task.total:g} h"),
    )
    with Progress(*columns, TimeRemainingColumn()) as bars:
        task = bars.add_task(split.value, total=hours)
        made = make(order, lambda there: bars.update(task, completed=there))
    typer.echo(f"{made:.2f} h of dialogue in {folder / split.value}")


def recogniser(
    minutes: Annotated[
        float, typer.Option(min=0.1, help="Of users' audio to hear really; what is there counts.")
    ],
    out: Annotated[Path, typer.Option("--json", metavar="FILE", help="Where the fitted rates go.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the dialogues and what was heard (default: ~/.cache/duplex/train)."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=9_999, help="Of the dialogues.")] = 9_000,
) -> None:
    """Fit the simulated recogniser on real hypotheses of training dialogues; configs/core/recogniser.json is one.

    It may be stopped: what was heard is kept, and the dialogues with it, to train with. Others may run beside it with
    other seeds: all that is there counts.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from duplex.core.data.collect import collect
    from duplex.core.data.fit import fitted
    from duplex.core.data.make import Order, default_folder
    from duplex.core.data.simulate import shipped_errors

    folder = data or default_folder()
    order = Order(Split.train, 0.0, folder, default_folder() / "clips", seed)
    columns = (TextColumn("heard"), BarColumn(), TextColumn("{task.completed:.1f} of {task.total:g} minutes"))
    with Progress(*columns, TimeRemainingColumn()) as bars:
        task = bars.add_task("heard", total=minutes)
        samples = collect(
            order, folder / "hypotheses", minutes, lambda have: bars.update(task, completed=have)
        )
    errors, moments = fitted(samples, shipped_errors())
    out.write_text(errors.to_json(), encoding="utf-8")
    for name, (real, simulated) in moments.items():
        typer.echo(f"{name:18} real {real:6.3f}  simulated {simulated:6.3f}")


def show(
    file: Annotated[Path, typer.Argument(help="A dialogue that `duplex train data` made.")],
    out: Annotated[Path, typer.Option(help="A PNG or SVG.")],
    start: Annotated[float, typer.Option(min=0.0, help="From this second on.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=1.0, max=600.0, help="So many seconds.")] = 60.0,
) -> None:
    """Draw a dialogue: both channels, their words, what was recognised, and the labels."""
    from duplex.core.data.picture import draw
    from duplex.core.streams.dialogue import load_dialogue

    dialogue = load_dialogue(file)
    if start >= dialogue.frames * FRAME_SECONDS:
        raise typer.BadParameter(f"it ends at {dialogue.frames * FRAME_SECONDS:.0f} s", param_hint="--start")
    draw(dialogue, out, start, seconds)
    typer.echo(str(out))
