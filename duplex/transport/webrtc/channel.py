"""The data channel: a session's events out as RTVI messages, a client's messages in, checked and bounded."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from duplex.graph.event import Event
from duplex.transport.rtvi.client import Act, Client, Delay, HangUp, Now, Say
from duplex.transport.rtvi.messages import PEER_LEFT, Message
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

    def __init__(
        self,
        peer: Peer,
        *,
        hang_up: Callable[[], None],
        on_delay: Callable[[float], None] = lambda ms: None,
    ) -> None:
        """Args:
        peer: the session.
        hang_up: ends the call, at the client's wish.
        on_delay: takes the client's own measure of its playout delay, in milliseconds.
        """
        self._peer = peer
        self._hang_up = hang_up
        self._on_delay = on_delay
        self._channel: Any = None
        self._waiting: list[str] = []
        self._bucket = Bucket(RATE, BURST)
        self._flooded = False
        self._full = False
        self._client = Client(datetime.now(UTC))
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

    def put_back(self, texts: list[str]) -> None:
        """Tell these again first, on the next data channel: another that was left has not delivered them."""
        self._waiting[:0] = texts[-MAX_WAITING:]

    def detach(self) -> None:
        """Say goodbye and stop listening to the session."""
        self._unsubscribe()
        self.send(PEER_LEFT)

    def send(self, message: Message) -> None:
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
                self._put(channel, text)
            elif not self._full:
                log.warning("the client reads no messages; dropping them", extra={"session": self._peer.id})
            self._full = full

    def _put(self, channel: Any, text: str) -> None:
        try:
            channel.send(text)
        except ValueError as error:  # over the size that the client's own offer allows
            log.warning("a message is lost: %s", error, extra={"session": self._peer.id})

    def _on_event(self, event: Event) -> None:
        told, fed = self._client.on_event(event)
        for message in told:
            self.send(message)
        if self._channel is not None:  # whoever comes back asks again for what happened meanwhile
            for message in fed:
                self.send(message)

    def _on_message(self, text: str | bytes) -> None:
        now = asyncio.get_running_loop().time()
        if not self._bucket.take(now):
            if not self._flooded:  # once a call, or the log would be flooded instead
                log.warning(
                    "too many messages from the client; dropping them", extra={"session": self._peer.id}
                )
            self._flooded = True
            return
        muted = self._client.muted
        came = Now(server=round(now * 1000, 3), session=round(self._peer.seconds * 1000, 3))
        for outcome in self._client.on_message(text, came):
            self._do(outcome)
        if muted != self._client.muted:
            state = "muted" if self._client.muted else "live"
            log.info("the client's microphone is %s", state, extra={"session": self._peer.id})

    def _do(self, outcome: Message | Act) -> None:
        match outcome:
            case Say(text, answer):
                self._peer.say_text(text, answer)
            case HangUp():
                self._hang_up()
            case Delay(ms):
                self._on_delay(ms)
            case message:
                self.send(message)
