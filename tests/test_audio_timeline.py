import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport_peers import tone

from duplex.audio.detect import first_audible, silent_from
from duplex.audio.timeline import Timeline

RATE = 16_000
FRAME = 320


def packets(timeline: Timeline, pcm: np.ndarray, arrivals: list[float], media: float = 0.0) -> None:
    for i, at in enumerate(arrivals):
        timeline.place(at, media + i * 0.02, pcm[i * FRAME : (i + 1) * FRAME])


@given(st.lists(st.floats(0, 0.05), min_size=26, max_size=26))
def test_jitter_leaves_no_gap_in_a_stretch(jitter: list[float]) -> None:
    """A tone arrives whole, beginning where its first packet came, whatever the later ones' jitter."""
    timeline = Timeline(RATE)
    pcm = tone(0.5, RATE, hz=500)
    packets(timeline, pcm, [1 + i * 0.02 + late for i, late in enumerate(jitter[:25])])
    start = round((1 + jitter[0]) * RATE)
    assert np.array_equal(timeline.samples()[start : start + len(pcm)], pcm)
    assert not timeline.samples()[:start].any()


def test_a_second_stretch_stands_where_it_came() -> None:
    timeline = Timeline(RATE)
    pcm = np.concatenate([tone(0.2, RATE), np.zeros(RATE // 5, np.int16), tone(0.2, RATE)])
    # The first stretch comes 30 ms late, the second on time.
    arrivals = [i * 0.02 + (0.03 if i < 15 else 0) for i in range(30)]
    packets(timeline, pcm, arrivals)
    assert first_audible(timeline.samples(), RATE) == pytest.approx(0.03, abs=0.001)
    assert first_audible(timeline.samples(), RATE, 0.3) == pytest.approx(0.4, abs=0.001)


def test_an_audible_stall_is_not_hidden() -> None:
    timeline = Timeline(RATE)
    pcm = tone(0.4, RATE)
    packets(timeline, pcm, [i * 0.02 + (0.3 if i >= 10 else 0) for i in range(20)])
    heard = timeline.samples()
    assert silent_from(heard, RATE, min_ms=250) == pytest.approx(0.2, abs=0.003)
    assert first_audible(heard, RATE, 0.3) == pytest.approx(0.5, abs=0.003)


def test_stretches_never_overlap() -> None:
    timeline = Timeline(RATE)
    pcm = np.full(FRAME, 1000, np.int16)
    first = timeline.place(0.0, 0.0, pcm)
    # A sender that restarts its timestamps: its sound goes behind what is already there.
    second = timeline.place(0.005, 0.5, pcm)
    assert (first, second) == (0.0, pytest.approx(0.02))


def test_length_is_bounded() -> None:
    timeline = Timeline(RATE, max_seconds=1.0)
    for at in (0.99, 50.0, -0.01):
        timeline.place(at, at, np.full(FRAME, 1000, np.int16))
    assert len(timeline.samples()) == RATE
    assert len(timeline.samples(0, 2.0)) == 2 * RATE
