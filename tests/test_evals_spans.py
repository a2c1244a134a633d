"""Spans: found in audio, joined, compared; and the windows and turns that scenarios name."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from evals_replays import replay, said, spoke, tone
from hypothesis import given
from hypothesis import strategies as st

from duplex.evals.metrics.segments import segments
from duplex.evals.metrics.spans import (
    audible,
    clip,
    falls_silent,
    gap_rows,
    gaps,
    merge,
    onset_after,
    overlaps,
    total,
)
from duplex.evals.metrics.view import View
from duplex.evals.scenario import Window

Spans = list[tuple[float, float]]
some_spans = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 100)).map(
        lambda each: (each[0] / 10, (each[0] + each[1]) / 10)
    ),
    max_size=8,
)


def test_the_agent_is_audible_above_45_dbfs() -> None:
    assert audible(tone(3.0, (0.5, 1.0), (1.5, 2.5)), 16_000) == [(0.5, 1.0), (1.5, 2.5)]
    assert audible(tone(3.0, (0.5, 1.0), dbfs=-44.0), 16_000) == [(0.5, 1.0)]
    assert audible(tone(3.0, (0.5, 1.0), dbfs=-46.0), 16_000) == []
    assert audible(tone(3.0, (0.5, 0.53)), 16_000) == []  # a click
    assert audible(np.zeros(0, np.int16), 16_000) == []


@pytest.mark.parametrize(
    ("gap", "merged"),
    [
        (0.2, [(0.0, 1.0), (1.3, 2.0), (2.5, 3.0), (3.6, 4.0)]),
        (0.3, [(0.0, 2.0), (2.5, 3.0), (3.6, 4.0)]),
        (0.5, [(0.0, 3.0), (3.6, 4.0)]),
        (0.6, [(0.0, 4.0)]),
    ],
)
def test_merge_joins_up_to_the_gap(gap: float, merged: Spans) -> None:
    assert merge([(3.6, 4.0), (0.0, 1.0), (1.3, 2.0), (2.5, 3.0)], gap) == merged


def test_what_is_said_of_two_sides() -> None:
    user, agent = [(1.0, 3.0), (5.0, 6.0)], [(2.5, 5.5), (7.0, 8.0)]
    assert overlaps(user, agent) == [(2.5, 3.0), (5.0, 5.5)]
    assert gap_rows(user, agent) == [(3.0, 7.0), (6.0, 7.0)]  # not 2.5: that was before the user ended
    assert gaps(user) == [(3.0, 5.0)]
    assert gaps(user, least=2.5) == []
    assert gaps([(0.0, 1.0), (1.09, 2.0), (2.1, 3.0)], least=0.1) == [(2.0, 2.1)]
    assert clip(agent, 3.0, 7.5) == [(3.0, 5.5), (7.0, 7.5)]
    assert onset_after(agent, 2.6) == 7.0
    assert onset_after(agent, 7.1) is None


@pytest.mark.parametrize(
    ("t", "silent"),
    [
        (1.0, 2.0),  # a gap of 0.29 s is bridged
        (1.7, 2.0),
        (2.1, None),
        (3.0, 3.5),
    ],
)
def test_silent_is_03_s_without_sound(t: float, silent: float | None) -> None:
    assert falls_silent([(0.5, 1.5), (1.79, 2.0), (2.3, 3.5)], t) == silent


@given(some_spans, some_spans)
def test_overlap_is_what_both_have(one: Spans, other: Spans) -> None:
    one, other = merge(one, 0.0), merge(other, 0.0)
    both = overlaps(one, other)
    assert both == overlaps(other, one)
    # |A| + |B| = |A and B| + |A or B|
    assert total(one) + total(other) == pytest.approx(
        total(both) + total(merge([*one, *other], 0.0)), abs=1e-6
    )


@given(some_spans, st.floats(0, 2))
def test_merged_spans_are_apart(spans: Spans, gap: float) -> None:
    merged = merge(spans, gap)
    assert all(after[0] - before[1] > gap for before, after in pairwise(merged))
    assert merge(merged, gap) == merged


@pytest.mark.parametrize(
    ("probabilities", "found"),
    [
        # 10 windows of 512: 0.32 s, with 30 ms on either side; speech begins in window 5.
        ([0.1] * 5 + [0.9] * 10 + [0.1] * 10, [(0.13, 0.51)]),
        ([0.1] * 5 + [0.9] * 7 + [0.1] * 10, []),  # 0.224 s are no segment
        # Under 0.5 but not under 0.35 goes on.
        ([0.9] * 10 + [0.4] * 10 + [0.9] * 5 + [0.1] * 5, [(0.0, 0.83)]),
        # It ends in a window that begins at least 0.1 s after the first silent one: the fifth.
        ([0.9] * 10 + [0.1] * 4 + [0.9] * 10 + [0.1] * 5, [(0.0, 0.798)]),
        ([0.9] * 10 + [0.1] * 5 + [0.9] * 10 + [0.1] * 5, [(0.0, 0.35), (0.45, 0.83)]),
        ([0.1] * 5 + [0.9] * 20, [(0.13, 0.8)]),  # until the end
        ([], []),
    ],
)
def test_segments_of_a_voice_detector(probabilities: list[float], found: Spans) -> None:
    assert segments(probabilities, len(probabilities) * 512) == found


@pytest.mark.parametrize(
    ("start", "end", "windows"),
    [
        (0, "end", [(0.0, 10.0)]),
        ("u1.speech_start", "u1.speech_end+2.0", [(1.0, 5.0)]),
        ("u1.start", "u1.end-1", [(0.0, 9.0)]),
        ("u1.speech_end", "end", [(3.0, 10.0)]),
        ("each pause in u1.speech", "pause end", [(2.0, 2.5)]),
        ("i9.speech_start", "end", []),  # it never came
        ("nonsense", "end", []),
        (5, 4, []),
        ("8.5", 99, [(8.5, 10.0)]),
    ],
)
def test_windows(start: float | str, end: float | str, windows: Spans) -> None:
    view = View(replay(said("u1", (1.0, 2.0), (2.5, 3.0))))
    found = view.windows(Window.model_validate({"from": start, "to": end}))
    assert np.array(found) == pytest.approx(np.array(windows))


def test_turns_hold_their_pauses_and_end_with_their_last_word() -> None:
    words = [["go", 4.0, 4.4], ["on", 4.5, 4.9]]
    view = View(
        replay(
            said("u1", (1.0, 2.0), (2.05, 3.0), ends_turn=False),
            said("u2", (4.0, 5.0), words=words),
            said("b1", (6.0, 6.3), kind="backchannel", claims_floor=False),
            said("u3", (8.0, 9.0), ends_turn=False),
        )
    )
    first, second = view.turns
    assert (first.start, first.end, first.until) == (1.0, 4.9, 8.0)
    assert first.pauses == [(3.0, 4.0)]  # 0.05 s is none
    assert (first.ended, second.ended) == (True, False)
    assert [placed.item.id for placed in view.asides] == ["b1"]


def test_responses_are_told_apart_by_their_ids() -> None:
    records = [*spoke(1.0, 1, ("hello", 1.0, 1.5), ("there", 1.5, 3.0)), *spoke(4.0, 2, ("yes", 4.0, 5.0))]
    view = View(replay(agent=[(1.0, 1.5), (2.2, 3.0), (4.0, 5.0)], records=records))
    assert [(each.start, each.end, each.id) for each in view.utterances] == [(1.0, 3.0, 1), (4.0, 5.0, 2)]
    unknown = View(replay(agent=[(1.0, 1.5), (2.2, 3.0), (4.0, 5.0)]))
    assert [(each.start, each.end) for each in unknown.utterances] == [(1.0, 1.5), (2.2, 3.0), (4.0, 5.0)]


def test_in_the_text_lane_words_stand_for_sound() -> None:
    scene = replay(said("u1", (0.0, 1.0)), records=spoke(2.0, 1, ("a", 2.0, 2.3), ("b", 2.3, 2.6)))
    scene.agent = scene.user = np.zeros(0, np.int16)
    view = View(scene)
    assert view.voiced == [(2.0, 2.6)]
    answer = view.answer(view.turns[0])
    assert answer is not None
    assert answer.start == 2.0
