"""What a backbone is: a stack of blocks that turns a sequence into one of the same shape, with a constant state.

Two ways through the same weights: `scan` takes many frames at once and is how one trains, `step` takes one and is
how one runs; they agree. The state is a tuple of tensors whose first axis is the batch, so that forking a session,
going back, leaving a row out or starting one anew is a copy of rows and nothing else.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]


class Block(Protocol):
    """One layer. Called with float [batch, time, dim] and its state; gives the same shape and the next state."""

    def init_state(self, batch: int) -> State:
        """The state before the first frame: tensors [batch, ...]."""

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All frames of float [batch, time, dim] at once."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One frame, float [batch, dim], at a cost that does not depend on how many went before."""


class RmsNorm(nn.Module):
    """Root-mean-square normalisation over the last axis (Zhang and Sennrich 2019)."""

    def __init__(self, dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Any shape [..., dim]."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class Backbone(nn.Module):
    """Residual blocks, normalised before each and after the last.

    Args:
        dim: numbers per frame.
        blocks: the layers; modules that keep `Block`.
        dropout: share of each block's output that is dropped in training.
    """

    def __init__(self, dim: int, blocks: list[nn.Module], dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.norms = nn.ModuleList(RmsNorm(dim) for _ in blocks)
        self.last = RmsNorm(dim)
        self.dropout = nn.Dropout(dropout)
        self._widths = [len(block.init_state(1)) for block in blocks]  # type: ignore[operator]

    def init_state(self, batch: int) -> State:
        """The state before the first frame: tensors [batch, ...], those of the first layer first."""
        return tuple(part for block in self.blocks for part in block.init_state(batch))  # type: ignore[operator]

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All frames of float [batch, time, dim] at once, and the state after them."""
        return self._run(x, state, "scan")

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One frame, float [batch, dim], and the state after it."""
        return self._run(x, state, "step")

    def _run(self, x: Tensor, state: State, way: str) -> tuple[Tensor, State]:
        parts: list[Tensor] = []
        at = 0
        for block, norm, width in zip(self.blocks, self.norms, self._widths, strict=True):
            y, new = getattr(block, way)(norm(x), state[at : at + width])
            x = x + self.dropout(y)
            parts += new
            at += width
        return self.last(x), tuple(parts)


def select(mask: Tensor, new: State, old: State) -> State:
    """Rows of `new` where bool [batch] `mask` holds, those of `old` elsewhere."""
    return tuple(
        torch.where(mask.view(-1, *[1] * (n.dim() - 1)), n, o) for n, o in zip(new, old, strict=True)
    )
