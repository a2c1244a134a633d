"""What is heard on the user's channel, and when: the player of a scenario."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from evals_scenes import FRAME, LOUD, QUIET, after, item, play, ramp, scenario
from hypothesis import given
from hypothesis import strategies as st

from duplex.audio.levels import level_dbfs
from duplex.audio.pcm import Pcm
from duplex.evals.scenario import ScenarioError
from duplex.evals.timeline import ECHO_DELAY, MERGE, AgentSpeech, Player, active_dbfs

Span = tuple[float, float]


def starts(player: Player) -> dict[str, float]:
    return {each.item.id: round(each.start, 4) for each in player.placed}


@given(st.floats(0, 3.5), st.integers(1, 8_000))
def test_an_item_begins_to_the_sample_and_is_not_changed(at: float, length: int) -> None:
    audio = ramp(length / 16_000)
    player = Player(scenario(item("u1", at)), {"u1": audio})
    said = play(player)
    first = round(at * 16_000)
    assert np.array_equal(said[first : first + length], audio[: len(said) - first])
    assert not said[:first].any()
    assert not said[first + length :].any()
    assert player.placed[0].start == first / 16_000
    assert player.placed[0].end == (first + length) / 16_000


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 9_000)), max_size=5))
def test_what_is_said_at_once_is_added_and_never_wraps(parts: list[tuple[float, int]]) -> None:
    audio = {f"u{at}": np.full(length, 20_000, np.int16) for at, (_, length) in enumerate(parts)}
    player = Player(scenario(*(item(f"u{at}", start) for at, (start, _) in enumerate(parts))), audio)
    said = play(player)
    wanted = np.zeros(len(said), np.int64)
    for start, length in parts:
        wanted[round(start * 16_000) : round(start * 16_000) + length] += 20_000
    assert np.array_equal(said, np.minimum(wanted, 32_767))


SPEAKS: list[Span] = [(0.5, 1.0), (1.5, 2.5)]
PLACES: list[tuple[object, float | None]] = [
    (1.23, 1.23),
    (after("agent.speech_start", 0.3), 0.8),
    (after("agent.speech_start", 0.0), 0.5),
    (after("agent.speech_start", 0.25, nth=2), 1.75),
    (after("agent.speech_start", -1.0, nth=2), 1.5),  # nobody knows the future: at once
    (after("agent.speech_end", 0.3), 1.3),
    (after("agent.speech_end", 0.0), 1.2),  # that it was the end is known only now
    (after("agent.speech_end", 0.5, nth=2), 3.0),
    (after("agent.speech_start", 0.0, nth=3), None),
    (after("agent.speech_end", 0.0, nth=3), None),
    (after("agent.speech_start", 0.8, require="agent_speaking"), 1.5),  # held back until it speaks again
    (after("agent.speech_start", 0.2, require="agent_silent"), 1.2),
    (after("agent.speech_start", 2.2, require="agent_speaking"), None),
    (after("u1.start", 0.5), 0.6),
    (after("u1.end", 0.25), 0.85),
    (after("u1.end", -0.1), 0.5),
    (after("u1.speech_start"), 0.2),
    (after("u1.speech_end", 1.0), 1.5),
    (after("never.end"), None),
    (3.999, 3.999),
    (4.0, None),
]


@pytest.mark.parametrize(("at", "wanted"), PLACES)
def test_when_an_item_begins(at: object, wanted: float | None) -> None:
    first = item("u1", 0.1, speech=[[0.1, 0.2], [0.3, 0.4]])
    never = item("never", after("agent.speech_start", nth=9))
    scene = scenario(first, never, item("x", at))
    player = Player(scene, {"u1": ramp(0.5), "never": ramp(0.1), "x": ramp(0.1)})
    play(player, *SPEAKS)
    assert starts(player).get("x") == wanted
    assert ("x" in player.missed) is (wanted is None)
    assert "never" in player.missed


def test_items_may_follow_each_other_within_one_frame() -> None:
    scene = scenario(item("c", after("b.start", 0.001)), item("a", 1.0), item("b", after("a.start", 0.002)))
    player = Player(scene, dict.fromkeys("abc", ramp(0.1)))
    play(player)
    assert starts(player) == {"a": 1.0, "b": 1.002, "c": 1.003}
    assert [each.item.id for each in player.placed] == ["a", "b", "c"]


def test_items_that_wait_for_each_other_are_missed() -> None:
    player = Player(
        scenario(item("a", after("b.end")), item("b", after("a.end"))), {"a": ramp(1), "b": ramp(1)}
    )
    assert not play(player).any()
    assert player.missed == ["a", "b"]


@pytest.mark.parametrize(
    ("moment", "fault"),
    [
        ("u9.start", "no item called 'u9'"),
        ("agent.start", "'start' is none of speech_start, speech_end"),
        ("u1.middle", "'middle' is none of start, end"),
        ("soon", "no item called ''"),
    ],
)
def test_a_moment_that_nothing_has_is_an_error(moment: str, fault: str) -> None:
    with pytest.raises(ScenarioError, match=r"scene: u1: at\.after: ") as error:
        Player(scenario(item("u1", after(moment))), {"u1": ramp(0.1)})
    assert fault in str(error.value)


def test_the_scenario_is_over_when_its_time_is_up() -> None:
    player = Player(scenario(duration=0.07), {})
    lengths = []
    while not player.over:
        lengths.append(len(player.frame(QUIET)))
    assert lengths == [FRAME] * 4


@given(st.lists(st.booleans(), max_size=120))
def test_spans_of_the_agent_are_its_loud_frames_with_short_gaps_closed(loud: list[bool]) -> None:
    speech = AgentSpeech()
    for each in loud:
        speech.hear(LOUD if each else QUIET)
    frames = {at for at, each in enumerate(loud) if each}
    inside = {at for start, end in speech.spans for at in range(round(start * 50), round(end * 50))}
    assert frames <= inside, "every loud frame is in a span"
    for start, end in speech.spans:
        assert {round(start * 50), round(end * 50) - 1} <= frames, "a span begins and ends with one"
    gaps = [b - a for (_, a), (b, _) in zip(speech.spans, speech.spans[1:], strict=False)]
    assert all(gap > MERGE for gap in gaps)
    silent = len(loud) - max(frames, default=-100) - 1
    assert speech.speaking is (bool(frames) and silent <= 10)


@pytest.mark.parametrize(("amplitude", "heard"), [(200, True), (160, False)])
def test_speech_is_what_is_above_45_dbfs(amplitude: int, heard: bool) -> None:
    speech = AgentSpeech()
    speech.hear(np.full(480, amplitude, np.int16))
    assert bool(speech.spans) is heard


def noise(seconds: float, amplitude: float) -> Pcm:
    random = np.random.default_rng(1)
    return (random.standard_normal(round(seconds * 16_000)) * amplitude).astype(np.int16)


def test_gain_is_in_decibels() -> None:
    clip = noise(1.0, 1_000)
    player = Player(scenario(item("u1", 0.0, gain_db=-9)), {"u1": clip})
    assert level_dbfs(play(player)[:16_000]) == pytest.approx(level_dbfs(clip) - 9, abs=0.05)


@pytest.mark.parametrize(
    ("at", "reference"),
    [
        (after("agent.speech_start", 0.3), level_dbfs(LOUD)),
        (after("u1.end", 0.5, require="agent_speaking"), level_dbfs(LOUD)),
        (2.0, -30.0),
    ],
)
def test_snr_is_against_the_agent_where_it_is_disturbed_else_against_the_user(
    at: Any, reference: float
) -> None:
    """The noise has pauses; they do not make it louder."""
    clip = np.concatenate([noise(0.5, 500), np.zeros(8_000, np.int16), noise(0.5, 500)])
    user = noise(0.4, 32_768 * 10 ** (-36 / 20))
    scene = scenario(item("u1", 0.0, gain_db=6), {"id": "n", "kind": "noise", "at": at, "snr_db": 10.0})
    player = Player(scene, {"u1": user, "n": clip})
    said = play(player, (0.5, 3.9))
    start = round(player.placed[-1].start * 16_000)
    assert level_dbfs(said[start : start + 8_000]) == pytest.approx(reference - 10, abs=0.2)
    assert active_dbfs(clip) == pytest.approx(level_dbfs(clip[:8_000]), abs=0.2)


def test_snr_without_anybody_who_speaks_is_against_the_usual_level() -> None:
    clip = noise(1.0, 500)
    scene = scenario({"id": "n", "kind": "noise", "at": 0.0, "snr_db": 20.0})
    said = play(Player(scene, {"n": clip}))
    assert level_dbfs(said[:16_000]) == pytest.approx(-46, abs=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_the_agent_comes_back_as_an_echo(seed: int) -> None:
    """One tone burst, found again later and quieter; the delay is the seed's."""
    tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(2_400) / 24_000)).astype(np.int16)
    burst = [*tone.reshape(-1, 480), *[QUIET] * 45]
    player = Player(scenario(channel={"echo_db": -20.0}, seed=seed), {})
    back = np.concatenate([player.frame(frame) for frame in burst]).astype(float)
    wanted = 8_000 * np.sin(2 * np.pi * 440 * np.arange(1_600) / 16_000)
    delay = int(np.argmax(np.correlate(back, wanted)))
    assert ECHO_DELAY[0] <= delay / 16_000 <= ECHO_DELAY[1]
    heard = back[delay : delay + 1_600]
    assert 20 * np.log10(np.std(heard) / np.std(wanted)) == pytest.approx(-20, abs=0.3)
    assert not back[: delay - 40].any()
    assert np.abs(back[delay + 1_700 :]).max() <= 2
    again = Player(scenario(channel={"echo_db": -20.0}, seed=seed), {})
    assert np.array_equal(back, np.concatenate([again.frame(frame) for frame in burst]))


def test_echoes_differ_between_scenarios() -> None:
    delays = set()
    for seed in range(5):
        player = Player(scenario(channel={"echo_db": 0.0}, seed=seed), {})
        said = play(player, (0.0, 0.1), seconds=1.0)
        delays.add(int(np.flatnonzero(np.abs(said.astype(int)) > 1_000)[0]))
    assert len(delays) == 5
