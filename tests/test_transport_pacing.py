import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.transport.webrtc.pacing import CATCH_UP, FRAME, HANGOVER, Pace, Send, Transmission, is_silent


@pytest.mark.parametrize(
    ("late_s", "frames"),
    [(0.0, 1), (0.019, 1), (0.021, 1), (0.065, 1), (0.079, 1), (0.085, 4), (0.4, 20), (60.0, 3000)],
)
def test_what_follows_a_late_frame(late_s: float, frames: int) -> None:
    pace = Pace(100.0)
    assert pace.due == 100.0
    pace.advance(100.0 + late_s + 1e-6)
    assert pace.position == frames * FRAME
    assert pace.due == pytest.approx(100.0 + frames * 0.02)


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=40))
def test_delay_never_accumulates(stalls: list[tuple[float, bool]]) -> None:
    """After any stalls and hastenings a sender that is let go is on time again within `CATCH_UP` frames."""
    now, pace = 0.0, Pace(0.0)
    ends = 0
    for stall, hastened in stalls:
        if hastened:
            pace.hasten(now, ends)
            assert pace.position >= ends
        now = max(now, pace.due) + stall
        position, ends = pace.position, pace.position + FRAME
        pace.advance(now)
        assert pace.position >= position + FRAME
    for _ in range(CATCH_UP + 1):
        pace.advance(now)
        now = max(now, pace.due)
    assert now - pace.due < 0.02


def test_hastening() -> None:
    pace = Pace(10.0)
    pace.advance(10.0)
    # The frame before ends where the due one begins: nothing to gain.
    assert not pace.hasten(10.005, FRAME)
    # That frame was silent and not sent.
    assert pace.hasten(10.005, -FRAME)
    assert pace.due == pytest.approx(10.005)
    assert pace.position == 240
    pace.advance(10.005)
    assert pace.due == pytest.approx(10.025)
    # Never later than it was due, never into what was sent.
    assert not pace.hasten(10.03, 0)
    assert pace.hasten(10.01, 960)
    assert pace.position == 960


def test_what_is_sent_in_silence() -> None:
    transmission = Transmission()
    speech = [transmission.on(False) for _ in range(3)]
    silence = [transmission.on(True) for _ in range(60)]
    assert set(speech) == {Send.AUDIO}
    assert silence[:HANGOVER] == [Send.AUDIO] * HANGOVER
    reminders = [n for n, each in enumerate(silence) if each is Send.REMINDER]
    assert reminders == [HANGOVER, HANGOVER + 20, HANGOVER + 40]
    assert silence.count(Send.NOTHING) == 60 - HANGOVER - 3
    assert [transmission.on(False), transmission.on(True)] == [Send.AUDIO, Send.AUDIO]


@pytest.mark.parametrize(
    ("samples", "silent"),
    [([0, 0], True), ([4, -4], True), ([0, 5], False), ([-5, 0], False), ([-32768], False)],
)
def test_what_is_silent(samples: list[int], silent: bool) -> None:
    assert is_silent(np.array(samples, np.int16)) is silent
