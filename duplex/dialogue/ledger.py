"""Which words of a reply the caller has heard, from when its samples left and how long they are on their way.

A frame that left at `t` sounds at the caller's ear from `t + delay` on, and never faster than speech: frames that
left in a burst are heard one after the other. A word is heard if at least half of it was.

What has left cannot be called back: where a reply is cut off, the caller still hears what was on its way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from duplex.dialogue.events import SpokenWord


def heard_words(words: list[SpokenWord], position: int) -> int:
    """How many leading words were heard when the playout stood at `position` ticks of the reply."""
    return sum(1 for word in words if (word.start + word.end) / 2 <= position)


class Ledger:
    """The account of one reply. All times and lengths are ticks.

    Attributes:
        sent: how much of the reply has left.
        heard: how much of it was heard; what was heard once stays heard, whatever becomes of the delay.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.heard = 0
        self._words: list[SpokenWord] = []
        self._under_way: deque[tuple[int, int, int]] = deque()
        """Frames: when each begins to sound where there is no delay, and its place in the reply."""
        self._until = 0
        """When the last of them has sounded."""

    def add(self, words: Iterable[SpokenWord]) -> None:
        """More of the reply is known."""
        self._words.extend(words)

    def send(self, t: int, length: int) -> None:
        """The next `length` of the reply leave at `t`."""
        begins = max(t, self._until)
        self._until = begins + length
        self._under_way.append((begins, self.sent, self.sent + length))
        self.sent += length

    def listen(self, t: int, delay: int) -> None:
        """Time has come to `t`, and what leaves is heard `delay` later."""
        while self._under_way:
            begins, start, end = self._under_way[0]
            self.heard = max(self.heard, min(end, start + t - delay - begins))
            if self.heard < end:
                return
            self._under_way.popleft()

    def land(self) -> None:
        """Nothing more leaves; what is on its way will be heard."""
        self.heard = self.sent
        self._under_way.clear()

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """All words that are known."""
        return tuple(self._words)

    @property
    def count(self) -> int:
        """How many words were heard."""
        return heard_words(self._words, self.heard)

    @property
    def text(self) -> str:
        """The words that were heard."""
        return self._join(self.count)

    @property
    def whole(self) -> str:
        """All words."""
        return self._join(len(self._words))

    @property
    def complete(self) -> bool:
        """Whether all that is known of the reply was heard."""
        return self.heard == self.sent and self.count == len(self._words)

    def _join(self, count: int) -> str:
        return " ".join(word.text for word in self._words[:count])
