"""How a call is judged: answers as tables, latencies on constructed recordings."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.bench.conversation import stages
from duplex.bench.turns import cut_in, first_audio, is_right, normalise, stop_time

RATE = 16_000
Pcm = np.ndarray[tuple[int], np.dtype[np.int16]]


def speech(*spans: tuple[float, float], seconds: float = 10.0) -> Pcm:
    """A tone at -15 dBFS in each span, silence elsewhere."""
    pcm = np.zeros(round(seconds * RATE), dtype=np.int16)
    for start, end in spans:
        at = np.arange(round(start * RATE), round(end * RATE))
        pcm[at] = (8_000 * np.sin(at * 2 * np.pi * 300 / RATE)).astype(np.int16)
    return pcm


@pytest.mark.parametrize(
    ("spans", "end", "limit", "seconds"),
    [
        ([(2.5, 4.0)], 2.0, 9.0, 0.5),
        ([(1.5, 2.6), (3.2, 4.0)], 2.0, 9.0, 1.2),  # it was already speaking: that is no answer
        ([(1.5, 9.9)], 2.0, 9.0, None),
        ([(2.5, 2.52), (3.0, 4.0)], 2.0, 9.0, 1.0),  # 20 ms is a click
        ([(8.0, 9.0)], 2.0, 7.0, None),
        ([], 2.0, 9.0, None),
    ],
)
def test_first_audio(
    spans: list[tuple[float, float]], end: float, limit: float, seconds: float | None
) -> None:
    found = first_audio(speech(*spans), RATE, end, limit)
    assert found == (None if seconds is None else pytest.approx(seconds, abs=0.005))


@pytest.mark.parametrize(
    ("spans", "cut"), [([(2.5, 4.0)], True), ([(3.1, 4.0)], False), ([(2.9, 2.92)], False), ([], False)]
)
def test_cut_in(spans: list[tuple[float, float]], cut: bool) -> None:
    assert cut_in(speech(*spans), RATE, 2.0, 3.0) is cut


def test_stop_time() -> None:
    assert stop_time(speech((1.0, 2.3)), RATE, 2.0) == pytest.approx(0.3, abs=0.012)
    assert stop_time(speech((1.0, 9.99)), RATE, 2.0) is None


@pytest.mark.parametrize(
    ("answer", "accepted", "right"),
    [
        ("Lake Baikal is 1,642 metres deep.", ["1642"], True),
        ("Lake Baikal is 1,642 metres deep.", ["642"], False),
        ("It is 11,642 m deep.", ["1642"], False),
        ("Mount Mazama erupted.", ["mazama"], True),
        ("On the border of Peru and Bolivia.", ["Peru and Bolivia"], True),
        ("Of Bolivia and Peru.", ["Peru and Bolivia"], False),
        ("I'm sorry, I don't know that.", ["that"], False),
        ("I'm sorry, I don't know that.", [], True),
        ("It was in 1934.", [], False),
        ("", [], False),
        ("", ["1642"], False),
        ("About 3.5 percent.", ["3.5"], True),
    ],
)
def test_is_right(answer: str, accepted: list[str], right: bool) -> None:
    assert is_right(answer, accepted, "I'm sorry, I don't know that.") is right


def test_normalise_keeps_digits_together() -> None:
    assert normalise("About 31,500 km², in 1957.") == "about 31500 km in 1957"


def test_stages_are_those_of_the_attempt_that_was_committed() -> None:
    def event(kind: str, seconds: float, attempt: int) -> dict[str, object]:
        return {"type": kind, "t": round(seconds * 48_000), "attempt": attempt}

    events = [
        *(event("Eager", 4.5, 1), event("Transcript", 4.7, 1), event("Eager", 6.1, 2)),
        *(event("Transcript", 6.3, 2), event("Speech", 6.6, 2), event("Speech", 6.7, 2)),
        *(event("Commit", 6.4, 2), event("PlayoutStarted", 6.6, 2), event("Commit", 20.0, 3)),
    ]
    reached = stages(events, 1.0, 7.0, 15.0)
    assert {kind: round(at, 3) for kind, at in reached.items()} == {
        "Eager": 0.1,
        "Transcript": 0.3,
        "Speech": 0.6,
        "Commit": 0.4,
        "PlayoutStarted": 0.6,
    }
    assert stages(events, 1.0, 40.0, 50.0) == {}
