"""Clips of every kind as 16 kHz mono; speech made here, with times that are true of its audio; made sounds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.audio.levels import level_dbfs
from duplex.core.data.lexicon import Split
from duplex.core.data.voices import KOKORO
from duplex.evals import clips
from duplex.evals.clips import VOICES, load_clip, locate, speak, voice_of
from duplex.evals.prepare import prepare
from duplex.evals.scenario import Item, Scenario, ScenarioError
from duplex.evals.sounds import SECONDS, make_sound
from duplex.evals.spoken import RATE, Spoken, parted, say, spans_of, without_pauses
from tts import EspeakSynthesiser


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own."""
    monkeypatch.setattr(clips, "user_cache_path", lambda *_, **__: tmp_path)
    return tmp_path / "clips"


def item(**what: object) -> Item:
    return Item.model_validate({"id": "u1", "kind": "user_speech", "at": 0} | what)


def scenario(*items: dict[str, object]) -> Scenario:
    whole = {"schema": "duplex-scenario/1", "id": "x", "task": "multi_turn", "duration": 9, "seed": 3}
    return Scenario.model_validate(whole | {"timeline": items, "expect": []})


def tone(rate: int, channels: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    wave = 0.3 * np.sin(2 * np.pi * 400 * np.arange(rate) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_any_clip_comes_as_16_khz_mono(tmp_path: Path, rate: int, channels: int, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate, channels), rate, subtype=subtype)
    pcm = load_clip(tmp_path / "a.wav")
    assert (pcm.dtype, pcm.ndim) == (np.int16, 1)
    assert len(pcm) == pytest.approx(RATE, abs=2)
    assert level_dbfs(pcm) == pytest.approx(-13.5, abs=0.2)


def bad_clips(folder: Path) -> Iterator[tuple[str, str]]:
    soundfile.write(folder / "empty.wav", np.zeros(0, np.int16), RATE)
    yield "empty.wav", "there is no audio in it"
    soundfile.write(folder / "long.wav", np.zeros(601 * 8_000, np.int16), 8_000)
    yield "long.wav", "601 s is too long"
    broken = tone(RATE)
    broken[100] = np.nan
    soundfile.write(folder / "nan.wav", broken, RATE, subtype="FLOAT")
    yield "nan.wav", "no numbers"
    (folder / "text.wav").write_text("no sound")
    yield "text.wav", "no sound file"
    yield "none.wav", "there is no such file"


def test_what_cannot_be_played_is_named_with_its_reason(tmp_path: Path) -> None:
    for name, why in bad_clips(tmp_path):
        with pytest.raises(ScenarioError, match=why) as error:
            load_clip(tmp_path / name)
        assert name in str(error.value)


def test_a_clip_is_seen_from_the_folders_above(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "x.wav").touch()
    assert locate("x.wav", tmp_path / "a/b/c") == tmp_path / "x.wav"
    with pytest.raises(ScenarioError, match=r"y\.wav"):
        locate("y.wav", tmp_path / "a/b/c")


def test_the_voice_is_the_seeds_but_never_the_agents() -> None:
    assert voice_of(item(tts={"text": "a", "voice": "af_sky"}), 1, ["af_sky"]) == "af_sky", "it is asked for"
    for seed in range(40):
        chosen = voice_of(item(text="a"), seed)
        assert chosen == voice_of(item(text="b", kind="side_talk"), seed), "one user"
        assert chosen != voice_of(item(text="a", kind="background_speech"), seed), "somebody else"
        assert voice_of(item(text="a"), seed, [chosen]) != chosen
    assert {voice_of(item(text="a"), seed) for seed in range(40)} == set(VOICES)


def test_no_voice_kept_for_evaluating_is_learnt_from() -> None:
    assert not set(VOICES) & {*KOKORO[Split.train], *KOKORO[Split.validation]}


def check_truth(spoken: Spoken, pauses: Sequence[float]) -> None:
    """There is sound in the spans, none between them, and the words lie in them one after the other."""
    inside = np.zeros(len(spoken.pcm), bool)
    for start, end in spoken.speech:
        inside[round(start * RATE) : round(end * RATE)] = True
    assert level_dbfs(spoken.pcm[inside]) == pytest.approx(-25, abs=2)
    assert level_dbfs(spoken.pcm[~inside]) < -40
    times = [at for _, *span in spoken.words for at in span]
    assert times == sorted(times)
    middles = [(start + end) / 2 for _, start, end in spoken.words]
    assert all(any(a <= at <= b for a, b in spoken.speech) for at in middles)
    gaps = [b - a for (_, a), (b, _) in pairwise(spoken.speech)]
    for pause in pauses:
        assert min(abs(gap - pause) for gap in gaps) <= 0.021


@pytest.mark.models
def test_speech_comes_with_its_truth_and_is_kept(cache: Path) -> None:
    asked = item(
        tts={"text": "I would like to know [pause 0.9] how far it is, [pause 1.4] and what it costs."}
    )
    spoken = speak(asked, seed=4)
    check_truth(spoken, (0.9, 1.4))
    assert [word for word, *_ in spoken.words] == without_pauses(asked.tts["text"]).split()  # type: ignore[index]
    (wav,) = cache.glob("*.wav")
    made = wav.stat().st_mtime_ns
    again = speak(asked, seed=4)
    assert (again.words, again.speech) == (spoken.words, spoken.speech)
    assert (again.pcm == spoken.pcm).all()
    assert wav.stat().st_mtime_ns == made
    wav.write_bytes(wav.read_bytes()[:1_000])
    assert (speak(asked, seed=4).pcm == spoken.pcm).all(), "a damaged clip is made again"


@pytest.mark.models
def test_a_recogniser_reads_back_what_was_said(cache: Path) -> None:
    from asr import WhisperModel
    from duplex.evals.metrics.asr import word_errors, words_of
    from duplex.models import model_folder

    reader = WhisperModel(model_folder("whisper-base"))
    text = "The last train to the coast leaves [pause 0.8] at twenty past eleven."
    for seed in (0, 1, 2):
        spoken = speak(item(tts={"text": text}), seed)
        heard = " ".join(word.text for word in reader.transcribe(spoken.pcm))
        errors, _ = word_errors(words_of(without_pauses(text)), words_of(heard))
        assert errors <= 2, heard


def test_without_kokoro_espeak_speaks_part_by_part(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "_kokoro_folder", lambda: None)
    spoken = speak(item(tts={"text": "We could meet [pause 0.7] on Thursday evening.", "speed": 1.2}), seed=1)
    check_truth(spoken, (0.7,))
    assert len(spoken.words) == 6


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({}, "tts.text"),
        ({"tts": {"text": "..."}}, "tts.text"),
        ({"tts": {"text": "hello", "speed": 9}}, "tts.speed"),
        ({"tts": {"text": "[pause 1.0] hello"}}, "a pause stands between words"),
        ({"tts": {"text": "hello", "voice": "../../etc"}}, "no Kokoro voice"),
    ],
)
@pytest.mark.models
def test_what_cannot_be_said_is_told(cache: Path, what: dict[str, object], why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        speak(item(**what), seed=0)


@given(st.lists(st.sampled_from(["one", "two,", "[pause 0.5]", "[pause 12.125]", "[pause]"]), max_size=8))
def test_a_text_is_cut_at_its_pauses_and_nowhere_else(tokens: list[str]) -> None:
    text = " ".join(tokens)
    try:
        parts, pauses = parted(text)
    except ValueError:
        spoken = [not token.startswith("[pause ") for token in tokens]
        doubled = any(not a and not b for a, b in pairwise(spoken))
        assert not text or not spoken[0] or not spoken[-1] or doubled
        return
    assert len(parts) == len(pauses) + 1
    assert " ".join(parts).split() == without_pauses(text).split()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=12))
def test_spans_are_what_is_audible_joined_over_short_silences(runs: list[tuple[int, bool]]) -> None:
    hops = [loud for count, loud in runs for _ in range(count)]
    pcm = np.repeat(np.array(hops, np.int16) * 3_000, RATE // 100)
    spans = spans_of(pcm)
    covered = [any(a - 1e-6 <= at / 100 < b - 1e-6 for a, b in spans) for at in range(len(hops))]
    assert all(inside for inside, loud in zip(covered, hops, strict=True) if loud)
    assert all(b - a > 0.2 for (_, a), (b, _) in pairwise(spans))
    assert all(hops[round(a * 100)] and hops[round(b * 100) - 1] for a, b in spans)


@pytest.mark.parametrize("kind", SECONDS)
def test_a_made_sound_is_the_seeds(kind: str) -> None:
    sound = make_sound(kind, 1.0, 7)  # type: ignore[arg-type]
    assert len(sound) == RATE
    assert (sound == make_sound(kind, 1.0, 7)).all()  # type: ignore[arg-type]
    loudest = max(level_dbfs(sound[at : at + RATE // 2]) for at in range(0, RATE // 2 + 1, 800))
    assert loudest == pytest.approx(-25, abs=1.5)
    if kind != "phone":  # whose two tones differ little
        assert (sound != make_sound(kind, 1.0, 8)).any()  # type: ignore[arg-type]
    assert len(make_sound(kind, 0.0, 7)) == 0  # type: ignore[arg-type]


def test_a_scenario_takes_the_truth_of_the_audio_that_was_made(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "_kokoro_folder", lambda: None)
    soundfile.write(tmp_path / "clip.wav", tone(8_000), 8_000)
    clock = [["how", 0.0, 0.36], ["far?", 0.4, 0.76]]
    said = {
        "id": "a",
        "kind": "user_speech",
        "at": 0,
        "tts": {"text": "how far?"},
        "words": clock,
        "dur": 9.0,
    }
    prepared = prepare(
        scenario(
            said,
            {"id": "b", "kind": "user_speech", "at": 3, "clip": "clip.wav", "dur": 1.5, "speech": [[0, 1]]},
            {"id": "c", "kind": "noise", "at": 5, "sound": "door"},
            {"id": "d", "kind": "silence", "at": 6, "dur": 2.0},
        ),
        tmp_path,
    )
    a, b, c, d = prepared.scenario.timeline
    assert a.words[-1][2] == pytest.approx(a.speech[-1][1], abs=0.03)
    assert a.dur == len(prepared.audio["a"]) / RATE != 9.0
    assert (a.text, b.speech, b.dur, len(prepared.audio["b"])) == ("how far?", ((0, 1),), 1.5, 24_000)
    assert (c.dur, d.dur) == (SECONDS["door"], 2.0)
    json.dumps(prepared.scenario.model_dump(mode="json", by_alias=True))


def test_an_item_without_audio_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="x: n1: nothing to play"):
        prepare(scenario({"id": "n1", "kind": "noise", "at": 0}), tmp_path)


def test_a_voice_without_word_times_gets_guessed_ones() -> None:
    spoken = say("One two three.", EspeakSynthesiser("en-us"))
    assert [word for word, *_ in spoken.words] == ["One", "two", "three."]
