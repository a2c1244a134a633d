import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.transport.webrtc.delay import LOOKAHEAD, MAX_CLIENT, MAX_TRIP, STEP, UNREPORTED, PlayoutDelay
from duplex.transport.webrtc.feedback import Feedback, middle


def test_the_delay_is_the_path_down_and_what_the_client_says() -> None:
    delay = PlayoutDelay()
    assert delay.changed() == pytest.approx(LOOKAHEAD + UNREPORTED)
    assert delay.changed() is None
    delay.round_trip(0.1, at=1)
    assert delay.changed() == pytest.approx(LOOKAHEAD + UNREPORTED + 0.05)
    delay.client(0.08)
    assert delay.changed() == pytest.approx(LOOKAHEAD + 0.08 + 0.05)
    delay.client(0.084)
    assert delay.changed() is None  # too little to tell
    delay.client(0.086)
    assert delay.changed() == pytest.approx(LOOKAHEAD + 0.086 + 0.05)


def test_the_shortest_of_the_last_trips_counts() -> None:
    delay = PlayoutDelay()
    for at, seconds in enumerate([0.3, 0.05, 0.4, 0.2]):
        delay.round_trip(seconds, at)
    assert delay.trip == 0.05
    for at in range(4, 12):
        delay.round_trip(0.2, at)
    assert delay.trip == 0.2, "the path became longer"
    delay.round_trip(0.1, 12)
    delay.round_trip(0.2, 60)
    assert delay.trip == 0.2, "what is half a minute old says nothing"


@given(st.lists(st.tuples(st.booleans(), st.floats()), max_size=30))
def test_whatever_is_reported_the_delay_is_bounded(reports: list[tuple[bool, float]]) -> None:
    delay, told = PlayoutDelay(), []
    for at, (client, seconds) in enumerate(reports):
        delay.client(seconds) if client else delay.round_trip(seconds, at)
        assert math.isfinite(delay.seconds)
        assert 0 <= delay.seconds <= LOOKAHEAD + MAX_TRIP / 2 + MAX_CLIENT
        if (changed := delay.changed()) is not None:
            told.append(changed)
    assert all(abs(a - b) > STEP for a, b in pairwise(told))


NTP = 0xE000_1234_5678_9ABC


def test_a_round_trip_is_told_by_the_report_it_answers() -> None:
    feedback = Feedback()
    assert feedback.answered(0, 0, 0, 1.0) is None
    feedback.reported(NTP, at=10.0)
    assert middle(NTP) == 0x1234_5678
    assert feedback.answered(0, middle(NTP), 0x8000, 10.6) == pytest.approx(0.1)
    assert feedback.answered(0, middle(NTP) + 1, 0, 10.6) is None
    # The other clock's rounding; and what cannot be.
    assert feedback.answered(0, middle(NTP), 0x8000, 10.495) == 0.0
    assert feedback.answered(0, middle(NTP), 0x80000, 10.6) is None
    for n in range(20):
        feedback.reported(NTP + (n << 20), at=float(n))
    assert len(feedback._left) == 8


def test_loss_is_believed_at_once_and_forgotten_slowly() -> None:
    feedback = Feedback()
    assert feedback.loss == 5
    feedback.answered(51, 0, 0, 1.0)
    assert feedback.loss == 20
    losses = []
    for at in range(60):
        feedback.answered(0, 0, 0, float(at))
        losses.append(feedback.loss)
    assert losses[0] == 15
    assert losses[5] in (3, 4)
    assert losses[-1] == 0
