"""What a core is worth on dialogues it was not trained on, head by head."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from duplex.core.streams.layout import OVERLAPS, STATES, UNKNOWN
from duplex.core.training.batches import Batch
from duplex.core.training.losses import Targets, losses
from duplex.core.training.metrics import auc, f1_by_class
from duplex.core.training.model import Core, Inputs, Outputs

SOON = 6
"""Frames within which an end is to be anticipated: 480 ms."""
SILENT = 3
"""Frames of silence after which the first question is whether the turn is over: 240 ms."""
_HOLD, _START = STATES.index("hold"), STATES.index("start")

Metrics = dict[str, float | None]


def ends_within(hazard: Tensor, frames: int) -> Tensor:
    """P(the turn ends at most `frames` frames from now), of hazard logits [..., 32]."""
    return 1 - torch.exp(torch.nn.functional.logsigmoid(-hazard[..., : frames + 1]).sum(-1))


def on_device(parts: Inputs, device: torch.device) -> Inputs:
    """The same tensors, there."""
    return {name: part.to(device, non_blocking=True) for name, part in parts.items()}


def evaluate(core: Core, batches: Iterable[Batch], class_weights: dict[str, Tensor]) -> Metrics:
    """Losses and measures over whole dialogues.

    Returns:
        `loss_HEAD`; `state_f1_NAME`, `overlap_f1_NAME` and their means; `vad_accuracy` of the user;
        `over_auc` (silent in a turn: is it over or a pause?); `turn_end_auc` (the same, once a silence, after 240 ms
        of it); `anticipation_auc` (still speaking: will it end within 480 ms?); `frames`. None where the labels give
        no answer.
    """
    core.eval()
    device = next(core.parameters()).device
    gathered: defaultdict[str, list[NDArray[Any]]] = defaultdict(list)
    totals: defaultdict[str, float] = defaultdict(float)
    frames = 0
    with torch.no_grad():
        for batch in batches:
            outputs, _ = core.scan(on_device(batch.inputs, device))
            targets = on_device(batch.targets, device)
            size = int((targets["vad"][..., 0] != UNKNOWN).sum())
            frames += size
            for name, value in losses(outputs, targets, class_weights).items():
                totals[name] += float(value) * size
            for name, part in _answers(outputs, targets).items():
                gathered[name].append(part.cpu().numpy())
    answers = {name: np.concatenate(parts) for name, parts in gathered.items()}
    found: Metrics = {f"loss_{name}": total / max(1, frames) for name, total in totals.items()}
    return {**found, **_measures(answers), "frames": float(frames)}


def _answers(outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
    """What the measures need, over the frames that count for each."""
    found = {}
    for name in ("state", "overlap"):
        known = targets[name] != UNKNOWN
        found[f"{name}_guess"], found[f"{name}_true"] = outputs[name][known].argmax(-1), targets[name][known]
    heard = targets["vad"][..., 0] != UNKNOWN
    found["vad_right"] = (outputs["vad"][..., 0] > 0)[heard] == (targets["vad"][..., 0] == 1)[heard]
    silent = (targets["state"] == _HOLD) | (targets["state"] == _START)
    found["over_score"] = ends_within(outputs["hazard"], 0)[silent]
    found["over_true"] = targets["state"][silent] == _START
    first = _run((targets["vad"][..., 0] == 0) & (targets["hazard"] >= 0)) == SILENT
    found["end_score"] = ends_within(outputs["hazard"], 0)[first]
    found["end_true"] = targets["hazard"][first] == 0
    speaking = (targets["vad"][..., 0] == 1) & (targets["hazard"] > 0)
    found["soon_score"] = ends_within(outputs["hazard"], SOON)[speaking]
    found["soon_true"] = targets["hazard"][speaking] <= SOON
    return found


def _run(mask: Tensor) -> Tensor:
    """For how many frames in a row a mask holds so far: bool [batch, time] to int64."""
    count = torch.cumsum(mask.long(), dim=1)
    before: Tensor = torch.cummax(torch.where(mask, 0, count), dim=1).values
    return count - before


def _measures(answers: dict[str, NDArray[Any]]) -> Metrics:
    found: Metrics = {}
    for head, names in (("state", STATES), ("overlap", OVERLAPS)):
        scores = f1_by_class(answers[f"{head}_guess"], answers[f"{head}_true"], len(names))
        found |= {f"{head}_f1_{name}": score for name, score in zip(names, scores, strict=True)}
        told = [score for score in scores if score is not None]
        found[f"{head}_f1"] = float(np.mean(told)) if told else None
    found["vad_accuracy"] = float(np.mean(answers["vad_right"])) if len(answers["vad_right"]) else None
    found["over_auc"] = auc(answers["over_score"], answers["over_true"])
    found["turn_end_auc"] = auc(answers["end_score"], answers["end_true"])
    found["anticipation_auc"] = auc(answers["soon_score"], answers["soon_true"])
    return found
