"""The rules that the core is measured against, on hand-made voices, and the figures made of what they do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_core_decide import talk

from duplex.bench import core_floor
from duplex.bench.core_figures import of_ends
from duplex.bench.core_floor import Stops, Trial, ended, stopped, yields
from duplex.bench.core_rules import (
    Scene,
    any_voice,
    by_silence,
    final_words,
    smart_features,
)
from duplex.bench.core_words import Heard, like_length, trivial
from duplex.core.data.ear import VoiceEdge
from duplex.core.judge import Ends
from duplex.core.streams.layout import frame_end
from duplex.core.turns import patient, turns
from duplex.dialogue.anticipation import CoreFrame, Reliance, Sure
from duplex.dialogue.floor import FloorSettings
from duplex.graph.event import to_ticks

EDGES = (
    VoiceEdge(0.9, True, 0.8),
    VoiceEdge(1.5, False, 1.44),
    VoiceEdge(1.85, True, 1.78),
    VoiceEdge(2.46, False, 2.4),
)
"""A voice from .8 to 2.4 s with a pause of 340 ms, as `talk` has it."""
SCENE = Scene(patient(talk()), EDGES)
TURN = turns(SCENE.dialogue)[0]


@pytest.mark.parametrize(
    ("seconds", "commits"), [(0.2, [1.64, 2.6]), (0.5, [2.9]), (1.0, [3.4]), (0.01, [1.5, 2.46])]
)
def test_a_timer_counts_from_the_end_of_the_voice(seconds: float, commits: list[float]) -> None:
    assert by_silence(SCENE, TURN, seconds) == pytest.approx(commits)


@pytest.mark.parametrize(
    ("p", "commits"),
    [(0.99, [2.9]), (0.7, [3.2]), (0.2, [3.6]), (0.05, [4.0])],  # at the words, a doubt, late, at the timeout
)
def test_the_floor_decides_by_the_words(p: float, commits: list[float]) -> None:
    settings = FloorSettings(silence=0.24, doubt=0.8, timeout=1.6, sure=0.9, threshold=0.5)
    asked = []

    def judge(words: str, agent: str) -> float:
        asked.append((words, agent))
        return p if words == "what is" else 0.0

    assert core_floor.commits(Trial(SCENE, judge), TURN, settings) == pytest.approx(commits, abs=1e-3)
    assert asked[-1] == ("what is", "")


def framed(over: float = 0.0, **said: float) -> tuple[CoreFrame, ...]:
    """The same, 80 ms after 80 ms."""
    return tuple(
        CoreFrame(t=to_ticks(frame_end(at)), state="listen", over=over, **said)  # type: ignore[arg-type]
        for at in range(SCENE.dialogue.frames)
    )


def test_the_floor_decides_with_the_core() -> None:
    reliance = Reliance(weights=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    for over, at in ((0.99, 2.9), (0.7, 3.2), (0.2, 3.6), (0.05, 4.0)):
        trial = Trial(SCENE, lambda words, agent: 0.5, framed(over))
        assert core_floor.commits(trial, TURN, reliance=reliance) == pytest.approx([at], abs=0.07)
        ends = ended([trial], reliance=reliance)
        assert ends.delays[0] == pytest.approx(at - TURN.over, abs=0.07)


def test_each_reply_is_a_trial_for_what_overlaps_it() -> None:
    replies = [(0.5, 4.0)]
    alone = Trial(SCENE, lambda words, agent: 0.0)
    assert yields(alone, replies, FloorSettings(overlap="any", barge=0.16)) == pytest.approx([0.96, 1.94])
    echo, turn = (Reliance(overlaps={kind: Sure(0.5, 1)}) for kind in ("echo", "turn"))
    heard = replace(alone, frames=framed(echo=0.9))
    assert yields(alone, replies) == pytest.approx([1.44, 2.0])  # it lasts; "what"
    assert yields(heard, replies, reliance=echo) == pytest.approx([2.0])  # the word comes with the class
    assert yields(replace(alone, frames=framed(turn=0.9)), replies, reliance=turn) == pytest.approx(
        [0.96, 2.0]
    )


def test_figures_are_added_up() -> None:
    found = Stops()
    trial = Trial(SCENE, lambda words, agent: 0.0)
    assert stopped([trial, trial], found=found) is found
    assert len(ended([trial], found=ended([trial])).cuts) == 2 * len(ended([trial]).cuts) > 0


def test_the_final_words_are_those_after_the_voice() -> None:
    assert final_words(SCENE.dialogue, EDGES[3], 3.1) == (2.9, "what is")
    at, words = final_words(SCENE.dialogue, EDGES[3], 2.6)
    assert at > EDGES[3].t
    assert words == "what"


def test_any_voice_stops_the_agent_while_it_speaks_and_lasts() -> None:
    audible = [30 <= at < 60 for at in range(100)]
    edges = [
        VoiceEdge(1.0, True, 0.9),
        VoiceEdge(1.3, False, 1.2),
        VoiceEdge(3.0, True, 2.94),
        VoiceEdge(3.5, False, 3.4),
        VoiceEdge(4.0, True, 3.94),
        VoiceEdge(4.05, False, 4.0),
    ]
    assert any_voice(replace(SCENE, edges=edges), audible) == pytest.approx([3.1])


def test_smart_turn_hears_eight_seconds_whatever_it_is_given() -> None:
    rng = np.random.default_rng(0)
    short, long = (rng.normal(0, 1000, n).astype(np.int16) for n in (4_000, 200_000))
    for pcm in (short, long):
        features = smart_features(pcm)
        assert features.shape == (80, 800)
        assert features.max() - features.min() <= 2 + 1e-5
    quieter = smart_features((long // 4).astype(np.int16))
    assert np.abs(quieter - smart_features(long)).mean() < 0.02  # the level does not count


def test_figures_without_cases_are_absent(capsys: pytest.CaptureFixture[str]) -> None:
    assert of_ends("core", Ends()) == []
    assert "absent: core.cut_in_share" in capsys.readouterr().err


def test_figures_of_turn_ends() -> None:
    found = {m.name: m for m in of_ends("core", Ends([True, False, False, False], [True], [0.1, 0.2, 0.3]))}
    assert found["core.cut_in_share"].value == 0.25
    assert found["core.end_delay_p50_ms"].value == pytest.approx(200)
    assert found["core.end_delay_p50_ms"].n == 3


def heard(dialogue: int, words: str, complete: bool, core: float) -> Heard:
    return Heard(dialogue, words, "", complete, core)


def test_words_are_compared_with_others_of_like_length() -> None:
    rows = [heard(0, "a b", False, 0.2), heard(1, "a b c", True, 0.9), heard(2, "a b c d e f g", False, 0.95)]
    found = like_length(rows, np.array([row.core for row in rows]))
    assert found is not None
    assert found[0] == 1.0  # the longest is compared with none
    assert like_length(rows[:1], np.array([0.2])) is None
    assert like_length([], np.array([])) is None


def test_the_trivial_rule_knows_function_words() -> None:
    rows = [
        heard(number, f"turn on the {'lamp' if done else 'lamp in the'}", done, 0.0)
        for number in range(8)
        for done in (True, False)
    ]
    scores = trivial(rows)
    assert min(scores[::2]) > max(scores[1::2])
