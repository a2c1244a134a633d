"""The user's end, foreseen while he still speaks: anticipated where the core is sure, and taken back where not. Pure.

What comes of it is prepared a little earlier, and nothing more: nobody speaks before there has been a silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duplex.graph.event import Event

if TYPE_CHECKING:
    from duplex.dialogue.anticipation import CoreFrame, Sure

_KEEP, _OVERDUE = 0.6, 10
"""An end that was foreseen is given up below this share of what it took, or after so many frames of voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anticipated(Event):
    """The user, who still speaks, will be done within 640 ms; or, not `sure` any more, he will not."""

    sure: bool


class Foresight:
    """Of one voice at a time.

    Args:
        needed: how sure the core has to be; None for never.
    """

    def __init__(self, needed: Sure | None) -> None:
        self._needed = needed
        self._sure = 0
        """For how many frames the core has been sure."""
        self._since: int | None = None
        """Frames since it was said; None where it was not."""

    def stop(self) -> None:
        """The voice has ended."""
        self._sure, self._since = 0, None

    def see(self, frame: CoreFrame) -> list[Event]:
        """A frame while the voice is on."""
        needed = self._needed
        if needed is None:
            return []
        if self._since is not None:
            self._since += 1
            if frame.soon >= _KEEP * needed.p and self._since <= _OVERDUE:
                return []
            self.stop()
            return [Anticipated(t=frame.t, sure=False)]
        self._sure = self._sure + 1 if frame.soon >= needed.p else 0
        if self._sure < needed.frames:
            return []
        self._since = 0
        return [Anticipated(t=frame.t, sure=True)]
