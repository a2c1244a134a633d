"""The calls under way: opened by an offer, found again by a later one, counted, and released however they end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from duplex.server.call import Call, CallOver
from duplex.transport.types import Peer
from duplex.transport.webrtc.connection import Connection
from duplex.transport.webrtc.ice import Ice
from duplex.transport.webrtc.offer import Answer, Offer, check_sdp

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Offers answered at a time: making a connection costs milliseconds in which no audio is sent."""
MAX_IDS = 16
"""Connection ids by which a call is found again: an answer may be lost, and its caller knows an older one."""


class ServerFull(RuntimeError):
    """No call can be taken now; later it can."""


class Sessions:
    """Makes a session for each new caller and runs it until the caller is gone for good."""

    def __init__(
        self,
        new_peer: Callable[[], Peer],
        *,
        max_sessions: int,
        ice: Ice | None = None,
        connect_timeout: float = 30.0,
        reconnect_timeout: float = 30.0,
    ) -> None:
        self._new_peer = new_peer
        self.limit = max_sessions
        self.ice = ice or Ice()
        self._connect_timeout = connect_timeout
        self._reconnect_timeout = reconnect_timeout
        self._opening = 0
        self._calls: dict[Call, list[str]] = {}
        self._answering = anyio.Semaphore(AT_ONCE)
        self._tasks: TaskGroup | None = None
        self._draining = False
        self._empty = anyio.Event()

    def __len__(self) -> int:
        """Calls under way, those still connecting and those that wait for their caller included."""
        return len(self._calls) + self._opening

    @property
    def draining(self) -> bool:
        """Whether no more calls are taken for good."""
        return self._draining or self._tasks is None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sessions live inside this; leaving it ends them all."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                tasks.cancel_scope.cancel()

    async def drain(self, limit: float) -> None:
        """Take no more calls, and let those under way end their turn, for `limit` seconds at most."""
        self._draining = True
        calls = list(self._calls)
        log.info("no more calls are taken; %d under way may end within %g s", len(calls), limit)
        for call in calls:
            call.wind_up()
        with anyio.move_on_after(limit) as late:
            while len(self):
                self._empty = anyio.Event()
                await self._empty.wait()
        if late.cancelled_caught:
            log.warning("%d calls did not end in time", len(self))

    def find(self, id: str) -> Connection | None:
        """The connection with this id, if it is up or on its way."""
        return next((found for call in self._calls if (found := call.find(id))), None)

    def check_room(self) -> None:
        """Raise ServerFull if a new call cannot be taken now."""
        if self.draining:
            raise ServerFull("the server is shutting down")
        if len(self) >= self.limit:
            raise ServerFull(f"all {self.limit} lines are taken; try again in a moment")

    async def open(self, offer: Offer) -> Answer:
        """Answer an offer: of a call under way if it names one, else of a new one.

        Raises ServerFull or OfferError.
        """
        sdp = check_sdp(offer.sdp)
        call = next((call for call, ids in self._calls.items() if offer.pc_id in ids), None)
        if call is None:
            return await self._open(sdp)
        try:
            async with self._answering:
                answer = await call.answer(sdp, offer.pc_id)
        except CallOver as error:
            raise ServerFull(str(error)) from error
        if answer.pc_id != offer.pc_id and call in self._calls:
            self._calls[call] = [*self._calls[call], answer.pc_id][-MAX_IDS:]
        return answer

    async def _open(self, sdp: str) -> Answer:
        self.check_room()
        self._opening += 1
        try:
            async with self._answering:
                call = Call(self._new_peer(), self._connect, hold=self._reconnect_timeout)
                answer = await call.answer(sdp)
        finally:
            self._opening -= 1
            self._empty.set()
        if self._tasks is None or self._draining:
            call.hang_up("the server is shutting down")
            await call.run()
            raise ServerFull("the server is shutting down")
        self._calls[call] = [answer.pc_id]
        self._tasks.start_soon(self._run, call)
        return answer

    def _connect(self, peer: Peer) -> Connection:
        return Connection(peer, self.ice, connect_timeout=self._connect_timeout)

    async def _run(self, call: Call) -> None:
        try:
            await call.run()
        except Exception:
            # One session's failure must not end the others', which share this task group.
            log.exception("the session failed", extra={"session": call.peer.id})
        finally:
            del self._calls[call]
            self._empty.set()
