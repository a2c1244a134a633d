"""How a pull is shown: bars on a terminal, a line per model elsewhere, log records inside a server."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from duplex.models.errors import megabytes

if TYPE_CHECKING:
    from rich.progress import Progress as RichBars
    from rich.progress import TaskID

log = logging.getLogger(__name__)


class Progress(Protocol):
    """What a pull tells while it works; all counts are bytes."""

    def begin(self, model: str, total: int) -> None:
        """`total` bytes are to be fetched; called again when another source changes the total."""

    def update(self, model: str, done: int) -> None:
        """So many bytes are here."""

    def note(self, line: str) -> None:
        """One line a person should see."""

    def end(self, model: str, line: str | None) -> None:
        """Finished with one line that says so; None: failed, and an error follows."""


class LogProgress:
    """Notes and results as log records: for a server that pulls on demand."""

    def begin(self, model: str, total: int) -> None:
        log.info("%s: fetching %s", model, megabytes(total))

    def update(self, model: str, done: int) -> None:
        pass

    def note(self, line: str) -> None:
        log.warning("%s", line)

    def end(self, model: str, line: str | None) -> None:
        if line is not None:
            log.info("%s", line)


class LineProgress:
    """One line per model, for pipes and CI logs."""

    def begin(self, model: str, total: int) -> None:
        pass

    def update(self, model: str, done: int) -> None:
        pass

    def note(self, line: str) -> None:
        print(line, flush=True)

    def end(self, model: str, line: str | None) -> None:
        if line is not None:
            print(line, flush=True)


class BarProgress:
    """A moving bar per model; a context manager, since the terminal must be given back."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._bars: RichBars = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=None),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            expand=True,
            transient=True,  # each finished model leaves its line instead
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> BarProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, model: str, total: int) -> None:
        if model in self._tasks:
            self._bars.update(self._tasks[model], total=total)
        else:
            self._tasks[model] = self._bars.add_task(model, total=total)

    def update(self, model: str, done: int) -> None:
        if model in self._tasks:
            self._bars.update(self._tasks[model], completed=done)

    def note(self, line: str) -> None:
        self._bars.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def end(self, model: str, line: str | None) -> None:
        task = self._tasks.pop(model, None)
        if task is not None:
            self._bars.remove_task(task)
        if line is not None:
            self.note(line)


def is_terminal() -> bool:
    """Whether a bar would be seen."""
    return sys.stdout.isatty()


@contextmanager
def shown() -> Iterator[Progress]:
    """Progress as this output can show it: bars on a terminal, else a line per model."""
    if not is_terminal():
        yield LineProgress()
        return
    with BarProgress() as bars:
        yield bars
