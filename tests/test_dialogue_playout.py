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
from duplex.dialogue.ledger import heard_words
from duplex.dialogue.playout import FRAME, Playout
from duplex.dialogue.voice import VoiceHint
from duplex.graph.event import Event

WORD = 4_800
"""100 ms in ticks."""
PULL = 960
"""20 ms in ticks."""


def speech(attempt: int, words: list[str], last: bool = True, level: int = 8_000) -> Speech:
    """100 ms of constant level a word."""
    times = tuple(SpokenWord(word, i * WORD, (i + 1) * WORD) for i, word in enumerate(words))
    pcm = np.full(len(words) * 2_400, level, dtype=np.int16)
    return Speech(t=0, attempt=attempt, pcm=pcm, words=times, last=last)


def commit(attempt: int) -> Commit:
    return Commit(t=0, attempt=attempt, turn=1, end=0, reason="words")


def play(playout: Playout, frames: int, since: int = 0) -> tuple[np.ndarray, list[Event]]:
    audio, events = [], []
    for i in range(since, since + frames):
        frame, out = playout.pull(i * PULL)
        audio.append(frame)
        events += out
    return np.concatenate(audio), events


def test_nothing_is_heard_before_commit() -> None:
    playout = Playout()
    playout.on(speech(1, ["one", "two"]))
    audio, events = play(playout, 5)
    assert not audio.any()
    assert events == []
    assert not playout.ready
    playout.on(commit(1))
    assert playout.ready
    audio, events = play(playout, 1)
    assert audio.all()
    assert isinstance(events[0], PlayoutStarted)
    play(playout, 100)
    assert not playout.ready


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
    ("at_ms", "delay_ms", "heard"),
    [
        (39, 0, ""),
        (40, 0, "one"),
        (139, 0, "one"),
        (140, 0, "one two"),
        (140, 85, "one two"),
        (39, 85, ""),
        (240, 500, "one two three"),
    ],
)
def test_yield_keeps_the_words_that_have_left(at_ms: int, delay_ms: int, heard: str) -> None:
    """Frames leave every 20 ms; the caller's ear is `delay_ms` behind, but will hear them."""
    playout = Playout(delay=delay_ms * 48)
    playout.on(commit(1))
    playout.on(speech(1, ["one", "two", "three"]))
    play(playout, at_ms // 20 + 1)
    (event,) = playout.on(Yield(t=at_ms * 48, attempt=1))
    assert isinstance(event, PlayoutEnded)
    assert (event.heard, event.interrupted) == (heard, True)


def test_a_reply_is_over_when_its_last_sound_was_heard() -> None:
    """200 ms of speech and 85 ms on the way: heard out at 285 ms, told at the next pull."""
    playout = Playout(delay=85 * 48)
    playout.on(commit(1))
    playout.on(speech(1, ["one", "two"]))
    audio, events = play(playout, 30)
    assert np.count_nonzero(audio) == 4_800
    assert [(type(event).__name__, event.t // 48) for event in events] == [
        ("PlayoutStarted", 0),
        ("Heard", 140),
        ("Heard", 240),
        ("PlayoutEnded", 300),
    ]
    assert isinstance(events[0], PlayoutStarted)
    assert events[0].delay == 85 * 48


def test_what_was_heard_to_its_end_was_not_interrupted() -> None:
    playout = Playout(delay=85 * 48)
    playout.on(commit(1))
    playout.on(speech(1, ["one", "two"]))
    play(playout, 12)
    (event,) = playout.on(Yield(t=285 * 48, attempt=1))
    assert isinstance(event, PlayoutEnded)
    assert (event.heard, event.interrupted) == ("one two", False)


def test_what_has_left_is_heard_though_the_caller_interrupts() -> None:
    """All has left, and the second word is still under way: nothing calls it back, so nothing was cut."""
    playout = Playout(delay=200 * 48)
    playout.on(commit(1))
    playout.on(speech(1, ["one", "two"]))
    play(playout, 12)
    (event,) = playout.on(Yield(t=260 * 48, attempt=1))
    assert isinstance(event, PlayoutEnded)
    assert (event.heard, event.interrupted) == ("one two", False)
    assert not play(playout, 3, since=13)[0].any()


def test_frames_that_leave_in_a_burst_are_heard_one_after_the_other() -> None:
    playout = Playout()
    playout.on(commit(1))
    playout.on(speech(1, ["one", "two"]))
    for _ in range(10):
        playout.pull(0)
    _, events = playout.pull(100 * 48)
    assert [event.text for event in events if isinstance(event, Heard)] == ["one"]


def test_a_delay_that_grows_takes_back_nothing() -> None:
    playout = Playout()
    playout.on(commit(1))
    playout.on(speech(1, ["one", "two"]))
    _, events = play(playout, 5)
    playout.delay = 48_000
    events += play(playout, 20, since=5)[1]
    assert [event.text for event in events if isinstance(event, Heard)] == ["one"]


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


def test_a_hint_of_a_voice_lowers_for_a_moment_and_not_again_at_once() -> None:
    playout = Playout()
    playout.on(commit(1))
    playout.on(speech(1, ["one"] * 40))
    assert levels(playout, 0, 1) == [True]
    playout.on(VoiceHint(t=PULL))
    assert levels(playout, 1, 6) == [False] * 3 + [True] * 3
    playout.on(VoiceHint(t=7 * PULL))  # a noise that flutters must not make the speech flutter
    assert levels(playout, 7, 2) == [True] * 2
    playout.on(VoiceHint(t=120 * PULL))
    playout.on(Duck(t=121 * PULL, attempt=1))  # a voice came of it
    assert levels(playout, 121, 10) == [False] * 10


def levels(playout: Playout, first: int, frames: int) -> list[bool]:
    """Whether each of the frames from the first on ends at full level."""
    ends = [playout.pull(at * PULL)[0][-1] for at in range(first, first + frames)]
    return [bool(end == 8_000) for end in ends]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 100))
def test_heard_is_a_prefix_that_grows_with_the_position(lengths: list[int], position: int) -> None:
    ends = np.cumsum(lengths)
    words = [SpokenWord("w", int(e - n), int(e)) for e, n in zip(ends, lengths, strict=True)]
    count = heard_words(words, position)
    assert heard_words(words, position + 1) >= count
    assert all((w.start + w.end) / 2 <= position for w in words[:count])
    assert all((w.start + w.end) / 2 > position for w in words[count:])


@st.composite
def replies(draw: st.DrawFn) -> tuple[list[Speech], list[SpokenWord]]:
    """A reply in pieces of any length (ticks of a word are twice its samples), and all its words."""
    pieces: list[Speech] = []
    words: list[SpokenWord] = []
    at = 0
    lengths = draw(st.lists(st.lists(st.integers(1, 3_000), max_size=4), min_size=1, max_size=4))
    for index, piece in enumerate(lengths):
        spoken: list[SpokenWord] = []
        for length in piece:
            spoken.append(SpokenWord(f"w{len(words) + len(spoken)}", at, at + 2 * length))
            at += 2 * length
        words += spoken
        pcm = np.ones(sum(piece), dtype=np.int16)
        last = index == len(lengths) - 1
        pieces.append(Speech(t=0, attempt=1, pcm=pcm, words=tuple(spoken), last=last))
    return pieces, words


@given(
    replies(),
    st.integers(0, 2 * 48_000),
    st.lists(st.tuples(st.sampled_from([0, 500, 960, 960, 960, 5_000]), st.booleans()), max_size=80),
    st.none() | st.integers(0, 100),
)
def test_no_more_is_heard_than_had_left_a_delay_ago_and_all_in_the_end(
    reply: tuple[list[Speech], list[SpokenWord]],
    delay: int,
    pulls: list[tuple[int, bool]],
    cut: int | None,
) -> None:
    """However irregularly frames are pulled and speech comes, and whenever it is cut off."""
    pieces, words = reply
    playout = Playout(delay=delay)
    playout.on(commit(1))
    t, left = 0, [(0, 0)]  # left: samples, and when
    out: list[Event] = []

    def check(events: list[Event]) -> None:
        """Words are those whose half had left `delay` ago, or at all where it was cut; they only grow."""
        out.extend(events)
        for event in events:
            if isinstance(event, Heard | PlayoutEnded):
                since = t - delay if isinstance(event, Heard) else t
                gone = max((samples for at, samples in left if at <= since), default=0) * 2
                text = event.text if isinstance(event, Heard) else event.heard
                count = len(text.split())
                assert text.split() == [word.text for word in words[:count]]
                assert all((word.start + word.end) / 2 <= gone for word in words[:count])

    def pull() -> None:
        frame, events = playout.pull(t)
        left.append((t, left[-1][1] + int(np.count_nonzero(frame))))
        check(events)

    waiting = list(pieces)
    for index, (step, more) in enumerate(pulls):
        if more and waiting:
            playout.on(waiting.pop(0))
        if index == cut:
            check(playout.on(Yield(t=t, attempt=1)))
            break
        pull()
        t += step
    else:
        for piece in waiting:
            playout.on(piece)
        for _ in range(400):
            pull()
            t += PULL
        ended = out[-1]
        assert isinstance(ended, PlayoutEnded)
        assert (ended.heard, ended.interrupted) == (" ".join(word.text for word in words), False)
    heard = [len(event.text.split()) for event in out if isinstance(event, Heard)]
    assert heard == sorted(set(heard))
