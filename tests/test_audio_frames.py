import re

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from duplex.audio import levels, pcm
from duplex.audio.ring import Ring
from duplex.audio.wav import BadRecording, read_speech, write_two_channels

pieces = st.lists(st.integers(0, 50), max_size=20)


def counting(lengths: list[int]) -> list[pcm.Pcm]:
    whole = np.arange(sum(lengths), dtype=np.int16)
    return np.split(whole, np.cumsum(lengths)[:-1]) if lengths else []


@given(pieces, st.integers(1, 30))
def test_framer_keeps_every_sample_in_order(lengths: list[int], size: int) -> None:
    framer = pcm.Framer(size)
    frames = [frame for piece in counting(lengths) for frame in framer.push(piece)]
    assert all(len(frame) == size for frame in frames)
    assert len(framer) < size
    held = len(framer)
    tail = framer.flush()
    if tail is not None:
        frames.append(tail[:held])
    joined = np.concatenate(frames) if frames else np.zeros(0, np.int16)
    assert joined.tolist() == list(range(sum(lengths)))
    assert framer.flush() is None


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(0, 40)), st.tuples(st.just("read"), st.integers(0, 40))
        )
    ),
    st.integers(1, 25),
)
def test_ring_keeps_the_newest_samples(steps: list[tuple[str, int]], capacity: int) -> None:
    ring, model, n, lost = Ring(capacity), [], 0, 0
    for step, count in steps:
        if step == "write":
            lost += ring.write(np.arange(n, n + count, dtype=np.int16))
            model = (model + list(range(n, n + count)))[-capacity:]
            n += count
        else:
            assert ring.read(count).tolist() == model[:count]
            model = model[count:]
        assert len(ring) == len(model)
    assert ring.dropped == lost


def test_ring_pads_with_silence_and_clears() -> None:
    ring = Ring(10)
    ring.write(np.array([1, 2, 3], np.int16))
    assert ring.read_padded(5).tolist() == [1, 2, 3, 0, 0]
    ring.write(np.array([1, 2, 3], np.int16))
    ring.clear()
    assert ring.read_padded(2).tolist() == [0, 0]


def test_downmix_is_the_mean_and_never_wraps() -> None:
    loud = np.array([32767, 32767, -32768, -32768, 100, 300], np.int16)
    assert pcm.downmix(loud, 2).tolist() == [32767, -32768, 200]
    with pytest.raises(ValueError, match="2 channels"):
        pcm.downmix(loud[:5], 2)


@given(st.lists(st.integers(-32768, 32767), max_size=50))
def test_float_and_back_is_exact(samples: list[int]) -> None:
    original = np.array(samples, np.int16)
    assert pcm.to_int16(pcm.to_float(original)).tolist() == samples


def test_clipping() -> None:
    assert pcm.to_int16(np.array([2.0, -2.0])).tolist() == [32767, -32768]


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 2), np.int16), [1, 2]])
def test_wrong_audio_is_named(wrong: object) -> None:
    with pytest.raises(ValueError, match="mono int16"):
        pcm.check_pcm(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [0, 22_050 + 1, -16_000])
def test_rates_without_whole_frames(rate: int) -> None:
    with pytest.raises(ValueError, match="whole number"):
        pcm.frame_samples(rate)


def test_levels() -> None:
    sine = (np.sin(np.arange(16_000) * 0.3) * 32767).astype(np.int16)
    assert levels.level_dbfs(sine) == pytest.approx(-3.01, abs=0.02)
    assert levels.level_dbfs(np.full(10, 16384, np.int16)) == pytest.approx(-6.02, abs=0.01)
    assert levels.level_dbfs(np.zeros(10, np.int16)) == levels.FLOOR_DBFS
    assert levels.level_dbfs(np.zeros(0, np.int16)) == levels.FLOOR_DBFS
    assert levels.amplitude(-45) == pytest.approx(184.3, abs=0.1)
    windows = levels.window_levels(np.repeat(np.array([0, 16384], np.int16), 100), 100, 50)
    assert windows.tolist() == pytest.approx([-120, -9.03, -6.02], abs=0.01)
    assert len(levels.window_levels(sine[:5], 10, 1)) == 0


def test_two_channel_file(tmp_path) -> None:
    path = tmp_path / "call.wav"
    write_two_channels(path, np.array([1, 2, 3], np.int16), np.array([-5], np.int16), 16_000)
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 16_000
    assert samples.tolist() == [[1, -5], [2, 0], [3, 0]]
    assert read_speech(path, 16_000, 1.0).tolist() == [-2, 1, 2]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8", "FLOAT", "ULAW"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_sound_file_is_read_as_mono_speech(tmp_path, subtype: str, rate: int, channels: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    soundfile.write(tmp_path / "tone.wav", np.tile(tone[:, None], (1, channels)), rate, subtype=subtype)
    heard = read_speech(tmp_path / "tone.wav", 16_000, 2.0)
    assert heard.dtype == np.int16
    assert len(heard) == pytest.approx(16_000, abs=1)
    wanted = 0.5 * 32768 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    middle = slice(2_000, 14_000)  # the resampler's ends ring
    assert np.abs(heard[middle] - wanted[middle]).max() < 1000


def test_files_that_cannot_be_heard_are_named_with_what_to_do(tmp_path) -> None:
    (tmp_path / "broken.wav").write_text("no sound")
    (tmp_path / "folder.wav").mkdir()
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), 16_000)
    soundfile.write(tmp_path / "long.wav", np.zeros(32_000, np.int16), 16_000)
    soundfile.write(tmp_path / "slow.wav", np.zeros(100, np.int16), 100)
    faults = {
        "missing.wav": "there is no such file",
        "folder.wav": "there is no such file",
        "broken.wav": "no sound file .*; give a WAV",
        "empty.wav": "there is no audio in it",
        "long.wav": "2 s is too long, at most 1 s are taken; cut it",
        "slow.wav": "100 Hz is no rate of speech; save it as 16 kHz WAV",
    }
    for name, fault in faults.items():
        with pytest.raises(BadRecording, match=f"{re.escape(name)}: {fault}"):
            read_speech(tmp_path / name, 16_000, 1.0)


def test_numbers_that_are_none_are_silence(tmp_path) -> None:
    odd = np.array([0.5, np.nan, np.inf, -np.inf, 2.0], np.float32)
    soundfile.write(tmp_path / "odd.wav", odd, 16_000, subtype="FLOAT")
    assert read_speech(tmp_path / "odd.wav", 16_000, 1.0).tolist() == [16384, 0, 32767, -32768, 32767]


def test_a_recording_that_cannot_be_written_is_named(tmp_path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        write_two_channels(
            tmp_path / "nowhere" / "x.wav", np.zeros(1, np.int16), np.zeros(1, np.int16), 16_000
        )
