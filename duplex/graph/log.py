"""The event log: every event that crosses an edge, as one stable JSON line.

Stable means that equal runs give equal bytes: keys are sorted, arrays and bytes stand there by their digest.
It holds what callers say, so it is written only where it was asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from duplex.graph.clock import Clock
from duplex.graph.edge import Edge
from duplex.graph.event import Event


def line(edge: str, at: int, event: Event) -> str:
    """One event as JSON without a line end.

    `edge` and `at` (ticks) say where and when it crossed, `type` is its class; the rest are its own fields.
    """
    entry = {"edge": edge, "at": at, "type": type(event).__name__, **_plain(event)}
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def watcher(write: Callable[[str], object], clock: Clock) -> Callable[[Edge, Event], None]:
    """What to set as an edge's `watch`, so that `write` gets a line for each of its events."""

    def watch(edge: Edge, event: Event) -> None:
        write(line(edge.name, clock.now(), event))

    return watch


def _plain(value: Any) -> Any:
    """`value` in JSON's own types."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": len(value), "blake2b": _digest(bytes(value))}
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        return {"dtype": str(value.dtype), "shape": list(value.shape), "blake2b": _digest(value.tobytes())}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise TypeError(f"the event log cannot hold a {type(value).__name__}: {value!r}")


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
