"""Several processes of one thread each: faster than one of several threads on a busy machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import spawn


@dataclass(frozen=True, slots=True)
class Group:
    """The processes of a run; alone there is nothing to do."""

    rank: int = 0
    size: int = 1

    def average(self, module: nn.Module) -> None:
        """Make the gradients of all processes their mean."""
        if self.size == 1:
            return
        grads = [p.grad for p in module.parameters() if p.grad is not None]
        flat = torch.cat([grad.flatten() for grad in grads])
        dist.all_reduce(flat)
        for grad, mean in zip(
            grads, torch.split(flat / self.size, [grad.numel() for grad in grads]), strict=True
        ):
            grad.copy_(mean.view_as(grad))

    def any(self, mine: bool) -> bool:
        """Whether it holds in any process."""
        if self.size == 1:
            return mine
        told = torch.tensor(int(mine))
        dist.all_reduce(told, op=dist.ReduceOp.MAX)
        return bool(told)

    def tell(self, value: int) -> int:
        """The first process's value, in all."""
        if self.size == 1:
            return value
        told = torch.tensor(value)
        dist.broadcast(told, 0)
        return int(told)

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()


def in_parallel(size: int, work: Callable[[Group], None]) -> None:
    """Run `work(group)` in `size` processes on this machine, in this one if it is 1.

    Args:
        size: processes.
        work: can be pickled.
    """
    if size == 1:
        work(Group())
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn(_one, (size, port, work), nprocs=size)


def _one(rank: int, size: int, port: int, work: Callable[[Group], None]) -> None:
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", world_size=size, rank=rank)
    try:
        work(Group(rank, size))
    finally:
        dist.destroy_process_group()
