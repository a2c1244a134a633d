"""When the agent murmurs: tables of pauses, words and frames, and what never happens."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.dialogue.anticipation import FRAME, CoreFrame
from duplex.dialogue.backchannel import Backchannel, Backchannels
from duplex.dialogue.events import (
    Commit,
    Discarded,
    Eager,
    EndProbability,
    PlayoutStarted,
    Resumed,
    TurnStarted,
    VoiceStarted,
    VoiceStopped,
)
from duplex.graph.event import Event, to_ticks

SURE = {"over": 0.02, "goes_on": 0.6}
"""What the core says of a pause from which the user goes on."""


def turn(at: float = 0.0) -> list[Event]:
    """It begins; seconds."""
    return [
        VoiceStarted(t=to_ticks(at + 0.064), onset=to_ticks(at)),
        TurnStarted(t=to_ticks(at + 0.064), turn=1, onset=to_ticks(at)),
    ]


def pause(
    start: float, end: float, p: float = 0.1, known: float = 0.2, attempt: int = 1, **said: float
) -> list[Event]:
    """A silence, its words judged `known` seconds into it, and the core's frames."""
    happens: list[Event] = [
        VoiceStopped(t=to_ticks(start + 0.064), end=to_ticks(start)),
        Eager(t=to_ticks(start + 0.064), attempt=attempt, turn=1, end=to_ticks(start)),
        EndProbability(t=to_ticks(start + known), attempt=attempt, p=p),
        *frames(start, end, **(said or SURE)),
        VoiceStarted(t=to_ticks(end + 0.064), onset=to_ticks(end)),
        Resumed(t=to_ticks(end + 0.064), attempt=attempt),
    ]
    return sorted(happens, key=lambda event: event.t)


def frames(start: float, end: float, **said: float) -> list[CoreFrame]:
    first, last = (to_ticks(at) // FRAME + 1 for at in (start, end))
    return [CoreFrame(t=at * FRAME, state="hold", **said) for at in range(first, last + 1)]  # type: ignore[arg-type]


def murmured(happens: list[Event]) -> list[float]:
    machine = Backchannels()
    came = [each for event in happens for each in machine.on(event)]
    assert all(isinstance(each, Backchannel) for each in came)
    return [each.t / to_ticks(1.0) for each in came]


@pytest.mark.parametrize(
    ("happens", "at"),
    [
        ([*turn(), *pause(3.0, 3.8)], [3.28]),
        ([*turn(), *pause(3.0, 3.8, known=0.5)], [3.52]),  # the words are judged late
        ([*turn(), *pause(3.0, 4.2, known=0.9)], []),  # too late
        ([*turn(), *pause(3.0, 3.2)], []),  # too short
        ([*turn(), *pause(1.5, 2.3)], []),  # too early in the turn
        ([*turn(), *pause(3.0, 3.8, p=0.9)], []),  # the words may be all
        ([*turn(), *pause(3.0, 3.8, over=0.5, goes_on=0.6)], []),  # the core is not sure
        ([*turn(), *pause(3.0, 3.8, over=0.02, goes_on=0.1)], []),
        ([*turn(), *pause(3.0, 3.8), *pause(6.0, 6.8, attempt=2)], [3.28]),  # within five seconds
        ([*turn(), *pause(3.0, 3.8), *pause(8.4, 9.2, attempt=2)], [3.28, 8.64]),
        (pause(3.0, 3.8), []),  # no turn
    ],
)
def test_one_is_due_in_a_pause_from_which_the_user_surely_goes_on(
    happens: list[Event], at: list[float]
) -> None:
    assert murmured(happens) == pytest.approx(at, abs=0.081)


@pytest.mark.parametrize(
    "over",
    [
        Commit(t=to_ticks(3.22), attempt=1, turn=1, end=to_ticks(3.0), reason="words"),
        Discarded(t=to_ticks(3.22), attempt=1, turn=1),
        PlayoutStarted(t=to_ticks(3.22), attempt=1),
    ],
)
def test_none_once_the_turn_is_over(over: Event) -> None:
    happens = sorted([*turn(), *pause(3.0, 3.8), over], key=lambda event: event.t)
    assert murmured(happens) == []


def test_they_are_said_in_turns() -> None:
    machine, texts = Backchannels(), []
    for number in range(3):
        for event in (
            *(turn() if not number else ()),
            *pause(3 + 6 * number, 3.8 + 6 * number, attempt=number),
        ):
            texts += [each.text for each in machine.on(event)]  # type: ignore[attr-defined]
    assert texts == ["Mm-hm.", "Uh-huh.", "Mm-hm."]


pauses = st.lists(
    st.tuples(
        st.floats(0.3, 3.0),
        st.floats(0.1, 1.5),
        st.floats(0, 1),
        st.floats(0.1, 1),
        st.floats(0, 1),
        st.floats(0, 1),
    ),
    max_size=12,
)


@given(pauses)
def test_never_twice_within_five_seconds_and_never_unless_all_agree(given_: list[tuple[float, ...]]) -> None:
    t, happens, sure = 0.0, turn(), []
    for number, (speech, length, p, known, over, goes_on) in enumerate(given_):
        start = t + speech
        t = start + length
        happens += pause(start, t, p, known, number, over=over, goes_on=goes_on)
        if p <= 0.5 and over <= 0.3 and goes_on >= 0.3:
            sure.append((start, t))
    at = murmured(sorted(happens, key=lambda event: event.t))
    assert all(later - earlier >= 5.0 for earlier, later in pairwise(at))
    assert all(any(start + 0.239 < moment <= end + 0.16 for start, end in sure) for moment in at)
