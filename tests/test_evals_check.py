"""Scenarios are checked before they are run; the shipped suite and schema are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from evals_scenes import after, item, scenario
from typer.testing import CliRunner

from duplex.evals import clips
from duplex.evals.check import check, usual_course
from duplex.evals.cli import app
from duplex.evals.scenario import Scenario, scenario_schema
from duplex.evals.suite import Case, find_suite, read_suite
from duplex.evals.words import as_words
from duplex.resources import agents_dir, config_path

TASKS = set(Scenario.model_fields["task"].annotation.__args__)  # type: ignore[union-attr]


@pytest.fixture
def espeak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A voice that is quick, and a cache of its own."""
    monkeypatch.setattr(clips, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr(clips, "_kokoro_folder", lambda: None)


def window(start: Any, end: Any, metric: str = "response_latency") -> dict[str, Any]:
    return {"metric": metric, "window": {"from": start, "to": end}}


def faults(tmp_path: Path, *timeline: dict[str, Any], **rest: Any) -> str:
    made = scenario(*timeline, **rest)
    return "\n".join(check(Case(made.id, tmp_path / "scene.yaml", made)).faults)


SAID = item("u1", 0.5, text="how far is it?")


@pytest.mark.parametrize(
    ("timeline", "rest", "why"),
    [
        ([SAID], {}, ""),
        ([SAID], {"expect": [window("u1.speech_end", "end")]}, ""),
        (
            [SAID],
            {"expect": [window("u2.speech_end", "end")]},
            "expect.0: response_latency: the window from 'u2",
        ),
        ([SAID], {"expect": [window("u1.ending", "end")]}, "is no span of time"),
        ([SAID], {"expect": [window("each pause in u1.speech", "pause end")]}, ""),
        ([SAID], {"expect": [window("each pause in u7.speech", "pause end")]}, "is no span of time"),
        ([SAID], {"expect": [window(0, "end", "responce_latency")]}, "no metric is called so"),
        ([item("u1", 0, clip="gone.wav")], {}, "gone.wav"),
        ([item("u1", 0)], {}, "nothing to play"),
        ([SAID, item("u2", after("u3.end"), text="and?")], {}, "no item called 'u3'"),
        ([SAID, item("u2", after("u2.end"), text="and?")], {}, "u2: at: its moment never comes"),
        ([item("u1", 7.0, text="late")], {}, "it would begin at 7.0 s, but the scenario ends at 4 s"),
        ([SAID], {"tools": [{"name": "search", "corpus": "gone"}]}, "tools: search: gone"),
        ([item("u1", 0, tts={"text": "[pause 1.0] well"})], {}, "a pause stands between words"),
    ],
)
@pytest.mark.usefixtures("espeak")
def test_faults_are_found_and_named(
    tmp_path: Path, timeline: list[dict[str, Any]], rest: dict[str, Any], why: str
) -> None:
    found = faults(tmp_path, *timeline, **rest)
    assert bool(found) == bool(why), found
    assert why in found


def test_the_usual_course_follows_what_items_wait_for() -> None:
    placed = usual_course(
        scenario(
            item("u3", after("agent.speech_end", 0.5), dur=1.0),
            item("u1", 0.5, dur=2.0, speech=[[0.2, 1.5]]),
            item("u2", after("u1.speech_end", 1.0), dur=1.0),
            item("never", after("nobody.end")),
        )
    )
    starts = {each.item.id: each.start for each in placed}
    assert starts == {"u1": 0.5, "u2": 3.0, "u3": pytest.approx(7.5)}


def shipped() -> list[tuple[Path, Scenario]]:
    """The scenarios of the shipped suite."""
    cases = [case for part in read_suite(find_suite("everyday"), "virtual") for case in part]
    assert not [case.error for case in cases if case.error]
    return [(case.file, case.scenario) for case in cases if case.scenario]


def test_the_shipped_suite_covers_every_task_with_many_texts() -> None:
    suite = shipped()
    assert {each.task for _, each in suite} == TASKS
    assert len(suite) >= 60
    said = [item.tts for _, each in suite for item in each.timeline if item.tts]
    assert len({tts["text"] for tts in said}) >= 80
    for file, each in suite:
        assert (file.stem, file.parent.name) == (each.id, each.task)


def test_what_the_shipped_suite_asks_stands_in_its_knowledge() -> None:
    knowledge = find_suite("everyday") / "knowledge"
    asked = [each.answer for _, each in shipped() if each.answer]
    assert len(asked) >= 15
    for answer in asked:
        texts = [(knowledge / f"{doc}.md").read_text().lower() for doc in answer.supporting_docs]
        if answer.kind == "answer":
            assert any(gold.lower() in text for gold in answer.gold for text in texts), answer


def lines(folder: Path) -> set[str]:
    """Of all passages in it."""
    files = list(folder.rglob("*.md"))
    assert files
    return {line.strip() for file in files for line in file.read_text().splitlines() if line.strip()}


def test_the_shipped_suite_shares_no_sentence_with_the_shipped_agents() -> None:
    assert not lines(find_suite("everyday")) & lines(agents_dir())


def test_the_text_lane_pauses_where_the_text_does() -> None:
    made = as_words(scenario(item("u1", 0.5, tts={"text": "I mean [pause 0.9] the cactus"})))
    assert made.scenario.timeline[0].words == (
        ("I", 0.0, 0.36),
        ("mean", 0.4, 0.76),
        ("the", pytest.approx(1.7), pytest.approx(2.06)),
        ("cactus", pytest.approx(2.1), pytest.approx(2.46)),
    )
    assert made.scenario.timeline[0].speech == ((0.0, 0.76), (pytest.approx(1.7), pytest.approx(2.46)))


def test_the_shipped_schema_is_the_models() -> None:
    shipped = json.loads(config_path("evals/duplex-scenario-1.schema.json").read_text())
    assert shipped == scenario_schema(), (
        "run: duplex eval schema > configs/evals/duplex-scenario-1.schema.json"
    )
    assert json.loads(CliRunner().invoke(app, ["schema"]).stdout) == shipped


@pytest.mark.usefixtures("espeak")
def test_the_command_says_which_file_is_wrong_and_why(tmp_path: Path) -> None:
    good = scenario(SAID).model_dump(mode="json", by_alias=True, exclude_none=True)
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(good))
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(good | {"id": "other", "duration": "long"}))
    ran = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert ran.exit_code == 1
    assert "bad.yaml: duration" in ran.stderr
    assert ran.stdout == "1 of 2 scenarios are right, over 1 tasks\n"
    told = CliRunner().invoke(app, ["check", str(tmp_path / "good.yaml"), "--json"])
    assert (told.exit_code, json.loads(told.stdout)["ok"]) == (0, True)
