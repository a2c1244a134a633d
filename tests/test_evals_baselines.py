"""Baselines do what their names say, at the moment at which they say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from evals_scenes import scenario
from hypothesis import given
from hypothesis import strategies as st
from transport_peers import tone

from duplex.evals import corpora
from duplex.evals.baselines import ANSWER, KINDS, PREFIX, Baseline, EchoSide, SilenceRule, baseline
from duplex.evals.drivers.virtual import replay_virtual
from duplex.evals.metrics.spans import audible, merge
from duplex.evals.oracles import foresee, turns
from duplex.evals.prepare import Prepared
from duplex.evals.record import RATE, Replay
from duplex.evals.runner import RunError, agent
from duplex.evals.scenario import Scenario

OPENING = {"opening": {"text": "Lake Superior is the largest of the Great Lakes by surface.", "at": 0.5}}


def said(id: str, at: object, seconds: float = 1.0, **rest: Any) -> dict[str, Any]:
    return {"id": id, "kind": "user_speech", "at": at, "dur": seconds, "speech": [[0, seconds]]} | rest


def played(kind: str, scene: Scenario) -> Replay:
    contender = Baseline(kind)
    anyio.run(contender.load)
    audio = {item.id: tone(item.dur or 0, RATE) for item in scene.timeline}
    replay = replay_virtual(Prepared(scene, audio), contender, "zero")
    assert not replay.error
    return replay


def heard(replay: Replay) -> list[tuple[float, float]]:
    return merge(audible(replay.agent, RATE), 0.3)


def decisions(replay: Replay) -> list[float]:
    return [record.t for record in replay.of("eot_decision")]


@pytest.mark.parametrize(
    ("frames", "ends"),
    [
        ([1] * 50 + [0] * 25, [74]),
        ([1] * 50 + [0] * 24, []),
        ([1] * 4 + [0] * 50, []),
        ([1] * 3 + [0] * 20 + [1] * 2 + [0] * 25, [49]),
        ([1] * 5 + [0] * 100, [29]),
        ([1] * 5 + [0] * 25 + [1] * 5 + [0] * 25, [29, 59]),
        ([0] * 100, []),
    ],
)
def test_the_silence_rule(frames: list[int], ends: list[int]) -> None:
    rule = SilenceRule()
    assert [at for at, sound in enumerate(frames) if rule.on(bool(sound))] == ends


@given(st.lists(st.booleans(), max_size=400))
def test_a_turn_ends_in_half_a_second_of_silence_alone(frames: list[bool]) -> None:
    rule = SilenceRule()
    for at, sound in enumerate(frames):
        if rule.on(sound):
            assert not any(frames[at - 24 : at + 1])
            assert sum(frames[:at]) >= 5


def test_never() -> None:
    replay = played("never", scenario(said("u", 0.5), agent=OPENING))
    assert not replay.agent.any()
    assert not list(replay.of("eot_decision", "response_start"))


def test_silence_500_answers_late_and_stops_for_anything() -> None:
    cough = said("c", {"after": "agent.speech_start", "offset": 1.0}, 0.4, claims_floor=False)
    replay = played("silence-500", scenario(said("u", 0.5), cough, duration=6.0))
    (first, stopped), (again, _) = heard(replay)
    assert decisions(replay)[0] == pytest.approx(2.0, abs=0.03)
    assert first == pytest.approx(2.0, abs=0.05)
    onset = replay.placed[1].start
    assert onset + 0.08 < stopped < onset + 0.2
    assert again == pytest.approx(onset + 0.4 + 0.5, abs=0.05)
    assert [record.payload["id"] for record in replay.of("playout_flush")] == [1]


def test_an_oracle_answers_at_once_and_yields_to_what_claims_the_floor_alone() -> None:
    cough = said("c", {"after": "agent.speech_start", "offset": 0.6}, 0.2, claims_floor=False)
    over = said("i", {"after": "agent.speech_start", "offset": 1.5}, 1.3)
    scene = scenario(cough, over, agent=OPENING, duration=8.0)
    replay = played("oracle-endpoint", scene)
    opened, answered = heard(replay)
    start = replay.placed[1].start
    assert opened[0] == pytest.approx(0.5, abs=0.02)
    assert opened[1] == pytest.approx(start, abs=0.05)
    assert decisions(replay) == [pytest.approx(start + 1.3, abs=0.021)]
    assert answered[0] == pytest.approx(start + 1.3, abs=0.03)
    words = [word for record in replay.of("agent_text") for word, _, _ in record.payload["words"]]
    assert " ".join(words).endswith(ANSWER)


def test_turns_may_have_several_items() -> None:
    scene = scenario(
        said("a", 0.0, ends_turn=False), said("x", 1.2, addressed_to="other"), said("b", 2.0), said("c", 4.0)
    )
    assert [[item.id for item in turn] for turn in turns(scene)] == [["a", "b"], ["c"]]


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_path: Any) -> Path:
    model_path("minilm")
    monkeypatch.setattr(corpora, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    texts = {
        "bridge": "The Copper Bridge was designed by the engineer Ada Morrow in 1897.",
        "well": "The old well in the market square is ninety metres deep.",
        "bread": "Rye bread is baked for four hours at the Three Ovens bakery.",
        "comet": "A comet was found from the observatory in Ashwater in 1968.",
        "school": "The sailing school of the harbour takes children from the age of nine.",
        "mill": "Salt was ground in the mill by the river until the flood.",
    }
    file = tmp_path / "docs.jsonl"
    file.write_text("\n".join(json.dumps({"id": id, "text": text}) for id, text in texts.items()))
    return file


def test_an_oracle_calls_its_tool_at_the_first_word_that_suffices(documents: Path) -> None:
    text = "please tell me how deep the old well in the market square is"
    words = [(word, 0.3 * at, 0.3 * at + 0.25) for at, word in enumerate(text.split())]
    delay = {"dist": "fixed", "p50": 1.0}
    tool = {"name": "web_search", "corpus": str(documents), "latency": delay}
    scene = scenario(said("u", 0.5, 3.85, words=words), tools=[tool], duration=8.0)
    trigger = foresee(scene, documents)["u"]
    assert trigger.docs[0] == "well"
    corpus = corpora.open_corpus(documents)
    final = set(corpus.search(text)[2])
    prefixes = [" ".join(text.split()[: at + 1]) for at in range(len(words))]
    same = [set(corpus.search(prefix)[2]) == final for prefix in prefixes]
    assert all(same[trigger.words - 1 :])
    assert trigger.words == 1 or not same[trigger.words - 2]

    replay = played("oracle-trigger", scene)
    (call,), (used,) = list(replay.of("tool_call")), list(replay.of("tool_commit"))
    assert call.t == pytest.approx(0.5 + words[trigger.words - 1][2], abs=0.021)
    assert call.payload["query"] == trigger.query
    end = 0.5 + words[-1][2]
    assert decisions(replay) == [pytest.approx(end, abs=0.021)]
    assert used.payload["docs"] == list(trigger.docs)
    assert heard(replay)[0][0] == pytest.approx(max(end, call.t + 1.0), abs=0.05)


def test_an_echo_gives_back_each_frame_and_keeps_none() -> None:
    side = EchoSide()
    ready: list[int] = []
    forget = side.on_ready(lambda: ready.append(1))
    quiet, loud = np.zeros(320, np.int16), tone(0.02, RATE)
    for frame in (quiet, loud, loud, quiet, loud):
        side.push(frame)
    assert len(ready) == 2
    forget()
    out = side.pull()
    assert out.shape == (480,)
    assert np.abs(out).max() > 5_000
    assert not side.pull().any()


def test_names() -> None:
    for kind in KINDS:
        make, identity = agent(PREFIX + kind, "virtual")
        assert make().name == identity == PREFIX + kind
    with pytest.raises(ValueError, match="baseline:never"):
        baseline("baseline:always", "virtual")
    with pytest.raises(RunError, match="always"):
        agent("baseline:always", "virtual")
