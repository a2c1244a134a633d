"""Training the frame path: steps, validation, early stopping, and a checkpoint from which a run goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from timeit import default_timer
from typing import Any

import numpy as np
import torch
from torch import Tensor

from duplex.core.streams.layout import OVERLAPS, STATES, UNKNOWN
from duplex.core.training.batches import Batch, Source
from duplex.core.training.config import ModelConfig, TrainConfig
from duplex.core.training.losses import losses
from duplex.core.training.measure import Metrics, evaluate, on_device
from duplex.core.training.model import Core
from duplex.core.training.parallel import Group
from duplex.core.training.store import Stored

CHECKPOINT, BEST, LOG = "checkpoint.pt", "best.pt", "log.jsonl"
VALIDATED = 120_000
"""Frames of the validation split that are measured each time."""

Report = Callable[[dict[str, Any]], None]


def class_weights(stored: Stored) -> dict[str, Tensor]:
    """The rarer a class, the more it counts: by the root of its share, at most ten times the commonest, mean 1."""
    found = {}
    for name, classes in (("state", len(STATES)), ("overlap", len(OVERLAPS))):
        values = np.asarray(stored.frames[name])
        counts = np.bincount(values[values != UNKNOWN], minlength=classes).astype(np.float64)
        weights = np.minimum(10.0, np.sqrt(counts.max() / np.maximum(counts, 1)))
        share = counts / max(1, counts.sum())
        found[name] = torch.tensor(weights / max(1e-9, float((weights * share).sum())), dtype=torch.float32)
    return found


@dataclass(slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: steps done.
        seconds: time spent on them.
        best: the least validation loss.
        waited: validations since then.
    """

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    waited: int = 0


class Run:
    """One training run in a folder; made anew it goes on from the checkpoint there.

    Args:
        folder: for the checkpoint, the best weights and the log.
        model: sizes. A checkpoint of another model is refused.
        recipe: how to train.
        train, validation: what on.
        group: the processes that share the work.
        device: where to compute.
        start: the folder of a run whose best weights this one begins with.

    Raises:
        FileNotFoundError: there are none.
        ValueError: the folder holds a run of another model.
        RuntimeError: so does the one to begin with.
    """

    def __init__(
        self,
        folder: Path,
        model: ModelConfig,
        recipe: TrainConfig,
        train: Source,
        validation: Source,
        group: Group,
        device: torch.device,
        start: Path | None = None,
    ) -> None:
        self.folder, self.recipe, self.group, self.device = folder, recipe, group, device
        self.train, self.validation = train, validation
        torch.manual_seed(recipe.seed)
        self.core = Core(model).to(device)
        if start is not None:
            self.core.load_state_dict(
                torch.load(start / BEST, map_location=device, weights_only=True)["core"]
            )
        self.weights = {name: part.to(device) for name, part in class_weights(train.stored).items()}
        self.optimiser = torch.optim.AdamW(
            _groups(self.core, recipe.decay), lr=recipe.rate, betas=(0.9, 0.98)
        )
        self.progress = Progress()
        self._resume()

    def go(self, report: Report = lambda row: None) -> Metrics:
        """Train until done, out of time, or no longer better; returns the best validation's measures."""
        recipe, progress = self.recipe, self.progress
        begun, before = default_timer(), progress.seconds
        seen, total = 0, 0.0
        while progress.step < recipe.steps and progress.waited < recipe.patience:
            loss, frames = self._step()
            seen, total = seen + frames, total + loss
            progress.step += 1
            progress.seconds = before + default_timer() - begun
            late = self.group.any(progress.seconds >= recipe.minutes * 60)
            if progress.step % recipe.every == 0 or late or progress.step == recipe.steps:
                done = progress.step % recipe.every or recipe.every
                rate = seen * self.group.size / max(1e-9, progress.seconds - before)
                self._validate(total / done, rate, report)
                total = 0.0
            if late:
                break
        return self._best()

    def _step(self) -> tuple[float, int]:
        """One step on this process's share of the batch; its loss and frames."""
        recipe = self.recipe
        share = max(1, recipe.batch // self.group.size)
        seed = (recipe.seed, self.progress.step, self.group.rank)
        batch = self.train.crops(share, recipe.crop, seed, recipe.blind, recipe.colour)
        for part in self.optimiser.param_groups:
            part["lr"] = self._rate()
        self.core.train()
        self.optimiser.zero_grad()
        torch.manual_seed(hash(seed) % (1 << 31))  # dropout too is the same after a resume
        loss = self._loss(batch)
        loss.backward()
        self.group.average(self.core)
        torch.nn.utils.clip_grad_norm_(self.core.parameters(), recipe.clip)
        self.optimiser.step()
        return float(loss.detach()), int((batch.targets["vad"][..., 0] != UNKNOWN).sum())

    def _loss(self, batch: Batch) -> Tensor:
        half: AbstractContextManager[Any] = nullcontext()
        if self.device.type == "cuda":
            half = torch.autocast("cuda", torch.bfloat16)
        with half:
            outputs, _ = self.core.scan(on_device(batch.inputs, self.device))
        outputs = {name: logits.float() for name, logits in outputs.items()}
        found = losses(outputs, on_device(batch.targets, self.device), self.weights)
        return torch.stack([found[name] * weight for name, weight in self.recipe.weights.items()]).sum()

    def _rate(self) -> float:
        """Warm-up, then a cosine down to a tenth: over the steps, or over the minutes if they end first."""
        recipe, progress = self.recipe, self.progress
        if progress.step < recipe.warmup:
            return recipe.rate * (progress.step + 1) / recipe.warmup
        done = max(progress.step / recipe.steps, progress.seconds / (recipe.minutes * 60))
        return recipe.rate * (0.55 + 0.45 * math.cos(math.pi * min(1.0, done)))

    def _validate(self, train_loss: float, rate: float, report: Report) -> None:
        """Measure (in the first process), log, keep what is better, and save."""
        progress = self.progress
        if self.group.rank == 0:
            found = evaluate(self.core, self.validation.wholes(8, VALIDATED), self.weights)
            loss = sum(
                (found[f"loss_{name}"] or 0.0) * weight for name, weight in self.recipe.weights.items()
            )
            better = loss < progress.best
            progress.best, progress.waited = (loss, 0) if better else (progress.best, progress.waited + 1)
            row: dict[str, Any] = {
                "step": progress.step,
                "seconds": round(progress.seconds, 1),
                "frames_per_s": rate,
            }
            row |= {"train_loss": train_loss, "loss": loss, "better": better, **found}
            with (self.folder / LOG).open("a") as file:
                file.write(json.dumps(row) + "\n")
            if better:
                _save(self.folder / BEST, {"core": self.core.state_dict(), "metrics": row})
            self._checkpoint()
            report(row)
        progress.waited = self.group.tell(progress.waited)

    def _checkpoint(self) -> None:
        state = {"core": self.core.state_dict(), "optimiser": self.optimiser.state_dict()}
        state |= {"progress": asdict(self.progress), "model": self.core.config.to_json()}
        _save(self.folder / CHECKPOINT, state)

    def _resume(self) -> None:
        file = self.folder / CHECKPOINT
        if not file.is_file():
            return
        state = torch.load(file, map_location=self.device, weights_only=True)
        if json.dumps(state["model"]) != json.dumps(self.core.config.to_json()):
            raise ValueError(
                f"{self.folder} holds a run of another model; give the new one a folder of its own"
            )
        self.core.load_state_dict(state["core"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])

    def _best(self) -> Metrics:
        self.group.wait()
        state = torch.load(self.folder / BEST, map_location=self.device, weights_only=True)
        self.core.load_state_dict(state["core"])
        return dict(state["metrics"])


def _groups(core: Core, decay: float) -> list[dict[str, Any]]:
    """Matrices decay; biases, gains and rates do not."""
    matrices = [p for p in core.parameters() if p.dim() > 1]
    others = [p for p in core.parameters() if p.dim() <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _save(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)
