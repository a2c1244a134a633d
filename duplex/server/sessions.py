"""The calls under way: opened by an offer, counted, and released however they end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from duplex.transport.types import Peer
from duplex.transport.webrtc.connection import Connection
from duplex.transport.webrtc.offer import Answer, Offer

log = logging.getLogger(__name__)


class ServerFull(RuntimeError):
    """As many calls are under way as the server takes."""


class Sessions:
    """Makes a session for each offer and runs it until its caller leaves."""

    def __init__(
        self,
        new_peer: Callable[[], Peer],
        *,
        max_sessions: int,
        loopback: bool = False,
        ice_servers: Sequence[str] = (),
        connect_timeout: float = 30.0,
    ) -> None:
        self._new_peer = new_peer
        self.limit = max_sessions
        self._loopback = loopback
        self._ice_servers = ice_servers
        self._connect_timeout = connect_timeout
        self._open: dict[str, Connection] = {}
        self._tasks: TaskGroup | None = None

    def __len__(self) -> int:
        """Calls under way, those still connecting included."""
        return len(self._open)

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

    def find(self, id: str) -> Connection | None:
        """The call with this connection id, if it is under way."""
        return self._open.get(id)

    async def open(self, offer: Offer) -> Answer:
        """Answer an offer and start its session. Raises ServerFull or OfferError."""
        if self._tasks is None:
            raise ServerFull("the server is shutting down")
        if len(self._open) >= self.limit:
            raise ServerFull(f"all {self.limit} lines are taken; try again in a moment")
        connection = Connection(
            self._new_peer(),
            loopback=self._loopback,
            ice_servers=self._ice_servers,
            connect_timeout=self._connect_timeout,
        )
        self._open[connection.id] = connection
        try:
            answer = await connection.answer(offer)
        except BaseException:
            del self._open[connection.id]
            raise
        self._tasks.start_soon(self._run, connection)
        return answer

    async def _run(self, connection: Connection) -> None:
        session = {"session": connection.peer.id}
        log.info("call opened", extra=session)
        try:
            await connection.run()
        except Exception:
            # One session's failure must not end the others', which share this task group.
            log.exception("the session failed", extra=session)
        finally:
            del self._open[connection.id]
            log.info("call ended", extra=session)
