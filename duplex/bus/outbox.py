"""What waits to be published: a bounded queue that a broker which is away cannot make grow. Pure.

Order is kept. When it is full the oldest event goes; a retained message, of which only the latest of each topic
waits, goes only if there is no event: who subscribes later must not be told that a session goes on which has ended.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be published."""

    topic: str
    payload: bytes
    retain: bool = False


class Outbox:
    """First in, first out, at most `capacity` messages."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"an outbox needs room for a message, got {capacity}")
        self._waiting: dict[int, Message] = {}
        self._retained: dict[str, int] = {}
        """Which of them is the retained one of a topic."""
        self._count = 0
        self._capacity = capacity
        self.dropped = 0
        """Messages lost so far because it was full."""

    def __len__(self) -> int:
        """Messages waiting."""
        return len(self._waiting)

    def put(self, message: Message) -> None:
        """Add a message at the end; a retained one replaces the one of its topic."""
        self._count += 1
        if message.retain:
            self._waiting.pop(self._retained.get(message.topic, 0), None)
            self._retained[message.topic] = self._count
        self._waiting[self._count] = message
        if len(self._waiting) > self._capacity:
            events = (number for number, each in self._waiting.items() if not each.retain)
            self._remove(next(events, next(iter(self._waiting))))
            self.dropped += 1

    def peek(self) -> tuple[int, Message] | None:
        """What goes next, with the number by which it is known."""
        return next(iter(self._waiting.items()), None)

    def sent(self, number: int) -> None:
        """This one has arrived. What replaced it meanwhile stays."""
        if number in self._waiting:
            self._remove(number)

    def withdraw(self, message: Message) -> None:
        """Let a message that still waits be as if it had never been put."""
        for number in [number for number, each in self._waiting.items() if each == message]:
            self._remove(number)

    def _remove(self, number: int) -> None:
        message = self._waiting.pop(number)
        if self._retained.get(message.topic) == number:
            del self._retained[message.topic]
