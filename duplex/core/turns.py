"""The user's turns in a labelled dialogue, and the same dialogue with an agent that takes its time. Pure.

A recorded agent answers when it likes. Whoever asks when a rule would have answered must not let it hear that: in
`patient` the agent is silent for some seconds after each turn, in the dialogue's own ambient sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from random import Random
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from duplex.audio.pcm import Pcm
from duplex.core.data.labels import all_written
from duplex.core.streams.dialogue import Dialogue, Heard, Labels, TimedWord
from duplex.core.streams.layout import (
    FRAME_SAMPLES,
    FRAME_SECONDS,
    OVERLAPS,
    STATES,
    UNKNOWN,
    frame_end,
    frame_of,
)
from duplex.core.streams.words import normalised

PATIENCE = 30
"""Frames (2.4 s) that a patient agent waits; no rule waits longer."""
Number = TypeVar("Number", bound=np.generic)

SHORTEST = 3
"""Frames of silence that make a pause."""
_LATE = 0.8
"""Seconds after the answer in which the turn's last hypothesis may still come."""
_READ = 0.25
"""Seconds after a turn's last word from which on a hypothesis has heard it."""
_PIECE = 6
"""Frames of ambient sound, at most."""
_QUIET = 4
"""Frames after a voice until its echo and its room are gone."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the user.

    Attributes:
        first: the frame in which it begins.
        over: seconds: its last word's end.
        frame: the first frame at whose end it is over.
        ended: he said all that he wanted, and did not trail off.
        clean: the agent began to speak at no time within it.
        pauses: seconds, from and to.
        last: the last frame before it is answered, or the next one begins.
    """

    first: int
    over: float
    frame: int
    ended: bool
    clean: bool
    pauses: tuple[tuple[float, float], ...]
    last: int


def runs(mask: NDArray[np.bool_], join: int = 0) -> list[tuple[int, int]]:
    """Where a mask is true, as (first, after last); gaps of at most `join` are closed.

    >>> runs(np.array([1, 1, 0, 1, 0, 0, 1], bool), join=1)
    [(0, 4), (6, 7)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    found: list[tuple[int, int]] = []
    for first, after in edges.reshape(-1, 2).tolist():
        if found and first - found[-1][1] <= join:
            found[-1] = (found[-1][0], after)
        else:
            found.append((first, after))
    return found


def turns(dialogue: Dialogue) -> list[Turn]:
    """The user's turns in their order; none that is cut off by the dialogue's end."""
    labels = dialogue.labels
    far = labels.end_in
    due = np.arange(len(labels)) + far
    found = []
    for first, after in runs(far >= 0):
        inside = range(first, after)
        begins = [i for i in inside if far[i] > 0 and (i == first or far[i - 1] == 0 or due[i] != due[i - 1])]
        for start, stop in pairwise([*begins, after]):
            if due[start] < len(labels):
                found.append(_turn(dialogue, start, int(due[start]), stop - 1))
    return found


def _turn(dialogue: Dialogue, first: int, frame: int, last: int) -> Turn:
    labels, end = dialogue.labels, frame_end(frame)
    before = [word.end for word in dialogue.user_words if word.end <= end + 0.05]
    word = max(before, default=0.0)
    ended = end - word < 0.5
    agent, user = labels.vad[:, 1], labels.vad[:, 0]
    began = (
        agent[first + 1 : frame] & ~agent[first : frame - 1] if frame > first + 1 else np.zeros(0, np.bool_)
    )
    pauses = [
        (frame_end(first + a - 1), frame_end(first + b - 1))
        for a, b in runs(~user[first:frame])
        if b - a >= SHORTEST and a > 0 and first + b < frame
    ]
    over = min(max(word, end - FRAME_SECONDS), end)
    return Turn(first, over, frame, ended, not began.any(), tuple(pauses), last)


def patient(dialogue: Dialogue) -> Dialogue:
    """The dialogue with 2.4 s more of silence before each answer; everything after it comes later.

    Turns that the user himself goes on from, without an answer, stay as they are.
    """
    labels, found = dialogue.labels, turns(dialogue)
    cuts = []
    for turn in found:
        cut = max(turn.last, turn.frame) + 1
        if cut < len(labels) and labels.end_in[cut] < 0 and not labels.vad[cut, 0]:
            cuts.append((cut, turn))
    agent = dialogue.agent_pcm.copy()
    for cut, turn in cuts:  # no sample of the answer before it is due
        agent[turn.frame * FRAME_SAMPLES : cut * FRAME_SAMPLES] = 0
    at = [cut for cut, _ in cuts]
    quiet = ambient(dialogue, PATIENCE)
    shift = _Shift([frame_end(cut - 1) for cut in at], PATIENCE * FRAME_SECONDS)
    after = replace(
        dialogue,
        user_pcm=_inserted(dialogue.user_pcm, at, quiet),
        agent_pcm=_inserted(agent, at, np.zeros_like(quiet)),
        heard=shift.heard(dialogue.heard),
        agent_words=shift.words(dialogue.agent_words),
        user_words=shift.words(dialogue.user_words),
        hints=shift.words(dialogue.hints),
        labels=_waiting(labels, at),
        decision=None if dialogue.decision is None else _held(dialogue.decision, at),
        tool=None if dialogue.tool is None else _held(dialogue.tool, at),
    )
    return replace(after, labels=replace(after.labels, complete=_rejudged(after))).check()


def _rejudged(dialogue: Dialogue) -> NDArray[np.int8]:
    """`complete`, where the last hypotheses of a turn now come before its answer: nobody had asked about them."""
    complete = dialogue.labels.complete.copy()
    until = [*(item.t for item in dialogue.heard[1:]), frame_end(dialogue.frames)]
    for turn in turns(dialogue):
        said = [
            w
            for w in dialogue.user_words
            if w.start >= frame_end(turn.first - 2) and w.end <= turn.over + 0.05
        ]
        for item, following in zip(dialogue.heard, until, strict=True):
            if item.t < turn.over + _READ or frame_of(item.t) > turn.last:
                continue
            words = [part for word in item.words for part in normalised(word)]
            known = UNKNOWN if not words or not said else 0
            if known == 0 and turn.ended:
                known = all_written([word.text for word in said], words)
            complete[frame_of(item.t) : min(frame_of(following), turn.last + 1)] = known
    return complete


def unhurried(dialogue: Dialogue, rng: Random) -> Dialogue:
    """`patient` to learn from, where the recorded agent was not so by itself (else the dialogue as it is).

    What is put behind the turns is put over pauses too, from some frames after the voice on: who hears that sound
    shall not know by it that the turn is over.
    """
    found = turns(dialogue)
    if np.median([turn.last - turn.frame for turn in found] or [PATIENCE]) >= PATIENCE / 2:
        return dialogue
    user, agent = dialogue.user_pcm.copy(), dialogue.labels.vad[:, 1]
    for start, end in (pause for turn in found for pause in turn.pauses):
        first, after = (round(t / FRAME_SECONDS) for t in (start, end))
        first += rng.randint(1, 6)
        if first < after - 1 and not agent[first:after].any():
            size = after - 1 - first  # a voice may begin within the last frame
            user[first * FRAME_SAMPLES : (after - 1) * FRAME_SAMPLES] = ambient(dialogue, size)
    return patient(replace(dialogue, user_pcm=user))


def ambient(dialogue: Dialogue, frames: int) -> Pcm:
    """So many frames of the user's channel when nobody speaks: its quietest half second, to and fro.

    Noises and voices in the background have no label, so that a longer piece may hold some.
    """
    labels = dialogue.labels
    busy = (
        labels.vad.any(axis=1)
        | (labels.overlap != 0)
        | (labels.state == STATES.index("ignore"))
        | (labels.state < 0)
    )
    spread = np.convolve(busy, np.ones(_QUIET + 1), "full")[: len(busy)] > 0.5
    silences = runs(~spread)
    if not silences:
        return np.zeros(frames * FRAME_SAMPLES, np.int16)
    size = min(_PIECE, max(after - first for first, after in silences))
    starts = [at for first, after in silences for at in range(first, after - size + 1)]
    sound = dialogue.user_pcm.reshape(-1, FRAME_SAMPLES).astype(np.float64)
    loud = (sound**2).mean(axis=1)
    first = min(starts, key=lambda at: float(loud[at : at + size].max()))
    piece = dialogue.user_pcm[first * FRAME_SAMPLES : (first + size) * FRAME_SAMPLES]
    there_and_back = np.concatenate((piece, piece[::-1]))
    return np.resize(there_and_back, frames * FRAME_SAMPLES).astype(np.int16)


def _inserted(pcm: Pcm, at: Sequence[int], quiet: Pcm) -> Pcm:
    parts = np.split(pcm, [cut * FRAME_SAMPLES for cut in at])
    return np.concatenate([parts[0], *(piece for part in parts[1:] for piece in (quiet, part))])


def _waiting(labels: Labels, at: Sequence[int]) -> Labels:
    arrays = {item.name: _held(getattr(labels, item.name), at) for item in fields(Labels)}
    new = np.zeros(len(arrays["state"]), np.bool_)
    for number, cut in enumerate(at):
        new[cut + number * PATIENCE :][:PATIENCE] = True
    arrays["state"][new] = STATES.index("start")
    arrays["end_in"][new] = 0
    arrays["vad"][new] = False
    arrays["overlap"][new] = OVERLAPS.index("none")
    return Labels(**arrays)


def _held(values: NDArray[Number], at: Sequence[int]) -> NDArray[Number]:
    """What was before a cut goes on."""
    rows = np.repeat(values[[cut - 1 for cut in at]], PATIENCE, axis=0) if at else values[:0]
    return np.insert(values, np.repeat(np.array(at, int), PATIENCE), rows, axis=0)


@dataclass(frozen=True, slots=True)
class _Shift:
    """Times after each cut come later."""

    cuts: Sequence[float]
    by: float

    def _later(self, t: float) -> float:
        return t + self.by * sum(cut <= t for cut in self.cuts)

    def words(self, words: Sequence[TimedWord]) -> tuple[TimedWord, ...]:
        """A word is moved as a whole."""
        shifts = [(word, self._later(word.start) - word.start) for word in words]
        return tuple(TimedWord(word.text, word.start + by, word.end + by) for word, by in shifts)

    def heard(self, heard: Sequence[Heard]) -> tuple[Heard, ...]:
        """The last words of a turn come when they came, though the answer does not."""
        found: list[Heard] = []
        going = 0
        for item in heard:
            cut = max((cut for cut in self.cuts if cut <= item.t), default=None)
            by = self._later(item.t) - item.t
            if cut is not None and item.words and item.turn == going and item.t - cut <= _LATE:
                by -= self.by
            else:
                going = item.turn
            found.append(replace(item, t=item.t + by))
        return tuple(sorted(found, key=lambda item: item.t))
