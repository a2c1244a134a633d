"""The rule over the core's outputs, frame by frame, and how its decisions are judged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.core.decide import Act, Decider, Rule, Sight, evidence, load_rule
from duplex.core.judge import LATEST, Ends, Leads, Overlaps, spans
from duplex.core.streams.dialogue import Dialogue, Heard, Labels, TimedWord
from duplex.core.streams.layout import FRAME_SAMPLES, FRAME_SECONDS, OVERLAPS, STATES, frame_end, frame_of
from duplex.core.tune import logistic
from duplex.core.turns import PATIENCE, Turn, ambient, patient, runs, turns, unhurried

RULE = Rule(
    eager=0.5, keep=0.5, commit=0.8, weights=(1.0, 0.0, 0.0, 0.0, 0.0), timeout=0.8, take=0.5, frames=2
)
VOICE, QUIET = Sight(user=0.9), Sight(user=0.1)
SOON, OVER = Sight(user=0.9, soon=0.7), Sight(user=0.1, soon=0.9, over=0.9)
ASIDE = Sight(user=0.9, ignore=0.9)
AGENT = Sight(agent=True)
CLAIM, MURMUR = Sight(agent=True, person=0.9, takes=0.9), Sight(agent=True, person=0.9, takes=0.1)


def decided(*sights: Sight, rule: Rule = RULE) -> list[list[str]]:
    decider = Decider(rule)
    return [[act.value for act in decider.on(sight)] for sight in sights]


def flat(*sights: Sight, rule: Rule = RULE) -> list[str]:
    return [act for acts in decided(*sights, rule=rule) for act in acts]


@pytest.mark.parametrize(
    ("sights", "acts"),
    [
        ([QUIET] * 20, []),
        ([VOICE, QUIET] + [QUIET] * 20, []),  # a click of one frame begins no turn
        ([ASIDE] * 4 + [OVER] * 3, []),
        ([VOICE, VOICE, OVER], ["eager", "commit"]),
        ([VOICE, VOICE, SOON, OVER], ["eager", "commit"]),
        ([VOICE, VOICE, SOON, VOICE, SOON], ["eager", "resumed", "eager"]),
        ([VOICE, VOICE, SOON, *[SOON] * 10, SOON], ["eager", "resumed"]),  # more was said than it knows
        ([VOICE, VOICE, *[QUIET] * 9], []),
        ([VOICE, VOICE, *[QUIET] * 10], ["eager", "commit"]),  # the timeout
        ([VOICE, VOICE, OVER, VOICE, VOICE, OVER], ["eager", "commit", "resumed", "eager", "commit"]),
        ([VOICE, VOICE, replace(OVER, user=0.9)], ["eager"]),  # nobody is answered while he speaks
        ([VOICE, VOICE, SOON, AGENT], ["eager", "resumed"]),
        ([AGENT, MURMUR, AGENT, AGENT, AGENT], ["duck", "hold"]),
        ([AGENT, MURMUR, MURMUR, CLAIM, CLAIM, CLAIM], ["duck", "yield"]),
        ([AGENT, CLAIM, MURMUR, CLAIM, AGENT, AGENT, AGENT], ["duck", "hold"]),
        ([CLAIM, CLAIM, AGENT, AGENT, AGENT, CLAIM, CLAIM], ["duck", "yield", "duck", "yield"]),
        ([AGENT, MURMUR, QUIET], ["duck", "hold"]),
        ([AGENT, replace(AGENT, takes=0.9)], []),
    ],
)
def test_what_the_rule_does(sights: list[Sight], acts: list[str]) -> None:
    assert flat(*sights) == acts


def test_the_timeout_is_counted_from_the_voice() -> None:
    found = decided(VOICE, VOICE, *[QUIET] * 12)
    assert [at for at, acts in enumerate(found) if "commit" in acts] == [2 + round(0.8 / FRAME_SECONDS) - 1]


def test_more_of_any_sign_is_more_evidence() -> None:
    weights = (1.0, 0.5, 0.2, 0.3, -1.0)
    low = evidence(QUIET, 2, weights)
    assert low < evidence(replace(QUIET, complete=0.9), 2, weights) < evidence(OVER, 2, weights)
    assert low < evidence(QUIET, 9, weights)


@given(
    st.lists(
        st.builds(
            Sight,
            **{
                name: st.floats(0, 1)
                for name in ("over", "soon", "start", "complete", "user", "ignore", "takes", "person")
            },
            agent=st.booleans(),
        ),
        max_size=60,
    )
)
def test_acts_come_in_an_order_that_makes_sense(sights: list[Sight]) -> None:
    eager = committed = ducked = False
    for act in flat(*sights):
        match act:
            case "eager":
                assert not eager
                eager = True
            case "commit":
                assert eager
                eager, committed = False, True
            case "resumed":
                assert eager or committed
                eager = committed = False
            case "duck":
                assert not ducked
                ducked = True
            case "hold":
                assert ducked
                ducked = False
            case "yield":
                ducked = False


def test_a_rule_is_read_as_it_was_written(tmp_path: Path) -> None:
    RULE.save(tmp_path / "rule.json", dialogues=3)
    assert load_rule(tmp_path / "rule.json") == RULE
    assert json.loads((tmp_path / "rule.json").read_text())["dialogues"] == 3


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"rule": {"weights": [1]}}', '{"rule": {"weights": [1, 1, 1, 1, NaN]}}', '{"rule": 3}'],
)
def test_what_is_no_rule_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rule.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="no rule"):
        load_rule(file)


TURN = Turn(first=9, over=4.0, frame=50, ended=True, clean=True, pauses=((1.5, 2.5), (3.0, 3.3)), last=90)
"""It begins at .8 s and ends at 4 s."""


@pytest.mark.parametrize(
    ("commits", "cuts", "pauses", "delays"),
    [
        ([], [False], [False, False], [LATEST]),
        ([4.3], [False], [False, False], [0.3]),
        ([3.9], [False], [False, False], [-0.1]),
        ([0.5, 4.3], [False], [False, False], [0.3]),  # before the turn
        ([2.0], [True], [True, False], []),
        ([2.0, 4.2, 4.4], [True], [True, False], [0.2]),
        ([3.7], [True], [False, False], []),  # over the last word
        ([7.0], [False], [False, False], [LATEST]),
    ],
)
def test_ends_are_judged(
    commits: list[float], cuts: list[bool], pauses: list[bool], delays: list[float]
) -> None:
    ends = Ends()
    ends.add([TURN], commits)
    assert (ends.cuts, ends.pauses) == (cuts, pauses)
    assert ends.delays == pytest.approx(delays)


@pytest.mark.parametrize("change", [{"ended": False}, {"clean": False}, {"last": 60}])
def test_turns_that_tell_nothing_are_left_out(change: dict[str, int]) -> None:
    ends = Ends()
    ends.add([replace(TURN, **change)], [2.0])  # type: ignore[arg-type]
    assert not ends.cuts


@pytest.mark.parametrize(
    ("events", "made", "leads"),
    [
        ([], 0, []),
        ([(3.5, Act.EAGER), (4.2, Act.COMMIT)], 1, [0.5]),
        ([(2.0, Act.EAGER), (2.5, Act.RESUMED), (3.8, Act.EAGER), (4.2, Act.COMMIT)], 2, [0.2]),
        ([(4.1, Act.EAGER), (4.2, Act.COMMIT), (5.0, Act.EAGER)], 1, [-0.1]),
        ([(2.0, Act.EAGER), (4.2, Act.COMMIT)], 1, []),  # of too few words
        ([(3.9, Act.EAGER), (4.0, Act.RESUMED)], 1, []),
    ],
)
def test_speculations_are_judged(events: list[tuple[float, Act]], made: int, leads: list[float]) -> None:
    found = Leads()
    found.add([TURN], events)
    assert found.made == made
    assert found.leads == pytest.approx(leads)
    assert found.wasted == (None if not made else pytest.approx(1 - len(leads) / made))


def labels(frames: int, **spans_: list[tuple[int, int]]) -> Labels:
    found = Labels(
        np.zeros(frames, np.int8),
        np.full(frames, -1, np.int16),
        np.zeros((frames, 2), np.bool_),
        np.full(frames, -1, np.int8),
        np.zeros(frames, np.int8),
    )
    for name, parts in spans_.items():
        for first, after in parts:
            found.overlap[first:after] = OVERLAPS.index(name)
    return found


def test_overlaps_are_judged() -> None:
    of = labels(200, echo=[(10, 14), (16, 20)], backchannel=[(50, 54)], takes_floor=[(100, 110), (150, 151)])
    assert spans(of, "echo") == [pytest.approx((frame_end(9), frame_end(19)))]
    onset = frame_end(99) - 0.16
    quiet, early, late = Overlaps(), Overlaps(), Overlaps()
    quiet.add(of, [])
    early.add(of, [frame_end(15), frame_end(52), onset + 0.4])
    late.add(of, [onset + 0.5])
    assert (quiet.echoes, quiet.backchannels, quiet.yields) == ([False], [True], [False])
    assert (early.echoes, early.backchannels, early.yields) == ([True], [False], [True])
    assert late.yields == [False]


def test_runs_are_joined_over_short_gaps() -> None:
    mask = np.array([1, 0, 1, 0, 0, 1], bool)
    assert runs(mask) == [(0, 1), (2, 3), (5, 6)]
    assert runs(mask, join=1) == [(0, 3), (5, 6)]
    assert runs(np.zeros(3, bool)) == []


def talk() -> Dialogue:
    """A turn with a pause (frames 10-29), answered from frame 34; then one more (60-69), never answered."""
    of = labels(100)
    user, agent = of.vad[:, 0], of.vad[:, 1]
    user[10:18] = user[22:30] = user[60:70] = True
    agent[34:50] = True
    for first, over, until in ((10, 30, 34), (60, 70, 100)):
        of.end_in[first:until] = np.maximum(0, over - 1 - np.arange(first, until))
    of.state[30:34] = STATES.index("start")
    rng = np.random.default_rng(1)
    pcm = rng.normal(0, 20, (2, 100 * FRAME_SAMPLES)).astype(np.int16)
    pcm[0, 10 * FRAME_SAMPLES : 30 * FRAME_SAMPLES] *= 50
    heard = (Heard(1.0, 1, ()), Heard(2.0, 1, ("what",)), Heard(2.9, 1, ("what", "is")), Heard(4.9, 2, ()))
    words = (TimedWord("what", 0.8, 1.4), TimedWord("is", 1.8, 2.39), TimedWord("so", 4.9, 5.58))
    said = (TimedWord("that", 2.75, 3.0),)
    return Dialogue(
        pcm[0], pcm[1], heard, said, of, words, decision=np.arange(100, dtype=np.int8) % 7
    ).check()


def test_turns_are_read_off_the_labels() -> None:
    one, other = turns(talk())
    assert (one.first, one.frame, one.last, one.ended, one.clean) == (10, 29, 33, True, True)
    assert one.over == pytest.approx(2.39)
    assert one.pauses[0] == pytest.approx((frame_end(17), frame_end(21)))
    assert len(one.pauses) == 1
    assert (other.first, other.frame) == (60, 69)


def test_a_patient_agent_waits_in_the_dialogues_own_silence() -> None:
    before, after = talk(), patient(talk())
    assert after.frames == before.frames + PATIENCE
    one, other = turns(after)
    assert one.last - one.frame == 4 + PATIENCE
    assert other.first == 60 + PATIENCE
    wait = PATIENCE * FRAME_SECONDS
    assert after.agent_words[0].start == pytest.approx(2.75 + wait)
    assert [item.t for item in after.heard] == pytest.approx(
        [1.0, 2.0, 2.9, 4.9 + wait]
    )  # the last words stay
    assert after.user_words[1] == before.user_words[1]
    quiet = slice(34 * FRAME_SAMPLES, (34 + PATIENCE) * FRAME_SAMPLES)
    assert not after.agent_pcm[quiet].any()
    assert 5 < after.user_pcm[quiet].std() < 50
    assert np.array_equal(after.user_pcm[quiet.stop :], before.user_pcm[quiet.start :])
    assert after.decision is not None
    assert set(after.decision[34 : 34 + PATIENCE]) == {33 % 7}


def test_the_last_hypothesis_of_a_turn_is_judged_though_its_answer_came_before_it() -> None:
    prompt = talk()
    prompt.labels.complete[26:34] = 0  # "what" alone; "is" is read at 2.9 s, the answer came at 2.72 s
    complete = patient(prompt).labels.complete
    assert set(complete[26 : frame_of(2.9)]) == {0}
    assert set(complete[frame_of(2.9) : 34 + PATIENCE]) == {1}
    wrong = replace(prompt, heard=(*prompt.heard[:2], Heard(2.9, 1, ("what",)), prompt.heard[3]))
    assert set(patient(wrong).labels.complete[frame_of(2.9) : 34 + PATIENCE]) == {-1}


def test_what_is_put_behind_turns_is_put_over_pauses_too() -> None:
    prompt = talk()
    prompt.labels.end_in[75:] = -1  # the second turn too is answered soon
    changed = 0
    for seed in range(20):
        after = unhurried(prompt, Random(seed))
        assert after.frames == prompt.frames + 2 * PATIENCE
        frames = [slice(at * FRAME_SAMPLES, (at + 1) * FRAME_SAMPLES) for at in range(34)]
        other = [at for at, f in enumerate(frames) if (after.user_pcm[f] != prompt.user_pcm[f]).any()]
        assert set(other) <= {19, 20}
        assert all(after.user_pcm[frames[at]].std() < 50 < prompt.user_pcm[frames[at]].std() for at in other)
        changed += bool(other)
    assert changed > 5
    slow = talk()
    assert unhurried(slow, Random(0)) is slow


def test_ambient_sound_where_there_is_none_is_silence() -> None:
    loud = talk()
    loud.labels.vad[:] = True
    assert not ambient(loud, 2).any()


def test_a_regression_finds_what_tells_classes_apart() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.2
    rows = np.stack([truth * 2.0 + rng.normal(0, 1, 400), rng.normal(0, 1, 400), np.ones(400)], axis=1)
    weights = logistic(rows, truth)
    assert weights[0] > 1.0 > abs(weights[1])
    assert np.isfinite(weights).all()
