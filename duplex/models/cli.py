"""`duplex models`: list, pull, verify, path, prune."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from duplex.models.errors import ModelError, megabytes

if TYPE_CHECKING:
    pass

app = typer.Typer(help="The model store: what is there, fetch, check, clean.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def _clean_end() -> Iterator[None]:
    """One line instead of a traceback; Ctrl-C and SIGTERM end with 130 after tidying up."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except ModelError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("stopped; what was finished is kept", err=True)
        raise typer.Exit(130) from error
    finally:
        signal.signal(signal.SIGTERM, previous)


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """Show the models: purpose, size, licence, and whether they are here."""
    from duplex.models import default_store

    with _clean_end():
        store = default_store()
        rows: list[dict[str, object]] = [
            {
                "name": name,
                "purpose": model.purpose,
                "size": model.size,
                "licence": model.licence,
                "licence_note": model.licence_note,
                "default": model.default,
                "present": store.is_present(name),
                "path": str(store.folder(name)),
            }
            for name, model in store.manifest.models.items()
        ]
        if as_json:
            typer.echo(json.dumps(rows, indent=2))
            return
        _print_table(rows, str(store.root))


def _print_table(rows: list[dict[str, object]], root: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "here", "size", "licence", "purpose"):
        table.add_column(title, justify="right" if title == "size" else "left", overflow="fold")
    for row in rows:
        here = "yes" if row["present"] else "no" if row["default"] else "no (optional)"
        size = megabytes(int(str(row["size"])))
        table.add_row(str(row["name"]), here, size, str(row["licence"]), str(row["purpose"]))
    console = Console(highlight=False, markup=False)
    console.print(table)
    for row in rows:
        if row["licence_note"]:
            console.print(f"licence of {row['name']}: {row['licence_note']}", soft_wrap=True)
    console.print(f"in {root}", soft_wrap=True)


@app.command("pull")
def pull_models(
    names: Names = None,
    everything: Annotated[bool, typer.Option("--all", help="Every model of the manifest.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Fetch nothing.")] = False,
) -> None:
    """Fetch models and check them (default: those that the demo needs)."""
    from duplex.models import default_store, is_offline, model_folder, pull
    from duplex.models.progress import shown

    with _clean_end():
        store = default_store()
        chosen = list(store.manifest.models) if everything else list(names or store.manifest.defaults)
        for name in chosen:
            store.folder(name)  # a misspelt name is said before 700 MB are fetched
        if offline or is_offline():
            for name in chosen:
                typer.echo(f"{name}: present in {model_folder(name, offline=True)}")
            return
        with shown() as progress:
            errors = pull(chosen, progress, store=store)
        for error in errors:
            typer.echo(str(error), err=True)
        if errors:
            raise typer.Exit(1)


@app.command("verify")
def verify_models(names: Names = None, as_json: Json = False) -> None:
    """Hash every file again (default: of all models that are here); non-zero if one is wrong or missing."""
    from duplex.models import default_store
    from duplex.models.store import FileState

    with _clean_end():
        store = default_store()
        there = [name for name in store.manifest.models if store.folder(name).is_dir()]
        results = {name: store.check(name, rehash=True) for name in (names or there)}
        good = all(state is FileState.OK for states in results.values() for state in states.values())
        if as_json:
            typer.echo(json.dumps({"ok": good, "models": results}, indent=2))
        else:
            for name, states in results.items():
                bad = {file: state for file, state in states.items() if state is not FileState.OK}
                listed = "; ".join(f"{file}: {state}" for file, state in bad.items())
                hint = f" (run: duplex models pull {name})" if bad else ""
                typer.echo(f"{name}: {listed or 'ok'}{hint}")
            if not results:
                typer.echo(f"no models in {store.root}")
        if not good:
            raise typer.Exit(1)


@app.command("path")
def model_path(name: Annotated[str, typer.Argument()]) -> None:
    """Print the model's folder; fails if it is not here."""
    from duplex.models import model_folder

    with _clean_end():
        typer.echo(str(model_folder(name, pull=False)))


@app.command("prune")
def prune_store(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove what the manifest does not know: partial downloads, old files, models of former versions."""
    from duplex.models import default_store
    from duplex.models.prune import prune

    with _clean_end():
        store = default_store()
        removed = prune(store, dry_run=dry_run, note=lambda line: typer.echo(line, err=True))
        verb = "would remove" if dry_run else "removed"
        for path, size in removed:
            typer.echo(f"{verb} {path} ({megabytes(size)})")
        typer.echo(f"{verb} {megabytes(sum(size for _, size in removed))} in {store.root}")
