"""Times and labels of the training dialogues: no label asks what nobody could know."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random
from statistics import quantiles

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duplex.core.data.clips import Clip, spoken, spread
from duplex.core.data.ear import Ask, Reply, VoiceEdge, in_order, questions
from duplex.core.data.labels import Reading, judged, label
from duplex.core.data.lexicon import Split
from duplex.core.data.plan import plan
from duplex.core.data.schedule import (
    GAP_QUANTILES,
    PATIENCE,
    Kind,
    Schedule,
    Sound,
    Turn,
    Voiced,
    agent_gap,
    human_gap,
    lay_out,
    pauses,
    placed,
)
from duplex.core.data.scripts import Script
from duplex.core.data.slow import drafted, tool_status
from duplex.core.streams.dialogue import Heard, Labels, TimedWord
from duplex.core.streams.layout import OVERLAPS, STATES, UNKNOWN

RATE = 16_000


def tone(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return (8_000 * np.sin(np.arange(round(seconds * RATE)) * 0.3)).astype(np.int16)


def clip(text: str) -> Clip:
    """A quarter of a second a word, with no gap between two."""
    seconds = 0.25 * len(text.split())
    return Clip(tone(seconds), spread(text.split(), seconds))


def scheduled(seed: int, split: Split = Split.train) -> Schedule:
    rng = Random(seed)
    return lay_out(
        [
            Voiced(
                exchange=exchange,
                turn=spoken(exchange.turn, clip(exchange.turn.text)),
                reply=clip(exchange.reply),
                opening=clip(exchange.opening) if exchange.opening else None,
                murmurs=tuple(clip(text) for text in exchange.murmurs),
                extras=tuple(spoken(script, clip(script.text)) for script in exchange.extras),
            )
            for exchange in plan(split, rng, 5)
        ],
        rng,
    )


seeds = st.integers(0, 100_000)


def told(schedule: Schedule) -> list[object]:
    """All times of a schedule."""
    return [(s.kind, s.start, s.end, s.words, s.ducked) for s in (*schedule.user, *schedule.agent)]


def frames_of(schedule: Schedule) -> int:
    return int(np.ceil(schedule.length / 0.08))


@given(seeds)
@settings(max_examples=100, deadline=None)
def test_sounds_follow_each_other(seed: int) -> None:
    schedule = scheduled(seed)
    for sound in (*schedule.user, *schedule.agent):
        assert 0 <= sound.start < sound.end <= schedule.length
        assert all(sound.start <= a < b <= sound.end + 1e-6 for a, b in sound.spans)
        assert all(sound.start - 1e-6 <= w.start <= w.end <= sound.end + 1e-6 for w in sound.words)
        assert all(one.end <= two.start + 1e-6 for one, two in pairwise(sound.words))
    for one, two in pairwise(schedule.user):
        assert one.end <= two.start, "one microphone, one mouth"
    for turn in schedule.turns:
        assert any(turn.sound is sound for sound in schedule.user)
        assert turn.over == pytest.approx(turn.sound.end + (0 if turn.ended else PATIENCE))
        assert turn.answered > turn.over
        assert any(s.start == turn.answered for s in schedule.agent)
        assert all(pause in pauses(turn.sound) for pause in turn.invites)
    assert told(schedule) == told(scheduled(seed))


def test_a_slow_agent_leaves_time_to_be_sure() -> None:
    gaps = [agent_gap(Random(seed), slow=0.5) for seed in range(2_000)]
    prompt = [agent_gap(Random(seed)) for seed in range(2_000)]
    assert max(prompt) <= 2.0
    assert max(gaps) <= 3.2
    late = [gap > 1.2 for gap in gaps]
    assert np.mean([gap > 1.2 for gap in prompt]) < 0.2 < 0.5 < np.mean(late) < 0.65


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_labels_do_not_know_what_comes_later(seed: int) -> None:
    """Whatever would have happened after a reply, the labels before it are the same."""
    schedule = scheduled(seed)
    turn = schedule.turns[2]
    now = turn.answered
    cut = Schedule(
        tuple(t for t in schedule.turns if t.sound.start < now),
        tuple(s for s in schedule.user if s.start < now),
        tuple(s for s in schedule.agent if s.start < now),
        schedule.length,
    )
    known = int(now / 0.08)
    whole, part = (label(s, (), frames_of(schedule)) for s in (schedule, cut))
    for name in ("state", "end_in", "vad", "overlap", "complete"):
        assert np.array_equal(getattr(whole, name)[:known], getattr(part, name)[:known]), name


@given(seeds)
@example(1082)  # a turn that is over just as a frame ends
@settings(max_examples=60, deadline=None)
def test_labels_say_what_happens(seed: int) -> None:
    schedule = scheduled(seed)
    labels = label(schedule, (), frames_of(schedule))
    ends = (np.arange(len(labels)) + 1) * 0.08
    speaking = np.zeros(len(labels), bool)
    for sound in schedule.agent:
        speaking |= (ends > sound.start) & (ends <= sound.end)
    state = labels.state
    assert not speaking[np.isin(state, [STATES.index(s) for s in ("start", "hold", "backchannel")])].any()
    assert speaking[np.isin(state, [STATES.index(s) for s in ("yield", "resume")])].all()
    assert speaking[labels.overlap > 0].all()
    assert (labels.end_in[state == STATES.index("start")] == 0).all()
    assert (labels.end_in[state == STATES.index("hold")] > 0).all()
    falling = [(a, b) for a, b in pairwise(labels.end_in.tolist()) if a > 0 and b >= 0]
    assert all(b in (a - 1, a) or b > a for a, b in falling), "it counts down, or another turn begins"
    yields = labels.overlap[state == STATES.index("yield")]
    assert (yields == OVERLAPS.index("takes_floor")).all()


def test_gaps_are_human() -> None:
    rng = Random(0)
    drawn = quantiles([human_gap(rng) for _ in range(20_000)], n=100)
    for p, seconds in GAP_QUANTILES[1:-1]:
        assert drawn[round(100 * p) - 1] == pytest.approx(seconds, abs=0.04)


def test_pauses_are_put_in_and_what_nobody_says_is_cut_off() -> None:
    script = Script(
        ("one", "two", "six", "ten"), (0.0, 0.7, 0.0, 0.0), frozenset(), "statement", "f", rest=("toe", "tip")
    )
    said = spoken(script, clip(script.text))
    assert len(said.times) == 4
    assert said.seconds == pytest.approx(4 * 0.25 + 0.7, abs=0.25)
    (first, second) = said.spans
    assert second[0] - first[1] == pytest.approx(0.7, abs=0.03)
    assert said.times[1][1] <= first[1] + 1e-6
    assert said.times[2][0] >= second[0] - 1e-6


def turn_at(start: float, seconds: float = 2.0, ended: bool = True, answered: float = 4.0) -> Turn:
    words = ("show", "me", "the", "lake")
    sound = placed(Kind.turn, Clip(tone(seconds), spread(words, seconds)), words, start)
    return Turn(sound, sound.end if ended else sound.end + PATIENCE, ended, answered, ())


def named(labels: Labels, at: float) -> tuple[str, str]:
    index = round(at / 0.08) - 1
    state, overlap = labels.state[index], labels.overlap[index]
    return ("?" if state == UNKNOWN else STATES[state], "?" if overlap == UNKNOWN else OVERLAPS[overlap])


@pytest.mark.parametrize(
    ("kind", "verdict", "what"),
    [
        (Kind.turn, "yield", "takes_floor"),
        (Kind.backchannel, "resume", "backchannel"),
        (Kind.side, "ignore", "not_addressed"),
    ],
)
def test_a_voice_over_the_agent(kind: Kind, verdict: str, what: str) -> None:
    agent = placed(Kind.reply, Clip(tone(4.0), ()), (), 0.8)
    voice = placed(kind, Clip(tone(0.8), spread(("yes", "well"), 0.8)), ("yes", "well"), 2.0)
    labels = label(Schedule((), (voice,), (agent,), 6.4), (), 80)
    assert named(labels, 2.0) == ("listen", "none")
    assert named(labels, 2.08) == ("?", "?"), "nobody could know"
    assert named(labels, 2.4) == (verdict, what)
    assert named(labels, 2.8) == (verdict, what)
    after = named(labels, 2.96)
    assert after == (("listen", "none") if kind is Kind.turn else (verdict, "none"))
    assert named(labels, 3.2) == ("listen", "none")


def test_an_echo_is_none_of_the_users_words() -> None:
    agent = placed(Kind.reply, Clip(tone(2.0), ()), (), 0.8)
    echo = np.full(60, -80.0)
    echo[12:36] = -30.0
    labels = label(Schedule((), (), (agent,), 4.8), (), 60, echo)
    assert named(labels, 1.6) == ("resume", "echo")
    assert named(labels, 3.5) == ("listen", "none")
    assert not labels.vad[:, 0].any()


def test_a_turn_that_trails_off_is_held_for_two_seconds() -> None:
    turn = turn_at(0.8, ended=False, answered=5.6)
    reply = placed(Kind.reply, Clip(tone(1.0), ()), (), 5.6)
    labels = label(Schedule((turn,), (turn.sound,), (reply,), 7.2), (), 90)
    assert [named(labels, at)[0] for at in (0.72, 1.6, 3.2, 4.72, 4.88, 5.52, 5.84)] == (
        ["listen", "listen", "hold", "hold", "start", "start", "listen"]
    )


@pytest.mark.parametrize(
    ("until", "words", "ended", "expected"),
    [
        (2.0, "show me", True, 0),
        (2.9, "show me the lake", True, 1),
        (2.9, "Show me the late.", True, 1),
        (2.9, "show me the", True, UNKNOWN),
        (2.9, "show me the 12", True, 1),
        (2.9, "show me the lake", False, 0),
        (2.6, "show me the lake", True, UNKNOWN),
        (2.9, "", True, UNKNOWN),
    ],
)
def test_whether_a_hypothesis_is_all(until: float, words: str, ended: bool, expected: int) -> None:
    reading = Reading(Heard(until + 0.1, 1, tuple(words.split())), until)
    assert judged(reading, turn_at(0.8, ended=ended)) == expected


def test_the_recogniser_is_asked_as_the_live_path_asks_it() -> None:
    edges = [
        VoiceEdge(1.0, True, 0.9),
        VoiceEdge(2.0, False, 1.9),
        VoiceEdge(2.4, True, 2.3),
        VoiceEdge(3.0, False, 2.9),
    ]
    asked = questions(edges, [], 10.0, Random(0))
    assert [(q.ask, q.t) for q in asked] == [
        (Ask.begin, 1.0), (Ask.partial, 1.25), (Ask.partial, 1.5), (Ask.partial, 1.75), (Ask.final, 2.0),
        (Ask.partial, 2.65), (Ask.partial, 2.9), (Ask.final, 3.0),
    ]  # fmt: skip
    assert {q.turn for q in asked} == {1}
    assert all(q.known >= q.t for q in asked)
    assert asked[0].since == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("replies", "turns"),
    [
        ([], 1),
        ([Reply(2.1, 2.2)], 2),
        ([Reply(0.0, 2.0)], 2),
        ([Reply(0.0, 2.0, broken=True)], 1),
        ([Reply(0.0, 9.0)], 2),
    ],
)
def test_when_a_new_turn_begins(replies: list[Reply], turns: int) -> None:
    edges = [
        VoiceEdge(1.0, True, 0.9),
        VoiceEdge(1.9, False, 1.8),
        VoiceEdge(2.4, True, 2.3),
        VoiceEdge(3.0, False, 2.9),
    ]
    assert {q.turn for q in questions(edges, replies, 10.0, Random(0))} == set(range(1, turns + 1))


def test_words_over_an_agent_are_gone_when_it_has_ended() -> None:
    edges = [VoiceEdge(1.0, True, 0.9), VoiceEdge(3.0, False, 2.9)]
    answered = questions(edges, [Reply(2.1, 9.0)], 10.0, Random(0))
    assert [(q.t, q.since) for q in answered if q.ask is Ask.begin][1:] == [(2.1, 2.1)]
    asked = questions(edges, [Reply(0.2, 2.1)], 10.0, Random(0))
    begins = [(q.t, q.since) for q in asked if q.ask is Ask.begin]
    assert begins == [(1.0, pytest.approx(0.6)), (2.1, pytest.approx(1.6))]


def test_an_answer_that_was_overtaken_is_never_seen() -> None:
    late, early = (Reading(Heard(t, 1, ("a",)), until) for t, until in ((2.0, 1.0), (1.5, 1.2)))
    assert in_order([late, early]) == [early]


def test_an_agent_that_was_broken_off_is_told_from_one_that_ended() -> None:
    whole = placed(Kind.reply, Clip(tone(1.0), ()), (), 1.0)
    assert not whole.broken
    assert replace(whole, end=1.5).broken
    assert not Sound(Kind.noise, 0.0, 1.0, None).broken
    assert placed(Kind.reply, Clip(tone(1.0), ()), (), 1.0, until=1.4).end == 1.4


def test_times_of_words_move_with_their_sound() -> None:
    turn = turn_at(3.0)
    assert turn.sound.words[0] == TimedWord("show", 3.0, turn.sound.words[1].start)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_slow_path_is_at_work_within_turns_alone(seed: int) -> None:
    schedule = scheduled(seed)
    status = tool_status(schedule, frames_of(schedule), Random(seed))
    spans = [(turn.sound.start, turn.answered) for turn in schedule.turns]
    for at in np.flatnonzero(status):
        assert any(start <= at * 0.08 < end for start, end in spans)
    words = drafted(schedule, Random(seed))
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert {word.text for word in words} <= {word.text for sound in schedule.agent for word in sound.words}


def test_some_agents_have_tools_and_some_draft() -> None:
    schedule = scheduled(1)
    frames = frames_of(schedule)
    with_tools = [tool_status(schedule, frames, Random(seed)).any() for seed in range(100)]
    with_drafts = [bool(drafted(schedule, Random(seed))) for seed in range(100)]
    assert 25 < sum(with_tools) < 65
    assert 20 < sum(with_drafts) < 60
    told = [tool_status(schedule, frames, Random(seed)) for seed in range(100)]
    assert set(np.concatenate(told).tolist()) == {0, 1, 2}
