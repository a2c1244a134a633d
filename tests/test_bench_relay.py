"""How overlaps are judged, on constructed recordings; and the figures that follow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from duplex.bench.relay_cases import Case, of_the_suite, scripted
from duplex.bench.relay_load import CALLS, SPEAKS, TURNS, staggered, together
from duplex.bench.relay_overlap import OVERLAP, called, measured, told
from duplex.bench.relay_sound import RATE, Spoken, agreement, begins, ducked_after, gains, held, words_in

Pcm = np.ndarray[tuple[int], np.dtype[np.int16]]
START = 0.7
WORDS = tuple((f"w{i}", i * 0.25, (i + 1) * 0.25) for i in range(16))


def spoken() -> Spoken:
    """4 s of noise at about -20 dBFS: sixteen words."""
    pcm = np.random.default_rng(0).standard_normal(4 * RATE) * 3_000
    return Spoken(pcm.astype(np.int16), WORDS)


def recording(*changes: tuple[float, float, float]) -> Pcm:
    """It, begun at 0.7 s in 6 s, with gains in dB between two moments of the recording."""
    pcm = np.zeros(6 * RATE)
    first = round(START * RATE)
    pcm[first : first + 4 * RATE] = spoken().pcm
    for since, until, db in changes:
        pcm[round(since * RATE) : round(until * RATE)] *= 10 ** (db / 20)
    return np.rint(pcm).astype(np.int16)


@pytest.mark.parametrize("near", [0.66, 0.7, 0.74])
def test_speech_is_found_to_the_sample(near: float) -> None:
    assert begins(recording(), spoken(), near) == START


def test_ducking_counts_from_the_onset() -> None:
    gain = gains(recording((2.1, 2.6, -14)), spoken(), START)
    assert ducked_after(gain, 2.0 - START) == pytest.approx(0.1, abs=0.011)
    assert ducked_after(gains(recording((2.1, 2.6, -6)), spoken(), START), 1.3) is None
    paused = gains(recording((2.1, 6, -14)), spoken(), START)
    paused[133:160] = np.nan  # from 2.03 to 2.3 s the speech itself is silent
    assert ducked_after(paused, 1.3) is None
    assert ducked_after(gains(recording((2.1, 6, -200)), spoken(), START), 1.3) == pytest.approx(
        0.1, abs=0.011
    )


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        ([], True),
        ([(2.1, 2.6, -14.0)], True),
        ([(2.1, 2.8, -14.0)], False),  # ducked for 700 ms
        ([(2.1, 2.4, -14.0), (2.9, 3.2, -14.0)], True),
        ([(2.1, 2.19, -200.0)], True),
        ([(2.1, 2.25, -200.0)], False),  # 150 ms are missing
        ([(2.1, 6.0, -200.0)], False),
        ([(4.5, 6.0, -200.0)], True),  # later, and not because of it
    ],
)
def test_what_counts_as_going_on(changes: list[tuple[float, float, float]], whole: bool) -> None:
    assert held(recording(*changes), spoken(), START, 2.0, 4.0) is whole


@pytest.mark.parametrize(("cut", "heard"), [(0.7, 0), (0.82, 0), (0.84, 1), (1.07, 1), (1.09, 2), (6.0, 16)])
def test_a_word_is_heard_if_half_of_it_is_in_the_recording(cut: float, heard: int) -> None:
    assert words_in(recording((cut, 6.0, -200.0)), spoken(), START, cut) == heard


def test_words_that_only_one_side_knows() -> None:
    assert agreement([5, 4, 7], [5, 5, 6]) == (15, 17, 1)


def case(kind: str, **what: object) -> Case:
    rest = {"duck": 0.1, "stop": None, "yielded": False, "held": True, "resumed": None, "words": None}
    return Case("x", kind, **(rest | what))  # type: ignore[arg-type]


def test_figures_and_those_that_are_absent() -> None:
    turns = [case("turn", stop=0.4, yielded=True, held=False, resumed=False, words=(5, 5)), case("turn")]
    asides = [case("backchannel"), case("noise", held=False, resumed=True), case("side", held=False)]
    figures = {each.name: each.value for each in measured([*turns, *asides], "relay.", OVERLAP)}
    assert figures["relay.duck_p50_ms"] == 100
    assert figures["relay.stop_p50_ms"] == 400
    assert figures["relay.yield_share"] == 0.5
    assert figures["relay.backchannel_hold_share"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["relay.resume_share"] == 1.0
    assert figures["relay.heard_word_accuracy"] == 1.0
    assert {"relay.stop_p50_ms", "relay.yield_share"}.isdisjoint(
        each.name for each in measured(asides, "relay.", OVERLAP)
    )
    assert not any(math.isnan(value) for value in figures.values())


def test_the_scripts_are_sound_and_share_no_voice_and_no_opening() -> None:
    kept, seen = scripted("relay.yaml"), scripted("relay_dev.yaml")
    ids = [scenario.id for scenario in kept]
    assert len(ids) == len(set(ids))
    assert sum(id.startswith("interruptions") for id in ids) >= 30
    voices = [{str(s.timeline[0].tts["voice"]) for s in some if s.timeline[0].tts} for some in (kept, seen)]
    assert not voices[0] & voices[1]
    openings = [{s.agent.opening.text for s in some if s.agent.opening} for some in (kept, seen)]
    assert not openings[0] & openings[1]
    assert len({scenario.id for scenario, _ in of_the_suite()}) >= 20


def test_of_each_kind_some_are_said_over_a_call() -> None:
    kinds = [scenario.id.rpartition("_")[0] for scenario in called(scripted("relay.yaml"))]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "interruptions": 16,
        "backchannels": 8,
        "side": 8,
        "noises": 8,
        "false_starts": 8,
    }


def test_callers_speak_a_third_of_the_time_and_are_staggered() -> None:
    clips = [np.zeros(n * RATE // 4, np.int16) for n in range(6, 6 + 2 * TURNS)]
    plan = staggered(clips)
    assert len({said[0][0] for said in plan}) == CALLS
    shares = [sum(len(pcm) for _, pcm in said[:-1]) / RATE / (said[-1][0] - said[0][0]) for said in plan]
    assert np.mean(shares) == pytest.approx(SPEAKS, abs=0.02)
    assert [said[0][0] for said in together(clips)] == [0.0] * CALLS


def test_a_case_is_told_in_a_line() -> None:
    case = Case("side_03", "side", 0.12, None, False, True, None, None)
    assert told(case) == "side_03: softer after 120 ms, went on"
