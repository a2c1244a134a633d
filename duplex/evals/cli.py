"""`duplex eval`: replay scenarios against an agent, score, compare, and read the report."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="eval",
    help="Replay scenarios against an agent; score, compare and gate what came of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
