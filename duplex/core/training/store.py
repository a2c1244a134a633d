"""Dialogues as the trainer reads them: every stream and label of a split in one flat file each, by frame.

Features are computed once. Files only grow: dialogues that came since are added, and what a broken run left behind
the last entry of the index is cut off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from duplex.core.data.lexicon import Split
from duplex.core.streams.dialogue import Dialogue, dialogue_files, load_dialogue
from duplex.core.streams.frames import clocks, scan_streams
from duplex.core.streams.layout import FEATURES, WORD_WINDOW, Kind, Layout
from duplex.core.streams.words import Beliefs, WordTable
from duplex.core.training.losses import vap_classes
from duplex.core.turns import patient, unhurried

_LABELS = {"state": "i1", "hazard": "i2", "vap": "i2", "overlap": "i1", "complete": "i1"}
_BELIEFS = {"ids": ("i4", (WORD_WINDOW,)), "tentative": ("u1", (WORD_WINDOW,)), "count": ("i4", ())}
BELIEF, VAD = "belief", "vad"

Columns = dict[str, NDArray[Any]]


def _frame_columns(layout: Layout) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of a frame's part of each column."""
    columns: dict[str, tuple[str, tuple[int, ...]]] = {name: (kind, ()) for name, kind in _LABELS.items()}
    columns |= {VAD: ("i1", (2,)), BELIEF: ("i4", ()), "age": ("i4", ())}
    for stream in layout.fed:
        columns[stream.name] = ("f2", (FEATURES,)) if stream.kind is Kind.DENSE else ("i4", ())
    return columns


@dataclass(frozen=True, slots=True)
class Stored:
    """A split, on disk.

    Attributes:
        frames: columns by frame: streams, `belief` (row of `words`), `age`, and labels.
        words: columns by belief: `ids`, `tentative`, `count`; row 0 of each dialogue is the empty one.
        starts: int64 [D + 1], the first frame of each dialogue, and the end.
        names: the dialogues' files.
    """

    frames: Columns
    words: Columns
    starts: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.starts[-1])

    def beliefs(self) -> Beliefs:
        """All beliefs of the split, with the frames they hold in."""
        ids, tentative, count = (self.words[name] for name in _BELIEFS)
        return Beliefs(np.asarray(self.frames[BELIEF]), np.asarray(ids), tentative.astype(np.float32), count)

    def clock(self, rows: slice) -> NDArray[np.float32]:
        """What `frames.clocks` gives for some frames: float32 [n, 2]."""
        count = np.asarray(self.words["count"])[self.frames[BELIEF][rows]]
        return clocks(np.asarray(self.frames["age"][rows]), count)


def store(
    folder: Path,
    split: str,
    out: Path,
    table: WordTable,
    layout: Layout,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Stored:
    """Bring OUT/split up to date with FOLDER/split, and open it.

    Raises:
        FileNotFoundError: the split has no dialogues.
        ValueError: a file is no dialogue.
    """
    files = dialogue_files(folder, split)
    if not files:
        raise FileNotFoundError(f"no dialogues in {folder / split}; make some: duplex train data {folder}")
    place = out / split
    place.mkdir(parents=True, exist_ok=True)
    index = _index(place)
    known = {name for name, _, _ in index}
    new = [file for file in files if file.name not in known]
    for done, file in enumerate(new, 1):
        dialogue = load_dialogue(file)
        # Nothing may lean on the recorded agent's answers: they come at the right time.
        waits = unhurried(dialogue, Random(file.name)) if split == Split.train else patient(dialogue)
        columns, words = _columns(waits, table, layout, sum(beliefs for *_, beliefs in index))
        _append(place, {**columns, **words})
        index.append((file.name, len(columns[BELIEF]), len(words["count"])))
        if done % 50 == 0 or done == len(new):
            (place / "index.part").write_text(json.dumps(index))
            (place / "index.part").replace(place / "index.json")
        report(done, len(new))
    return _open(place, index, layout)


def _index(place: Path) -> list[tuple[str, int, int]]:
    """Name, frames and beliefs of each dialogue that is in; all else is cut off."""
    file = place / "index.json"
    index = [(str(n), int(f), int(b)) for n, f, b in json.loads(file.read_text())] if file.is_file() else []
    frames, beliefs = sum(row[1] for row in index), sum(row[2] for row in index)
    for column in place.glob("*.bin"):
        kind, shape = np.dtype(column.stem.rsplit("-", 2)[1]), column.stem.rsplit("-", 2)[2]
        width = kind.itemsize * int(shape)
        size = (beliefs if column.stem.split("-")[0] in _BELIEFS else frames) * width
        with column.open("r+b") as raw:
            raw.truncate(size)
    return index


def _columns(
    dialogue: Dialogue, table: WordTable, layout: Layout, beliefs_before: int
) -> tuple[Columns, Columns]:
    streams, labels = scan_streams(dialogue, table, layout), dialogue.labels
    columns: Columns = {**streams.audio, **streams.tokens, "age": streams.age}
    columns[BELIEF] = streams.beliefs.index + beliefs_before
    columns |= {"state": labels.state, "hazard": labels.end_in, "overlap": labels.overlap}
    columns |= {"complete": labels.complete, VAD: labels.vad, "vap": vap_classes(labels.vad)}
    kinds = _frame_columns(layout)
    typed = {name: values.astype(kinds[name][0]) for name, values in columns.items()}
    words = {name: getattr(streams.beliefs, name).astype(kind) for name, (kind, _) in _BELIEFS.items()}
    return typed, words


def _append(place: Path, columns: Columns) -> None:
    for name, values in columns.items():
        with _file(place, name, values.dtype.str[1:], values.shape[1:]).open("ab") as raw:
            raw.write(np.ascontiguousarray(values).tobytes())


def _file(place: Path, name: str, kind: str, shape: Sequence[int]) -> Path:
    return place / f"{name}-{kind}-{int(np.prod(shape, dtype=int))}.bin"


def _open(place: Path, index: list[tuple[str, int, int]], layout: Layout) -> Stored:
    frames, beliefs = sum(row[1] for row in index), sum(row[2] for row in index)

    def mapped(name: str, kind: str, shape: tuple[int, ...], rows: int) -> NDArray[Any]:
        return np.memmap(_file(place, name, kind, shape), kind, "r", shape=(rows, *shape))

    columns = {name: mapped(name, *kind, frames) for name, kind in _frame_columns(layout).items()}
    words = {name: mapped(name, *kind, beliefs) for name, kind in _BELIEFS.items()}
    starts = np.cumsum([0, *(row[1] for row in index)]).astype(np.int64)
    return Stored(columns, words, starts, tuple(row[0] for row in index))


def dialogues(stored: Stored) -> Iterator[slice]:
    """The frames of each dialogue."""
    for first, last in zip(stored.starts, stored.starts[1:], strict=False):
        yield slice(int(first), int(last))
