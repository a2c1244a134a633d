"""Properties of the path that scenarios send packets over."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.evals.impairment import APART, Path
from duplex.evals.scenario import Channel

SECONDS = st.floats(0, 1_000, allow_nan=False)
TIMES = st.lists(SECONDS, max_size=100).map(sorted)
CHANNELS = st.builds(
    Channel, loss=st.floats(0, 1), jitter_ms=st.floats(0, 5_000), rtt_ms=st.floats(0, 10_000)
)


@given(CHANNELS, TIMES, st.integers())
def test_packets_arrive_in_order_and_in_time(channel: Channel, times: list[float], seed: int) -> None:
    path = Path(channel, seed)
    arrivals = [(t, at) for t in times if (at := path.on(t)) is not None]
    assert all(one < other for (_, one), (_, other) in pairwise(arrivals))
    for t, at in arrivals:
        assert t + channel.rtt_ms / 2000 <= at
    # The one before may hold a packet up, but never beyond what could have held it up itself.
    for t, at in arrivals:
        assert at <= t + (channel.rtt_ms / 2 + channel.jitter_ms) / 1000 + len(times) * APART
    assert path.sent - path.lost == len(arrivals)


@given(CHANNELS, TIMES, TIMES, st.integers())
def test_what_is_lost_depends_on_numbers_alone(
    channel: Channel, times: list[float], others: list[float], seed: int
) -> None:
    first, second = Path(channel, seed), Path(channel, seed)
    lost = [first.on(t) is None for t in times]
    also = [second.on(t) is None for t in others]
    common = min(len(lost), len(also))
    assert lost[:common] == also[:common]


@given(TIMES, st.integers())
def test_a_plain_path_changes_nothing(times: list[float], seed: int) -> None:
    path = Path(Channel(), seed)
    for t in times:
        assert path.on(t) == pytest.approx(t, abs=len(times) * APART)


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.5, 1.0])
def test_as_many_are_lost_as_were_asked_for(loss: float) -> None:
    path = Path(Channel(loss=loss), 7)
    for n in range(20_000):
        path.on(n * 0.02)
    assert path.lost / path.sent == pytest.approx(loss, abs=0.01)


def test_directions_lose_different_packets() -> None:
    up, down = Path(Channel(loss=0.5), 7, 0), Path(Channel(loss=0.5), 7, 1)
    assert [up.on(n) is None for n in range(64)] != [down.on(n) is None for n in range(64)]


def test_jitter_is_seen() -> None:
    path = Path(Channel(jitter_ms=60), 7)
    waits = [at - n * 0.02 for n in range(1_000) if (at := path.on(n * 0.02)) is not None]
    assert min(waits) < 0.02 < 0.05 < max(waits) <= 0.06
