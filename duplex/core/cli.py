"""`duplex train`: make data, train the core, export it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from duplex.core.data.cli import data, recogniser, show

app = typer.Typer(
    name="train",
    help="Train the duplex core: make dialogues, learn from them, export what was learnt.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Data = Annotated[Path, typer.Argument(metavar="DATA", help="The folder that `duplex train data` filled.")]
RunFolder = Annotated[
    Path, typer.Option("--out", metavar="RUN", help="The run's folder; one that exists is gone on with.")
]

Turns = Annotated[int, typer.Option(min=1, help="Turns that grammars write for the word path.")]


app.command()(data)
app.command()(recogniser)
app.command()(show)


@app.command()
def core(
    data: Data,
    out: RunFolder = Path("out/core"),
    backbone: Annotated[str, typer.Option(help="ssd (Mamba-2) or attention (sinks, ring cache).")] = "ssd",
    minutes: Annotated[float, typer.Option(min=0.1, help="At most so long, the word path aside.")] = 60.0,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes of one thread each.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="At most so many steps.")] = 20_000,
    batch: Annotated[int, typer.Option(min=1, help="Sequences in a step, over all processes.")] = 8,
    every: Annotated[int, typer.Option(min=1, help="Steps from one validation to the next.")] = 150,
    turns: Turns = 10_000,
    seed: Annotated[int, typer.Option(help="Of weights and samples.")] = 1,
    words: Annotated[float, typer.Option(min=0.1, help="Minutes at most for whole turns of text.")] = 60.0,
    start: Annotated[Path | None, typer.Option(metavar="RUN", help="A run to begin with.")] = None,
) -> None:
    """Train the core on dialogues: its word path on text, then all of it on both channels.

    Stopped, it goes on where it was. Leaves the log, plots and the best weights in RUN; then `duplex train export RUN`.
    """
    from duplex.core.training.config import ModelConfig, TrainConfig
    from duplex.core.training.loop import LOG
    from duplex.core.training.pipeline import Job, train
    from duplex.core.training.plots import plot
    from duplex.core.training.wordpath import WordTraining

    if backbone not in ("ssd", "attention"):
        raise typer.BadParameter("ssd or attention", param_hint="--backbone")
    model = ModelConfig(backbone, memory=32 if backbone == "ssd" else 128)  # type: ignore[arg-type]
    recipe = TrainConfig(batch=batch, steps=steps, minutes=minutes, every=every, seed=seed)
    try:
        summary = train(
            Job(data, out, model, WordTraining(minutes=words, seed=seed), recipe, turns, processes, start),
            _told,
        )
    except (FileNotFoundError, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint="DATA") from error
    plot(out / LOG)
    typer.echo(json.dumps(summary, indent=2))


@app.command()
def texts(
    data: Data,
    count: Annotated[int, typer.Option(min=1, help="Turns in all; those that are there count.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of the prompts.")] = 1,
) -> None:
    """Let SmolLM2 write turns for the word path, into DATA/texts: some four a second on a core."""
    from duplex.core.data.lexicon import Split
    from duplex.core.data.make import TEXTS
    from duplex.core.training.pipeline import grammar_turns
    from duplex.core.training.sampled import sample
    from duplex.models import model_folder

    said = [" ".join(script.words) for script in grammar_turns(Split.train, 2_000, seed)]
    (data / TEXTS).mkdir(parents=True, exist_ok=True)
    model = next(model_folder("smollm2-135m").glob("*.gguf"))
    out = data / TEXTS / "smollm2.txt"
    sample(model, out, count, seed, lambda rng: rng.choice(said), lambda lines: typer.echo(f"{out}: {lines}"))


@app.command()
def judge(
    data: Data,
    minutes: Annotated[float, typer.Option(min=0.1, help="At most so long; what is judged stays.")] = 60.0,
    turns: Turns = 10_000,
    seed: Annotated[int, typer.Option(help="That of `duplex train core`: it makes the same turns.")] = 1,
) -> None:
    """Let SmolLM2 judge whether the word path's turns could be over behind each of their words."""
    from duplex.core.streams.words import shipped_table
    from duplex.core.training.pipeline import JUDGED, word_turns
    from duplex.core.training.teacher import NAME
    from duplex.core.training.teacher import judge as ask
    from duplex.models import model_folder

    said = [turn.words for turn in word_turns(data, turns, seed, shipped_table())]
    model = next(model_folder(NAME).glob("*.gguf"))
    ask(model, data / JUDGED, said, minutes, lambda done, total: typer.echo(f"{done} of {total} turns"))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `duplex train core` left.")],
    out: Annotated[Path, typer.Option(help="Where the two files go.")] = Path("configs/core"),
) -> None:
    """Export the best weights of a run to ONNX, if they compute what was trained, with a model card."""
    from duplex.core.training.card import write_card
    from duplex.core.training.export import ParityError, load_run
    from duplex.core.training.export import export as write

    try:
        found = write(*load_run(run), out)
        write_card(run, found, out)
    except (FileNotFoundError, ParityError) as error:
        raise typer.BadParameter(str(error), param_hint="RUN") from error
    sizes = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in found.files.items())
    typer.echo(f"{out}: {sizes}; {found.parameters:,} parameters; differs by at most {found.difference:.1g}")


@app.command()
def tune(
    data: Data,
    core: Annotated[Path, typer.Option(help="The folder of an exported core; the rule goes there.")] = Path(
        "configs/core"
    ),
) -> None:
    """Choose the thresholds of the controller's rule on the validation dialogues in DATA."""
    from duplex.core.data.lexicon import Split
    from duplex.core.decide import RULE
    from duplex.core.follow import follow
    from duplex.core.runtime import DuplexCore
    from duplex.core.streams.dialogue import dialogue_files, load_dialogue
    from duplex.core.tune import tuned
    from duplex.core.turns import patient

    files = dialogue_files(data, Split.validation.value)
    try:
        talks = [patient(load_dialogue(file)) for file in files]
        rule, found = tuned(follow(DuplexCore(core), talks))
    except (FileNotFoundError, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint="DATA") from error
    rule.save(core / RULE, dialogues=len(files), validation=found)
    typer.echo(f"{core / RULE}: " + json.dumps(found, indent=2))


def _told(stage: str, row: dict[str, Any]) -> None:
    shown = {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
    typer.echo(
        f"{stage}: " + ", ".join(f"{name} {value}" for name, value in shown.items() if value is not None)
    )
