"""Contenders without models, for what surrounds an agent; here, since processes of their own load them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import numpy as np

from duplex.audio.pcm import Pcm
from duplex.evals.scenario import Scenario
from duplex.evals.side import Side
from duplex.graph import Event

LOADED = "EVALS_LOADED"
"""Names a file that gets a line each time a contender is loaded."""


class Beeper:
    """Speaks half a second of every second, whatever it hears; does what the id of the scenario says."""

    name = "beeper"
    voices = ()

    async def load(self) -> None:
        _note()

    async def aclose(self) -> None: ...

    @asynccontextmanager
    async def side(self, scenario: Scenario) -> AsyncIterator[Side]:
        if scenario.id.startswith("unready"):
            raise LookupError("there is no side")
        yield _Beeping(scenario.id)


def _note() -> None:
    if LOADED in os.environ:
        with Path(os.environ[LOADED]).open("a") as file:
            file.write(f"{os.getpid()}\n")


class _Beeping:
    def __init__(self, scenario: str) -> None:
        self._scenario = scenario
        self._frames = 0
        self.heard: list[Pcm] = []

    async def run(self, ready: anyio.Event) -> None:
        ready.set()
        if self._scenario.startswith("raises"):
            await anyio.sleep(1.0)
            raise ValueError("it broke")
        if self._scenario.startswith("ends"):
            await anyio.sleep(1.0)
            return
        if self._scenario.startswith("dies"):
            os._exit(3)
        await anyio.sleep_forever()

    def push(self, pcm: Pcm) -> None:
        self.heard.append(pcm)

    def pull(self) -> Pcm:
        self._frames += 1
        loud = (self._frames - 1) % 50 < 25
        return np.full(480, 3_000 if loud else 0, np.int16)

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        return lambda: None


class Unloadable(Beeper):
    """Lacks a model."""

    async def load(self) -> None:
        raise FileNotFoundError("no model here")


def double() -> Callable[[int], int]:
    """For the workers: doubles; -1 brings the process down, -2 never ends."""

    def work(job: int) -> int:
        if job == -1:
            os._exit(7)
        while job == -2:
            pass
        return 2 * job

    return work


def refuse() -> Callable[[int], int]:
    """For the workers: cannot start."""
    raise RuntimeError("nothing to load")
