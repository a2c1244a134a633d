"""A trained core as two ONNX files: one step of the frame path, state in and out, and the word path.

Both are checked against the trained one before they are left behind. The outputs are probabilities: what is shipped
needs no softmax of its own.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from duplex.core.runtime.engine import FRAME_FILE, WORD_FILE, session
from duplex.core.streams.frames import CLOCKS
from duplex.core.streams.layout import WORD_WINDOW, Kind
from duplex.core.training.backbone import State
from duplex.core.training.config import HEADS, ModelConfig, model_config
from duplex.core.training.loop import BEST
from duplex.core.training.model import CLOCK, CODE, Core, Inputs, WordPath
from duplex.core.training.pipeline import CONFIG, WORDS

TOLERANCE = 1e-4
"""The most that a probability or the state may differ."""
LARGEST = 16 << 20
"""Bytes that a file may have."""
_OPSET = 17
_CHECKED = (1, 3)
"""Rows that parity is checked with."""


class ParityError(RuntimeError):
    """What was exported does not compute what was trained."""


class _Step(nn.Module):
    """A core's step over positional arguments, with the whole state as one matrix [batch, size]."""

    def __init__(self, core: Core, names: Sequence[str]) -> None:
        super().__init__()
        self.core, self.names = core, tuple(names)

    def forward(self, before: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
        outputs, after = self.core.step(dict(zip(self.names, inputs, strict=True)), self._parts(before))
        return (*_probabilities(outputs), _flat(after))

    def _parts(self, flat: Tensor) -> State:
        parts, at = [], 0
        for like in self.core.init_state(1):
            part = (
                flat[:, at : at + like.numel()].unflatten(1, like.shape[1:])
                if like.dim() > 1
                else flat[:, at]
            )
            parts.append(part.to(like.dtype))
            at += like.numel()
        return tuple(parts)


def _flat(state: State) -> Tensor:
    return torch.cat(
        [part.flatten(1) if part.dim() > 1 else part.unsqueeze(1) for part in state], dim=1
    ).float()


def _probabilities(outputs: dict[str, Tensor]) -> list[Tensor]:
    """By head in the order of HEADS; the hazard as P(the turn ends at most k frames from now)."""
    found = []
    for name in HEADS:
        logits = outputs[name]
        if name == "hazard":
            found.append(1 - torch.exp(torch.cumsum(nn.functional.logsigmoid(-logits), dim=-1)))
        else:
            found.append(torch.sigmoid(logits) if name == "vad" else torch.softmax(logits, dim=-1))
    return found


class _Words(nn.Module):
    """A word path that gives a probability."""

    def __init__(self, path: WordPath) -> None:
        super().__init__()
        self.path = path

    def forward(self, vectors: Tensor, tentative: Tensor) -> tuple[Tensor, Tensor]:
        code, complete = self.path(vectors, tentative)
        return code, torch.sigmoid(complete)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export left.

    Attributes:
        files: their sizes in bytes.
        difference: the greatest between trained and exported.
        parameters: of both paths.
    """

    files: dict[str, int]
    difference: float
    parameters: int


def load_run(run: Path) -> tuple[Core, WordPath]:
    """The best weights of a run's folder.

    Raises:
        FileNotFoundError: nothing was trained there yet.
    """
    for name in (CONFIG, WORDS, BEST):
        if not (run / name).is_file():
            raise FileNotFoundError(f"no {name} in {run}: train first, with duplex train core")
    config = model_config(json.loads((run / CONFIG).read_text())["model"])
    core, path = Core(config), WordPath(config.vector, config.words)
    core.load_state_dict(torch.load(run / BEST, map_location="cpu", weights_only=True)["core"])
    path.load_state_dict(torch.load(run / WORDS, map_location="cpu", weights_only=True)["path"])
    return core.eval(), path.eval()


def export(core: Core, path: WordPath, out: Path, steps: int = 40) -> Exported:
    """Write `frame.onnx` and `words.onnx` to a folder, once they are found to be right.

    Raises:
        ParityError: they are not, or are too large.
    """
    out.mkdir(parents=True, exist_ok=True)
    core, path = core.eval(), path.eval()
    draw = np.random.default_rng(0)
    parts = {name: out / f"{name}.part" for name in (FRAME_FILE, WORD_FILE)}
    frame = random_inputs(core.config, 1, draw)
    state = _flat(core.init_state(1))
    _write(
        _Step(core, list(frame)),
        (state, *frame.values()),
        ["before", *frame],
        [*HEADS, "after"],
        parts[FRAME_FILE],
    )
    words = random_words(core.config, 1, draw)
    _write(_Words(path), words, ["vectors", "tentative"], ["code", "complete"], parts[WORD_FILE])
    _describe(parts[FRAME_FILE], core.config)
    difference = max(
        max(frame_difference(core, parts[FRAME_FILE], rows, steps) for rows in _CHECKED),
        max(word_difference(path, core.config, parts[WORD_FILE], rows) for rows in _CHECKED),
    )
    sizes = {name: part.stat().st_size for name, part in parts.items()}
    if difference > TOLERANCE or max(sizes.values()) > LARGEST:
        for part in parts.values():
            part.unlink()
        raise ParityError(f"exported and trained differ by {difference:.2g}, the sizes are {sizes}")
    for name, part in parts.items():
        part.replace(out / name)
    of_judge = sum(p.numel() for p in path.judge.parameters())  # it has done its work
    return Exported(
        sizes, difference, sum(p.numel() for m in (core, path) for p in m.parameters()) - of_judge
    )


def random_inputs(config: ModelConfig, rows: int, draw: np.random.Generator) -> Inputs:
    """A frame of noise: what `Core.step` takes, for `rows` sessions."""
    inputs: Inputs = {}
    for stream in config.layout.fed:
        if stream.kind is Kind.CLASS:
            inputs[stream.name] = torch.from_numpy(draw.integers(0, stream.size, rows))
        else:
            inputs[stream.name] = _normal(draw, rows, stream.size or config.vector)
    inputs[CODE] = torch.tanh(_normal(draw, rows, config.words))
    inputs[CLOCK] = torch.from_numpy(draw.random((rows, CLOCKS)).astype(np.float32))
    return inputs


def random_words(config: ModelConfig, rows: int, draw: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Noise for the word path."""
    loose = torch.from_numpy((draw.random((rows, WORD_WINDOW)) < 0.3).astype(np.float32))
    return _normal(draw, rows, WORD_WINDOW, config.vector), loose


def _normal(draw: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(draw.standard_normal(shape).astype(np.float32))


def frame_difference(core: Core, file: Path, rows: int, steps: int) -> float:
    """How far the exported step drifts from the trained one over some frames of noise."""
    draw, run = np.random.default_rng(rows), session(file)
    theirs: NDArray[np.float32] = _flat(core.init_state(rows)).numpy()
    worst = 0.0
    with core.streaming(rows) as live:
        for _ in range(steps):
            inputs = random_inputs(core.config, rows, draw)
            ours = [*_probabilities(live.step(inputs)), _flat(live.state)]
            found = run.run(None, {"before": theirs, **{name: part.numpy() for name, part in inputs.items()}})
            theirs = found[-1]
            worst = max(
                worst, *(_distance(one.numpy(), other) for one, other in zip(ours, found, strict=True))
            )
    return worst


def word_difference(path: WordPath, config: ModelConfig, file: Path, rows: int) -> float:
    """How far the exported word path is from the trained one."""
    vectors, tentative = random_words(config, rows, np.random.default_rng(rows))
    with torch.no_grad():
        ours = _Words(path)(vectors, tentative)
    found = session(file).run(None, {"vectors": vectors.numpy(), "tentative": tentative.numpy()})
    return max(_distance(one.numpy(), other) for one, other in zip(ours, found, strict=True))


def _distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(one - other).max(initial=0.0))


def _write(
    module: nn.Module, arguments: tuple[Tensor, ...], inputs: list[str], outputs: list[str], path: Path
) -> None:
    with warnings.catch_warnings():
        # The exporter by tracing is an old one; it needs nothing but torch, whose release is pinned, and says all
        # this as warnings. That what it made is right for any number of rows is checked afterwards.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            arguments,
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: {0: "rows"} for name in (*inputs, *outputs)},
            opset_version=_OPSET,
            dynamo=False,
        )


def _describe(path: Path, config: ModelConfig) -> None:
    """Put the streams into the file: the runtime feeds what the model was made for."""
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {"layout": json.dumps(config.to_json()["layout"])})
    onnx.save(model, str(path))
