"""When a recorded user speaks and when he hangs up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from duplex.transport.recorded import RecordedUser

AUDIO = np.arange(1, 1 + 320 * 50, dtype=np.int16)
"""One second; no two samples are equal and none is silent."""
QUIET, LOUD = np.zeros(480, np.int16), np.full(480, 500, np.int16)
Script = list[tuple[float, Event]]


TURN: Script = [
    (0.2, VoiceStarted(t=0, onset=0)),
    (0.2, TurnStarted(t=0, turn=1, onset=0)),
    (1.2, VoiceStopped(t=0, end=0)),
]


def committed(t: float, attempt: int = 1) -> tuple[float, Event]:
    return (t, Commit(t=0, attempt=attempt, turn=1, end=0, reason="words"))


def call(
    user: RecordedUser, script: Sequence[tuple[float, Event]] = (), loud: tuple[float, float] = (0, 0)
) -> tuple[Pcm, float]:
    """Play the script; what the user said, and for how long he stayed."""
    said: list[Pcm] = []
    pending = sorted(script, key=lambda item: item[0])
    while True:
        now = len(said) * 0.02
        while pending and pending[0][0] <= now:
            user.on(pending.pop(0)[1])
        frame = user.speak(LOUD if loud[0] <= now < loud[1] else QUIET)
        if frame is None:
            return np.concatenate(said), round(now, 3)
        assert frame.shape == (320,)
        said.append(frame)


def spoken(said: Pcm) -> tuple[list[int], float]:
    where = np.flatnonzero(said)
    return said[where].tolist(), where[0] / 16_000


@pytest.mark.parametrize(
    ("script", "loud", "stays", "ended"),
    [
        ([], (0, 0), 2.0, "heard"),
        ([], (0, 1.5), 2.48, "heard"),  # an agent that speaks of itself is heard out
        (TURN, (0, 0), 31.0, "cut"),  # nothing comes of the turn
        ([*TURN, (4, Discarded(t=0, attempt=1, turn=1))], (0, 0), 5.0, "heard"),
        ([*TURN, committed(2), (9, PlayoutEnded(t=0, attempt=1, heard="x"))], (5, 9), 10.0, "heard"),
        ([*TURN, committed(2), (3, Resumed(t=0, attempt=1))], (0, 0), 31.0, "cut"),
        ([*TURN, committed(2), (6, Yield(t=0, attempt=1))], (0, 0), 7.0, "heard"),
        ([(0.5, VoiceStarted(t=0, onset=0))], (0, 0), 31.0, "cut"),  # noise that does not end
    ],
)
def test_the_last_answer_is_heard_out(
    script: Script, loud: tuple[float, float], stays: float, ended: str
) -> None:
    user = RecordedUser(AUDIO)
    said, seconds = call(user, script, loud)
    assert spoken(said) == (AUDIO.tolist(), 0)
    assert seconds == pytest.approx(stays, abs=0.03)
    assert user.ended == ended


def test_the_recording_waits_for_the_greeting() -> None:
    greeted: Script = [committed(0.1, 0), (2.0, PlayoutEnded(t=0, attempt=0, heard="hello"))]
    said, seconds = call(RecordedUser(AUDIO, after_greeting=True), greeted, (0.2, 2.0))
    assert spoken(said) == (AUDIO.tolist(), 2.5)
    assert seconds == pytest.approx(4.5, abs=0.03)
    said, _ = call(RecordedUser(AUDIO, after_greeting=True))
    assert spoken(said) == (AUDIO.tolist(), 30.0), "no greeting is waited for without an end"


KINDS = [
    VoiceStarted(t=0, onset=0),
    VoiceStopped(t=0, end=0),
    TurnStarted(t=0, turn=1, onset=0),
    Discarded(t=0, attempt=1, turn=1),
    Resumed(t=0, attempt=1),
    *(Commit(t=0, attempt=n, turn=n, end=0, reason="words") for n in (0, 1, 2)),
    *(PlayoutEnded(t=0, attempt=n, heard="") for n in (0, 1, 2)),
    Yield(t=0, attempt=2),
]


@given(
    st.lists(st.tuples(st.floats(0, 40), st.sampled_from(KINDS)), max_size=30),
    st.booleans(),
    st.tuples(st.floats(0, 40), st.floats(0, 100)),
    st.integers(0, 320 * 60),
)
def test_whatever_happens_all_is_said_once_and_the_call_ends(
    script: Script, waits: bool, loud: tuple[float, float], samples: int
) -> None:
    audio = AUDIO[:samples]
    user = RecordedUser(audio, after_greeting=waits, tail=5.0)
    said, seconds = call(user, script, loud)
    where = np.flatnonzero(said)
    assert said[where].tolist() == audio.tolist()
    assert not len(where) or where[-1] - where[0] == len(audio) - 1
    assert seconds <= 30 + len(audio) / 16_000 + 5 + 0.1
    assert user.ended in ("heard", "cut")
