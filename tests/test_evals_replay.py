"""Replays against the shipped agent, with its real models: what is in the log was in the audio."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from evals_scenes import after, item, scenario

from duplex.agent.loader import load_agent
from duplex.audio.detect import first_audible, silent_from
from duplex.evals.contender import AgentContender
from duplex.evals.drivers.text import replay_text
from duplex.evals.drivers.virtual import replay_virtual
from duplex.evals.prepare import prepare
from duplex.evals.record import RATE, Record, Replay
from duplex.evals.scenario import Scenario
from duplex.evals.words import as_words
from duplex.transport.costs import read_costs

DATA = Path(__file__).parent / "data"
pytestmark = pytest.mark.models
STORY = (
    "Once there was a ferry that crossed the lake every morning, whatever the weather, and its captain knew every "
    "passenger by name. One day nobody came, and the captain waited until noon before he cast off all the same."
)
OPENING = {"opening": {"text": STORY, "at": 0.5}}
DOCS = [
    {
        "id": "d-otters",
        "title": "Otters",
        "text": "Otters hold hands while they sleep, so that none drifts away.",
    },
    {
        "id": "d-deep",
        "title": "Deep lakes",
        "text": "The deepest lake in the world is Lake Baikal, 1,642 metres deep.",
    },
]


@pytest.fixture(scope="module")
def lakes() -> Iterator[AgentContender]:
    """The shipped agent, loaded once for many event loops."""
    contender = AgentContender(load_agent("lakes"))
    anyio.run(contender.load)
    yield contender
    anyio.run(contender.aclose)


def question(at: object, **rest: Any) -> dict[str, Any]:
    """Somebody asks for the deepest lake."""
    return item("u1", at, clip="asr_deepest.flac", **rest)


def replayed(contender: AgentContender, scene: Scenario, compute: Any = "zero") -> Replay:
    costs = read_costs() if compute == "fixed" else None
    replay = replay_virtual(prepare(scene, DATA), contender, compute, costs)
    assert replay.error == ""
    return replay


def one(replay: Replay, kind: str, last: bool = False) -> Record:
    found = list(replay.of(kind))
    assert found, f"no {kind}"
    return found[-1 if last else 0]


def spoken(replay: Replay, response: int) -> str:
    rows = [record for record in replay.of("agent_text") if record.payload["id"] == response]
    return " ".join(word for record in rows for word, _, _ in record.payload["words"])


def test_a_question_interrupts_an_opening_and_is_answered(lakes: AgentContender) -> None:
    moment = after("agent.speech_start", 1.5, require="agent_speaking")
    replay = replayed(lakes, scenario(question(moment), agent=OPENING, duration=14.0), "measured")
    asked = replay.placed[0]
    begun = first_audible(replay.agent, RATE)
    assert begun is not None
    assert begun == pytest.approx(one(replay, "agent_audio").t, abs=0.03)
    assert begun > 0.5
    assert asked.start == pytest.approx(one(replay, "agent_audio").t + 1.5, abs=1e-3)
    first = first_audible(replay.user, RATE)
    assert first is not None
    assert first == pytest.approx(asked.start, abs=0.5)
    opening = spoken(replay, 1)
    assert STORY.startswith(opening)
    assert 2 <= len(opening.split()) < len(STORY.split()) / 2
    flushed = one(replay, "playout_flush")
    assert flushed.payload["heard"] == opening
    quiet = silent_from(replay.agent, RATE, flushed.t)
    assert quiet is not None
    assert quiet < flushed.t + 0.1
    assert "deepest lake" in one(replay, "asr_final", last=True).payload["text"].lower()
    answer = one(replay, "response_start", last=True)
    assert "Baikal" in spoken(replay, answer.payload["id"])
    end = one(replay, "eot_decision", last=True)
    assert end.payload["end"] == pytest.approx(asked.end, abs=1.0)
    sounded = first_audible(replay.agent, RATE, end.t)
    assert sounded == pytest.approx(answer.t, abs=0.15)
    assert [record.type for record in replay.of("tool_call", "tool_result", "tool_commit")][-3:] == [
        "tool_call",
        "tool_result",
        "tool_commit",
    ]


def test_an_opening_waits_for_the_floor(lakes: AgentContender) -> None:
    replay = replayed(lakes, scenario(question(0.1), agent=OPENING, duration=12.0))
    reasons = [record.payload["reason"] for record in replay.of("response_start")]
    assert reasons[-1] == "announcement"
    assert one(replay, "response_start").t > replay.placed[0].end
    assert STORY.startswith(spoken(replay, one(replay, "response_start", last=True).payload["id"]))


def test_without_an_opening_the_agent_says_nothing_unasked(lakes: AgentContender) -> None:
    replay = replayed(lakes, scenario(duration=6.0))
    assert not replay.agent.any(), "its own greeting is left out"


def test_equal_runs_leave_equal_logs(lakes: AgentContender) -> None:
    """On event loops that come and go, with fixed costs; the sound itself may differ, since the voice varies."""
    scene = scenario(question(0.3), duration=9.0)
    first, second = (replayed(lakes, scene, "fixed") for _ in range(2))
    kinds = ("vad", "asr_partial", "asr_final", "tool_call", "tool_result", "eot_decision", "response_start")
    assert list(first.of(*kinds)) == list(second.of(*kinds))
    assert first.user.tobytes() == second.user.tobytes()


def kept_call(replay: Replay) -> tuple[Record, Record]:
    """The call that the answer rests on, and its result; when it is made is the agent's affair."""
    kept = one(replay, "tool_commit")
    call, result = (
        next(record for record in replay.of(kind) if record.payload["id"] == kept.payload["id"])
        for kind in ("tool_call", "tool_result")
    )
    assert result.payload["docs"] == kept.payload["docs"]
    return call, result


def with_tool(folder: Path, **tool: Any) -> Scenario:
    (folder / "docs.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in DOCS))
    given = {"name": "web", "corpus": str(folder / "docs.jsonl"), "latency": {"p50": 2.0}} | tool
    return scenario(question(0.3), tools=[given], duration=14.0)


def test_a_scenarios_tool_takes_the_place_of_the_agents_knowledge(
    lakes: AgentContender, tmp_path: Path
) -> None:
    replay = replayed(lakes, with_tool(tmp_path))
    call, result = kept_call(replay)
    assert call.payload["name"] == "web"
    assert result.t - call.t == pytest.approx(2.0, abs=0.02)
    assert result.payload["docs"][0] == "d-deep"
    assert one(replay, "response_start").t >= result.t
    assert "Baikal" in spoken(replay, one(replay, "response_start").payload["id"])


def test_a_tool_that_fails_is_apologised_for(lakes: AgentContender, tmp_path: Path) -> None:
    replay = replayed(lakes, with_tool(tmp_path, fail="error"))
    assert one(replay, "AgentError").payload["message"] == "no answer: web failed"
    assert list(replay.of("tool_commit")) == []
    assert list(replay.of("tool_cancel"))
    assert spoken(replay, one(replay, "response_start").payload["id"]) == lakes.spec.apology


def test_words_alone_are_answered(lakes: AgentContender, tmp_path: Path) -> None:
    words = item("u1", 0.5, text="What is the deepest lake in the world?")
    scene = with_tool(tmp_path).model_copy(update={"timeline": scenario(words).timeline})
    replay = replay_text(as_words(scene), lakes_of_words(lakes), "zero")
    assert replay.error == ""
    assert one(replay, "asr_final", last=True).payload["text"] == "What is the deepest lake in the world?"
    partials = [record.payload["text"].split() for record in replay.of("asr_partial")]
    assert all(len(a) <= len(b) for a, b in pairwise(partials))
    ends = [end + 0.5 for _, _, end in as_words(scene).scenario.timeline[0].words]
    for record in replay.of("asr_partial"):
        last = ends[len(record.payload["text"].split()) - 1]
        assert 0 <= record.t - last <= 0.7, "a word is known when it has been said, at the next partial"
    call, result = kept_call(replay)
    assert result.t - call.t == pytest.approx(2.0, abs=0.02)
    assert result.payload["docs"][0] == "d-deep"
    assert "Baikal" in spoken(replay, one(replay, "response_start").payload["id"])
    assert len(replay.user) == len(replay.agent) == 0


def lakes_of_words(lakes: AgentContender) -> AgentContender:
    """The same engines for the text lane."""
    contender = AgentContender(lakes.spec, "text")
    contender.lanes, contender._engines = lakes.lanes, lakes.engines
    return contender


def test_a_run_that_is_stopped_is_gone_on_with(tmp_path: Path) -> None:
    """From the command line: Ctrl-C, as a terminal sends it to all processes, and the same command again."""
    suite, out = tmp_path / "suite", tmp_path / "out"
    suite.mkdir()
    for name in ("a", "b"):
        head = {"schema": "duplex-scenario/1", "id": name, "task": "smooth_turn_taking", "expect": []}
        rest = {"duration": 6.0 if name == "a" else 20.0, "timeline": [question(0.3)]}
        (suite / f"{name}.yaml").write_text(json.dumps(head | rest))
    arguments = ["eval", "run", str(suite), "--agent", "lakes", "--out", str(out), "--data", str(DATA)]
    command = [sys.executable, "-m", "duplex", *arguments, "--compute", "zero"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("[1/2] a: 6 s in ")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 130
    assert (out / "a" / "metrics.json").is_file()
    assert not (out / "b" / "metrics.json").exists()
    assert json.loads((out / "run.json").read_text())["done"] == 1
    for _ in range(100):  # its worker ends too
        if subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True).returncode:
            break
        time.sleep(0.1)
    else:
        pytest.fail("a process was left behind")
    again = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    runs = {row["id"]: row["kept"] for row in json.loads(again.stdout)["runs"]}
    assert runs == {"a": True, "b": False}
    assert "[1/2] a: kept" in again.stderr
