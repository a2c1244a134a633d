import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport_peers import tone

from duplex.audio.detect import first_audible, silent_from
from duplex.audio.levels import amplitude

RATE = 16_000


def at_level(seconds: float, dbfs: float) -> np.ndarray:
    """A square wave, whose RMS and peak are both `dbfs`."""
    n = round(seconds * RATE)
    return (np.where(np.arange(n) % 8 < 4, 1, -1) * amplitude(dbfs)).round().astype(np.int16)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.int16)


@pytest.mark.parametrize(
    ("parts", "after", "expected"),
    [
        ([silence(1)], 0.0, None),
        ([], 0.0, None),
        ([silence(0.5), at_level(0.3, -30)], 0.0, 0.5),
        ([silence(0.5), at_level(0.045, -30), silence(0.5)], 0.0, 0.5),
        ([silence(0.5), at_level(0.030, -30), silence(0.5)], 0.0, None),
        ([silence(0.5), at_level(0.3, -44), silence(0.1)], 0.0, 0.5),
        ([silence(0.5), at_level(0.3, -46), silence(0.1)], 0.0, None),
        ([at_level(0.02, -10), silence(0.5), at_level(0.1, -30)], 0.0, 0.52),
        ([at_level(0.1, -30), silence(0.5), at_level(0.1, -30)], 0.2, 0.6),
        ([at_level(1.0, -30)], 0.2, 0.2),
        ([at_level(0.1, -30), silence(0.5)], 0.2, None),
        ([at_level(0.1, -30)], 5.0, None),
    ],
)
def test_first_audible(parts: list[np.ndarray], after: float, expected: float | None) -> None:
    found = first_audible(np.concatenate([silence(0), *parts]), RATE, after)
    assert found == (expected if expected is None else pytest.approx(expected, abs=0.0015))


@pytest.mark.parametrize(
    ("parts", "after", "expected"),
    [
        ([silence(1)], 0.25, 0.25),
        ([at_level(1, -30)], 0.0, None),
        ([at_level(0.5, -30), silence(0.5)], 0.0, 0.5),
        ([at_level(0.5, -30), silence(0.2), at_level(0.5, -30), silence(0.5)], 0.0, 1.2),
        ([at_level(0.5, -30), silence(0.2)], 0.0, None),
        ([at_level(0.5, -30), at_level(0.5, -50)], 0.0, 0.5),
        ([silence(0.5), at_level(0.5, -30), silence(0.4)], 0.6, 1.0),
    ],
)
def test_silent_from(parts: list[np.ndarray], after: float, expected: float | None) -> None:
    found = silent_from(np.concatenate(parts), RATE, after)
    assert found == (expected if expected is None else pytest.approx(expected, abs=0.0015))


@given(st.integers(0, 2000), st.integers(1000, 4000), st.sampled_from([8_000, 16_000, 24_000, 48_000]))
def test_a_tone_is_found_where_it_begins_and_ends(lead_ms: int, ms: int, rate: int) -> None:
    lead = np.zeros(lead_ms * rate // 1000, np.int16)
    pcm = np.concatenate([lead, tone(ms / 1000, rate), np.zeros(rate, np.int16)])
    assert first_audible(pcm, rate) == pytest.approx(lead_ms / 1000, abs=0.002)
    assert silent_from(pcm, rate, lead_ms / 1000) == pytest.approx((lead_ms + ms) / 1000, abs=0.003)
