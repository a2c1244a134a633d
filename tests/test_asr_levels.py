import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.levels import cut_point, is_silence, level_dbfs, trimmed
from asr.types import Word


def test_level_is_that_of_the_loudest_moment() -> None:
    pcm = np.zeros(16_000, np.int16)
    assert level_dbfs(pcm) == -np.inf
    assert level_dbfs(np.empty(0, np.int16)) == -np.inf
    pcm[4_800:5_280] = 3_277
    assert level_dbfs(pcm) == pytest.approx(-20, abs=0.01)
    assert not is_silence(pcm)
    assert is_silence(np.full(16_000, 10, np.int16))


def test_a_cut_falls_into_the_middle_of_the_longest_pause() -> None:
    pcm = np.random.default_rng(0).integers(-8_000, 8_000, 160_000).astype(np.int16)
    pcm[100_000:102_000] = 0
    pcm[120_000:128_000] = 3
    assert cut_point(pcm, 80_000, 160_000) == pytest.approx(124_000, abs=600)


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 5))
def test_a_cut_stays_where_it_may_be(earliest: int, length: int, seed: int) -> None:
    pcm = np.random.default_rng(seed).integers(-99, 99, earliest + length).astype(np.int16)
    assert earliest <= cut_point(pcm, earliest, earliest + length) <= earliest + length


def test_words_lose_the_quiet_at_their_edges() -> None:
    pcm = np.random.default_rng(0).integers(-20, 20, 48_000).astype(np.int16)
    pcm[8_000:16_000] += np.random.default_rng(1).integers(-8_000, 8_000, 8_000).astype(np.int16)
    pcm[24_000:32_000] += np.random.default_rng(2).integers(-8_000, 8_000, 8_000).astype(np.int16)
    words = [
        Word("one", 0, 1.2),
        Word("two", 1.1, 1.3),
        Word("three", 1.2, 3),
        Word("four", 2.2, 2.8),
        Word("five", 3, 3),
    ]
    assert [(word.text, word.start, word.end) for word in trimmed(words, pcm)] == [
        ("one", 0.5, 1.0),
        ("two", 1.1, 1.3),  # nothing stands out in it: it keeps its times
        ("three", 1.5, 2.0),  # nor in those at the end, which were made up
    ]


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1)), max_size=5), st.integers(0, 9))
def test_trimmed_words_lie_within_what_they_were(spans: list[tuple[float, float]], seed: int) -> None:
    pcm = (
        (np.random.default_rng(seed).standard_normal(32_000).cumsum() * 9)
        .clip(-9_999, 9_999)
        .astype(np.int16)
    )
    words = [Word("x", start, start + length) for start, length in spans]
    # Those at the end may be gone.
    for before, after in zip(words, trimmed(words, pcm), strict=False):
        assert before.start <= after.start <= after.end <= before.end
