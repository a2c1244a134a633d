"""The agent's replies in pieces, and how far each has been heard: RTVI's `bot-output`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from duplex.transport.rtvi.messages import Message, message


@dataclass(slots=True)
class Segment:
    """One piece of a reply.

    Attributes:
        id: its number in the call.
        words: what is said.
        sources: what it rests on.
        heard: how many leading words the caller has heard.
    """

    id: int
    words: list[str]
    sources: tuple[str, ...] = ()
    heard: int = 0

    @property
    def text(self) -> str:
        """The whole piece."""
        return " ".join(self.words)

    def output(self, status: str) -> Message:
        """`bot-output` with `status` "new", "in-progress" or "completed"."""
        progress = {
            "accumulated_text": " ".join(self.words[: self.heard]),
            "remaining_text": " ".join(self.words[self.heard :]),
        }
        return message(
            "bot-output",
            {
                "text": self.text,
                "output_type": "sentence",
                "aggregated_by": "sentence",
                "segment_id": self.id,
                "will_be_spoken": True,
                "spoken_status": status,
                "spoken_progress": progress,
            },
        )

    def progress(self) -> Message:
        """How far it has been heard."""
        return self.output("completed" if self.heard == len(self.words) else "in-progress")


class Segments:
    """The pieces of one reply, in order."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._current = 0
        """Where the word that was heard last stands."""
        self._heard = 0
        """Words of the reply that were heard."""

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def add(self, segment: Segment) -> None:
        """A further piece."""
        self._segments.append(segment)

    def hear(self, text: str, whole: bool = False) -> tuple[list[Segment], str]:
        """The pieces whose progress changed, and the words that are new.

        Args:
            text: all words of the reply that were heard so far.
            whole: the reply is over and all of it was heard, what cannot be spoken included.
        """
        before = [segment.heard for segment in self._segments]
        words = text.split()
        new, self._heard = words[self._heard :], max(self._heard, len(words))
        for word in new:
            self._advance(word)
        done = len(self._segments) if whole else self._current
        for segment in self._segments[:done]:
            segment.heard = len(segment.words)
        changed = [each for each, was in zip(self._segments, before, strict=True) if each.heard != was]
        return changed, " ".join(new)

    def _advance(self, word: str) -> None:
        """Go on behind `word`. What a voice leaves out (an emoji, a dash) is passed over."""
        for index in range(self._current, len(self._segments)):
            segment = self._segments[index]
            at = _find(segment.words, word, segment.heard)
            if at is not None:
                self._current, segment.heard = index, at + 1
                return


def _find(words: Iterable[str], word: str, start: int) -> int | None:
    return next((at for at, each in enumerate(words) if at >= start and each == word), None)
