"""Sections G and H of the metrics, worked out by hand from SCENARIO_FORMAT's formulas."""

from __future__ import annotations

from pathlib import Path

import pytest
from evals_replays import replay, said, told
from hypothesis import given
from hypothesis import strategies as st

from duplex.evals.metrics import asr, endpointing, measure, vap
from duplex.evals.metrics.asr import Partial
from duplex.evals.metrics.diarization import der, read_rttm
from duplex.evals.metrics.endpointing import Silence

Spans = list[tuple[float, float]]
NEVER = float("inf")

# Two holds of 0.6 and 1.2 s and an end of turn; its probability rises at 0.4 s.
SILENCES = [
    Silence(0.6, False, [(0.1, 0.2), (0.3, 0.6)]),
    Silence(1.2, False, [(0.1, 0.1), (0.5, 0.3)]),
    Silence(5.0, True, [(0.1, 0.3), (0.4, 0.9)]),
    Silence(0.05, False, [(0.01, 0.9)]),  # under 0.1 s: not looked at
]


@pytest.mark.parametrize(
    ("threshold", "delay", "timeout", "cutoff", "latency"),
    [
        (0.5, 0.0, 3.0, 0.5, 0.4),
        (0.5, 0.2, 3.0, 0.5, 0.6),
        (0.5, 0.4, 3.0, 0.0, 0.8),  # 0.3 + 0.4 is after the first hold is over
        (0.8, 0.0, 3.0, 0.0, 0.4),
        (0.8, 0.0, 1.0, 0.5, 0.4),  # the timeout fires in the hold of 1.2 s
        (NEVER, 0.0, 0.7, 0.5, 0.7),
        (NEVER, 0.0, 1.5, 0.0, 1.5),
    ],
)
def test_endpointing_sweep(
    threshold: float, delay: float, timeout: float, cutoff: float, latency: float
) -> None:
    point = endpointing.point(SILENCES, threshold, delay, timeout)
    assert point.cutoff == cutoff
    assert point.latencies == pytest.approx((latency,))


def test_the_curve_is_read_at_budgets() -> None:
    points = endpointing.sweep(SILENCES, [0.5, 0.8], [0.0, 0.4])
    assert len(points) == 4
    assert endpointing.latency_at(points, 0.05) == pytest.approx(0.4)  # threshold 0.8
    assert endpointing.cutoff_at(points, 0.3) is None
    timers = endpointing.silence_timeouts(SILENCES, [0.3, 0.7, 1.5])
    assert [each.cutoff for each in timers] == [1.0, 0.5, 0.0]
    assert endpointing.latency_at(timers, 0.1) == 1.5
    assert endpointing.cutoff_at(timers, 0.7) == 0.5


def test_an_end_that_is_never_seen_is_not_forgotten() -> None:
    point = endpointing.point([Silence(1.0, True), Silence(5.0, True)], NEVER, 0.0, 3.0)
    assert (point.latencies, point.missed) == ((3.0,), 1)


def test_turnbench_matches_one_to_one() -> None:
    assert endpointing.matches([1.0, 2.0], [0.8, 1.9, 9.0]) == [(1.0, 0.8), (2.0, 1.9)]
    assert endpointing.matches([1.0], [0.7, 4.1]) == []
    assert endpointing.matches([1.0, 1.5], [3.9]) == [(1.0, 3.9)]
    got = endpointing.turnbench([1.0, 5.0], [1.4, 5.2], [(2.0, 3.0)] * 9 + [(5.1, 5.5)])
    assert (got.recall, got.fp, got.latency) == (1.0, 0.1, pytest.approx(0.3))
    assert endpointing.turnbench([1.0], [1.4], [(1.0, 2.0)]).latency is None  # over the budget


def test_decisions_of_a_replay_against_the_truth() -> None:
    user = said("u1", (1.0, 2.0), (2.6, 3.0), (3.5, 4.0))
    got = measure(replay(user, records=[told(2.4, "eot_decision"), told(4.7, "eot_decision")]))
    assert (got["eot_cutoff"], got["eot_cutoff.sum"], got["eot_cutoff.n"]) == (0.5, 1, 2)
    assert got["eot_delay"] == pytest.approx(0.7)
    assert "eot_cutoff" not in measure(replay(user))


def test_vap_events() -> None:
    user: Spans = [(0.0, 2.0), (2.5, 4.0), (8.0, 9.5)]
    agent: Spans = [(4.4, 6.0), (6.3, 6.8)]
    found = vap.shifts_and_holds((user, agent))
    # 2.0-2.5 hold; 4.0-4.4 shift; 6.0-6.3: only 0.5 s follow; 6.8-8.0: only 0.5 s alone precede.
    assert [(each.kind, each.before, each.span) for each in found] == [
        ("hold", 0, (2.0, 2.5)),
        ("shift", 0, (4.0, 4.4)),
    ]
    assert found[1].predict == (3.5, 4.0)


def test_speech_of_the_other_spoils_the_context() -> None:
    assert vap.shifts_and_holds(([(0.0, 2.0), (2.5, 4.0)], [(1.5, 1.6)])) == []


def test_vap_backchannels() -> None:
    channel: Spans = [(0.5, 0.8), (3.0, 3.6), (5.0, 6.2), (8.0, 8.4), (9.0, 9.3), (12.0, 13.0)]
    # 0.5 begins the recording: nothing was said before it. 1.2 s is too long; 8.0 and 9.0 are too near.
    assert vap.backchannels(channel, 20.0) == [(0.5, 0.8), (3.0, 3.6), (12.0, 13.0)]


@pytest.mark.parametrize(
    ("truth", "guess", "accuracy", "f1"),
    [
        ([1, 1, 0, 0], [1, 1, 0, 0], 1.0, 1.0),
        ([1, 1, 1, 0], [1, 1, 1, 1], 0.5, 0.75 * 6 / 7),
        ([1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1], (0.5 + 0.75) / 2, 2 / 6 * 0.5 + 4 / 6 * 0.75),
        ([1, 1], [1, 0], None, 2 / 3),
        ([], [], None, None),
    ],
)
def test_balanced_accuracy_and_weighted_f1(
    truth: list[int], guess: list[int], accuracy: float | None, f1: float | None
) -> None:
    truths, guesses = [bool(each) for each in truth], [bool(each) for each in guess]
    assert vap.balanced_accuracy(truths, guesses) == (None if accuracy is None else pytest.approx(accuracy))
    assert vap.weighted_f1(truths, guesses) == (None if f1 is None else pytest.approx(f1))


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors"),
    [
        ("a b c", "a b c", (0, 3)),
        ("a b c", "a x c d", (2, 3)),
        ("a b c", "", (3, 3)),
        ("", "a b", (2, 0)),
    ],
)
def test_word_errors(reference: str, hypothesis: str, errors: tuple[int, int]) -> None:
    assert asr.word_errors(reference.split(), hypothesis.split()) == errors


def test_words_are_compared_without_case_punctuation_and_ways_to_write_numbers() -> None:
    assert asr.words_of("The THIRD car: 1,200 pounds.") == asr.words_of("the third car 1200 pounds")
    assert asr.words_of("the car") != asr.words_of("car")  # a lost article is a lost word


PARTIALS = [
    Partial(1.2, ("the",), 0),
    Partial(1.8, ("the", "read"), 1),
    Partial(2.4, ("the", "red", "car"), 1),
    Partial(3.0, ("the", "red", "cart"), 3),
]
TRUTH = [("the", 0.5, 1.0), ("red", 1.0, 1.5), ("car", 1.5, 2.0)]


def test_emission_of_words() -> None:
    # "the" is stable from 1.8 on, "red" from 3.0; "car" is wrong in the end.
    assert asr.emission(TRUTH, PARTIALS) == pytest.approx([0.8, 1.5])
    # First correct: "the" 1.2, "red" 2.4, and "car" 2.4 although it was taken back.
    assert asr.first_correct(TRUTH, PARTIALS) == pytest.approx([0.2, 0.9, 0.4])
    assert asr.emission(TRUTH, []) == []


def test_stability_of_partials() -> None:
    texts = [partial.words for partial in PARTIALS]
    # the read -> the red car: 1 deleted ("read"); the red car -> the red cart: 1.
    assert asr.erased(texts) == 2
    assert asr.changed(texts) == 2
    # An early change deletes all that follows, but changes one word alone.
    assert asr.erased([("a", "b", "c"), ("x", "b", "c")]) == 3
    assert asr.changed([("a", "b", "c"), ("x", "b", "c")]) == 1


@pytest.mark.parametrize(
    ("delays", "seconds", "reference", "lag"),
    [
        # Wait-1: a word after each of 4 s. gamma = 1: (1 + (2-1) + (3-2) + (4-3)) / 4
        ([1, 2, 3, 4], 4.0, None, 1.0),
        # All at the end: tau = 1.
        ([4, 4, 4, 4], 4.0, None, 4.0),
        # gamma = 2 / 4: 1 - 0 and 4 - 2, tau = 2.
        ([1, 4], 4.0, None, 1.5),
        # LAAL: a reference of 4 words makes gamma 1: (1 + (4 - 1)) / 2.
        ([1, 4], 4.0, 4, 2.0),
        ([], 4.0, None, None),
    ],
)
def test_lagging(delays: list[float], seconds: float, reference: int | None, lag: float | None) -> None:
    assert asr.average_lagging(delays, seconds, reference) == (None if lag is None else pytest.approx(lag))


@pytest.mark.parametrize(
    ("hypothesis", "bounds"),
    [
        ("a b c d e", [(0, 3), (3, 5)]),
        ("a b x d e", [(0, 3), (3, 5)]),
        ("a b c d e f", [(0, 3), (3, 6)]),
        ("d e", [(0, 0), (0, 2)]),
        ("", [(0, 0), (0, 0)]),
    ],
)
def test_resegmentation_cuts_where_it_costs_least(hypothesis: str, bounds: list[tuple[int, int]]) -> None:
    assert asr.resegmented(hypothesis.split(), [list("abc"), list("de")]) == bounds


@given(
    st.lists(st.sampled_from("abc"), max_size=12),
    st.lists(st.lists(st.sampled_from("abc"), max_size=5), min_size=1, max_size=4),
)
def test_segments_cover_the_output(hypothesis: list[str], references: list[list[str]]) -> None:
    bounds = asr.resegmented(hypothesis, references)
    assert len(bounds) == len(references)
    assert [at for first, last in bounds for at in range(first, last)] == list(range(len(hypothesis)))
    # No cutting can cost less than the distance of the whole, and this one costs no more.
    flat = [word for segment in references for word in segment]
    whole = asr.word_errors(flat, hypothesis)[0]
    cut = sum(
        asr.word_errors(segment, hypothesis[first:last])[0]
        for segment, (first, last) in zip(references, bounds, strict=True)
    )
    assert cut == whole


def test_stream_laal() -> None:
    words = [("a", 1.0), ("b", 2.0), ("d", 5.0), ("e", 6.0)]
    segments = [(0.0, 2.0, ["a", "b"]), (4.0, 6.0, ["d", "e"])]
    # Each: delays 1, 2 of 2 s, gamma 1: (1 + (2 - 1)) / 2.
    assert asr.stream_laal(words, segments) == pytest.approx(1.0)
    assert asr.real_time_factor(3.0, 10.0) == pytest.approx(0.3)


def test_recognition_of_a_replay() -> None:
    user = said("u1", (1.0, 3.0), words=[["Red", 1.0, 1.5], ["car,", 1.5, 3.0]])
    got = measure(
        replay(
            user,
            records=[
                told(2.0, "asr_partial", text="Red", stable=0),
                told(2.5, "asr_partial", text="Red cart", stable=1),
                told(3.5, "asr_final", text="red car"),
            ],
        )
    )
    assert (got["wer"], got["wer.sum"], got["wer.n"]) == (0, 0, 2)
    assert got["emission_latency"] == pytest.approx((2.5 - 1.5 + 3.5 - 3.0) / 2)
    assert got["first_correct_latency"] == pytest.approx((2.0 - 1.5 + 3.5 - 3.0) / 2)
    assert (got["ne"], got["upwr"]) == (0.5, 0.5)
    assert "wer" not in measure(replay(user))


def test_der() -> None:
    reference = [(0.0, 4.0, "a"), (3.0, 6.0, "b")]  # 7 s of speech, 1 s of it overlapped
    # 0-4 is x, 5-6 y, 6-7 y: b is missed 3-5 (2 s); false alarm 6-7 (1 s).
    errors, speech = der(reference, [(0.0, 4.0, "x"), (5.0, 7.0, "y")])
    assert (errors, speech) == (pytest.approx(3.0), pytest.approx(7.0))
    errors, _ = der(reference, [(0.0, 4.0, "x"), (5.0, 7.0, "y")], end=6.0)
    assert errors == pytest.approx(2.0)
    assert der(reference, reference) == (0.0, pytest.approx(7.0))
    confused, _ = der([(0.0, 4.0, "a"), (4.0, 6.0, "b")], [(0.0, 6.0, "x")])
    assert confused == pytest.approx(2.0)


def test_rttm(tmp_path: Path) -> None:
    file = tmp_path / "a.rttm"
    file.write_text("SPEAKER f 1 1.5 2.0 <NA> <NA> anna <NA> <NA>\n;; comment\n\n")
    assert read_rttm(file) == [(1.5, 3.5, "anna")]
    file.write_text("SPEAKER f 1 x 2.0 <NA> <NA> anna\n")
    with pytest.raises(ValueError, match=r"a\.rttm:1: no line of an RTTM"):
        read_rttm(file)
