"""A local language model in the lanes: what it computes waits its turn there and, in virtual time, is charged there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from weakref import WeakKeyDictionary

import anyio
import numpy as np
from numpy.typing import NDArray

from duplex.graph import Lanes, Priority
from duplex.llm.completeness import SLOT as END
from duplex.llm.llamacpp import LlamaCpp
from duplex.llm.select import Embed
from duplex.llm.types import Request, Token


class LocalLLM:
    """An `LLM` of a model in this process.

    Judging whether the user has finished goes before answers, and both go before what is only read in advance; between
    two tokens the more urgent one takes over. A slot serves one request at a time, in the order in which they came.
    Where cores have run out, what is read in advance ends once an answer waits for its slot: it would hold the slot
    while everything else goes before it.
    """

    def __init__(self, model: LlamaCpp, lanes: Lanes) -> None:
        self.model, self._lanes = model, lanes
        # Not anyio's: a generator that is dropped is closed by another task than the one that read it.
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str | None, asyncio.Lock]] = (
            WeakKeyDictionary()
        )
        self._ahead: dict[str | None, anyio.CancelScope] = {}
        """By slot, the step of what is being read in advance."""
        self._wanted: Counter[str | None] = Counter()
        """By slot, the requests that wait for it and are needed."""

    async def stream(self, request: Request) -> AsyncGenerator[Token, None]:
        """Generate; see `LLM.stream`."""
        work, slot = self.model.generate(request), request.slot
        needed = not request.early
        if needed and self._lanes.crowded and slot in self._ahead:
            self._ahead[slot].cancel()
        self._wanted[slot] += needed
        try:
            await self._lock(slot).acquire()
        finally:
            self._wanted[slot] -= needed
        try:
            tokens = self._lanes.heavy_iter(_priority(request), work, name=job_name(request), runs_on=True)
            async with aclosing(tokens):
                try:
                    async for token in tokens if needed else self._in_advance(tokens, slot):
                        if token is not None:
                            yield token
                finally:
                    work.cancel()  # at once: the lane learns of it only when the token that it waits for is there
        finally:
            self._lock(slot).release()

    async def _in_advance(
        self, tokens: AsyncGenerator[Token | None, None], slot: str | None
    ) -> AsyncGenerator[Token | None, None]:
        """The tokens, until somebody needs the slot and there are no cores for both."""
        while not (self._wanted[slot] and self._lanes.crowded):
            token, over = None, True
            with anyio.CancelScope() as scope:  # never around a yield
                self._ahead[slot] = scope
                try:
                    token, over = await anext(tokens), False
                except StopAsyncIteration:
                    pass
                finally:
                    del self._ahead[slot]
            if over:
                return
            yield token

    def _lock(self, slot: str | None) -> asyncio.Lock:
        """The slot's lock; a replay runs each scenario on a loop of its own, and a lock belongs to one."""
        locks = self._locks.setdefault(asyncio.get_running_loop(), {})
        return locks.setdefault(slot, asyncio.Lock())

    async def aclose(self) -> None:
        """Release the model, after running requests have ended."""
        await anyio.to_thread.run_sync(self.model.close)


def job_name(request: Request) -> str:
    """What the lanes count and charge a request as: `llm.end`, early or not, `llm.answer`, and `llm.early` for reading
    in advance what an answer rests on."""
    return "llm.early" if request.early and request.slot != END else f"llm.{request.slot or 'any'}"


def _priority(request: Request) -> Priority:
    if request.early:
        return Priority.SPECULATION
    return Priority.END if request.slot == END else Priority.LLM


def embed_in(lanes: Lanes, embed: Callable[[Sequence[str]], NDArray[np.float32]]) -> Embed:
    """An embedder's function, run in the lanes: as urgent as an answer, or only in advance."""

    async def run(texts: Sequence[str], early: bool) -> NDArray[np.float32]:
        if early:
            return await lanes.heavy(Priority.SPECULATION, embed, texts, name="embed.early")
        return await lanes.heavy(Priority.LLM, embed, texts, name="embed")

    return run
