"""Training the word path: by text alone, before any audio, and then frozen.

It is the strongest signal of all, it is cheap, and frozen it cannot learn the sentences that the voices say. First
come whole turns, behind each word of which a language model's judgement is learnt beside the answer; then beliefs as
they are heard.
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
from duplex.core.training.prefixes import Prefixes

Report = Callable[[dict[str, float | None]], None]


@dataclass(frozen=True, slots=True)
class WordTraining:
    """The recipe.

    Attributes:
        passes: over whole turns.
        minutes: at most so long for them.
        epochs: over beliefs.
        batch: turns, or beliefs, in a step.
        rate: the learning rate of the passes; beliefs get `settle` times as much.
        judged: what the judge's answers count beside those of the turns themselves.
        addressed: the same for whom the words are for.
        smooth: moves answers away from 0 and 1.
        decay, patience, seed: as in `TrainConfig`.
    """

    passes: int = 2
    minutes: float = 60.0
    epochs: int = 4
    batch: int = 256
    rate: float = 3e-3
    settle: float = 0.3
    judged: float = 1.0
    addressed: float = 0.5
    smooth: float = 0.02
    decay: float = 0.01
    patience: int = 2
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


def train_prefixes(
    path: WordPath,
    table: WordTable,
    turns: Prefixes,
    validation: Examples,
    recipe: WordTraining,
    report: Report = lambda row: None,
) -> None:
    """Train on whole turns in place; the last pass is kept, since its rate is the least."""
    draw = np.random.default_rng(recipe.seed)
    torch.manual_seed(recipe.seed)
    optimiser = torch.optim.AdamW(path.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    begun, step, steps = default_timer(), 0, recipe.passes * -(-len(turns) // recipe.batch)
    for number in range(recipe.passes):
        path.train()
        order, total = draw.permutation(len(turns)), 0.0
        for at in range(0, len(order), recipe.batch):
            done = max(step / steps, (default_timer() - begun) / (recipe.minutes * 60))
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * min(1.0, 20 * done + 0.05) * (1 - min(0.98, done))
            part = turns.take(order[at : at + recipe.batch], draw)
            total += _descend(path, optimiser, _prefix_loss(path, table, part, recipe)) * len(part)
            step += 1
        spent = default_timer() - begun
        row: dict[str, float | None] = {"pass": number, "train_loss": total / len(order), "seconds": spent}
        report({**row, **word_metrics(path, table, validation)})
        if spent > recipe.minutes * 60:
            break


def _prefix_loss(path: WordPath, table: WordTable, part: Prefixes, recipe: WordTraining) -> Tensor:
    """Of the turns' own answers, of the judge's where it gave some, and of whom the words are for."""
    complete, weight, judged = map(torch.from_numpy, (part.complete, part.weight, part.judged))
    found, as_judge, for_us = path.every(vectors_of(table, part.ids), torch.from_numpy(part.tentative))
    answers = complete.clamp(min=0) * (1 - 2 * recipe.smooth) + recipe.smooth
    own = F.binary_cross_entropy_with_logits(found, answers, reduction="none")
    loss = (own * weight).sum() / weight.sum().clamp(min=1)
    known = judged >= 0
    if known.any():
        loss = loss + recipe.judged * F.binary_cross_entropy_with_logits(as_judge[known], judged[known])
    addressed = torch.from_numpy(part.addressed)
    inside = addressed >= 0
    each = F.binary_cross_entropy_with_logits(for_us[inside], addressed[inside])
    return loss + recipe.addressed * each


def train_words(
    path: WordPath,
    table: WordTable,
    train: Examples,
    validation: Examples,
    recipe: WordTraining,
    report: Report = lambda row: None,
) -> dict[str, float | None]:
    """Train on beliefs in place, keep the epoch whose validation loss is least, and return its metrics."""
    draw = np.random.default_rng(recipe.seed)
    torch.manual_seed(recipe.seed)
    steps = recipe.epochs * -(-len(train) // recipe.batch)
    rate = recipe.rate * recipe.settle
    optimiser = torch.optim.AdamW(path.parameters(), lr=rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
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
    return _descend(path, optimiser, F.binary_cross_entropy_with_logits(logits, answers)) * len(part)


def _descend(path: WordPath, optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(path.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())
