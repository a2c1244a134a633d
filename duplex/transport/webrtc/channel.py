"""The data channel: a session's events out as RTVI messages, a client's messages in, checked and bounded."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from duplex.graph.event import Event
from duplex.transport import rtvi
from duplex.transport.types import Peer

log = logging.getLogger(__name__)

RATE, BURST = 20.0, 60.0
"""Incoming messages a second in the long run, and at once."""
MAX_WAITING = 200
"""Messages kept for a channel that is not open yet."""
MAX_BUFFERED = 1 << 18
"""Bytes a client may leave unread before messages to it are dropped."""


class Bucket:
    """A token bucket: `rate` a second in the long run, `burst` at once. Time is given, never asked for."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._last = burst, 0.0

    def take(self, now: float) -> bool:
        """Whether one more is allowed at `now` seconds."""
        self._tokens = min(self._burst, self._tokens + (now - self._last) * self._rate)
        self._last = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Channel:
    """Joins a session to the one data channel that its client makes, whatever its label."""

    def __init__(self, peer: Peer, *, hang_up: Callable[[], None]) -> None:
        self._peer = peer
        self._hang_up = hang_up
        self._channel: Any = None
        self._waiting: list[str] = []
        self._bucket = Bucket(RATE, BURST)
        self._flooded = False
        self._full = False
        self._rtvi = rtvi.Outgoing(datetime.now(UTC))
        self._unsubscribe = peer.subscribe(self._on_event)

    def attach(self, channel: Any) -> None:
        """Use `channel`; a client's second one is closed."""
        if self._channel is not None:
            log.info("a second data channel is refused", extra={"session": self._peer.id})
            channel.close()
            return
        self._channel = channel
        channel.on("message", self._on_message)
        waiting, self._waiting = self._waiting, []
        for text in waiting:
            self._send_text(text)

    def park(self) -> None:
        """Leave the data channel without a word: a session outlives its connection.

        What is sent from now on waits for the next `attach`.
        """
        channel, self._channel = self._channel, None
        if channel is not None and self._on_message in channel.listeners("message"):
            channel.remove_listener("message", self._on_message)

    def detach(self) -> None:
        """Say goodbye and stop listening to the session."""
        self._unsubscribe()
        self.send(rtvi.PEER_LEFT)

    def send(self, message: rtvi.Message) -> None:
        """Send a message, or keep it until the channel opens."""
        self._send_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    def _send_text(self, text: str) -> None:
        channel = self._channel
        if channel is None:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(text)
        elif channel.readyState == "open":
            full = channel.bufferedAmount > MAX_BUFFERED
            if not full:
                channel.send(text)
            elif not self._full:
                log.warning("the client reads no messages; dropping them", extra={"session": self._peer.id})
            self._full = full

    def _on_event(self, event: Event) -> None:
        for message in self._rtvi.on(event):
            self.send(message)

    def _on_message(self, text: str | bytes) -> None:
        if not self._bucket.take(asyncio.get_running_loop().time()):
            if not self._flooded:
                log.warning(
                    "too many messages from the client; dropping them", extra={"session": self._peer.id}
                )
            self._flooded = True
            return
        self._flooded = False
        try:
            self._handle(rtvi.parse(text))
        except rtvi.BadMessage as error:
            self.send(rtvi.error_response(error.id, str(error)))

    def _handle(self, incoming: rtvi.Incoming | None) -> None:
        if incoming is None:
            return
        if incoming.type == "client-ready":
            self.send(rtvi.bot_ready(incoming.id))
        elif incoming.type == "send-text":
            self._peer.say_text(rtvi.typed_text(incoming))
        elif incoming.type == "disconnect-bot":
            self._hang_up()
        else:
            raise rtvi.BadMessage(f"unknown message type {incoming.type!r}", incoming.id)
