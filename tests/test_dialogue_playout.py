"""Playout and ledger: nothing uncommitted is heard, and the words heard are those whose half was played."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.dialogue.events import (
    Commit,
    Duck,
    Heard,
    PlayoutEnded,
    PlayoutStarted,
    Resumed,
    Speech,
    SpokenWord,
    Unduck,
    Yield,
)
from duplex.dialogue.playout import FRAME, Playout, heard_words
from duplex.graph.event import Event

WORD = 4_800
"""100 ms in ticks."""


def speech(attempt: int, words: list[str], last: bool = True, level: int = 8_000) -> Speech:
    """100 ms of constant level a word."""
    times = tuple(SpokenWord(word, i * WORD, (i + 1) * WORD) for i, word in enumerate(words))
    pcm = np.full(len(words) * 2_400, level, dtype=np.int16)
    return Speech(t=0, attempt=attempt, pcm=pcm, words=times, last=last)


def commit(attempt: int) -> Commit:
    return Commit(t=0, attempt=attempt, turn=1, end=0, reason="words")


def play(playout: Playout, frames: int) -> tuple[np.ndarray, list[Event]]:
    audio, events = [], []
    for i in range(frames):
        frame, out = playout.pull(i * 960)
        audio.append(frame)
        events += out
    return np.concatenate(audio), events


def test_nothing_is_heard_before_commit() -> None:
    playout = Playout()
    playout.on(speech(1, ["one", "two"]))
    audio, events = play(playout, 5)
    assert not audio.any()
    assert events == []
    playout.on(commit(1))
    audio, events = play(playout, 1)
    assert audio.all()
    assert isinstance(events[0], PlayoutStarted)


def test_all_of_a_reply_is_played_and_reported() -> None:
    playout = Playout()
    playout.on(commit(1))
    playout.on(speech(1, ["one", "two"], last=False))
    playout.on(Speech(t=0, attempt=1, pcm=np.zeros(0, dtype=np.int16), last=True))
    audio, events = play(playout, 12)
    assert np.count_nonzero(audio) == 4_800
    assert [e.text for e in events if isinstance(e, Heard)] == ["one", "one two"]
    end = events[-1]
    assert isinstance(end, PlayoutEnded)
    assert (end.heard, end.interrupted) == ("one two", False)


def test_an_open_reply_waits_for_more() -> None:
    playout = Playout()
    playout.on(commit(1))
    playout.on(speech(1, ["one"], last=False))
    _, events = play(playout, 20)
    assert not any(isinstance(e, PlayoutEnded) for e in events)


@pytest.mark.parametrize(
    ("frames", "delay_ms", "heard"),
    [(2, 0, ""), (3, 0, "one"), (7, 0, "one"), (8, 0, "one two"), (8, 85, "one"), (13, 85, "one two")],
)
def test_yield_keeps_only_heard_words(frames: int, delay_ms: int, heard: str) -> None:
    playout = Playout(delay=delay_ms * 48)
    playout.on(commit(1))
    playout.on(speech(1, ["one", "two", "three"]))
    play(playout, frames)
    (event,) = playout.on(Yield(t=9, attempt=1))
    assert isinstance(event, PlayoutEnded)
    assert (event.heard, event.interrupted) == (heard, True)


def test_after_yield_ten_milliseconds_fade_then_silence() -> None:
    playout = Playout()
    playout.on(commit(1))
    playout.on(speech(1, ["one", "two", "three"]))
    play(playout, 3)
    playout.on(Yield(t=0, attempt=1))
    audio, events = play(playout, 4)
    assert events == []
    assert np.all(np.diff(audio[:240].astype(int)) <= 0)
    assert not audio[240:].any()


def test_a_dropped_attempt_never_comes_back() -> None:
    playout = Playout()
    playout.on(speech(1, ["old"]))
    assert playout.on(Resumed(t=0, attempt=1)) == []
    playout.on(speech(1, ["old"]))
    playout.on(commit(1))
    assert not play(playout, 10)[0].any()
    playout.on(speech(2, ["new"]))
    playout.on(commit(2))
    _, events = play(playout, 10)
    assert isinstance(events[-1], PlayoutEnded)
    assert events[-1].heard == "new"


def test_duck_lowers_and_unduck_restores() -> None:
    playout = Playout()
    playout.on(commit(1))
    playout.on(speech(1, ["one"] * 10, level=10_000))
    play(playout, 2)
    playout.on(Duck(t=0, attempt=1))
    ducked = play(playout, 3)[0][-FRAME:]
    assert 20 * np.log10(ducked.mean() / 10_000) == pytest.approx(-14, abs=0.2)
    playout.on(Unduck(t=0, attempt=1))
    assert play(playout, 2)[0][-1] == 10_000


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 100))
def test_heard_is_a_prefix_that_grows_with_the_position(lengths: list[int], position: int) -> None:
    ends = np.cumsum(lengths)
    words = [SpokenWord("w", int(e - n), int(e)) for e, n in zip(ends, lengths, strict=True)]
    count = heard_words(words, position)
    assert heard_words(words, position + 1) >= count
    assert all((w.start + w.end) / 2 <= position for w in words[:count])
    assert all((w.start + w.end) / 2 > position for w in words[count:])
