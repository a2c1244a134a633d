import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport_peers import tone

from duplex.audio.levels import level_dbfs
from duplex.audio.resample import Decimator, Resampler, resample


@pytest.mark.parametrize(
    ("rate_in", "rate_out"), [(22_050, 24_000), (48_000, 16_000), (16_000, 16_000), (8_000, 16_000)]
)
@pytest.mark.parametrize("piece", [7, 320, 5000])
def test_stream_equals_whole_whatever_the_pieces(rate_in: int, rate_out: int, piece: int) -> None:
    pcm = tone(0.7, rate_in)
    stream = Resampler(rate_in, rate_out)
    frames = [frame for i in range(0, len(pcm), piece) for frame in stream.push(pcm[i : i + piece])]
    frames += stream.flush()
    assert {len(frame) for frame in frames} == {rate_out // 50}
    got, whole = np.concatenate(frames), resample(pcm, rate_in, rate_out)
    assert abs(len(whole) - 0.7 * rate_out) <= 1
    # The stream's own start-up apart, both are the same samples.
    middle = slice(rate_out // 20, len(whole) - rate_out // 20)
    assert np.abs(got[middle].astype(int) - whole[middle].astype(int)).max() <= 2
    assert stream.flush() == []


def test_stream_can_be_used_again() -> None:
    stream = Resampler(22_050, 24_000)
    first = np.concatenate(stream.push(tone(0.5, 22_050)) + stream.flush())
    second = np.concatenate(stream.push(tone(0.5, 22_050)) + stream.flush())
    assert len(first) == len(second)
    assert np.abs(first.astype(int) - second.astype(int)).max() <= 2  # soxr dithers


@given(st.lists(st.integers(0, 40), min_size=1, max_size=10))
def test_decimator_holds_nothing_back(lengths: list[int]) -> None:
    """Every piece of 3n samples gives n at once, and cutting the input anew changes nothing."""
    rng = np.random.default_rng(sum(lengths))
    pcm = rng.integers(-20_000, 20_000, 3 * sum(lengths)).astype(np.int16)
    whole, cut = Decimator(3), Decimator(3)
    at, out = 0, []
    for n in lengths:
        out.append(cut.push(pcm[at : at + 3 * n]))
        assert len(out[-1]) == n
        at += 3 * n
    assert np.array_equal(np.concatenate(out), whole.push(pcm))


@pytest.mark.parametrize(
    ("hz", "low", "high"), [(300, -12.1, -12.0), (3400, -12.1, -12.0), (6000, -13, -12), (9500, -120, -60)]
)
def test_decimator_passes_speech_and_stops_what_would_alias(hz: float, low: float, high: float) -> None:
    out = Decimator(3).push(tone(1.0, 48_000, hz, peak=11_600))
    assert low <= level_dbfs(out[200:]) <= high


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 3"):
        Decimator(3).push(np.zeros(100, np.int16))
    with pytest.raises(ValueError, match="odd taps"):
        Decimator(3, 64)
