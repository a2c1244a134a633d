"""A transformer block with attention sinks and a ring cache: the first frames and the latest ones are seen.

Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks". Positions are distances inside the
cache, as a fading bias (ALiBi, Press et al. 2022); sinks have none, so nothing grows with the length of a call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from duplex.core.training.backbone import RmsNorm, State


@dataclass(frozen=True, slots=True)
class AttentionConfig:
    """Sizes of a block. `dim` is a multiple of `heads`.

    Attributes:
        dim: numbers per frame, in and out.
        heads: attention heads.
        window: latest frames that are seen.
        sinks: first frames that are seen for ever.
        hidden: numbers per frame inside the feed-forward part.
    """

    dim: int
    heads: int = 4
    window: int = 128
    sinks: int = 4
    hidden: int = 512

    @property
    def slots(self) -> int:
        """Frames in the cache."""
        return self.sinks + self.window


class SinkAttention(nn.Module):
    """The block; its state is (keys and values [batch, slots, 2 dim], frames seen so far, int64 [batch])."""

    def __init__(self, config: AttentionConfig) -> None:
        super().__init__()
        if config.dim % config.heads:
            raise ValueError(f"{config.dim} numbers do not divide into {config.heads} heads")
        self.config = config
        self.enter = nn.Linear(config.dim, 3 * config.dim, bias=False)
        self.leave = nn.Linear(config.dim, config.dim, bias=False)
        self.norm = RmsNorm(config.dim)
        self.forward_part = nn.Sequential(
            nn.Linear(config.dim, config.hidden), nn.SiLU(), nn.Linear(config.hidden, config.dim)
        )
        slopes = torch.tensor([2.0 ** (-8 * (head + 1) / config.heads) for head in range(config.heads)])
        self.slopes: Tensor
        self.register_buffer("slopes", slopes, persistent=False)

    def init_state(self, batch: int) -> State:
        """An empty cache."""
        like = self.enter.weight
        return (
            like.new_zeros(batch, self.config.slots, 2 * self.config.dim),
            torch.zeros(batch, dtype=torch.int64, device=like.device),
        )

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Float [batch, time, dim], each frame over what it may see."""
        cache, seen = state
        query, fresh = torch.split(self.enter(x), [self.config.dim, 2 * self.config.dim], dim=-1)
        memory = torch.cat((cache, fresh), dim=1)
        now = seen[:, None] + torch.arange(x.shape[1], device=x.device)
        at = torch.cat((self._positions(seen), now), dim=1)
        y = self.leave(self._attend(query, memory, self._bias(now, at)))
        y = y + self.forward_part(self.norm(x + y))
        return y, (self._kept(memory, seen, x.shape[1]), seen + x.shape[1])

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Float [batch, dim] against the cache: the cost is the cache's length."""
        cache, seen = state
        query, fresh = torch.split(self.enter(x), [self.config.dim, 2 * self.config.dim], dim=-1)
        slots = torch.arange(self.config.slots, device=x.device)
        here = slots == self._slot(seen).unsqueeze(-1)
        cache = torch.where(here.unsqueeze(-1), fresh.unsqueeze(1), cache)
        bias = self._bias(seen.unsqueeze(-1), self._positions(seen + 1))
        y = self.leave(self._attend(query.unsqueeze(1), cache, bias)).squeeze(1)
        return y + self.forward_part(self.norm(x + y)), (cache, seen + 1)

    def _slot(self, position: Tensor) -> Tensor:
        c = self.config
        return torch.where(position < c.sinks, position, c.sinks + (position - c.sinks) % c.window)

    def _positions(self, seen: Tensor) -> Tensor:
        """The frame that each slot holds after int64 [batch] frames, -1 where none: int64 [batch, slots]."""
        c = self.config
        slots = torch.arange(c.slots, device=seen.device)
        last = seen.unsqueeze(-1) - 1
        held = torch.where(slots < c.sinks, slots, last - (last - slots) % c.window)
        usable = (held <= last) & ((slots < c.sinks) | (held >= c.sinks))
        return torch.where(usable, held, -1)

    def _bias(self, now: Tensor, at: Tensor) -> Tensor:
        """What is added to the scores: [batch, heads, queries, keys], -inf where a frame may not look."""
        c = self.config
        age = now.unsqueeze(-1) - at.unsqueeze(-2)
        sink = at.unsqueeze(-2) < c.sinks
        seen = (at.unsqueeze(-2) >= 0) & (age >= 0) & (sink | (age < c.window))
        fading = torch.where(sink, 0, age).unsqueeze(1) * -self.slopes[:, None, None]
        return fading.masked_fill(~seen.unsqueeze(1), -torch.inf)

    def _attend(self, query: Tensor, memory: Tensor, bias: Tensor) -> Tensor:
        heads = self.config.heads
        keys, values = memory.chunk(2, dim=-1)
        q, k, v = (torch.unflatten(part, -1, (heads, -1)).transpose(1, 2) for part in (query, keys, values))
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(q.shape[-1]) + bias
        return torch.matmul(torch.softmax(scores, dim=-1), v).transpose(1, 2).flatten(2)

    def _kept(self, memory: Tensor, seen: Tensor, time: int) -> Tensor:
        """The cache after `time` new frames, which stand behind the old cache in `memory`."""
        slots = torch.arange(self.config.slots, device=memory.device)
        held = self._positions(seen + time)
        source = torch.where(held >= seen.unsqueeze(-1), self.config.slots + held - seen.unsqueeze(-1), slots)
        return memory.gather(1, source.unsqueeze(-1).expand(-1, -1, memory.shape[-1]))
