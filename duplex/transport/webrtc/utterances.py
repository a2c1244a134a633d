"""What a caller in code is saying: pieces of audio in a queue, cut into the frames that are sent."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import numpy as np

from duplex.audio.pcm import Pcm


@dataclass(slots=True, eq=False)
class Utterance:
    """One piece, its place on the call's clock once its first frame was sent, and whether all of it was."""

    left: Pcm
    seconds: float
    start: float | None = None
    done: anyio.Event = field(default_factory=anyio.Event)


class Utterances:
    """A queue of utterances; silence when it is empty. Each begins on a frame of its own."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._frame = rate // 50
        self._queue: list[Utterance] = []

    def add(self, pcm: Pcm) -> Utterance:
        """Say int16 [n], n > 0, after all that is waiting."""
        utterance = Utterance(pcm, len(pcm) / self._rate)
        self._queue.append(utterance)
        return utterance

    def frame(self) -> Pcm:
        """The next 20 ms to send, int16 [rate / 50]; it stays the next until `sent` is called."""
        frame = np.zeros(self._frame, np.int16)
        if self._queue:
            head = self._queue[0].left[: self._frame]
            frame[: len(head)] = head
        return frame

    def sent(self, at: float, _place: float) -> None:
        """The frame was sent, and stands at `at` seconds on the call's clock."""
        if not self._queue:
            return
        utterance = self._queue[0]
        if utterance.start is None:
            utterance.start = at
        utterance.left = utterance.left[self._frame :]
        if not len(utterance.left):
            self._queue.pop(0).done.set()
