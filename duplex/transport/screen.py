"""A conversation on a terminal: what was said, a line each, and below it what is being said."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from typing import TextIO

from duplex.transport.captions import Line

_CLEAR = "\r\x1b[K"
_BESIDE = 20
"""Columns that the time and the speaker take."""


def told(line: Line) -> str:
    """A line as it is printed: when, who, what. Nothing in it can steer a terminal."""
    text = "".join(character if character.isprintable() else " " for character in line.text)
    return f"{line.t:7.1f} s  {line.who:5}  {text}{' ...' if line.interrupted else ''}"


class Screen:
    """Shows lines as they come; where it is no terminal, only those that are final."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._shown = False
        """Something stands on the last line that is not final."""

    def show(self, line: Line) -> None:
        """Print a line, or write the last one anew."""
        if line.final:
            self.clear()
            self._out.write(told(line) + "\n")
        elif self._live:
            self._out.write(_CLEAR + told(replace(line, text=_newest(line.text))) if line.text else _CLEAR)
            self._shown = bool(line.text)
        self._out.flush()

    def clear(self) -> None:
        """Take away what is not final."""
        if self._shown:
            self._out.write(_CLEAR)
            self._shown = False


def _newest(text: str) -> str:
    """The end of a text that is too long for one line, which must not wrap."""
    room = max(20, shutil.get_terminal_size().columns - _BESIDE)
    return text if len(text) <= room else f"... {text[4 - room :]}"
