import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.mel import HOP, N_FFT, filterbank, log_mel


def plain_log_mel(pcm: np.ndarray, frames: int) -> np.ndarray:
    """The definition, one frame after the other, over the whole padded window."""
    audio = np.zeros(frames * HOP, dtype=np.float64)
    audio[: len(pcm)] = pcm / 32768
    padded = np.pad(audio, N_FFT // 2, mode="reflect")
    hann = np.hanning(N_FFT + 1)[:-1]
    power = [np.abs(np.fft.rfft(padded[at * HOP : at * HOP + N_FFT] * hann)) ** 2 for at in range(frames)]
    log = np.log10(np.maximum(filterbank() @ np.array(power).T, 1e-10))
    return (np.maximum(log, log.max() - 8) + 4) / 4


def test_the_filterbank_is_slaneys() -> None:
    bank = filterbank()
    assert bank.shape == (80, 201)
    assert bank[0, 1] == pytest.approx(0.024862593, abs=1e-8)  # librosa.filters.mel(sr=16000, n_fft=400)
    assert bank[:, :1].max() == 0
    assert (bank.max(axis=1) > 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 16_000), st.integers(0, 99))
def test_features_equal_the_definition(samples: int, seed: int) -> None:
    pcm = np.random.default_rng(seed).integers(-20_000, 20_000, samples).astype(np.int16)
    features = log_mel(pcm, 120)
    assert features.shape == (80, 120)
    assert features.dtype == np.float32
    # 400 samples at the window's end differ: the definition reflects there, and we never fill the window
    np.testing.assert_allclose(features[:, :100], plain_log_mel(pcm, 120)[:, :100], atol=2e-3)


def test_audio_longer_than_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        log_mel(np.zeros(1_601, np.int16), 10)
