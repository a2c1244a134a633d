"""The page of a recorded call: what it is told, and that what was said in the call cannot become part of it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import Page

from duplex.bench.conversation import Exchange, Question
from duplex.bench.timeline import render, write_timeline
from duplex.bench.timeline_data import (
    core_spans,
    event_row,
    facts,
    prepare,
    replies,
    stage_medians,
    voice_spans,
)
from duplex.bench.turns import Said
from duplex.graph import TICKS
from duplex.transport.webrtc.caller import RATE, Caller, Received

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>alert(2)</script>\u2028@@DATA@@ &amp;"
SILENCE = np.zeros(RATE * 10, dtype=np.int16)


def turn(
    latency: float | None = 0.7, right: bool = True, text: str = "How deep?", **stages: float
) -> Exchange:
    return Exchange(Question(text, ["1"]), Said(text, 3.0, 4.0), text, text, latency, right, stages)


def event(kind: str, at: float, **fields: object) -> dict[str, Any]:
    return {"type": kind, "t": round(at * TICKS), "at": round(at * TICKS), "edge": "session", **fields}


def word(text: str, start: float, end: float) -> dict[str, object]:
    return {"text": text, "start": round(start * TICKS), "end": round(end * TICKS)}


def call_events(text: str = "Very deep.") -> list[dict[str, Any]]:
    """A greeting, one turn with a false end, and an answer that is cut off after its first word."""
    pcm = {"dtype": "int16", "shape": [480], "blake2b": "00"}
    return [
        event("Commit", 0.0, attempt=0, turn=0, end=0, reason="greeting"),
        event("VoiceStarted", 2.1, onset=2 * TICKS),
        event("Eager", 2.5, attempt=1, turn=1, end=2 * TICKS, text=None),
        event("Resumed", 2.7, attempt=1),
        event("VoiceStopped", 3.2, end=3 * TICKS),
        event("Transcript", 3.3, attempt=2, turn=1, text=text, final=True, stable=0),
        event("Commit", 3.4, attempt=2, turn=1, end=3 * TICKS, reason="words"),
        event("Speech", 3.5, attempt=2, pcm=pcm, last=False, words=[word("Very", 0.0, 0.3)]),
        event("Speech", 3.6, attempt=2, pcm=pcm, last=True, words=[word("deep.", 0.4, 0.8)]),
        event("PlayoutStarted", 3.7, attempt=2),
        event("Heard", 3.9, attempt=2, text="Very"),
        event("Yield", 4.0, attempt=2),
        event("PlayoutEnded", 4.1, attempt=2, heard="Very", interrupted=True),
    ]


def hostile_page() -> tuple[dict[str, Any], str]:
    data = prepare((SILENCE, SILENCE), [turn(text=HOSTILE)], call_events(HOSTILE), 1.0, HOSTILE)
    return data, render(data)


def test_what_was_said_stays_text() -> None:
    data, text = hostile_page()
    page = Page(text)
    harmless = Page(render(prepare((SILENCE, SILENCE), [turn()], call_events(), 1.0, "A call")))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in harmless.tags]
    assert page.texts["title"] == page.texts["h1"] == [HOSTILE]
    assert json.loads(page.texts["script"][0]) == json.loads(json.dumps(data))
    assert page.texts["script"][1] == harmless.texts["script"][1]


def test_the_page_runs_its_own_script_alone_and_loads_only_the_recording() -> None:
    _, text = hostile_page()
    page = Page(text)
    (policy,) = (attrs["content"] for tag, attrs in page.tags if "http-equiv" in attrs)
    digest = base64.b64encode(hashlib.sha256(page.texts["script"][1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in str(policy)
    assert str(policy).startswith("default-src 'none'")
    loaded = [attrs[key] for _, attrs in page.tags for key in ("src", "href", "srcset") if key in attrs]
    assert loaded == ["call.wav"]
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert "innerHTML" not in text


def test_the_session_is_moved_to_the_clock_of_the_recording() -> None:
    data = prepare((SILENCE, SILENCE), [turn()], call_events(), 1.5, "A call")
    assert data["voice"] == [(3.5, 4.5)]
    assert [(each["kind"], each["reason"], each["t"]) for each in data["marks"]] == [
        ("Eager", "", 4.0),
        ("Resumed", "", 4.2),
        ("Commit", "words", 4.9),  # the greeting's is no decision about a turn
        ("Yield", "", 5.5),
    ]
    assert data["events"][1] == (3.6, "VoiceStarted", "onset 3.500 s")
    assert data["duration"] == 10.0


def test_a_reply_that_was_cut_off_tells_heard_words_from_unheard() -> None:
    (reply,) = replies(call_events(), 1.0, 10.0)
    assert (reply["start"], reply["end"], reply["text"], reply["cut"]) == (4.7, 5.1, "Very", True)
    assert reply["words"] == [["Very", 4.7, 5.0, True], ["deep.", 5.1, 5.5, False]]


def test_a_reply_and_a_voice_that_the_call_outlived_last_to_its_end() -> None:
    events = call_events()[:4] + call_events()[7:11]
    assert voice_spans(events, 0.0, 10.0) == [(2.0, 10.0)]
    (reply,) = replies(events, 0.0, 10.0)
    assert (reply["end"], reply["text"], reply["cut"]) == (10.0, "Very", False)


def test_what_the_core_says_is_joined_to_spans() -> None:
    told = [
        (0.08, "listen", 0.1),
        (0.16, "listen", 0.6),
        (0.24, "listen", 0.7),
        (0.32, "start", 0.9),
        (0.4, "start", 1.0),
    ]
    frames = [event("CoreFrame", at, state=state, soon=soon) for at, state, soon in told]
    assert core_spans([*frames, event("Heard", 1.0)], 1.0) == [
        (1.08, 1.24, "soon", 0.7),
        (1.24, 1.4, "start", 1.0),
    ]
    apart = [event("CoreFrame", at, state="hold", soon=0.0) for at in (0.08, 0.4)]
    assert len(core_spans(apart, 0.0)) == 2


def test_without_a_common_clock_nothing_is_drawn_where_it_was_not() -> None:
    data = prepare((SILENCE, SILENCE), [turn()], call_events(), None, "A call")
    assert not data["matched"]
    assert not data["voice"] + data["replies"] + data["marks"]
    assert len(data["events"]) == len(call_events())
    assert data["turns"][0]["latency"] == 0.7  # measured on the recording alone


@pytest.mark.parametrize(
    ("latencies", "median"), [([0.5, None, 0.9, 0.6], 0.6), ([0.5, 0.7], 0.6), ([None], None), ([], None)]
)
def test_the_median_is_over_what_was_heard(latencies: list[float | None], median: float | None) -> None:
    turns = [turn(latency, right=latency is not None) for latency in latencies]
    found = facts(turns, 60.0)
    assert found["latency"] == (None if median is None else pytest.approx(median))
    assert (found["turns"], found["right"]) == (len(turns), sum(each is not None for each in latencies))


def test_a_stages_median_is_over_the_turns_that_reached_it() -> None:
    turns = [turn(0.6, Eager=0.1, Commit=0.3), turn(None, Eager=0.2), turn(0.8, Eager=0.6, Commit=0.5)]
    assert stage_medians(turns) == pytest.approx({"Audible": 0.7, "Commit": 0.4, "Eager": 0.2})


@pytest.mark.parametrize(
    ("given_event", "text"),
    [
        (event("EndProbability", 1, attempt=3, p=0.99878), "attempt 3 · p 0.999"),
        (event("Transcript", 1, text="", final=False, turn=2), "final no · turn 2"),
        (event("ReplyText", 1, text="Deep.", sources=["a.md", "b.md"]), "sources a.md, b.md · text Deep."),
        (event("Speech", 1, pcm={"shape": [24_000]}, words=[word("Hi", 0, 1)]), "24,000 samples · words Hi"),
    ],
)
def test_an_event_reads_in_one_line(given_event: dict[str, Any], text: str) -> None:
    assert event_row(given_event, 0.25) == (1.25, given_event["type"], text)


def test_a_call_is_written_with_the_clocks_matched_by_its_messages(tmp_path: Path) -> None:
    call = Caller("http://127.0.0.1:1")
    call.messages.append(Received(5.7, {"type": "bot-started-speaking"}))
    write_timeline(tmp_path, call, [turn()], call_events(), "A call")
    data = json.loads(Page((tmp_path / "timeline.html").read_text(encoding="utf-8")).texts["script"][0])
    assert data["replies"][0]["start"] == 5.7
    assert data["marks"][-1]["t"] == 6.0
