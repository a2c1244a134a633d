"""Sections A to C of the metrics, worked out by hand from SCENARIO_FORMAT's formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from evals_replays import replay, said, spoke, told

from duplex.evals.metrics import fdb1, fdb15, measure, tau
from duplex.evals.metrics.spans import Word
from duplex.evals.metrics.view import View

Spans = list[tuple[float, float]]
OPENING = spoke(0.5, 1, ("one", 0.5, 2.0), ("two.", 2.0, 3.0), ("three", 3.4, 8.0), reason="announcement")
"""A response that the scenario made the agent give, with a pause of 0.4 s in it."""
OPENED: Spans = [(0.5, 3.0), (3.4, 8.0)]


def words(*times: tuple[float, float]) -> list[Word]:
    return [("word", start, end) for start, end in times]


@pytest.mark.parametrize(
    ("said_words", "tor"),
    [
        ([], 0),
        (words((0.0, 0.3)), 0),
        (words((0.0, 0.3), (0.3, 0.6), (0.6, 0.99)), 0),  # 3 words in under 1 s
        (words((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8)), 1),  # 4 are a turn however short
        (words((0.0, 0.3), (0.3, 0.6), (0.6, 1.0)), 1),  # 1.0 s is not under 1 s
        (words((0.0, 0.2), (5.0, 5.2)), 1),  # the official quirk: two lone words apart
    ],
)
def test_takeover(said_words: list[Word], tor: int) -> None:
    assert fdb1.takeover(said_words) == tor


@pytest.mark.parametrize(("spans", "tor"), [([], 0), ([(1.0, 1.9)], 0), ([(1.0, 1.2), (2.5, 2.6)], 1)])
def test_takeover_without_words(spans: Spans, tor: int) -> None:
    assert fdb1.takeover_by_sound(spans) == tor


def test_official_latency_is_never_below_0() -> None:
    assert fdb1.latency(3.5, 3.0) == 0.5
    assert fdb1.latency(2.5, 3.0) == 0.0


@pytest.mark.parametrize(
    ("segments", "said_words", "tor", "verdicts", "predicted"),
    [
        ([], [], 0, [], []),
        ([(1.0, 1.5)], words((1.0, 1.4)), 0, [False], [(1.0, 1.5)]),
        ([(1.0, 1.5)], words((1.0, 1.1), (1.1, 1.2), (1.2, 1.4)), 1, [True], []),  # 3 words are too many
        ([(1.0, 2.2)], words((1.0, 1.4)), 1, [True], []),  # 1 s or more is too long
        ([(1.0, 4.5), (6.0, 6.5)], [], 1, [True], []),  # the script stops at a segment of over 3 s
        # The last segment wins, and a short turn makes it forget the backchannels before it.
        ([(1.0, 1.5), (3.0, 4.5), (6.0, 6.4)], [], 0, [False, True, False], [(6.0, 6.4)]),
        # A long turn does not.
        ([(1.0, 1.5), (3.0, 6.5)], [], 1, [False, True], [(1.0, 1.5)]),
        # A word that only touches a segment belongs to it.
        ([(1.0, 1.5)], words((0.5, 1.1), (1.1, 1.4), (1.45, 2.0)), 1, [True], []),
    ],
)
def test_backchannels_as_the_script_has_them(
    segments: Spans, said_words: list[Word], tor: int, verdicts: list[bool], predicted: Spans
) -> None:
    assert fdb1.backchannels(segments, said_words) == (tor, verdicts)
    assert fdb1.predicted(segments, verdicts) == predicted


def test_jsd_is_1_without_backchannels_and_a_distance_otherwise() -> None:
    assert fdb1.jsd([], 2.0, [0.5, 0.5]) == 1.0
    # 1.0 s are 6 bins (0..5); a segment in bin 0 alone: p = (1, 0, 0, 0, 0, 0).
    spread = [1 / 6] * 6
    # M = (7/12, 1/12 x5): JSD = ln(12/7)/2 + (ln((1/6)/(7/12))/6 + 5/6 ln 2)/2
    expected = math.sqrt(
        0.5 * math.log(12 / 7) + 0.5 * (math.log((1 / 6) / (7 / 12)) / 6 + 5 / 6 * math.log(2))
    )
    assert fdb1.jsd([(0.0, 0.1)], 1.0, spread) == pytest.approx(expected, abs=1e-4)
    apart = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    assert fdb1.jsd([(0.0, 0.1)], 1.0, apart) == pytest.approx(math.sqrt(math.log(2)), abs=1e-3)
    assert fdb1.jsd([(0.0, 0.1)], 1.0, [1.0, 0, 0, 0, 0, 0]) == pytest.approx(0.0, abs=1e-3)


def test_a_distribution_is_paired_by_length() -> None:
    truth = {"0": [1.0] * 10, "1": [1.0] * 20, "2": [1.0] * 40}
    assert len(fdb1.nearest_length(truth, 3.9)) == 20  # 20 bins


@pytest.mark.parametrize(
    ("label", "reply", "found"),
    [
        (
            '[intent] {"intent": "order", "slots": {"size": "eight ounce", "roast": "dark roast"}}',
            "8 ounce",
            (1, 2),
        ),
        ('[intent] {"intent": "order", "slots": {"size": "large"}}', "One LARGE, coming.", (1, 1)),
        ('[intent] {"intent": "stop"}', "Fine.", (0, 0)),
        ("Can we talk about fiction books?", "Books: fiction, then.", (2, 2)),
        ("[intent] {broken", "x", (0, 0)),
    ],
)
def test_relevance_counts_slots_or_content_words(label: str, reply: str, found: tuple[int, int]) -> None:
    assert fdb1.relevance(label, reply) == found


def test_smooth_turn_taking() -> None:
    answer = spoke(3.6, 1, ("It", 3.65, 3.9), ("is", 3.9, 4.2), ("so.", 4.2, 4.9))
    got = measure(replay(said("u1", (1.0, 3.0)), agent=[(3.6, 4.9)], records=answer))
    assert (got["tor_fdb"], got["no_response"]) == (1, 0)
    assert got["response_latency"] == pytest.approx(0.65)  # by its first word
    assert got["fto"] == pytest.approx(0.6)  # by its sound
    assert (got["r_r"], got["r_r.n"], got["l_r"]) == (1, 1, pytest.approx(0.6))


def test_an_early_answer_has_a_negative_offset_and_no_latency() -> None:
    answer = spoke(2.8, 1, ("It", 2.8, 3.1), ("is", 3.1, 3.5), ("so.", 3.5, 4.5))
    got = measure(replay(said("u1", (1.0, 3.0)), agent=[(2.8, 4.5)], records=answer))
    assert got["fto"] == pytest.approx(-0.2)
    assert got["response_latency"] == 0
    assert (got["i_a"], got["i_a.sum"], got["i_a.n"]) == (1, 1, 1)


def test_what_ends_before_the_turn_does_is_no_answer_to_it() -> None:
    cut_in = spoke(1.5, 1, ("Hm?", 1.5, 1.9))
    answer = spoke(3.5, 2, ("It", 3.5, 3.9), ("is.", 3.9, 5.0))
    got = measure(replay(said("u1", (1.0, 3.0)), agent=[(1.5, 1.9), (3.5, 5.0)], records=[*cut_in, *answer]))
    assert got["fto"] == got["l_r"] == got["response_latency"] == pytest.approx(0.5)
    assert got["i_a"] == 1
    assert measure(replay(said("u1", (1.0, 3.0)), agent=[(1.5, 1.9)], records=cut_in))["no_response"] == 1


def test_a_turn_without_an_answer_has_no_latency() -> None:
    got = measure(replay(said("u1", (1.0, 3.0)), agent=[]))
    assert (got["tor_fdb"], got["no_response"], got["r_r"]) == (0, 1, 0)
    assert not {"response_latency", "fto", "l_r", "stop_latency", "bc_jsd"} & got.keys()


def test_an_answer_after_the_user_had_to_speak_again_is_none_to_the_first_turn() -> None:
    got = measure(replay(said("u1", (1.0, 2.0)), said("u2", (4.0, 5.0)), agent=[(5.5, 7.0)]))
    assert (got["r_r"], got["r_r.sum"], got["r_r.n"]) == (0.5, 1, 2)
    assert got["fto"] == pytest.approx(0.5)


def test_pause_handling_counts_onsets_in_true_pauses() -> None:
    user = said("u1", (1.0, 2.0), (3.0, 4.0), (4.5, 6.0), ends_turn=False)
    got = measure(replay(user, agent=[(2.2, 2.6)], task="pause_handling"))
    assert (got["tor_pause_window"], got["tor_pause_window.sum"], got["tor_pause_window.n"]) == (0.5, 1, 2)
    assert got["tor_fdb"] == 0  # 0.4 s of sound is no turn: what the official script does not see
    assert "no_response" not in got  # no answer is due


def test_overlaps_as_in_version_15() -> None:
    user, agent = [(1.0, 2.0), (2.5, 4.0), (7.0, 8.0)], [(0.0, 1.5), (1.9, 2.2), (3.5, 5.0), (9.0, 9.5)]
    # U' (0.6): 1-4, 7-8. A' (0.5): 0-2.2, 3.5-5, 9-9.5. Overlaps: 1-2.2 and 3.5-4.
    assert fdb15.stop_latencies(user, agent) == pytest.approx([1.2, 0.5])
    # After 4: onset 9 (5 s); after 8: onset 9 (1 s). One per onset, the shortest.
    assert fdb15.response_latencies(user, agent) == pytest.approx([1.0])


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Sorry, could you repeat that?", True),
        ("I didn't catch that.", True),
        ("Pardon?", True),
        ("It is the capital.", False),
    ],
)
def test_asking_again(text: str, asks: bool) -> None:
    assert fdb15.asks_again(text) is asks


def interrupted(agent: Spans, *after: Any, task: str = "user_interruption", **item: Any) -> dict[str, Any]:
    """Something at 2.0 to 2.8 s during the opening."""
    item = {"kind": "interruption"} | item
    return measure(replay(said("i1", (2.0, 2.8), **item), agent=agent, records=[*OPENING, *after], task=task))


def test_an_interruption_that_is_yielded_to_and_answered() -> None:
    answer = spoke(3.5, 2, ("Right.", 3.5, 5.0))
    got = interrupted([(0.5, 2.25), (3.5, 5.0)], told(2.3, "playout_flush", id=1, heard="one"), *answer)
    assert got["stop_latency"] == got["l_y"] == pytest.approx(0.25)
    assert got["tail_audio_ms"] == pytest.approx(250)
    assert got["stop_latency_fdb"] == pytest.approx(0.25)
    assert (got["r_y"], got["behaviour_respond"], got["behaviour_wanted"]) == (1, 1, 1)
    assert got["fto"] == pytest.approx(0.7)


def test_an_interruption_that_is_not_yielded_to() -> None:
    got = interrupted(OPENED)
    # The pause from 3.0 to 3.4 begins 1.0 s after the onset: tau-voice counts it as a yield.
    assert got["stop_latency"] == pytest.approx(1.0)
    assert got["tail_audio_ms"] == pytest.approx(5_600)  # all that was heard of it from 2.0 on
    assert (got["behaviour_resume"], got["behaviour_wanted"]) == (1, 0)
    assert got["no_response"] == 1  # the next sentence of an old response is no answer
    got = interrupted([(0.5, 8.0)])
    assert (got["r_y"], got["r_y.n"]) == (0, 1)
    assert not {"stop_latency", "l_y"} & got.keys()


def test_an_interruption_in_silence_is_none() -> None:
    got = measure(replay(said("i1", (2.0, 2.8), kind="interruption"), agent=[(0.5, 1.0)]))
    assert not {"stop_latency", "r_y", "tail_audio_ms"} & got.keys()


def test_an_onset_in_a_pause_of_the_response_still_interrupts_it() -> None:
    item = said("i1", (3.2, 4.0), kind="interruption")
    got = measure(replay(item, agent=[(0.5, 3.0), (3.4, 3.6)], records=OPENING))
    assert got["stop_latency"] == pytest.approx(0.4)


BACKCHANNEL = {"kind": "backchannel", "claims_floor": False, "ends_turn": False, "task": "user_backchannel"}


@pytest.mark.parametrize(
    ("agent", "stop", "borne"),
    [
        ([(0.5, 8.0)], 0, 1),
        ([(0.5, 2.4)], 1, 0),
        ([(0.5, 2.4), (2.6, 8.0)], 0, 1),  # 0.2 s are no silence
        ([(0.5, 2.4), (2.7, 8.0)], 1, 0),  # 0.3 s are
        ([(0.5, 3.1)], 0, 1),  # more than 1.0 s after the onset
    ],
)
def test_false_stops(agent: Spans, stop: int, borne: int) -> None:
    got = interrupted(agent, **BACKCHANNEL)
    assert (got["false_stop"], got["s_bc"], got["s_bc.n"]) == (stop, borne, 1)
    assert "r_y" not in got  # it claims nothing
    assert got["false_flush"] == 0


def test_false_flush_tells_a_lost_response_from_a_pause() -> None:
    got = interrupted([(0.5, 2.4)], told(2.4, "playout_flush", id=1, heard="one"), **BACKCHANNEL)
    assert (got["false_stop"], got["false_flush"]) == (1, 1)


@pytest.mark.parametrize(("start", "wrong"), [(4.0, 1), (4.9, 1), (5.2, 0), (None, 0)])
def test_answers_to_noise(start: float | None, wrong: int) -> None:
    noise = {"id": "n1", "kind": "noise", "at": 0.0, "claims_floor": False, "speech": [[3.0, 3.5]]}
    records = [] if start is None else spoke(start, 1, ("What", start, start + 1))
    agent = [] if start is None else [(start, start + 1)]
    got = measure(replay(noise, agent=agent, records=records, task="noise_burst"))
    # tau-voice looks 2.0 s from the onset; `false_response` until 2.0 s after its end.
    assert got["s_vt"] == (0 if start is not None and start < 5.0 else 1)
    assert got["false_response"] == (1 if start is not None and start < 5.5 else 0)
    assert wrong == 1 - got["s_vt"]


def test_an_answer_that_is_due_is_none_to_the_noise_after_the_turn() -> None:
    noise = {"id": "n1", "kind": "noise", "at": 0.0, "claims_floor": False, "speech": [[3.2, 3.4]]}
    records = spoke(3.9, 1, ("It", 3.9, 5.5))
    got = measure(
        replay(said("u1", (1.0, 3.0)), noise, agent=[(3.9, 5.5)], records=records, task="noise_burst")
    )
    assert (got["s_vt"], got["false_response"], got["r_r"]) == (1, 0, 1)


def test_speech_to_another_is_its_own_kind() -> None:
    other = {"kind": "side_talk", "addressed_to": "other", "claims_floor": False, "task": "talking_to_other"}
    got = interrupted([(0.5, 2.4), (3.0, 4.0)], *spoke(3.0, 2, ("Who?", 3.0, 4.0)), **other)
    assert (got["s_nd"], got["false_response"], got["behaviour_wanted"]) == (0, 1, 0)


def test_selectivity_needs_10_events_of_each_kind() -> None:
    pooled = {"s_bc": (9.0, 10.0), "s_vt": (5.0, 10.0), "s_nd": (20.0, 20.0)}
    assert tau.selectivity(pooled) == pytest.approx((0.9 + 0.5 + 1.0) / 3)
    assert tau.selectivity(pooled | {"s_vt": (9.0, 9.0)}) is None
    assert tau.selectivity({}) is None


def test_backchannels_of_a_replay() -> None:
    user = said("u1", (0.0, 10.0), ends_turn=False)
    records = [*spoke(2.0, 1, ("mhm", 2.0, 2.5)), *spoke(5.0, 2, ("yeah", 5.0, 5.5))]
    truth = {"0": [1 / 51] * 51}
    got = measure(
        replay(user, agent=[(2.0, 2.5), (5.0, 5.5)], records=records, task="backchannel"), distributions=truth
    )
    assert (got["tor_bc"], got["tor_bc_fdb"]) == (0, 0)
    assert (got["bc_frequency"], got["bc_frequency.sum"], got["bc_frequency.n"]) == (
        pytest.approx(0.2),
        2,
        10,
    )
    # Bins 10..12 and 25..27 hold one each: p = 1/6 there, q = 1/51 everywhere.
    p, q = np.zeros(51), np.full(51, 1 / 51)
    p[[10, 11, 12, 25, 26, 27]] = 1 / 6
    m = (p + q) / 2
    left = sum(a * math.log(a / b) for a, b in zip(p, m, strict=True) if a)
    right = sum(a * math.log(a / b) for a, b in zip(q, m, strict=True))
    assert got["bc_jsd"] == pytest.approx(math.sqrt((left + right) / 2), abs=1e-4)


def test_other_systems_words_may_be_given() -> None:
    scene = replay(said("u1", (1.0, 3.0)), agent=[(3.6, 4.2)])
    assert measure(scene)["tor_fdb"] == 0  # 0.6 s of sound
    four = words((3.6, 3.7), (3.7, 3.8), (3.8, 3.9), (3.9, 4.1))
    assert measure(scene, four)["tor_fdb"] == 1
    assert measure(scene, [])["tor_fdb"] == 0
    assert View(scene, four).words == four
