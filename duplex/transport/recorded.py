"""A user who was recorded: says what is in the file, hears the last answer out, and hangs up."""

from __future__ import annotations

from typing import Literal

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.dialogue.events import (
    Commit,
    Discarded,
    PlayoutEnded,
    Resumed,
    TurnStarted,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.graph import Event
from duplex.transport.types import FRAME_SECONDS, USER_RATE

TAIL = 30.0
"""Seconds after the file at most: for the last answer."""
QUIET = 1.0
"""Seconds in which nothing happens, after which the user hangs up."""
GREETING = 30.0
"""Seconds that the user waits for a greeting to end."""
BREATH = 0.5
"""Seconds between a greeting and the file, as a person leaves."""
FRAME = round(USER_RATE * FRAME_SECONDS)


class RecordedUser:
    """Gives a recording frame by frame, and silence around it; fed with the session's events, it knows when to go.

    Args:
        audio: int16 [n] at 16 kHz.
        after_greeting: the agent has a greeting, and the recording begins once it has ended.
        tail: seconds after the recording at most.
    """

    def __init__(self, audio: Pcm, *, after_greeting: bool = False, tail: float = TAIL) -> None:
        self._audio = np.pad(audio, (0, -len(audio) % FRAME)).reshape(-1, FRAME)
        self._tail = tail
        self._frame = 0
        """Of the conversation."""
        self._start: int | None = None if after_greeting else 0
        """The frame at which the recording begins, once that is known."""
        self._busy = 0
        """The last frame in which something happened."""
        self._voice = self._turn = False
        """The user's voice is on; a turn has begun and it is not decided what comes of it."""
        self._reply: int | None = None
        """The attempt that will be, or is being, replied to."""
        self.ended: Literal["heard", "cut"] | None = None
        """Why the user hung up: the last answer was heard out, or the tail ended before the agent had finished."""

    @property
    def seconds(self) -> float:
        """How long the conversation is so far."""
        return self._frame * FRAME_SECONDS

    @property
    def length(self) -> float:
        """Seconds at which the recording ends, as far as that is known."""
        return ((self._start or 0) + len(self._audio)) * FRAME_SECONDS

    def speak(self, heard: Pcm) -> Pcm | None:
        """The next 20 ms, or None to hang up; see `driver.User`."""
        if heard.any():
            self._busy = self._frame
        if self._start is None and self._frame >= _frames(GREETING):
            self._start = self._frame
        self.ended = self._reason()
        if self.ended:
            return None
        at = -1 if self._start is None else self._frame - self._start
        self._frame += 1
        if 0 <= at < len(self._audio):
            self._busy = self._frame
            said: Pcm = self._audio[at]
            return said
        return np.zeros(FRAME, np.int16)

    def on(self, event: Event) -> None:
        """Take an event of the session."""
        match event:
            case VoiceStarted():
                self._voice = True
            case VoiceStopped():
                self._voice = False
            case TurnStarted():
                self._turn = True
            case Commit():
                self._turn, self._reply = False, event.attempt
            case Discarded():
                self._turn = False
            case Resumed():
                self._turn, self._reply = True, None
            case PlayoutEnded() | Yield():
                self._end_reply(event.attempt)
            case _:
                return
        self._busy = self._frame

    def _end_reply(self, attempt: int) -> None:
        if attempt == self._reply:
            self._reply = None
        if self._start is None:
            self._start = self._frame + _frames(BREATH)

    def _reason(self) -> Literal["heard", "cut"] | None:
        if self._start is None or self._frame < self._start + len(self._audio):
            return None
        waits = self._voice or self._turn or self._reply is not None
        if not waits and self._frame - self._busy >= _frames(QUIET):
            return "heard"
        return "cut" if self._frame >= self._start + len(self._audio) + _frames(self._tail) else None


def _frames(seconds: float) -> int:
    return round(seconds / FRAME_SECONDS)
