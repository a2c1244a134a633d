"""Clauses, seams and the timeline, with a voice of tones in the place of a model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts.clauses import MAX_CHARS, MAX_WORDS, ClauseCutter
from tts.guess import guessed, word_times
from tts.normalise import Spoken
from tts.types import SpeechChunk, WordTime
from tts.utterance import ClauseUtterance, Piece

RATE = 8_000
WORD, GAP = 0.12, 0.06


def tones(spoken: Sequence[Spoken], pieces: int = 1) -> Iterator[Piece]:
    """Each word a tone, with silence around the clause; given in one piece or in several."""
    quiet = np.zeros(int(0.15 * RATE), dtype=np.float32)
    tone = (0.3 * np.sin(np.arange(int(WORD * RATE)) * 2 * np.pi / 24)).astype(np.float32)
    parts, words, at = [quiet], [], 0.15
    for item in spoken:
        if item.words:
            parts += [tone, np.zeros(int(GAP * RATE), dtype=np.float32)]
            words.append(WordTime(item.written, at, at + WORD))
            at += WORD + GAP
    pcm = np.concatenate([*parts, quiet])
    edges = np.linspace(0, len(pcm), pieces + 1).astype(int)
    for low, high in itertools.pairwise(edges):
        due = tuple(word for word in words if low <= int(word.start * RATE) < high)
        yield Piece(pcm[low:high], due)


def speak(texts: Sequence[str], pieces: int = 1) -> list[SpeechChunk]:
    utterance = ClauseUtterance(lambda spoken: tones(spoken, pieces), RATE)
    chunks = [chunk for text in texts for chunk in utterance.feed(text)]
    return [*chunks, *utterance.finish()]


def clauses(*texts: str) -> list[str]:
    cutter, out = ClauseCutter(), []
    for text in texts:
        cutter.push(text)
        while (clause := cutter.pop(final=False)) is not None:
            out.append(clause)
    while (clause := cutter.pop(final=True)) is not None:
        out.append(clause)
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes. It is deep.", ["Yes.", "It is deep."]),
        ("It is deep, very deep, and cold.", ["It is deep,", "very deep, and cold."]),
        ("Well, yes. So it is.", ["Well, yes.", "So it is."]),
        ("It is 3.5 km long. Yes.", ["It is 3.5 km long.", "Yes."]),
        ("Dr. Smith and St. John saw it. Fine.", ["Dr. Smith and St. John saw it.", "Fine."]),
        ("He lives in the U.S. The end.", ["He lives in the U.S.", "The end."]),
        ("“Is it deep?” Yes!", ["“Is it deep?”", "Yes!"]),
        ("One line\n\nNext line", ["One line", "Next line"]),
        ("- first\n- second", ["- first", "- second"]),
        ("", []),
        ("   \n ", []),
    ],
)
def test_text_is_cut_into_clauses(text: str, expected: list[str]) -> None:
    assert clauses(text) == expected


def test_no_clause_is_longer_than_can_be_computed_in_a_step() -> None:
    parts = clauses("word " * 500)
    assert max(len(part.split()) for part in parts) <= MAX_WORDS
    assert sum(len(part.split()) for part in parts) == 500
    assert max(map(len, clauses("x" * 5_000))) <= 500


def test_an_utterance_has_an_end() -> None:
    utterance = ClauseUtterance(tones, RATE)
    list(utterance.feed("deep water " * (MAX_CHARS // 11)))
    with pytest.raises(ValueError, match="begin a new one"):
        utterance.feed("more than it takes")
    done = ClauseUtterance(tones, RATE)
    list(done.finish())
    with pytest.raises(ValueError, match="has been finished"):
        done.feed("more")


@given(st.text(alphabet="ab1. ,!?\n-", max_size=200), st.lists(st.integers(0, 200), max_size=8))
@settings(max_examples=200, deadline=None)
def test_where_text_is_cut_changes_nothing(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[low:high] for low, high in itertools.pairwise(edges)]
    assert clauses(*pieces) == clauses(text)
    assert " ".join(clauses(text)).split() == text.split()


@given(
    st.lists(
        st.sampled_from(["deep", "lake,", "cold.", "it?", "—", "...", "1,642", "and", "\n\n", "🙂"]),
        max_size=40,
    ),
    st.integers(1, 5),
)
@settings(max_examples=150, deadline=None)
def test_one_timeline_without_gap_or_overlap(words: list[str], pieces: int) -> None:
    chunks = speak([word + " " for word in words], pieces)
    at = 0
    for chunk in chunks:
        assert chunk.start == pytest.approx(at / RATE, abs=1e-9)
        assert len(chunk.pcm)
        at += len(chunk.pcm)
    times = [word for chunk in chunks for word in chunk.words]
    assert all(word.end >= word.start >= 0 for word in times)
    assert all(one.end <= two.start + 1e-9 for one, two in itertools.pairwise(times))
    assert all(word.end <= at / RATE + 1e-9 for word in times)
    written = [word for word in words if word not in ("—", "...", "\n\n", "🙂")]
    assert [word.text for word in times] == written


@given(
    st.lists(st.sampled_from(["deep", "lake,", "cold.", "is"]), min_size=1, max_size=20), st.integers(1, 6)
)
@settings(max_examples=60, deadline=None)
def test_word_times_point_at_the_tones(words: list[str], pieces: int) -> None:
    chunks = speak([" ".join(words)], pieces)
    pcm = np.concatenate([chunk.pcm for chunk in chunks])
    for word in (word for chunk in chunks for word in chunk.words):
        inside = pcm[round(word.start * RATE) + 60 : round(word.end * RATE) - 60].astype(float)
        assert np.sqrt((inside**2).mean()) > 4_000
        before = pcm[max(0, round(word.start * RATE) - 80) : round(word.start * RATE) - 1].astype(float)
        assert not len(before) or np.sqrt((before**2).mean()) < 600


def test_seams_pause_as_punctuation_asks_and_do_not_click() -> None:
    pcm = np.concatenate([chunk.pcm for chunk in speak(["One two three. Four, five six."])]).astype(float)
    loud = np.flatnonzero(np.abs(pcm) > 300)
    gaps = np.diff(loud)
    assert loud[0] < 0.02 * RATE, "silence before the first word"
    assert 0.30 * RATE < gaps.max() < 0.45 * RATE
    assert (gaps > 0.2 * RATE).sum() == 1
    steps = np.abs(np.diff(pcm))
    tone = 0.3 * 32_767 * 2 * np.pi / 24
    assert steps.max() < 1.3 * tone, "a jump at a seam"
    assert abs(pcm[0]) < 200
    assert abs(pcm[-1]) < 200


def test_cancelling_stops_between_chunks() -> None:
    utterance = ClauseUtterance(tones, RATE)
    step = utterance.feed("One two three. Four five six. Seven eight nine. ")
    next(step)
    utterance.cancel()
    assert list(step) == []
    assert list(utterance.finish()) == []


def test_silence_for_a_clause_is_no_chunk() -> None:
    utterance = ClauseUtterance(lambda spoken: iter([Piece(np.zeros(4_000, dtype=np.float32), ())]), RATE)
    assert list(utterance.feed("Hello there. ")) == []


def test_guesses_are_marked_in_order_and_within_the_audio() -> None:
    spoken = [
        Spoken("A", ("a",)),
        Spoken("—", ()),
        Spoken("1,642", ("one", "thousand")),
        Spoken("end.", ("end",), "."),
    ]
    times = guessed(spoken, 0.5, 2.5)
    assert [time.text for time in times] == ["A", "1,642", "end."]
    assert times[0].start == 0.5
    assert times[-1].end == pytest.approx(2.5)
    assert all(time.estimated for time in times)
    assert times[1].end - times[1].start > 2 * (times[0].end - times[0].start)
    assert guessed([Spoken("—", ())], 0, 1) == ()


def test_an_aligner_that_answers_too_few_words_is_not_believed() -> None:
    pcm = (0.3 * np.sin(np.arange(8_000) / 4)).astype(np.float32)
    spoken = [Spoken("one", ("one",)), Spoken("two", ("two",))]
    assert all(time.estimated for time in word_times(pcm, RATE, spoken, lambda pcm, words: [(0.0, 0.5)]))
    backwards = word_times(pcm, RATE, spoken, lambda pcm, words: [(0.6, 0.9), (0.2, 7.0)])
    assert [(time.start, time.end) for time in backwards] == [(0.6, 0.9), (0.9, 1.0)]
