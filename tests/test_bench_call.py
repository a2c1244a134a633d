"""What `duplex bench call` says to the agent."""

import yaml

from duplex.bench.conversation import read_questions
from duplex.resources import config_path


def test_the_shipped_script_is_whole() -> None:
    questions = read_questions(config_path("bench/call.yaml"))
    assert [bool(question.accept) for question in questions].count(False) == 4
    assert len({question.text for question in questions}) == 20
    script = yaml.safe_load(config_path("bench/call_paused.yaml").read_text(encoding="utf-8"))
    assert script["unfinished"] < len(script["paused"]) == 20
    assert len(script["barge_in"]) == 12
    assert all(len(pair) == 2 for pair in [*script["paused"], *script["barge_in"]])
