"""From the schedule to what is to be learnt in each frame. Pure.

A label says what is right at the end of its frame; the future enters only as what is to be foretold (`end_in`). Where
nobody could know, the first two frames of an overlap above all, the frame asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duplex.core.data.align import align, is_number
from duplex.core.data.schedule import Kind, Schedule, Sound, Turn, pauses
from duplex.core.streams.dialogue import Heard, Labels
from duplex.core.streams.layout import FRAME_SECONDS, OVERLAPS, STATES, UNKNOWN
from duplex.core.streams.words import normalised

EARLY = 2 * FRAME_SECONDS
"""What an overlap is cannot be known before."""
AFTER = 3 * FRAME_SECONDS
"""So long after an overlap that was none of the agent's business, "go on" is still news to one who stopped."""
MURMUR_FROM, MURMUR_UNTIL = 0.16, 0.72
"""Seconds into an inviting pause between which a backchannel is in time."""
FINISHING = 0.4
"""An agent that is done in so many seconds need not be told to stop."""
LOUD_ECHO, FAINT_ECHO = -42.0, -52.0
"""dBFS from which an echo is heard as one, and below which it is none."""

_TAIL = 8
"""Words at the end of a turn by which it is seen whether its last one was written."""
_SYLLABLES = 5
"""Frames over which an echo's loudest one counts: it does not come and go with each syllable."""
_SAME = 1e-6
"""Seconds: moments no further apart are the same."""

_LISTEN, _START, _HOLD, _MURMUR, _YIELD, _RESUME, _IGNORE = range(len(STATES))
_NONE, _BACKCHANNEL, _TAKES, _SIDE, _ECHO, _NOISE = range(len(OVERLAPS))
_CLASS = {Kind.backchannel: _BACKCHANNEL, Kind.turn: _TAKES, Kind.side: _SIDE, Kind.noise: _NOISE}


@dataclass(frozen=True, slots=True)
class Reading:
    """A hypothesis, and up to which second of audio it was read."""

    heard: Heard
    until: float


def label(
    schedule: Schedule, readings: Sequence[Reading], frames: int, echo: NDArray[np.floating] | None = None
) -> Labels:
    """Labels of a dialogue of `frames` frames.

    Args:
        schedule: what happens when.
        readings: the recogniser's hypotheses, in the order in which they were known.
        frames: T.
        echo: dBFS of the agent's echo in the user's channel in each frame, float [T]; None for no echo.
    """
    return _Labeller(schedule, frames).label(readings, echo)


class _Labeller:
    """Paints spans of seconds over arrays of frames, the stronger claims later."""

    def __init__(self, schedule: Schedule, frames: int) -> None:
        self._schedule = schedule
        self._ends = (np.arange(frames) + 1) * FRAME_SECONDS
        self._user = self._voiced(s for s in schedule.user if s.kind in (Kind.turn, Kind.backchannel))
        self._agent = self._voiced(schedule.agent)
        self._speaking = self._during((s.start, s.end) for s in schedule.agent)
        """The agent is saying something, pauses included."""

    def _between(self, start: float, end: float) -> NDArray[np.bool_]:
        """Frames whose end lies in (start, end]."""
        inside: NDArray[np.bool_] = (self._ends > start + _SAME) & (self._ends <= end + _SAME)
        return inside

    def _during(self, spans: Iterable[tuple[float, float]]) -> NDArray[np.bool_]:
        frames = np.zeros(len(self._ends), np.bool_)
        for start, end in spans:
            frames |= self._between(start, end)
        return frames

    def _voiced(self, sounds: Iterable[Sound]) -> NDArray[np.bool_]:
        """Frames at least half of which are voiced."""
        covered = np.zeros(len(self._ends))
        for sound in sounds:
            for start, end in sound.spans:
                low = np.maximum(self._ends - FRAME_SECONDS, start)
                covered += np.maximum(0.0, np.minimum(self._ends, end) - low)
        return covered >= FRAME_SECONDS / 2

    def label(self, readings: Sequence[Reading], echo: NDArray[np.floating] | None) -> Labels:
        """All heads."""
        state, overlap = self._states(), self._overlaps()
        self._overlapped(state)
        if echo is not None:
            self._echoed(state, overlap, echo)
        vad = np.stack((self._user, self._agent), axis=1)
        return Labels(state, self._end_in(), vad, self._complete(readings), overlap)

    def _states(self) -> NDArray[np.int8]:
        """Without what happens while the agent speaks."""
        state = np.full(len(self._ends), _LISTEN, np.int8)
        for sound in self._schedule.user:
            if sound.kind is Kind.side:
                state[self._between(sound.start, sound.start + EARLY)] = UNKNOWN
                state[self._between(sound.start + EARLY, sound.end)] = _IGNORE
        for turn in self._schedule.turns:
            state[self._between(turn.sound.start, turn.over)] = _LISTEN
            silences = [*pauses(turn.sound), *([] if turn.ended else [(turn.sound.end, turn.over)])]
            for start, end in silences:
                state[self._between(start, end)] = _HOLD
            for start, end in turn.invites:
                state[self._between(start + MURMUR_FROM, min(end, start + MURMUR_UNTIL))] = _MURMUR
            # A frame that ends just as the turn is over belongs to what follows, as in `_end_in`.
            state[self._between(turn.over - 2 * _SAME, turn.answered)] = _START
        for sound in self._schedule.agent:
            state[self._between(sound.start, sound.end)] = _LISTEN
            if sound.kind is Kind.murmur:
                continue
            for turn in self._schedule.turns:
                # The agent cut in: neither going on nor stopping is right before the user is heard again.
                if turn.sound.start < sound.start < turn.sound.end:
                    state[self._between(sound.start, sound.end)] = UNKNOWN
        return state

    def _overlapped(self, state: NDArray[np.int8]) -> None:
        """What to do about voices and noises over the agent's speech."""
        for sound in self._schedule.user:
            verdict = {Kind.turn: _YIELD, Kind.side: _IGNORE}.get(sound.kind, _RESUME)
            for start, end in sound.spans or ((sound.start, sound.end),):
                for agent in self._over(start, end):
                    begun = max(start, agent.start)
                    until = min(agent.end, end if verdict == _YIELD else end + AFTER)
                    state[self._between(begun, begun + EARLY)] = UNKNOWN
                    state[self._between(begun + EARLY, until)] = verdict
                    if verdict == _YIELD and not agent.broken:
                        state[self._between(max(begun, agent.end - FINISHING), until)] = UNKNOWN

    def _overlaps(self) -> NDArray[np.int8]:
        overlap = np.full(len(self._ends), _NONE, np.int8)
        for sound in self._schedule.user:
            for start, end in sound.spans or ((sound.start, sound.end),):
                for agent in self._over(start, end):
                    begun, ended = max(start, agent.start), min(end, agent.end)
                    overlap[self._between(begun, begun + EARLY)] = UNKNOWN
                    overlap[self._between(begun + EARLY, ended)] = _CLASS[sound.kind]
                    overlap[self._between(ended, min(agent.end, end + FRAME_SECONDS))] = UNKNOWN
        return overlap

    def _over(self, start: float, end: float) -> list[Sound]:
        """What the agent says between two moments; its backchannels are over before anybody could react."""
        return [s for s in self._schedule.agent if s.kind is Kind.reply and s.start < end and start < s.end]

    def _echoed(self, state: NDArray[np.int8], overlap: NDArray[np.int8], echo: NDArray[np.floating]) -> None:
        """The agent hears itself: it is to go on."""
        free = self._speaking & (overlap == _NONE) & ~self._user
        padded = np.concatenate((np.full(_SYLLABLES - 1, -np.inf), echo))
        lately = np.lib.stride_tricks.sliding_window_view(padded, _SYLLABLES).max(axis=1)
        loud, faint = lately >= LOUD_ECHO, lately >= FAINT_ECHO
        overlap[free & faint & ~loud] = UNKNOWN
        overlap[free & loud] = _ECHO
        state[free & loud & (state == _LISTEN)] = _RESUME
        state[free & faint & ~loud & (state == _LISTEN)] = UNKNOWN

    def _end_in(self) -> NDArray[np.int16]:
        end_in = np.full(len(self._ends), UNKNOWN, np.int16)
        starts = [*(turn.sound.start for turn in self._schedule.turns[1:]), np.inf]
        for turn, following in zip(self._schedule.turns, starts, strict=False):
            inside = self._between(turn.sound.start, min(turn.answered, following))
            left = np.ceil((turn.over - self._ends[inside] - _SAME) / FRAME_SECONDS)
            end_in[inside] = np.clip(left, 0, np.iinfo(np.int16).max).astype(np.int16)
        return end_in

    def _complete(self, readings: Sequence[Reading]) -> NDArray[np.int8]:
        complete = np.full(len(self._ends), UNKNOWN, np.int8)
        for reading in readings:
            complete[self._ends >= reading.heard.t - _SAME] = UNKNOWN
            turn = turn_of(reading, self._schedule.turns)
            if turn is not None:  # an answered turn is no longer asked about
                known = self._between(reading.heard.t - FRAME_SECONDS / 1e3, turn.answered)
                complete[known] = judged(reading, turn)
        return complete


def turn_of(reading: Reading, turns: Sequence[Turn]) -> Turn | None:
    """The turn that a hypothesis is of; None for what else was heard."""
    return next((t for t in turns if t.sound.start < reading.until <= t.answered + FRAME_SECONDS), None)


def judged(reading: Reading, turn: Turn) -> int:
    """Whether a hypothesis has all words of its turn: 1, 0, or UNKNOWN."""
    words = [part for word in reading.heard.words for part in normalised(word)]
    if not words or not turn.sound.words:
        return UNKNOWN
    last = turn.sound.words[-1]
    if reading.until < last.start + 0.3 * (last.end - last.start):
        return 0
    if reading.until < last.end - 0.02:
        return UNKNOWN
    if not turn.ended:
        return 0
    return all_written([word.text for word in turn.sound.words], words)


def all_written(spoken: Sequence[str], words: Sequence[str]) -> int:
    """Whether a hypothesis that heard a whole turn has its last word: 1, or UNKNOWN where that cannot be seen."""
    said = [part for word in spoken[-_TAIL:] for part in normalised(word)]
    written = next((p.heard for p in align(said, words[-_TAIL:])[::-1] if p.said == len(said) - 1), None)
    return UNKNOWN if written is None and not _counted(said, words) else 1


def _counted(said: Sequence[str], words: Sequence[str]) -> bool:
    """Both end in a number: digits stand for any of them."""
    return bool(said) and is_number(said[-1]) and is_number(words[-1])
