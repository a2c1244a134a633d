"""Reading GGUF files: what they say of themselves, and tensors as float32."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

_BLOCK = 32
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_F32 = np.dtype("<f4")
_Q4_1 = np.dtype([("scale", "<f2"), ("least", "<f2"), ("values", "u1", _BLOCK // 2)])
_Q8_0 = np.dtype([("scale", "<f2"), ("values", "i1", _BLOCK)])


def _plain(blocks: NDArray[Any]) -> Matrix:
    return blocks.astype(np.float32)


def _fours(blocks: NDArray[Any]) -> Matrix:
    """Four bits each: the first half of a block in the low ones, the second in the high ones."""
    values = np.concatenate((blocks["values"] & 15, blocks["values"] >> 4), axis=1).astype(np.float32)
    return values * blocks["scale"].astype(np.float32)[:, None] + blocks["least"].astype(np.float32)[:, None]


def _eights(blocks: NDArray[Any]) -> Matrix:
    return blocks["values"].astype(np.float32) * blocks["scale"].astype(np.float32)[:, None]


_KINDS: dict[int, tuple[np.dtype[Any], int, Callable[[NDArray[Any]], Matrix]]] = {
    0: (_F32, 1, _plain),
    3: (_Q4_1, _BLOCK, _fours),
    8: (_Q8_0, _BLOCK, _eights),
}
"""By GGUF's number of a type: a block, how many values it has, and how they are read."""


@dataclass(frozen=True, slots=True)
class Gguf:
    """An open file's head.

    Attributes:
        path: the file.
        meta: what it says of itself, by key.
        places: by tensor: its sizes (the one that varies fastest first), type and offset in bytes.
    """

    path: Path
    meta: dict[str, Any]
    places: dict[str, tuple[list[int], int, int]]
    _begin: int

    def tensor(self, name: str) -> Matrix:
        """A tensor as float32, its slowest dimension first.

        Raises:
            KeyError: there is none of this name.
            ValueError: its type is none of F32, Q4_1 and Q8_0.
        """
        sizes, kind, offset = self.places[name]
        if kind not in _KINDS:
            raise ValueError(f"{self.path}: {name} is of GGUF type {kind}, not F32, Q4_1 or Q8_0")
        block, held, read = _KINDS[kind]
        with self.path.open("rb") as file:
            file.seek(self._begin + offset)
            blocks = np.fromfile(file, block, int(np.prod(sizes)) // held)
        return np.ascontiguousarray(read(blocks).reshape(sizes[::-1]))


def open_gguf(path: Path) -> Gguf:
    """Read a file's head.

    Raises:
        OSError: there is no such file.
        ValueError: it is another kind of file.
    """
    with path.open("rb") as file:
        magic, _, tensors, pairs = struct.unpack("<4sIQQ", file.read(24))
        if magic != b"GGUF":
            raise ValueError(f"{path} is no GGUF file")
        meta = {_text(file): _value(file, _unpack(file, "I")) for _ in range(pairs)}
        places = dict(_tensor(file) for _ in range(tensors))
        align = int(meta.get("general.alignment", 32))
        return Gguf(path, meta, places, -(-file.tell() // align) * align)


def _unpack(file: BinaryIO, kind: str) -> Any:
    return struct.unpack("<" + kind, file.read(struct.calcsize("<" + kind)))[0]


def _text(file: BinaryIO) -> str:
    return file.read(_unpack(file, "Q")).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _TEXT:
        return _text(file)
    if kind == _ARRAY:
        inner = _unpack(file, "I")
        return [_value(file, inner) for _ in range(_unpack(file, "Q"))]
    return _unpack(file, _SCALARS[kind])


def _tensor(file: BinaryIO) -> tuple[str, tuple[list[int], int, int]]:
    name = _text(file)
    dims = [_unpack(file, "Q") for _ in range(_unpack(file, "I"))]
    return name, (dims, _unpack(file, "I"), _unpack(file, "Q"))
