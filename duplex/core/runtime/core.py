"""Sessions of the core: each a row of state; one call steps all that wait.

    loop thread                                     frame thread
    session.streams.hear(...), .word(...), ...
    session.offer(user, agent)            ──►       core.step(): all sessions that wait, in one call
    session.output                        ◄──

A frame that comes while the one before it still waits is merged with it: the core is never behind by more than one
step, however long the thread was away. `offer` never waits for a step; `fork`, `restore` and `reset` do, so that they
are best called where `step` is.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duplex.audio.pcm import Pcm
from duplex.core.runtime.engine import Arrays, Engine
from duplex.core.runtime.outputs import CoreOutput
from duplex.core.streams.features import frame_features
from duplex.core.streams.frames import Frame, FrameStream, clocks
from duplex.core.streams.layout import Kind
from duplex.core.streams.words import WordTable, belief, shipped_table
from duplex.resources import config_path

MERGED = 4
"""Of frames that were merged the audio of the latest ones counts."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a session remembers, copied: state, the code of its words, and P(complete)."""

    state: NDArray[np.float32]
    code: NDArray[np.float32]
    complete: float
    frames: int


class CoreSession:
    """One conversation in the core.

    Attributes:
        streams: to be told what is known: `hear`, `word`, `token`.
        output: what the core said last; None before its first step.
    """

    def __init__(self, core: DuplexCore) -> None:
        self._core = core
        self.streams = FrameStream(core.table, core.engine.layout)
        self.output: CoreOutput | None = None
        self.state: NDArray[np.float32] = np.zeros(core.engine.size, np.float32)
        self.code = core.silence
        self.complete = 0.0
        self.frames = 0

    def offer(self, user: Pcm, agent: Pcm) -> None:
        """A frame of both channels ended, int16 [1280] each at 16 kHz; the next `DuplexCore.step` takes it.

        Raises:
            ValueError: the audio has another shape.
        """
        self._core.offer(self, self.streams.close(user, agent))

    def fork(self) -> Snapshot:
        """A copy of what is remembered, to go back to."""
        with self._core.lock:
            return Snapshot(self.state.copy(), self.code, self.complete, self.frames)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a fork; of this session, or of another whose future this one shall try."""
        with self._core.lock:
            self.state[:] = snapshot.state
            self.code, self.complete, self.frames = snapshot.code, snapshot.complete, snapshot.frames

    def reset(self) -> None:
        """Begin anew."""
        with self._core.lock:
            self.state[:] = 0
            self.code, self.complete, self.frames = self._core.silence, 0.0, 0


class DuplexCore:
    """The shipped core, or one from a folder that `duplex train export` wrote; shared by all sessions.

    Raises:
        FileNotFoundError: there are no such files.
        ValueError: they are no exported core.
    """

    def __init__(self, folder: Path | None = None, table: WordTable | None = None) -> None:
        self.engine = Engine(folder or config_path("core/frame.onnx").parent)
        self.table = table or shipped_table()
        self.lock = threading.Lock()
        """Held while states are read or written."""
        self._door = threading.Lock()
        self._waiting: dict[CoreSession, Frame] = {}
        nothing = belief(self.table)
        self.silence = self.engine.words(self.table.vectors[nothing.ids][None], nothing.tentative[None])[0][0]

    def session(self) -> CoreSession:
        """A new conversation."""
        return CoreSession(self)

    def offer(self, session: CoreSession, frame: Frame) -> None:
        """See `CoreSession.offer`."""
        with self._door:
            waiting = self._waiting.get(session)
            self._waiting[session] = waiting.merge(frame, MERGED) if waiting else frame
            session.frames += 1

    def step(self) -> int:
        """Step every session that waits, once, in one call; each then has its `output`. Returns how many did."""
        with self._door:
            sessions, frames = list(self._waiting), list(self._waiting.values())
            self._waiting.clear()
        if not sessions:
            return 0
        with self.lock:
            self._encode(sessions, frames)
            found = self.engine.frame(self._inputs(sessions, frames))
            for row, session in enumerate(sessions):
                session.state[:] = found["after"][row]
                session.output = _output(session, found, row)
        return len(sessions)

    def _encode(self, sessions: list[CoreSession], frames: list[Frame]) -> None:
        """The words of those whose belief changed."""
        fresh = [row for row, frame in enumerate(frames) if frame.fresh]
        if not fresh:
            return
        ids = np.stack([frames[row].belief.ids for row in fresh])
        tentative = np.stack([frames[row].belief.tentative for row in fresh])
        codes, complete = self.engine.words(self.table.vectors[ids], tentative)
        for at, row in enumerate(fresh):
            sessions[row].code = codes[at].copy()
            sessions[row].complete = float(complete[at]) if frames[row].belief.count else 0.0

    def _inputs(self, sessions: list[CoreSession], frames: list[Frame]) -> Arrays:
        ages, counts = (np.array(of) for of in zip(*((f.age, f.belief.count) for f in frames), strict=True))
        inputs: Arrays = {
            "before": np.stack([session.state for session in sessions]),
            "code": np.stack([session.code for session in sessions]),
            "clock": clocks(ages, counts),
        }
        for stream in self.engine.layout.fed:
            if stream.kind is Kind.DENSE:
                inputs[stream.name] = _features([frame.audio[stream.name] for frame in frames])
                continue
            ids = np.array([frame.tokens[stream.name] for frame in frames])
            inputs[stream.name] = (
                self.table.vectors[ids] if stream.kind is Kind.WORD else ids.astype(np.int64)
            )
        return inputs


def _features(windows: list[NDArray[np.int16]]) -> NDArray[np.float32]:
    """Features of each session's frame, the mean where frames were merged: float32 [rows, 160]."""
    features = frame_features(np.concatenate(windows))
    if len(features) == len(windows):
        return features
    ends = np.cumsum([len(window) for window in windows])
    return np.stack([part.mean(axis=0) for part in np.split(features, ends[:-1])])


def _output(session: CoreSession, found: Arrays, row: int) -> CoreOutput:
    """One session's row, copied out of the call's arrays."""
    user, _ = found["vad"][row]  # the agent's voice was learnt with it; that it speaks, the agent knows
    state, ends, projection, overlap = (
        found[name][row].copy() for name in ("state", "hazard", "vap", "overlap")
    )
    return CoreOutput(session.frames, state, ends, projection, float(user), overlap, session.complete)
