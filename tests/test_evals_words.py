"""The text lane's words: numbered into audio, and read out of it again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from evals_scenes import item, play, scenario
from hypothesis import given
from hypothesis import strategies as st

from duplex.evals.scenario import ScenarioError
from duplex.evals.timeline import Player
from duplex.evals.words import PACE, SPOKEN, WordDetector, WordReader, WordVoice, as_words, table

Words = list[tuple[str, float, float]]
SPOKEN_WORDS = st.lists(st.tuples(st.floats(0.01, 0.6), st.floats(0, 0.6)), min_size=1, max_size=12)


def timed(lengths: list[tuple[float, float]]) -> Words:
    """Words of these lengths, with these gaps before them."""
    words, at = Words(), 0.0
    for number, (length, gap) in enumerate(lengths):
        start = at + gap
        at = start + length
        words.append((f"w{number}", start, at))
    return words


@given(SPOKEN_WORDS, st.integers(16, 3_000))
def test_every_word_is_read_when_it_has_ended(lengths: list[tuple[float, float]], chunk: int) -> None:
    """However the audio is cut, the words come out in order, with their times, and none before its end."""
    words = timed(lengths)
    made = as_words(scenario(item("u1", 0.0, words=words)))
    audio = np.append(made.audio["u1"], np.zeros(100, np.int16))
    reader = WordReader(table(made.scenario))
    for at in range(0, len(audio), chunk):
        reader.accept(audio[at : at + chunk])
        heard = at + len(audio[at : at + chunk])
        ended = sum(round(end * 16_000) < heard for _, _, end in words)
        assert len(reader.hypothesis().words) == ended
    final = reader.finalise()
    assert final.text == " ".join(word for word, _, _ in words)
    assert final.stable == len(words)
    for got, (_, start, end) in zip(final.words, words, strict=True):
        assert (got.start, got.end) == (pytest.approx(start, abs=1e-4), pytest.approx(end, abs=1e-4))
    assert final.last == pytest.approx(words[-1][2] - words[-1][1], abs=2e-4)


@given(SPOKEN_WORDS)
def test_a_voice_goes_on_between_words_and_stops_in_pauses(lengths: list[tuple[float, float]]) -> None:
    words = timed(lengths)
    audio = as_words(scenario(item("u1", 0.0, words=words))).audio["u1"]
    for (_, _, end), (_, start, _) in pairwise(words):
        between = audio[round(end * 16_000) : round(start * 16_000)]
        assert between.all() if start - end <= 0.2 else not between.any()


def test_the_detector_hears_windows_in_which_there_is_a_number() -> None:
    detector = WordDetector()
    audio = np.zeros(512 * 4, np.int16)
    audio[600] = 1_000
    heard = [p for at in range(0, len(audio), 320) for p in detector.accept(audio[at : at + 320])]
    assert heard == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"text": "how deep"}, [("how", 0.0, SPOKEN), ("deep", PACE, PACE + SPOKEN)]),
        ({"tts": {"text": "how deep"}}, [("how", 0.0, SPOKEN), ("deep", PACE, PACE + SPOKEN)]),
        ({"text": "no", "speech": [[0.5, 0.8]]}, [("no", 0.5, 0.5 + SPOKEN)]),
        ({"text": "other words", "words": [["no", 0.1, 0.2]]}, [("no", 0.1, 0.2)]),
        ({"kind": "noise", "text": "a bell"}, []),
        ({"kind": "background_speech", "words": [["no", 0.1, 0.2]]}, []),
    ],
)
def test_which_words_an_item_has(given: dict[str, Any], wanted: Words) -> None:
    made = as_words(scenario(item("u1", 0.0, **given)))
    assert made.scenario.timeline[0].words == tuple(wanted)
    assert made.audio["u1"].any() == bool(wanted)


def test_levels_and_echoes_do_not_touch_the_numbers() -> None:
    first = item("u1", 0.0, words=[["a", 0.0, 0.3]], gain_db=-9)
    second = item("u2", 1.0, words=[["b", 0.0, 0.3]], snr_db=3)
    made = as_words(scenario(first, second, channel={"echo_db": 0.0}))
    reader = WordReader(table(made.scenario))
    reader.accept(play(Player(made.scenario, made.audio), (0.0, 4.0)))
    assert reader.finalise().text == "a b"


def test_words_said_over_each_other_are_lost_and_no_others_made_up() -> None:
    first = item("u1", 0.0, words=[["a", 0.0, 0.4], ["b", 0.8, 1.2]])
    second = item("u2", 0.1, words=[["c", 0.0, 0.1]])
    made = as_words(scenario(first, second))
    reader = WordReader(table(made.scenario))
    reader.accept(play(Player(made.scenario, made.audio)))
    assert reader.finalise().text in ("a b", "a a b"), "the part of a word that is heard alone is that word"


def test_a_new_turn_begins_with_no_words() -> None:
    reader = WordReader(["a", "b"])
    reader.accept(np.array([1_000, 1_000, 0, 1_001], np.int16))
    reader.reset()
    assert reader.finalise().words == ()
    reader.accept(np.array([1_001, 0], np.int16))
    assert reader.finalise().text == "b"


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        ([item("u1", 0.0, clip="a.wav")], "u1: the text lane needs its `words` or its `text`"),
        ([item("u1", 0.0, words=[["x", 0.0, 0.1]] * 31_768)], "more than 31767 words are too many"),
    ],
)
def test_what_has_no_place_in_the_lane(items: list[dict[str, Any]], fault: str) -> None:
    with pytest.raises(ScenarioError, match=fault):
        as_words(scenario(*items))


def test_the_voice_marks_each_word_for_as_long_as_it_takes() -> None:
    utterance = WordVoice().stream()
    chunks = [*utterance.feed("It is "), *utterance.feed("deep. "), *utterance.finish()]
    assert [chunk.words[0].text for chunk in chunks] == ["It", "is", "deep."]
    assert [chunk.start for chunk in chunks] == pytest.approx([0.0, PACE, 2 * PACE])
    assert all(len(chunk.pcm) == round(PACE * 24_000) for chunk in chunks)
    assert all(np.flatnonzero(chunk.pcm)[-1] == round(SPOKEN * 24_000) - 1 for chunk in chunks)
