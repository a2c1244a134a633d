"""From a stored split to tensors: random crops to train on, whole dialogues to measure on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from duplex.core.streams import layout as streams
from duplex.core.streams.features import CONTEXT, frame_features
from duplex.core.streams.layout import FRAME_SAMPLES, HOPS, MELS, UNKNOWN, Kind, Layout
from duplex.core.streams.words import WordTable
from duplex.core.training.losses import Targets
from duplex.core.training.model import CLOCK, CODE, Inputs, WordPath
from duplex.core.training.store import BELIEF, VAD, Stored, dialogues
from duplex.core.training.wordpath import vectors_of

_SILENT = float(frame_features(np.zeros((1, CONTEXT + FRAME_SAMPLES), np.int16)).min())
_TARGETS = ("state", "hazard", "vap", "overlap")


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences side by side, the shorter ones padded with frames that no head is asked about."""

    inputs: Inputs
    targets: Targets


@dataclass(frozen=True, slots=True)
class Source:
    """A stored split with the codes of its beliefs: float16 [B, words]."""

    stored: Stored
    codes: NDArray[np.float16]
    table: WordTable
    layout: Layout

    def crops(self, batch: int, frames: int, seed: Sequence[int], blind: float, colour: float = 0.0) -> Batch:
        """`batch` crops of at most `frames`, dialogues drawn by their length; the same ones for the same seed.

        `blind` and `colour` are those of `TrainConfig`.
        """
        draw = np.random.default_rng(list(seed))
        chosen = []
        for _ in range(batch):
            at = int(draw.integers(len(self.stored)))
            which = int(np.searchsorted(self.stored.starts, at, "right")) - 1
            first, last = int(self.stored.starts[which]), int(self.stored.starts[which + 1])
            start = int(draw.integers(first, max(first, last - frames) + 1))
            chosen.append(slice(start, min(last, start + frames)))
        made = self.sequences(chosen)
        self._colour(made, colour, draw)
        self._hide_words(made, draw.random(batch) < blind)
        self._hide_agent(made, draw.random(batch) < blind)
        self._hide_classes(made, draw.random(batch) < blind)
        return made

    def wholes(self, batch: int, most: int) -> Iterator[Batch]:
        """Whole dialogues, the first ones, `batch` at a time, until `most` frames were given."""
        group: list[slice] = []
        given = 0
        for rows in dialogues(self.stored):
            group.append(rows)
            given += rows.stop - rows.start
            if len(group) == batch or given >= most:
                yield self.sequences(group)
                group = []
            if given >= most:
                return
        if group:
            yield self.sequences(group)

    def sequences(self, chosen: Sequence[slice]) -> Batch:
        """Those rows, as sequences."""
        columns = self.stored.frames
        length = max(rows.stop - rows.start for rows in chosen)

        def stacked(values: Sequence[NDArray[np.generic]], fill: int = 0) -> Tensor:
            shape = (len(values), length, *values[0].shape[1:])
            out = np.full(shape, fill, values[0].dtype)
            for row, value in enumerate(values):
                out[row, : len(value)] = value
            return torch.from_numpy(out)

        inputs: Inputs = {CODE: stacked([self.codes[columns[BELIEF][rows]] for rows in chosen]).float()}
        inputs[CLOCK] = stacked([self.stored.clock(rows) for rows in chosen])
        for stream in self.layout.fed:
            values = [np.asarray(columns[stream.name][rows]) for rows in chosen]
            if stream.kind is Kind.WORD:
                inputs[stream.name] = stacked([self.table.vectors[ids] for ids in values])
            elif stream.kind is Kind.CLASS:
                inputs[stream.name] = stacked(values).long()
            else:
                inputs[stream.name] = stacked(values).float()
        targets = {
            name: stacked([columns[name][rows] for rows in chosen], UNKNOWN).long() for name in _TARGETS
        }
        targets[VAD] = stacked([columns[VAD][rows] for rows in chosen], UNKNOWN).long()
        return Batch(inputs, targets)

    def _colour(self, made: Batch, spread: float, draw: np.random.Generator) -> None:
        """Another microphone for each sequence: a level, and a tilt over the bands. Silence stays silence."""
        bands = np.tile(np.linspace(-1, 1, MELS, dtype=np.float32), HOPS)
        for name in (streams.USER_AUDIO, streams.AGENT_AUDIO):
            heard = made.inputs[name]
            level, tilt = draw.normal(0, spread, (2, len(heard), 1, 1)).astype(np.float32)
            heard += torch.from_numpy(level + tilt * bands)
            heard.clamp_(min=_SILENT)

    def _hide_words(self, made: Batch, rows: NDArray[np.bool_]) -> None:
        """As where there is no recogniser: the empty belief, for ever."""
        hidden = torch.from_numpy(rows)
        made.inputs[CODE][hidden] = torch.from_numpy(np.array(self.codes[0])).float()
        made.inputs[CLOCK][hidden] = torch.tensor([1.0, 0.0])

    def _hide_agent(self, made: Batch, rows: NDArray[np.bool_]) -> None:
        """As where the agent's own audio is not known."""
        hidden = torch.from_numpy(rows)
        for name, value in made.inputs.items():
            if name == streams.AGENT_AUDIO:
                value[hidden] = _SILENT
            elif name == streams.AGENT_WORDS:
                value[hidden] = 0.0

    def _hide_classes(self, made: Batch, rows: NDArray[np.bool_]) -> None:
        """As where nobody tells what was decided, and what the tools do."""
        for stream in self.layout.fed:
            if stream.kind is Kind.CLASS:
                made.inputs[stream.name][torch.from_numpy(rows)] = streams.PAD_TOKEN


def encode(path: WordPath, table: WordTable, stored: Stored, batch: int = 1024) -> NDArray[np.float16]:
    """The code of every belief of a split: float16 [B, words]."""
    path.eval()
    ids, tentative = stored.words["ids"], stored.words["tentative"]
    found = []
    with torch.no_grad():
        for at in range(0, len(ids), batch):
            vectors = vectors_of(table, np.asarray(ids[at : at + batch]))
            loose = torch.from_numpy(tentative[at : at + batch].astype(np.float32))
            found.append(path(vectors, loose)[0].numpy().astype(np.float16))
    return np.concatenate(found)
