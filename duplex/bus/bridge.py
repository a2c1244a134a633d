"""The bridge to the broker: sessions are attached to it; it publishes, takes control, and comes back by itself.

A session never waits for the broker: what it tells goes into a bounded outbox, and a task of its own sends from there
with QoS 1. While the broker is away the oldest events are lost first, and their number is logged.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import aiomqtt
import anyio

from duplex.bus.config import Broker
from duplex.bus.messages import (
    ControlError,
    Controlled,
    call_payload,
    kind_of,
    payload_of,
    read_control,
)
from duplex.bus.outbox import Message, Outbox
from duplex.bus.topics import Topics
from duplex.dialogue.events import SessionEnded
from duplex.graph import Event
from tools_rag.tools.remote import Told

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before the broker is sought again; doubled each time."""
_QOS = 1
_TIMEOUT = 10.0
_MAX_WAITING = 1_000
"""Control messages that wait; more are lost, as a flood should be."""


class Attached(Controlled, Protocol):
    """A session."""

    id: str

    def subscribe(self, listener: Callable[[Event], None]) -> object: ...
    def on_over(self, listener: Callable[[], None]) -> None: ...


class Bridge:
    """One agent's sessions on a broker."""

    def __init__(self, broker: Broker, agent: str) -> None:
        self._broker = broker
        self._topics = Topics(broker.settings.prefix, agent)
        self._outbox = Outbox(broker.settings.buffer)
        self._sessions: dict[str, Attached] = {}
        self._more = anyio.Event()
        self._idle = anyio.Event()
        self._told_dropped = 0
        self.connected = False
        """Whether the broker is there now."""

    @property
    def waiting(self) -> int:
        """Messages that were not sent yet."""
        return len(self._outbox)

    def attach(self, session: Attached) -> None:
        """Tell of a session, and let it be controlled, until it is over."""
        self._sessions[session.id] = session
        session.subscribe(lambda event: self._on(session.id, event))
        session.on_over(lambda: self._detach(session.id))
        session.remote.listen(lambda told: self._call(session.id, told))
        self._put(self._state(session.id, "started"))

    def _on(self, session: str, event: Event) -> None:
        kind = kind_of(event)
        if kind is not None:
            payload = payload_of(event, words=self._broker.settings.transcripts)
            self._put(Message(self._topics.event(session, kind), payload))
        if isinstance(event, SessionEnded):
            self._put(Message(self._topics.state(session), _json(state="ending", reason=event.reason), True))

    def _call(self, session: str, told: Told) -> bool:
        """Tell of a call, if the broker is there now: nobody is to carry it out when it comes back."""
        topic = self._topics.call(session, told.tool)
        if told.given_up:  # also where it is on its way already
            self._outbox.withdraw(Message(topic, call_payload(replace(told, given_up=False))))
        elif not (self.connected and self._broker.settings.control):
            return False
        self._put(Message(topic, call_payload(told)))
        return True

    def _detach(self, session: str) -> None:
        """It is said once, and the retained state is taken back, so that none piles up."""
        if self._sessions.pop(session, None) is None:
            return
        self._put(Message(self._topics.event(session, "ended"), _json()))
        self._put(Message(self._topics.state(session), b"", True))

    async def flush(self, limit: float = 2.0) -> None:
        """Wait until all is sent, if the broker is there, for `limit` seconds at most."""
        if self.connected:
            self._idle = anyio.Event()
            self._more.set()
            with anyio.move_on_after(limit):
                await self._idle.wait()

    async def run(self) -> None:
        """Keep the connection until cancelled; a broker that is away is sought again, ever more slowly."""
        wait = FIRST_WAIT
        while True:
            try:
                async with self._client() as client:
                    wait = FIRST_WAIT
                    await self._serve(client)
            except* aiomqtt.MqttError as errors:
                self.connected = False
                reason = errors.exceptions[0]
                logger.warning("the broker is away (%s); it is sought again in %g s", reason, wait)
            await anyio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    def _client(self) -> aiomqtt.Client:
        settings = self._broker.settings
        return aiomqtt.Client(
            settings.host,
            settings.port,
            username=self._broker.username,
            password=self._broker.password,
            tls_context=self._broker.tls,
            will=aiomqtt.Will(self._topics.online, b"false", _QOS, retain=True),
            timeout=_TIMEOUT,
            max_queued_incoming_messages=_MAX_WAITING,
        )

    async def _serve(self, client: aiomqtt.Client) -> None:
        await client.publish(self._topics.online, b"true", _QOS, retain=True)
        if self._broker.settings.control:
            await client.subscribe(self._topics.controls, _QOS)
        for id in self._sessions:  # a broker that was killed may have forgotten
            self._put(self._state(id, "started"))
        self.connected = True
        logger.info("the broker %s is there", self._broker.settings.host)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send, client)
                async for message in client.messages:
                    self._control(str(message.topic), message.payload, bool(message.retain))
        finally:
            self.connected = False
            with anyio.move_on_after(1, shield=True):
                await self._say_goodbye(client)

    async def _say_goodbye(self, client: aiomqtt.Client) -> None:
        """The server stops: a clean goodbye sends no last will."""
        try:
            await client.publish(self._topics.online, b"false", _QOS, retain=True)
        except aiomqtt.MqttError:
            return  # the broker has gone first, and sends the will

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            waiting = self._outbox.peek()
            if waiting is None:
                self._idle.set()
                self._more = anyio.Event()
                await self._more.wait()
                continue
            number, message = waiting
            await client.publish(message.topic, message.payload, _QOS, retain=message.retain)
            self._outbox.sent(number)

    def _control(self, topic: str, payload: object, retained: bool) -> None:
        """Do what is asked, or say why not. A retained one is from another time, and is passed over."""
        asked = self._topics.control(topic)
        if asked is None or retained:
            return
        id, kind = asked
        try:
            session = self._sessions.get(id)
            if session is None:
                raise ControlError("there is no such session now")
            if not isinstance(payload, bytes):
                raise ControlError("the payload is no JSON")
            read_control(kind, payload).do(session)
        except ValueError as error:  # also a session that has no room for one more variable
            logger.warning("a control message is refused: %s", error, extra={"session": id})
            self._put(Message(self._topics.refused(id), _json(kind=kind, reason=str(error))))

    def _state(self, session: str, state: str) -> Message:
        return Message(self._topics.state(session), _json(state=state), True)

    def _put(self, message: Message) -> None:
        self._outbox.put(message)
        self._more.set()
        if (lost := self._outbox.dropped - self._told_dropped) and (lost == 1 or lost >= 100):
            self._told_dropped = self._outbox.dropped
            logger.warning("the broker is away for too long: %d messages were dropped", self._outbox.dropped)


def _json(**data: object) -> bytes:
    return json.dumps(data).encode()
