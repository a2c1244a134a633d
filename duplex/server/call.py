"""One call: a session, and the connections over which its caller comes, goes and comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from duplex.server.link import (
    Bind,
    Close,
    Due,
    End,
    Gone,
    Heard,
    HungUp,
    Input,
    Link,
    Offered,
    Park,
    Pulse,
    Quiet,
    State,
    Through,
)
from duplex.transport.types import Peer
from duplex.transport.webrtc.channel import Channel
from duplex.transport.webrtc.connection import Connection, Ending
from duplex.transport.webrtc.offer import Answer

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
"""How often the connections are looked at."""


class CallOver(RuntimeError):
    """The call ended while something was asked of it."""


class Call:
    """Runs a session for as long as its caller is there, or may come back."""

    def __init__(self, peer: Peer, connect: Callable[[Peer], Connection], *, hold: float) -> None:
        """Make it inside the event loop.

        Args:
            peer: the session.
            connect: makes a connection for it.
            hold: seconds for which the session waits for a caller who was cut off.
        """
        self.peer = peer
        self._connect = connect
        self._link = Link(hold)
        self._channel = Channel(peer, hang_up=self.hang_up, on_delay=self._tell_delay)
        self._connections: dict[str, Connection] = {}
        self._carrier: Connection | None = None
        self._tasks: TaskGroup | None = None
        self._over = anyio.Event()
        self._reason = ""

    @property
    def carried(self) -> bool:
        """Whether the caller is on the line now."""
        return self._link.state is State.CARRIED

    def find(self, id: str) -> Connection | None:
        """The connection with this id, if it is up or on its way."""
        return self._connections.get(id)

    async def answer(self, sdp: str, id: str | None = None) -> Answer:
        """The answer to an offer: on the connection `id` if it comes from there, else on a new one.

        Raises OfferError, and CallOver if the call ended meanwhile; a call that goes on is not harmed.
        """
        known = self._connections.get(id or "")
        if known is not None and known.same_caller(sdp):
            return await known.renegotiate(sdp)
        connection = self._connect(self.peer)
        answer = await connection.answer(sdp)
        if self._over.is_set():
            connection.close()
            await connection.run(lambda: None)
            raise CallOver("the call has just ended")
        connection.on_channel = lambda: self._attach(connection)
        self._connections[connection.id] = connection
        self._tell(Offered(connection.id))
        if self._tasks is not None:
            self._tasks.start_soon(self._carry, connection)
        return answer

    def hang_up(self, reason: str = "the caller hung up") -> None:
        """End the call; its caller is told."""
        self._tell(HungUp(reason))

    def wind_up(self) -> None:
        """Let the session come to its end: it finishes its turn and says goodbye, if somebody is there to hear it."""
        if self.carried:
            self.peer.end("drain")
        else:
            self.hang_up("the server is shutting down")

    async def run(self) -> None:
        """Run the session until it ends or its caller is gone for good; then tell who is left and release all.

        Raises what the session raised, in an ExceptionGroup.
        """
        session = {"session": self.peer.id}
        log.info("call opened", extra=session)
        try:
            async with anyio.create_task_group() as carriers:
                self._tasks = carriers
                for connection in self._connections.values():
                    carriers.start_soon(self._carry, connection)
                try:
                    await self._converse()
                finally:
                    self._close()
        finally:
            log.info("call ended: %s", self._reason, extra=session)

    async def _converse(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run_session)
            tasks.start_soon(self._watch)
            await self._over.wait()
            tasks.cancel_scope.cancel()

    async def _run_session(self) -> None:
        await self.peer.run()
        self.hang_up("the session ended")

    def _close(self) -> None:
        """Say goodbye where somebody listens, and let all connections end."""
        self.hang_up("it was cut off")  # unless it ended by itself
        self._tasks = None
        self._channel.detach()
        for connection in self._connections.values():
            connection.close()

    async def _carry(self, connection: Connection) -> None:
        # Shielded: it ends by `close`, which comes after the goodbye.
        with anyio.CancelScope(shield=True):
            try:
                ending = await connection.run(lambda: self._tell(Through(connection.id)))
            finally:
                del self._connections[connection.id]
        self._tell(Gone(connection.id, left=ending is Ending.LEFT))

    async def _watch(self) -> None:
        """Notice who falls silent, who comes back, and who has been away for too long."""
        pulses: dict[str, Pulse] = {}
        while True:
            await anyio.sleep(POLL_SECONDS)
            now = anyio.current_time()
            pulses = {id: pulses.get(id) or Pulse(now) for id in self._connections}
            for id, pulse in pulses.items():
                connection = self._connections[id]
                self._tell(Heard(id) if pulse.beat(now, connection.packets) else Quiet(id))
                if connection.greedy:
                    self.hang_up("the client sends more than it may")
            self._tell(Due())

    def _tell(self, event: Input) -> None:
        for action in self._link.on(anyio.current_time(), event):
            match action:
                case Bind(id):
                    self._bind(id)
                case Park():
                    log.info("nobody is on the line; the session waits", extra={"session": self.peer.id})
                    self._bind(None)
                case Close(id):
                    if id in self._connections:
                        self._connections[id].close()
                case End(reason):
                    self._reason = reason
                    self._over.set()

    def _bind(self, id: str | None) -> None:
        """Let the connection `id` carry the session, or none."""
        self._channel.park()
        for connection in self._connections.values():
            connection.bound = connection.id == id
        if id is None:
            return
        old, self._carrier = self._carrier, self._connections[id]
        if old is not None and old is not self._carrier:
            self._channel.put_back(old.undelivered())
        self._attach(self._carrier)

    def _attach(self, connection: Connection) -> None:
        if connection.bound and connection.channel is not None:
            self._channel.attach(connection.channel)

    def _tell_delay(self, ms: float) -> None:
        """The client's own measure of how long it takes to play what it receives."""
        if self._carrier is not None:
            self._carrier.client_delay(ms / 1000)
