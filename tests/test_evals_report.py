"""The report's page: what it is told, and that somebody else's text cannot become part of it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eval_runs import duplex, leave, leave_replay
from hypothesis import given
from hypothesis import strategies as st
from pages import Page

from duplex.evals.embed import embedded, peaks
from duplex.evals.record import Record
from duplex.evals.report import render, write_report
from duplex.evals.report.data import detail, gaps, mark, prepare, responses, scenario, spans, tools
from duplex.evals.results import read_results
from duplex.evals.summary import make_summary

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>alert(2)</script>\u2028@@DATA@@ &amp;"


def record(t: float, type: str, **payload: Any) -> Record:
    return Record(t, "agent", type, payload)


def page_of(folder: Path, text: str) -> tuple[dict[str, Any], Page, str]:
    """The page of a run in which all that others write is `text`."""
    leave_replay(folder, "one", title=text, said=text, agent=text)
    leave(folder, "broken", error=text)
    data = prepare(make_summary(folder), read_results(folder))
    page = render(data)
    return data, Page(page), page


def test_what_others_write_stays_text(tmp_path: Path) -> None:
    data, page, _ = page_of(tmp_path / "hostile", HOSTILE)
    _, harmless, _ = page_of(tmp_path / "harmless", "plain")
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in harmless.tags]
    assert HOSTILE in page.texts["title"][0]
    assert json.loads(page.texts["script"][0]) == json.loads(json.dumps(data))
    assert page.texts["script"][1] == harmless.texts["script"][1]
    told = json.dumps(data, ensure_ascii=False)
    assert told.count(json.dumps(HOSTILE, ensure_ascii=False)[1:-1]) >= 5  # it is there, as data


def test_the_page_runs_its_own_script_alone_and_loads_nothing(tmp_path: Path) -> None:
    _, page, text = page_of(tmp_path, "plain")
    (policy,) = (attrs["content"] for _, attrs in page.tags if "http-equiv" in attrs)
    digest = base64.b64encode(hashlib.sha256(page.texts["script"][1].encode()).digest()).decode()
    assert str(policy).startswith("default-src 'none'")
    assert f"script-src 'sha256-{digest}'" in str(policy)
    assert not [attrs for _, attrs in page.tags if attrs.keys() & {"src", "srcset"}]
    assert all(str(attrs["href"]).startswith("#") for _, attrs in page.tags if "href" in attrs)
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert not [
        word for word in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in text
    ]


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_embedded_data_comes_back_and_cannot_end_its_element(value: object) -> None:
    text = embedded({"value": value})
    assert json.loads(text) == {"value": value}
    assert not set("<>&\u2028\u2029") & set(text)


def test_a_figure_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        embedded({"latency": float("nan")})


@pytest.mark.parametrize(("sample", "value", "byte"), [(0, 32_767, 255), (159, -32_768, 255), (160, 1, 1)])
def test_a_peak_stands_where_its_sample_does(sample: int, value: int, byte: int) -> None:
    pcm = np.zeros(401, dtype=np.int16)
    pcm[sample] = value
    wanted = [0, 0, 0]
    wanted[sample // 160] = byte
    assert list(base64.b64decode(peaks(pcm))) == wanted


def test_no_audio_has_no_peaks() -> None:
    assert peaks(np.zeros(0, dtype=np.int16)) == ""


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        ([(1.0, "onset"), (2.0, "offset")], [(1.0, 2.0)]),
        ([(1.0, "onset")], [(1.0, 9.0)]),
        ([(2.0, "offset"), (3.0, "onset"), (3.5, "onset"), (4.0, "offset")], [(3.0, 4.0)]),
        ([], []),
    ],
)
def test_where_the_agent_is_audible(edges: list[tuple[float, str]], found: list[tuple[float, float]]) -> None:
    assert spans([record(t, "agent_audio", edge=edge) for t, edge in edges], 9.0) == found


def test_a_response_gathers_its_words_and_whether_it_was_cut() -> None:
    rows = responses(
        [
            record(1.0, "response_start", id=1, path="slow", reason="words"),
            record(1.2, "agent_text", id=1, words=[["Very", 1.0, 1.3]]),
            record(1.6, "agent_text", id=1, words=[["deep.", 1.3, 1.8]]),
            record(2.0, "playout_flush", id=1, heard="Very deep."),
            record(3.0, "response_start", id=2, path="fast"),
        ]
    )
    assert [(row["start"], [word for word, _, _ in row["words"]], row["cut"]) for row in rows] == [
        (1.0, ["Very", "deep."], True),
        (3.0, [], False),
    ]


@pytest.mark.parametrize(
    ("records", "state", "end", "committed"),
    [
        ([("tool_result", 2.0), ("tool_commit", 3.0)], "done", 2.0, 3.0),
        ([("tool_cancel", 1.5)], "cancelled", 1.5, None),
        ([("tool_commit", 1.5), ("tool_result", 2.5)], "done", 2.5, 1.5),
        ([], "open", 9.0, None),
    ],
)
def test_a_call_of_a_tool_from_its_issue_to_its_end(
    records: list[tuple[str, float]], state: str, end: float, committed: float | None
) -> None:
    call = record(1.0, "tool_call", id="7", name="search", query="how deep")
    (row,) = tools([call, *(record(t, type, id="7") for type, t in records)], 9.0)
    assert (row["state"], row["end"], row["committed"], row["query"]) == (state, end, committed, "how deep")


def test_a_decision_tells_why_and_how_sure() -> None:
    assert mark(record(1.23456, "eot_decision", reason="words", p=0.98765)) == {
        "t": 1.235, "kind": "eot_decision", "reason": "words", "p": 0.988,
    }  # fmt: skip
    assert mark(record(1.0, "Duck"))["p"] is None


def test_a_record_reads_in_one_line() -> None:
    assert detail({"id": 3, "p": 0.123456, "docs": [], "text": "a" * 999})[:24] == "id 3 · p 0.1235 · text a"
    assert len(detail({"text": "a" * 999})) == 400


def test_a_scenario_that_was_never_replayed_has_no_timeline(tmp_path: Path) -> None:
    leave(tmp_path, "broken", error="no such clip")
    (row,) = (scenario(each) for each in read_results(tmp_path))
    assert (row["timeline"], row["error"], row["verdict"]) == (None, "no such clip", None)


def test_a_timeline_has_both_channels_and_the_wait_between(tmp_path: Path) -> None:
    leave_replay(tmp_path, "one", said="How deep is it?", agent="Very deep.")
    (row,) = (scenario(each) for each in read_results(tmp_path))
    line = row["timeline"]
    assert (line["duration"], line["audio"], line["items"][0]["text"]) == (4.0, True, "How deep is it?")
    assert line["gaps"] == [(1.5, 2.0)]
    loud = np.frombuffer(base64.b64decode(line["peaks"]["user"]), np.uint8)
    assert [bool(each) for each in (loud[40], loud[60], loud[140], loud[160])] == [False, True, True, False]
    assert [each["kind"] for each in line["marks"]] == ["Eager", "eot_decision"]


def test_a_text_lane_has_no_sound_to_play(tmp_path: Path) -> None:
    replay = leave_replay(tmp_path, "one", sound=False)
    assert not (tmp_path / "one" / "dialogue.wav").exists()
    assert gaps(replay) == []
    (row,) = (scenario(each) for each in read_results(tmp_path))
    assert (row["timeline"]["audio"], row["timeline"]["peaks"]["user"]) == (False, "")


def test_a_report_is_written_beside_its_summary(tmp_path: Path) -> None:
    leave_replay(tmp_path, "one")
    write_report(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"one", "summary.json", "report.md", "report.html"}


def test_the_command_makes_a_report_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_replay(tmp_path, "one")
    assert duplex("eval", "report", tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "summary.json").read_text())
    (tmp_path / "one" / "events.jsonl").unlink()
    assert duplex("eval", "report", tmp_path) == 1
    assert "its replay cannot be read" in capsys.readouterr().err
