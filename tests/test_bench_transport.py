"""The transport's measures: delays known beforehand are found in them, and both echo servers can be called."""

from __future__ import annotations

from pathlib import Path as File

import anyio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.bench.served import started
from duplex.bench.transport_calls import Calls, Path, lossy, reordering
from duplex.bench.transport_client import is_media
from duplex.bench.transport_load import late_ms
from duplex.bench.transport_signal import (
    FRAME,
    RTP_RATE,
    Arrival,
    Stamp,
    Track,
    delays_ms,
    echoes,
    encode,
    lateness_ms,
    locate,
    median_ms,
    noise,
    shift_ms,
    unwrapped,
)

SIGNAL = noise(4.0)
PACKETS = encode(SIGNAL)
SENT = [1_000 + 0.02 * i for i in range(len(PACKETS))]
CODEC = 20 + 6.5
"""Milliseconds from a sound to its packet's leaving, and of Opus's lookahead."""


def sent_back(
    delays: list[float], lost: frozenset[int] = frozenset(), sequence: int = 100, timestamp: int = 5
) -> list[Arrival]:
    """The signal's packets, each so late in seconds, in the order of their arrival."""
    came = [
        Arrival(SENT[i] + delay, (sequence + i) & 0xFFFF, (timestamp + i * FRAME) & 0xFFFFFFFF, PACKETS[i])
        for i, delay in enumerate(delays)
        if i not in lost
    ]
    return sorted(came, key=lambda each: each.at)


def heard(arrivals: list[Arrival]) -> list[float]:
    return delays_ms(echoes(SIGNAL, SENT, Track(arrivals)), since=0.2)


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.1, 0.7, 1.3])
@pytest.mark.parametrize(("sequence", "timestamp"), [(100, 5), (0xFFFF - 50, 0xFFFFFFFF - 9_000)])
def test_a_known_delay_is_found(delay: float, sequence: int, timestamp: int) -> None:
    found = heard(sent_back([delay] * len(PACKETS), sequence=sequence, timestamp=timestamp))
    assert len(found) == len(PACKETS) // 5 - 2
    assert np.abs(np.array(found) - delay * 1000 - CODEC).max() < 2


def test_a_delay_that_grows_is_found_where_it_grew() -> None:
    half = len(PACKETS) // 2
    track = Track(sent_back([0.05] * half + [0.25] * (len(PACKETS) - half)))
    found = echoes(SIGNAL, SENT, track)
    assert shift_ms(found, (0.2, 1.9), (2.1, 3.9)) == pytest.approx(200, abs=1)
    assert shift_ms(found, (0.2, 1.0), (1.0, 1.9)) == pytest.approx(0, abs=1)
    assert shift_ms(found, (0.2, 1.9), (9.0, 10.0)) is None
    assert median_ms(found, 0.2, 1.9) == pytest.approx(50 + CODEC, abs=2)


def test_losses_and_overtaking_hide_nothing() -> None:
    lost = lossy(0.1, len(PACKETS), 3).lost
    late = reordering(0.1, 0.05, len(PACKETS), 4).held
    delays = [0.04 + late.get(i, 0.0) for i in range(len(PACKETS))]
    found = heard(sent_back(delays, lost))
    assert len(found) > 0.9 * (len(PACKETS) // 5 - 2)
    assert np.median(found) == pytest.approx(40 + CODEC, abs=2)


def test_a_piece_that_was_cut_out_is_missing_and_the_rest_is_in_place() -> None:
    arrivals = sent_back([0.04] * len(PACKETS), frozenset(range(100, 120)))
    found = echoes(SIGNAL, SENT, Track(arrivals))
    assert [round(each.place, 2) for each in found if each.delay is None] == [2.05, 2.15, 2.25, 2.35]
    assert np.abs(np.array(delays_ms(found, 2.5)) - 40 - CODEC).max() < 2


def test_nothing_is_found_where_nothing_came_back() -> None:
    foreign = [
        Arrival(SENT[i] + 0.1, i, i * FRAME, each) for i, each in enumerate(encode(noise(4.0, seed=2)))
    ]
    damaged = [Arrival(at, i, i * FRAME, b"\xff\xff") for i, at in enumerate(SENT)]
    for arrivals in ([], foreign, damaged, sent_back([5.0] * len(PACKETS))):
        assert heard(arrivals) == []
    assert locate(np.zeros(10), np.ones(100)) is None
    assert locate(np.ones(10), np.ones(5)) is None


@given(
    st.lists(st.integers(-(1 << 15) + 1, (1 << 15) - 1), max_size=30),
    st.integers(0, 0xFFFF),
)
def test_counters_go_on_where_they_wrap(steps: list[int], first: int) -> None:
    places = [0, *np.cumsum(steps)]
    assert unwrapped([(first + int(each)) & 0xFFFF for each in places], 16).tolist() == places


@pytest.mark.parametrize(
    ("came", "late"),
    [
        ([], []),
        ([(0, 0)], [0]),
        ([(0, 0), (20, 1), (40, 2)], [0, 0, 0]),
        ([(7, 0), (20, 1), (46, 2)], [7, 0, 6]),
        ([(0, 0), (75, 3), (80, 4)], [0, 55, 35, 15, 0]),  # two were skipped, and as late as the next
        ([(0, 0), (40, 2), (41, 1), (60, 3)], [0, 20, 0, 21, 0]),  # so is one that came after its successor
    ],
)
def test_lateness(came: list[tuple[float, int]], late: list[float]) -> None:
    stamps = [Stamp(50 + at / 1000, (0xFFFFFF00 + place * FRAME) & 0xFFFFFFFF) for at, place in came]
    assert lateness_ms(stamps) == pytest.approx(late, abs=0.01)


def test_a_path_is_the_same_for_the_same_seed() -> None:
    assert lossy(0.1, 2_000, 1) == lossy(0.1, 2_000, 1) != lossy(0.1, 2_000, 2)
    assert 150 < len(lossy(0.1, 2_000, 1).lost) < 250
    assert 60 < len(reordering(0.05, 0.03, 2_000, 1).held) < 140


@pytest.mark.parametrize(
    ("data", "media"),
    [
        (bytes((0x80, 96)) + bytes(20), True),
        (bytes((0x90, 0xE0)) + bytes(20), True),  # the marker bit
        (bytes((0x80, 200)) + bytes(30), False),  # RTCP
        (bytes((22, 254)) + bytes(30), False),  # DTLS
        (bytes((0, 1)) + bytes(30), False),  # STUN
        (bytes((0x80, 96)), False),
        (b"", False),
    ],
)
def test_media_is_told_from_the_rest(data: bytes, media: bool) -> None:
    assert is_media(data) is media


@pytest.mark.parametrize("which", ["ours", "stock"])
def test_an_echo_comes_back_from_a_real_server(which: str, tmp_path: File) -> None:
    calls = Calls(2.0)
    with started(["-m", "duplex.bench.transport_server", which], tmp_path) as served:
        paths = [Path(), lossy(0.1, 100, 1)]
        for each in anyio.run(calls.place, served, 2.0, paths):
            delays = delays_ms(each, since=0.5)
            assert len(delays) >= 5
            assert min(delays) > 0
            assert max(delays) < 1_000
        late = anyio.run(late_ms, served, 2, 1.0)
        assert len(late) >= 50
        assert min(late) == pytest.approx(0, abs=0.01)
        assert served.cpu_seconds() > 0
        assert served.resident_mb() > 10


def test_noise_is_loud_enough_and_never_clipped() -> None:
    assert 20 * np.log10(SIGNAL.astype(float).std() / 32_768) == pytest.approx(-18, abs=0.1)
    assert np.abs(SIGNAL.astype(int)).max() < 32_767
    assert len(PACKETS) == len(SIGNAL) // FRAME == 4 * RTP_RATE // FRAME
