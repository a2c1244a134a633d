"""What `duplex bench call` says to the agent, and which agent that is."""

from pathlib import Path

import pytest
import yaml

from duplex.agent.loader import load_agent
from duplex.agent.spec import CoreMode
from duplex.bench import call
from duplex.bench.conversation import read_questions
from duplex.bench.measure import Measure
from duplex.resources import config_path


def test_the_shipped_script_is_whole() -> None:
    questions = read_questions(config_path("bench/call.yaml"))
    assert [bool(question.accept) for question in questions].count(False) == 4
    assert len({question.text for question in questions}) == 20
    script = yaml.safe_load(config_path("bench/call_paused.yaml").read_text(encoding="utf-8"))
    assert script["unfinished"] < len(script["paused"]) == 20
    assert len(script["barge_in"]) == 12
    assert all(len(pair) == 2 for pair in [*script["paused"], *script["barge_in"]])


@pytest.mark.parametrize("core", ["off", "full"])
def test_the_same_agent_is_called_with_the_core_asked_for_another_thing(
    core: CoreMode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "OUT", tmp_path)
    spec, plain = load_agent(call._asking(core)), load_agent(call.AGENT)
    assert spec.turns.core == core != plain.turns.core
    same = {"turns": plain.turns}
    assert spec.model_copy(update=same) == plain
    named = call._renamed(Measure("call.stop_p50_ms", 1.0, "ms", 1, None, call.COMMAND), core)
    assert (named.name, named.command) == (f"call.core_{core}.stop_p50_ms", f"{call.COMMAND} --core {core}")
