"""Both codecs behind one interface, on tones whose decoded form can be judged."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport_line import likeness, voice
from transport_peers import tone

from duplex.audio.levels import level_dbfs
from duplex.audio.pcm import Pcm
from duplex.audio.resample import resample
from duplex.transport.webrtc import libopus, opus
from duplex.transport.webrtc.libopus import LibopusDecoder, LibopusEncoder
from duplex.transport.webrtc.pyav_opus import PyavDecoder, PyavEncoder

CODECS = [(LibopusEncoder, LibopusDecoder), (PyavEncoder, PyavDecoder)]
FRAME = 480


def frames(pcm: Pcm) -> list[Pcm]:
    return list(pcm.reshape(-1, FRAME))


@pytest.mark.parametrize("encoder", [LibopusEncoder, PyavEncoder])
@pytest.mark.parametrize("decoder", [LibopusDecoder, PyavDecoder])
def test_what_is_said_is_heard(encoder: type, decoder: type) -> None:
    encode, decode, said = encoder(24_000, 32_000), decoder(16_000), voice(1.0)
    packets = [encode.encode(frame) for frame in frames(said)]
    assert {opus.packet_samples(each) for each in packets} == {960}
    assert 50 * sum(map(len, packets)) / len(packets) * 8 == pytest.approx(32_000, rel=0.3)
    heard = np.concatenate([decode.decode(each) for each in packets])
    assert heard.dtype == np.int16
    assert len(heard) == 16_000
    assert likeness(heard, resample(said, 24_000, 16_000)) > 0.9


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize(("encoder", "decoder"), CODECS)
def test_every_rate(encoder: type, decoder: type, rate: int) -> None:
    encode, decode = encoder(rate, 32_000), decoder(rate)
    heard = [decode.decode(encode.encode(frame)) for frame in tone(0.4, rate).reshape(-1, rate // 50)]
    assert {each.shape for each in heard} == {(rate // 50,)}
    assert level_dbfs(np.concatenate(heard[5:])) == pytest.approx(-15.2, abs=1)


@pytest.mark.parametrize(("encoder", "decoder"), CODECS)
def test_what_is_wrong_is_named(encoder: type, decoder: type) -> None:
    encode, decode = encoder(24_000, 32_000), decoder(16_000)
    for frame in (np.zeros(479, np.int16), np.zeros(480), np.zeros((1, 480), np.int16)):
        with pytest.raises(ValueError, match=r"int16 \[480\]"):
            encode.encode(frame)
    good = encode.encode(tone(0.02, 24_000))
    for bad in (b"", b"\x03", b"\xff\xff\xff"):
        with pytest.raises(opus.OpusError):
            decode.decode(bad)
    assert len(decode.decode(good)) == 320


@pytest.mark.parametrize("decoder", [LibopusDecoder, PyavDecoder])
def test_gaps_have_their_length(decoder: type) -> None:
    decode, packets = decoder(16_000), [LibopusEncoder(24_000, 32_000).encode(f) for f in frames(voice(0.2))]
    decode.decode(packets[0])
    assert [len(decode.conceal(n)) for n in (40, 320, 1600)] == [40, 320, 1600]
    assert len(decode.recover(packets[5], 320)) == 320
    decode.reset()
    assert len(decode.decode(packets[6])) == 320


def test_a_lost_packet_comes_back_from_the_next() -> None:
    """With redundancy the lost frame is what was said; concealed, it is a guess; both are louder than silence."""
    said = voice(1.0)
    encode = LibopusEncoder(24_000, 32_000)
    encode.expect_loss(20)
    packets = [encode.encode(frame) for frame in frames(said)]
    whole = LibopusDecoder(16_000)
    true = np.concatenate([whole.decode(each) for each in packets])

    def with_loss(recover: bool) -> Pcm:
        decode, out = LibopusDecoder(16_000), []
        for i, packet in enumerate(packets):
            if i % 8 == 5:
                out.append(decode.recover(packets[i + 1], 320) if recover else decode.conceal(320))
            else:
                out.append(decode.decode(packet))
        return np.concatenate(out)

    lost = np.concatenate([np.arange(320) + i * 320 for i in range(50) if i % 8 == 5])

    def error(heard: Pcm) -> float:
        return level_dbfs((heard[lost].astype(int) - true[lost]).clip(-32768, 32767).astype(np.int16))

    recovered, concealed = with_loss(True), with_loss(False)
    assert error(recovered) < error(concealed) - 3
    assert error(recovered) < level_dbfs(true[lost]) - 3
    assert level_dbfs(concealed[lost]) > level_dbfs(true[lost]) - 6


def test_silence_goes_on_after_a_silent_packet() -> None:
    encode, decode = LibopusEncoder(24_000, 32_000), LibopusDecoder(16_000)
    for frame in [*frames(voice(0.2)), *frames(np.zeros(2400, np.int16))]:
        packet = encode.encode(frame)
        decode.decode(packet)
    silent = opus.silent_packet(packet)
    assert opus.says_silence(silent)
    assert not opus.says_silence(packet)
    assert opus.packet_samples(silent) == 960
    assert level_dbfs(np.concatenate([decode.decode(silent) for _ in range(5)])) < -60


@given(st.binary(max_size=200))
def test_lengths_are_libopus_own(payload: bytes) -> None:
    samples = opus.packet_samples(payload)
    theirs = libopus.load().opus_packet_get_nb_samples(payload, len(payload), 48_000)
    assert samples == max(0, theirs)


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_decoded_or_refused(payload: bytes) -> None:
    decode = LibopusDecoder(16_000)
    try:
        assert len(decode.decode(payload)) * 3 == opus.packet_samples(payload)
    except opus.OpusError:
        assert len(decode.conceal(320)) == 320


def test_the_bundled_library_is_found_or_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(opus.new_encoder(24_000), LibopusEncoder)
    assert isinstance(opus.new_decoder(16_000), LibopusDecoder)
    package = tmp_path / "av"
    for file in ("av.libs/libopus-1.so", "av.libs/libx.so", "av/.dylibs/libopus.0.dylib"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("no library")
    names = [each.name for each in libopus.candidates(package)]
    assert names == ["libopus-1.so", "libopus.0.dylib"]
    monkeypatch.setattr("av.__file__", str(package / "__init__.py"))
    libopus.load.cache_clear()
    opus._bundled.cache_clear()
    try:
        assert isinstance(opus.new_encoder(24_000), PyavEncoder)
        assert isinstance(opus.new_decoder(16_000), PyavDecoder)
    finally:
        monkeypatch.undo()
        libopus.load.cache_clear()
        opus._bundled.cache_clear()
