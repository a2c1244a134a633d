"""Text to plain data with the line of every key: YAML from anywhere, bounded before and while it is read.

Tags are refused (so are the objects they would make), a key that stands twice is an error, and what aliases blow up
is counted as if it were written out ("billion laughs").
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
"""YAML nodes after aliases are followed: a few nested aliases can stand for billions."""
MAX_DEPTH = 20

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the root."""
_STR, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """YAML without tags: none is needed here, and most of them can be made to fail in ways of their own."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            problem = f"the tag {event.tag} is not allowed; if it is text, put it in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, event.start_mark)
        return super().compose_node(parent, index)


class SourceError(Exception):
    """The text is no plain YAML mapping.

    Attributes:
        line: where, counted from 1.
        key: the path of the key it is about, or empty.
    """

    def __init__(self, line: int, message: str, key: str = "") -> None:
        super().__init__(message)
        self.line, self.key = line, key


def read_text(file: Path) -> str:
    """The file's text, at most `MAX_BYTES`.

    Raises:
        SourceError: it cannot be read, is too large or is not UTF-8.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(1, f"cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        limit = f"over {MAX_BYTES // 1024} KiB"
        raise SourceError(1, f"{limit}; such a file is a few lines, an agent's knowledge is a folder")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(
            raw.count(b"\n", 0, error.start) + 1, f"not UTF-8 text (byte {error.start})"
        ) from error


def parse(text: str) -> tuple[dict[Any, Any], dict[KeyPath, int]]:
    """The mapping that the text holds, and the line of each key, counted from 1; `()` is the file's first.

    Raises:
        SourceError: it is not YAML, not a mapping, too large once aliases are followed, or has a key twice.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SourceError(line, f"not YAML: the character {error.character!r} is not allowed") from error
    except yaml.constructor.ConstructorError as error:
        raise _marked(error, "not plain YAML") from error
    except yaml.YAMLError as error:
        raise _marked(error, "not YAML") from error
    except RecursionError as error:
        raise SourceError(1, "nested too deeply") from error
    if not isinstance(root, yaml.MappingNode):
        raise SourceError(1, "the file is a list of `key: value` lines")
    lines: dict[KeyPath, int] = {(): 1}
    _Walk(loader, lines).visit(root, ())
    try:
        data: dict[Any, Any] = loader.construct_document(root)
    except yaml.YAMLError as error:
        raise _marked(error, "not plain YAML") from error
    return data, lines


def line_of(lines: dict[KeyPath, int], where: KeyPath) -> int:
    """The line of a key, or of the nearest one above it that stands in the file."""
    return next(lines[where[:size]] for size in range(len(where), -1, -1) if where[:size] in lines)


def dotted(where: KeyPath) -> str:
    """`turns.silence_ms`."""
    return ".".join(map(str, where))


def _marked(error: yaml.YAMLError, what: str) -> SourceError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return SourceError(mark.line + 1 if mark else 1, f"{what}: {problem}")


class _Walk:
    """Notes each key's line; refuses double keys, values that cannot be read, and what aliases blow up."""

    def __init__(self, loader: _Loader, lines: dict[KeyPath, int]) -> None:
        self._loader, self._lines = loader, lines
        self._count = 0

    def visit(self, node: yaml.Node, at: KeyPath) -> None:
        """Go through a node and all under it; raises SourceError."""
        self._count += 1
        line = node.start_mark.line + 1
        if self._count > MAX_NODES or len(at) > MAX_DEPTH:
            raise SourceError(line, "too large or nested too deeply once its aliases are followed")
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, at)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._lines[(*at, index)] = value.start_mark.line + 1
                self.visit(value, (*at, index))
        else:
            try:
                self._loader.construct_object(node)
            except (yaml.YAMLError, ValueError) as error:  # the date 2024-13-45, a number of 5,000 digits
                what = "looks like a number or a date but is none; put it in quotes"
                raise SourceError(line, what, dotted(at)) from error

    def _mapping(self, node: yaml.MappingNode, at: KeyPath) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag not in (_STR, _MERGE):
                raise SourceError(line, "a key is a plain word; put it in quotes if it is meant", dotted(at))
            where = (*at, key.value)
            if key.value in seen:
                raise SourceError(line, "this key stands twice", dotted(where))
            seen.add(key.value)
            self._lines[where] = line
            self.visit(value, where)
