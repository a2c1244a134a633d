"""Training the word path: by text alone, before any audio, and then frozen.

It is the strongest signal of all, it is cheap, and frozen it cannot learn the sentences that the voices say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from timeit import default_timer

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from duplex.core.streams.words import WordTable
from duplex.core.training.examples import Examples
from duplex.core.training.metrics import auc, matched_auc, passed_holds
from duplex.core.training.model import WordPath

Report = Callable[[dict[str, float | None]], None]


@dataclass(frozen=True, slots=True)
class WordTraining:
    """The recipe. `smooth` moves answers away from 0 and 1; the others as in `TrainConfig`."""

    epochs: int = 12
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.01
    smooth: float = 0.02
    patience: int = 3
    seed: int = 1


def vectors_of(table: WordTable, ids: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> Tensor:
    """Word vectors by id: int [...] to float32 [..., D]."""
    return torch.from_numpy(table.vectors[ids])


def completeness(path: WordPath, table: WordTable, examples: Examples, batch: int = 1024) -> Tensor:
    """Logits of "these are all words", float [N]."""
    path.eval()
    found = []
    with torch.no_grad():
        for at in range(0, len(examples), batch):
            part = examples.take(np.arange(at, min(at + batch, len(examples))))
            found.append(path(vectors_of(table, part.ids), torch.from_numpy(part.tentative))[1])
    return torch.cat(found) if found else torch.zeros(0)


def word_metrics(path: WordPath, table: WordTable, examples: Examples) -> dict[str, float | None]:
    """AUC, AUC of pairs of like length, the holds that slip through at 95 % of ends, and the loss."""
    logits = completeness(path, table, examples)
    scores, truth = logits.numpy(), examples.complete > 0.5
    return {
        "auc": auc(scores, truth),
        "auc_like_length": matched_auc(scores, truth, examples.count),
        "holds_passed": passed_holds(scores, truth),
        "loss": float(F.binary_cross_entropy_with_logits(logits, torch.from_numpy(examples.complete))),
        "n": float(len(truth)),
    }


def train_words(
    path: WordPath,
    table: WordTable,
    train: Examples,
    validation: Examples,
    recipe: WordTraining,
    report: Report = lambda row: None,
) -> dict[str, float | None]:
    """Train in place, keep the epoch whose validation loss is least, and return its metrics."""
    draw = np.random.default_rng(recipe.seed)
    torch.manual_seed(recipe.seed)
    steps = recipe.epochs * -(-len(train) // recipe.batch)
    optimiser = torch.optim.AdamW(path.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps, pct_start=0.1)
    best: dict[str, float | None] = {}
    kept = {name: value.clone() for name, value in path.state_dict().items()}
    waited = 0
    for epoch in range(recipe.epochs):
        begun, total = default_timer(), 0.0
        path.train()
        order = draw.permutation(len(train))
        for at in range(0, len(order), recipe.batch):
            total += _step(path, table, train.take(order[at : at + recipe.batch]), optimiser, recipe.smooth)
            schedule.step()
        now = word_metrics(path, table, validation)
        spent = default_timer() - begun
        report(
            {"epoch": epoch, "train_loss": total / len(order), "examples_per_s": len(order) / spent, **now}
        )
        if best and (now["loss"] or 0.0) >= (best["loss"] or 0.0):
            waited += 1
            if waited >= recipe.patience:
                break
            continue
        best, waited = now, 0
        kept = {name: value.clone() for name, value in path.state_dict().items()}
    path.load_state_dict(kept)
    return best


def _step(
    path: WordPath, table: WordTable, part: Examples, optimiser: torch.optim.Optimizer, smooth: float
) -> float:
    _, logits = path(vectors_of(table, part.ids), torch.from_numpy(part.tentative))
    answers = torch.from_numpy(part.complete) * (1 - 2 * smooth) + smooth
    loss = F.binary_cross_entropy_with_logits(logits, answers)
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(path.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach()) * len(part)
