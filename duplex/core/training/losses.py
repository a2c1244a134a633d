"""What each head is asked: targets from a dialogue's labels, and losses over the frames that count."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from duplex.core.streams.layout import FRAME_SECONDS, HORIZON, UNKNOWN, VAP_BINS
from duplex.core.training.model import Outputs

Targets = dict[str, Tensor]


def vap_classes(vad: NDArray[np.bool_]) -> NDArray[np.int16]:
    """The voice-activity projection after each frame: bool [T, 2] to int16 [T]; UNKNOWN where the future ends.

    A bin's bit is set where its speaker is active in at least half of it; bins cut frames, which then count in part.
    """
    frames = len(vad)
    edges = np.concatenate(([0.0], np.cumsum(VAP_BINS))) / FRAME_SECONDS
    active: NDArray[np.float64] = np.concatenate(
        (np.zeros((1, 2)), np.cumsum(vad, axis=0))
    )  # active[i]: frames active before frame i
    whole = np.arange(frames + 1)
    classes = np.zeros(frames, np.int16)
    start = np.arange(frames) + 1.0
    for speaker in range(2):
        until = [np.interp(start + edge, whole, active[:, speaker]) for edge in edges]
        for index, (low, high) in enumerate(pairwise(until)):
            half = (edges[index + 1] - edges[index]) / 2
            classes |= ((high - low >= half - 1e-9).astype(np.int16)) << (speaker * len(VAP_BINS) + index)
    classes[start + edges[-1] > frames] = UNKNOWN
    return classes


def hazard_loss(logits: Tensor, end_in: Tensor) -> Tensor:
    """Negative log-likelihood of the end's frame under discrete hazards, over the frames where a turn is open.

    Args:
        logits: of the end being in frame k, given that it is not before: float [..., 32].
        end_in: int64 [...]; beyond the horizon it is only known to be later; UNKNOWN does not count.
    """
    known = end_in != UNKNOWN
    logits, end_in = logits[known], end_in[known]
    bins = torch.arange(HORIZON, device=logits.device)
    ends = (bins == end_in.unsqueeze(-1)).to(logits.dtype)
    asked = (bins <= end_in.unsqueeze(-1)).to(logits.dtype)
    each = F.binary_cross_entropy_with_logits(logits, ends, reduction="none") * asked
    return _mean(each.sum(-1))


def losses(outputs: Outputs, targets: Targets, class_weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The loss of each head.

    Args:
        outputs: logits by head, float [batch, time, size].
        targets: int64 [batch, time] `state`, `hazard` (end_in), `vap`, `overlap`, and `vad` [batch, time, 2].
        class_weights: of `state` and `overlap`: what is rare counts more.
    """
    found = {
        name: _cross_entropy(outputs[name], targets[name], class_weights.get(name))
        for name in ("state", "vap", "overlap")
    }
    found["hazard"] = hazard_loss(outputs["hazard"], targets["hazard"])
    known = targets["vad"] != UNKNOWN
    each = F.binary_cross_entropy_with_logits(
        outputs["vad"][known], targets["vad"][known].float(), reduction="none"
    )
    found["vad"] = _mean(each)
    return found


def _cross_entropy(logits: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
    known = targets != UNKNOWN
    each = F.cross_entropy(logits[known], targets[known], weight=weight, reduction="none")
    return _mean(each)


def _mean(each: Tensor) -> Tensor:
    """The mean; 0 of nothing, with a gradient of 0."""
    return each.sum() / max(1, each.numel())
