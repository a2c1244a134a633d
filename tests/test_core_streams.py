"""The core's streams: frame by frame they are what they are over a whole dialogue, and no frame knows the future."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.core.streams import layout
from duplex.core.streams.dialogue import Dialogue, Heard, Labels, TimedWord, load_dialogue, save_dialogue
from duplex.core.streams.features import FeatureStream, frame_features, scan_features
from duplex.core.streams.frames import FrameStream, scan_streams
from duplex.core.streams.layout import FRAME_SAMPLES, FRAME_SECONDS, Layout, frame_end, frame_of
from duplex.core.streams.words import SPECIAL, WordTable, belief, normalised, shipped_table, word_stream

WORDS = ("a", "capital", "don't", "is", "norway", "of", "the", "what")
TABLE = WordTable((*SPECIAL, *WORDS), np.eye(len(SPECIAL) + len(WORDS), 8))


def dialogue(frames: int, seed: int = 0) -> Dialogue:
    """Random audio, words that come and are revised, and labels."""
    draw = np.random.default_rng(seed)
    pcm = draw.normal(0, 2000, (2, frames * FRAME_SAMPLES)).astype(np.int16)
    times = np.sort(draw.uniform(0, frames * FRAME_SECONDS, frames // 2))
    heard = []
    for turn, t in enumerate(times):
        words = tuple(draw.choice(WORDS, draw.integers(0, 30)))
        heard.append(Heard(float(t), turn // 3, words, int(draw.integers(0, len(words) + 1))))
    starts = np.sort(draw.uniform(0, frames * FRAME_SECONDS, frames // 3))
    said = tuple(TimedWord(str(draw.choice(WORDS)), float(t), float(t) + 0.2) for t in starts)
    labels = Labels(
        state=draw.integers(-1, len(layout.STATES), frames).astype(np.int8),
        end_in=draw.integers(-1, 90, frames).astype(np.int16),
        vad=draw.random((frames, 2)) > 0.5,
        complete=draw.integers(-1, 2, frames).astype(np.int8),
        overlap=draw.integers(-1, len(layout.OVERLAPS), frames).astype(np.int8),
    )
    decision = draw.integers(0, 1 + len(layout.STATES), frames).astype(np.int8)
    tool = draw.integers(0, len(layout.TOOL_STATUS), frames).astype(np.int8)
    hints = tuple(TimedWord(str(draw.choice(WORDS)), float(t), float(t) + 0.08) for t in times[::3])
    told = {"decision": decision, "tool": tool, "hints": hints}
    return Dialogue(pcm[0], pcm[1], tuple(heard), said, labels, **told, meta={"voice": "none"})


@settings(max_examples=20, deadline=None)
@given(frames=st.integers(0, 12), seed=st.integers(0, 99), rest=st.integers(0, FRAME_SAMPLES - 1))
def test_features_of_a_file_are_those_of_its_frames(frames: int, seed: int, rest: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 3000, frames * FRAME_SAMPLES + rest)
    pcm = np.clip(noise, -32768, 32767).astype(np.int16)
    stream = FeatureStream()
    steps = [stream.step(pcm[at * FRAME_SAMPLES :][:FRAME_SAMPLES]) for at in range(frames)]
    scanned = scan_features(pcm)
    assert scanned.shape == (frames, layout.FEATURES)
    assert all(np.array_equal(one, other) for one, other in zip(steps, scanned, strict=True))


def test_features_tell_a_low_voice_from_a_high_one_and_silence_from_both() -> None:
    t = np.arange(FRAME_SAMPLES * 4) / 16_000
    low, high = ((np.sin(2 * np.pi * hz * t) * 8000).astype(np.int16) for hz in (200, 3000))
    bands = [scan_features(pcm)[2].reshape(layout.HOPS, layout.MELS).mean(0) for pcm in (low, high)]
    assert bands[0].argmax() < 5 < 20 < bands[1].argmax()
    assert scan_features(np.zeros(FRAME_SAMPLES, np.int16)).max() < min(band.max() for band in bands) - 1


def test_a_frame_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="1280"):
        FeatureStream().step(np.zeros(100, np.int16))


@pytest.mark.parametrize("delays", [{}, {"user_audio": 2, "agent_words": 1, "decision": 3}])
def test_streams_as_they_happen_are_those_of_the_whole_dialogue(delays: dict[str, int]) -> None:
    streams = Layout().with_delays(**delays)
    talk = dialogue(40)
    whole = scan_streams(talk, TABLE, streams)
    live = FrameStream(TABLE, streams)
    heard, said, hints = list(talk.heard), list(talk.agent_words), list(talk.hints)
    assert talk.decision is not None
    assert talk.tool is not None
    for at in range(talk.frames):
        while heard and heard[0].t <= frame_end(at):
            live.hear(heard[0].words, heard.pop(0).stable)
        while said and said[0].start <= frame_end(at):
            live.word(layout.AGENT_WORDS, said.pop(0).text)
        while hints and hints[0].start <= frame_end(at):
            live.word(layout.HINT, hints.pop(0).text)
        live.token(layout.DECISION, int(talk.decision[at]))
        live.token(layout.TOOL, int(talk.tool[at]))
        piece = slice(at * FRAME_SAMPLES, (at + 1) * FRAME_SAMPLES)
        frame = live.close(talk.user_pcm[piece], talk.agent_pcm[piece])
        for name, windows in frame.audio.items():
            assert np.array_equal(frame_features(windows)[0], whole.audio[name][at])
        assert frame.tokens == {name: int(tokens[at]) for name, tokens in whole.tokens.items()}
        now = whole.beliefs.index[at]
        assert np.array_equal(frame.belief.ids, whole.beliefs.ids[now])
        assert np.array_equal(frame.belief.tentative, whole.beliefs.tentative[now])
        assert frame.age == whole.age[at]


def test_what_happens_later_changes_no_frame_before() -> None:
    talk, other = dialogue(30), dialogue(30, seed=7)
    cut = 18
    sample, moment = cut * FRAME_SAMPLES, cut * FRAME_SECONDS
    changed = replace(
        talk,
        user_pcm=np.concatenate((talk.user_pcm[:sample], other.user_pcm[sample:])),
        agent_pcm=np.concatenate((talk.agent_pcm[:sample], other.agent_pcm[sample:])),
        heard=tuple(h for h in talk.heard if h.t <= moment) + tuple(h for h in other.heard if h.t > moment),
        agent_words=tuple(w for w in talk.agent_words if w.start <= moment),
    )
    one, two = (scan_streams(it, TABLE, Layout()) for it in (talk, changed))
    assert all(np.array_equal(one.audio[name][:cut], two.audio[name][:cut]) for name in one.audio)
    assert all(np.array_equal(one.tokens[name][:cut], two.tokens[name][:cut]) for name in one.tokens)
    assert np.array_equal(one.beliefs.ids[one.beliefs.index[:cut]], two.beliefs.ids[two.beliefs.index[:cut]])
    assert np.array_equal(one.age[:cut], two.age[:cut])


def test_late_frames_become_one() -> None:
    talk = dialogue(6)
    live = FrameStream(TABLE)
    frames = []
    for at in range(6):
        if at == 1:
            live.hear(["what", "is"])
        if at == 2:
            live.word(layout.AGENT_WORDS, "Norway")
        piece = slice(at * FRAME_SAMPLES, (at + 1) * FRAME_SAMPLES)
        frames.append(live.close(talk.user_pcm[piece], talk.agent_pcm[piece]))
    merged = frames[0]
    for frame in frames[1:]:
        merged = merged.merge(frame, most=4)
    assert np.array_equal(
        merged.audio["user_audio"], np.concatenate([frame.audio["user_audio"] for frame in frames[2:]])
    )
    assert merged.tokens["agent_words"] == TABLE.ids(["norway"])[0]
    assert merged.fresh
    assert merged.age == 4


def test_a_frame_knows_what_was_known_at_its_end() -> None:
    assert [frame_of(t) for t in (0, 0.0799, 0.08, 0.0801, 0.16, 1.0)] == [0, 0, 0, 1, 1, 12]
    assert all(frame_of(frame_end(at)) == at for at in range(1000))


def test_words_are_found_however_they_are_written() -> None:
    assert TABLE.ids(["What", "is", "NORWAY’s", "the—capital?"]) == TABLE.ids(
        ["what", "is", "norway", "the", "capital"]
    )
    assert [SPECIAL[i] for i in TABLE.ids(["3:30", "zebras", "blorped", "quickly", "zorb"])] == [
        "<number>",
        "<..s>",
        "<..ed>",
        "<..ly>",
        "<unknown>",
    ]
    assert normalised("...") == []


def test_a_belief_shows_the_latest_words_and_which_of_them_may_change() -> None:
    now = belief(TABLE, ["what", "is", "the", "capital"], stable=1)
    assert now.ids[-4:].tolist() == TABLE.ids(["what", "is", "the", "capital"])
    assert not now.ids[:-4].any()
    assert now.tentative[-4:].tolist() == [0, 1, 1, 1]
    long = belief(TABLE, ["a"] * 40 + ["norway"], stable=30)
    assert long.count == 41
    assert long.ids[-1] == TABLE.ids(["norway"])[0]
    assert long.tentative.sum() == 11


def test_a_word_is_announced_by_the_end_of_the_padding() -> None:
    words = [TimedWord("the", 0.2, 0.3), TimedWord("capital", 0.25, 0.6), TimedWord("of", 0.7, 0.8)]
    ids = [int(i) for i in TABLE.ids(["the", "capital", "of"])]
    assert word_stream(TABLE, words, 10).tolist() == [0, 0, ids[0], ids[1], 0, 0, 0, 0, ids[2], 0]
    assert word_stream(TABLE, words, 10, announce=True).tolist() == [
        0,
        1,
        ids[0],
        ids[1],
        0,
        0,
        0,
        1,
        ids[2],
        0,
    ]


def test_the_shipped_table_knows_everyday_words() -> None:
    table = shipped_table()
    ids = table.ids(["I", "don't", "know", "the", "capital", "of", "um", "okay", "please", "pumpkin"])
    assert min(ids) >= len(SPECIAL)
    assert not table.vectors[0].any()
    norway, sweden, because = (
        table.vectors[table.ids([word])[0]] for word in ("norway", "sweden", "because")
    )
    assert norway @ sweden > 2 * (norway @ because)


def test_a_dialogue_survives_the_disk(tmp_path: Path) -> None:
    talk = dialogue(9)
    save_dialogue(tmp_path / "one.npz", talk)
    back = load_dialogue(tmp_path / "one.npz")
    assert np.array_equal(back.user_pcm, talk.user_pcm)
    assert (back.heard, back.agent_words, back.meta) == (talk.heard, talk.agent_words, talk.meta)
    assert back.hints == talk.hints
    assert np.array_equal(back.labels.end_in, talk.labels.end_in)
    assert np.array_equal(back.tool, talk.tool)
    save_dialogue(tmp_path / "one.npz", replace(talk, tool=None))
    assert load_dialogue(tmp_path / "one.npz").tool is None
    assert [path.name for path in tmp_path.iterdir()] == ["one.npz"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"user_pcm": np.zeros(5, np.int16)}, "user_pcm has 5 samples"),
        ({"decision": np.full(9, 8, np.int8)}, "decision must lie in 0..7"),
        ({"heard": (Heard(2, 0, ()), Heard(1, 0, ()))}, "order of their times"),
        ({"heard": (Heard(2, 0, ("a",), 2),)}, "more stable words than words"),
    ],
)
def test_a_dialogue_that_does_not_fit_together_is_refused(change: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        replace(dialogue(9), **change).check()


def test_a_file_that_is_no_dialogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ValueError, match="no dialogue"):
        load_dialogue(tmp_path / "bad.npz")


def test_a_delay_of_a_stream_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no stream 'user'"):
        Layout().with_delays(user=1)
