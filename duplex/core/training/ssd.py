"""Mamba-2's block: a selective state space with one decay per head (Dao and Gu 2024, "Transformers are SSMs").

Per head a state `h` [P, N] follows `h_t = a_t h_{t-1} + dt_t x_t B_t'`, `y_t = h_t C_t + D x_t`, where the decay
`a_t = exp(-A dt_t)`, `B`, `C` and `dt` depend on the input. Unrolled, that is a masked attention without softmax:
within chunks of `CHUNK` frames it is computed as one (the dual form), between chunks the state is carried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from duplex.core.training.backbone import RmsNorm, State

CHUNK = 32
_SLOWEST, _FASTEST = 1e-3, 1e-1
"""Initial time steps lie between these, evenly in their logarithm."""


@dataclass(frozen=True, slots=True)
class SsdConfig:
    """Sizes of a block. `inner` is a multiple of `head`.

    Attributes:
        dim: numbers per frame, in and out.
        inner: numbers per frame inside.
        head: numbers per head, P.
        state: numbers that each of them remembers, N.
        conv: frames that the short convolution before the state sees.
    """

    dim: int
    inner: int
    head: int = 64
    state: int = 32
    conv: int = 4

    @property
    def heads(self) -> int:
        """H."""
        return self.inner // self.head

    @property
    def mixed(self) -> int:
        """Channels of the short convolution: x, B and C."""
        return self.inner + 2 * self.state


class Ssd(nn.Module):
    """The block; its state is (h float [batch, H, P, N], the convolution's past [batch, conv - 1, channels])."""

    def __init__(self, config: SsdConfig) -> None:
        super().__init__()
        if config.inner % config.head:
            raise ValueError(f"{config.inner} numbers do not divide into heads of {config.head}")
        self.config = config
        self.enter = nn.Linear(config.dim, config.inner + config.mixed + config.heads, bias=False)
        self.kernel = nn.Parameter(torch.randn(config.conv, config.mixed) / math.sqrt(config.conv))
        self.kernel_bias = nn.Parameter(torch.zeros(config.mixed))
        steps = torch.exp(torch.rand(config.heads) * math.log(_FASTEST / _SLOWEST) + math.log(_SLOWEST))
        self.dt_bias = nn.Parameter(torch.log(torch.expm1(steps)))  # softplus gives the steps back
        self.decay = nn.Parameter(torch.log(torch.linspace(1, 16, config.heads)))
        self.skip = nn.Parameter(torch.ones(config.heads))
        self.norm = RmsNorm(config.inner)
        self.leave = nn.Linear(config.inner, config.dim, bias=False)

    def init_state(self, batch: int) -> State:
        """Zeros."""
        c, like = self.config, self.kernel
        return (
            like.new_zeros(batch, c.heads, c.head, c.state),
            like.new_zeros(batch, c.conv - 1, c.mixed),
        )

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Float [batch, time, dim], in chunks."""
        c = self.config
        memory, past = state
        gate, mixed, dt = self._project(x)
        line = torch.cat((past, mixed), dim=1)
        windows = line.unfold(1, c.conv, 1)  # [batch, time, channels, conv]
        mixed = F.silu((windows * self.kernel.T).sum(-1) + self.kernel_bias)
        u, b, k = self._split(mixed)
        y, memory = chunked(u, dt, self._rates(), b, k, memory)
        return self._close(y, u, gate), (memory, line[:, line.shape[1] - (c.conv - 1) :])

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Float [batch, dim], by the recurrence."""
        memory, past = state
        gate, mixed, dt = self._project(x)
        line = torch.cat((past, mixed.unsqueeze(1)), dim=1)
        mixed = F.silu((line * self.kernel).sum(1) + self.kernel_bias)
        u, b, k = self._split(mixed)
        fade = torch.exp(dt * self._rates())[..., None, None]
        memory = memory * fade + (u * dt.unsqueeze(-1)).unsqueeze(-1) * b[:, None, None, :]
        y = torch.matmul(memory, k[:, None, :, None]).squeeze(-1)
        return self._close(y, u, gate), (memory, line[:, 1:])

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c = self.config
        gate, mixed, dt = torch.split(self.enter(x), [c.inner, c.mixed, c.heads], dim=-1)
        return gate, mixed, F.softplus(dt + self.dt_bias)

    def _split(self, mixed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c = self.config
        u, b, k = torch.split(mixed, [c.inner, c.state, c.state], dim=-1)
        return torch.unflatten(u, -1, (c.heads, c.head)), b, k

    def _rates(self) -> Tensor:
        return -torch.exp(self.decay)

    def _close(self, y: Tensor, u: Tensor, gate: Tensor) -> Tensor:
        y = y + u * self.skip.unsqueeze(-1)
        out: Tensor = self.leave(self.norm(y.flatten(-2) * F.silu(gate)))
        return out


def chunked(
    u: Tensor, dt: Tensor, rates: Tensor, b: Tensor, c: Tensor, memory: Tensor
) -> tuple[Tensor, Tensor]:
    """The state space over a sequence in its chunked dual form.

    Args:
        u: inputs float [batch, time, H, P].
        dt: time steps, positive [batch, time, H].
        rates: decay per unit of time, negative [H].
        b, c: what is written and what is read [batch, time, N].
        memory: the state before [batch, H, P, N].

    Returns:
        [batch, time, H, P] and the state after.
    """
    time = u.shape[1]
    pad = -time % CHUNK
    if pad:  # a time step of 0 neither fades nor writes
        u, dt, b, c = (F.pad(part, (0,) * (2 * (part.dim() - 2)) + (0, pad)) for part in (u, dt, b, c))
    u, dt, b, c = (torch.unflatten(part, 1, (-1, CHUNK)) for part in (u * dt.unsqueeze(-1), dt, b, c))
    fall = torch.cumsum(dt * rates, dim=2).transpose(
        2, 3
    )  # log decay since the chunk began [batch, chunks, H, Q]
    within = _within(fall, u, b, c)
    left = torch.exp(fall[..., -1:] - fall)  # what of each frame is left at the chunk's end
    written = torch.einsum("bchq,bcqhp,bcqn->bchpn", left, u, b)
    before = []
    for index in range(u.shape[1]):
        before.append(memory)
        memory = memory * torch.exp(fall[:, index, :, -1])[..., None, None] + written[:, index]
    carried = torch.einsum("bcqn,bchpn->bcqhp", c, torch.stack(before, dim=1))
    y = within + carried * torch.exp(fall).transpose(2, 3).unsqueeze(-1)
    return y.flatten(1, 2)[:, :time], memory


def _within(fall: Tensor, u: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """What the frames of a chunk give each other: a causal attention whose weights fade."""
    later = torch.ones(CHUNK, CHUNK, dtype=torch.bool, device=u.device).triu(1)
    gaps = (fall.unsqueeze(-1) - fall.unsqueeze(-2)).masked_fill(
        later, -torch.inf
    )  # [batch, chunks, H, Q, Q]
    weights = torch.exp(gaps) * torch.matmul(c, b.transpose(2, 3)).unsqueeze(2)
    return torch.einsum("bchij,bcjhp->bcihp", weights, u)
