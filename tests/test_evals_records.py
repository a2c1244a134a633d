"""Session events as the records that metrics read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from duplex.dialogue.events import (
    Commit,
    Eager,
    EndProbability,
    Heard,
    PlayoutEnded,
    PlayoutStarted,
    Speech,
    SpokenWord,
    ToolEnded,
    ToolStarted,
    ToolUsed,
    Transcript,
    VoiceStarted,
    VoiceStopped,
)
from duplex.evals.records import to_records
from duplex.graph import Event, to_ticks

Row = tuple[float, str, dict[str, Any]]


def made(*events: Event, shift: float = 0.0) -> list[Row]:
    """The records but for the session's own."""
    records = to_records(events, shift)
    return [(round(each.t, 3), each.type, dict(each.payload)) for each in records if each.source == "agent"]


def t(seconds: float) -> int:
    return to_ticks(seconds)


def commit(at: float, attempt: int = 1, reason: str = "words") -> Commit:
    text = "Hello." if reason in ("greeting", "announcement") else ""
    return Commit(t=t(at), attempt=attempt, turn=1, end=t(0.9), reason=reason, text=text)


def call(at: float, attempt: int = 1, call: str = "1") -> ToolStarted:
    return ToolStarted(t=t(at), attempt=attempt, call=call, name="search", arguments={"query": "how deep"})


def result(at: float, attempt: int = 1, call: str = "1", cancelled: bool = False) -> ToolEnded:
    sources = () if cancelled else ("d2", "d1")
    return ToolEnded(
        t=t(at),
        attempt=attempt,
        call=call,
        name="search",
        result="Lakes",
        sources=sources,
        cancelled=cancelled,
    )


def used(at: float, attempt: int = 1) -> ToolUsed:
    return ToolUsed(t=t(at), attempt=attempt, call="1")


HEAD = {"id": "1", "name": "search", "query": "how deep"}
CALL: Row = (1.0, "tool_call", HEAD | {"attempt": 1, "args": {"query": "how deep"}})
KEPT = HEAD | {"args": {"query": "how deep"}, "docs": ["d2", "d1"]}


def found(at: float) -> Row:
    return (at, "tool_result", HEAD | {"docs": ["d2", "d1"], "text": "Lakes"})


def ended(at: float, p: float | None = None) -> Row:
    return (at, "eot_decision", {"turn": 1, "attempt": 1, "reason": "words", "p": p, "end": 0.9})


CASES: list[tuple[str, Sequence[Event], list[Row]]] = [
    ("voice", [VoiceStarted(t=t(1.1), onset=t(1.0))], [(1.1, "vad", {"voice": True, "at": 1.0})]),
    ("no voice", [VoiceStopped(t=t(1.1), end=t(1.0))], [(1.1, "vad", {"voice": False, "at": 1.0})]),
    (
        "words",
        [Transcript(t=t(1), turn=1, text="how deep", stable=1)],
        [(1.0, "asr_partial", {"turn": 1, "text": "how deep", "stable": 1})],
    ),
    (
        "final words",
        [Transcript(t=t(1), turn=1, text="how deep", final=True, attempt=2)],
        [(1.0, "asr_final", {"turn": 1, "attempt": 2, "text": "how deep"})],
    ),
    ("an eager end is none yet", [Eager(t=t(1), attempt=1, turn=1, end=t(0.9))], []),
    ("the end", [EndProbability(t=t(1), attempt=1, p=0.8), commit(1.2)], [ended(1.2, 0.8)]),
    ("another attempt's p", [EndProbability(t=t(1), attempt=2, p=0.8), commit(1.2)], [ended(1.2)]),
    ("unasked", [commit(1.0, reason="greeting"), commit(2.0, reason="announcement")], []),
    (
        "a result that waits for the end",
        [call(1.0), result(1.5), used(1.6), commit(2.0)],
        [CALL, found(1.5), ended(2.0), (2.0, "tool_commit", KEPT)],
    ),
    (
        "a result after the end",
        [call(1.0), commit(2.0), result(3.0), used(3.0)],
        [CALL, ended(2.0), found(3.0), (3.0, "tool_commit", KEPT)],
    ),
    (
        "a result that was asked for early and is used by a later attempt",
        [call(1.0), result(1.5), used(1.8, attempt=2), commit(2.0, attempt=2)],
        [CALL, found(1.5), (2.0, "eot_decision", ended(2.0)[2] | {"attempt": 2}), (2.0, "tool_commit", KEPT)],
    ),
    (
        "a result of an attempt that was dropped",
        [call(1.0), result(1.5), commit(2.0, attempt=2)],
        [CALL, found(1.5), (2.0, "eot_decision", ended(2.0)[2] | {"attempt": 2})],
    ),
    (
        "a cancelled call is never committed",
        [call(1.0), result(1.5, cancelled=True), commit(2.0)],
        [CALL, (1.5, "tool_cancel", HEAD), ended(2.0)],
    ),
]


@pytest.mark.parametrize(("name", "events", "wanted"), CASES)
def test_records_of_events(name: str, events: Sequence[Event], wanted: list[Row]) -> None:
    assert made(*events) == wanted


WORDS = (
    SpokenWord("Lake", 0, t(0.4)),
    SpokenWord("Baikal", t(0.4), t(1.0)),
    SpokenWord("it", t(1.0), t(1.2)),
    SpokenWord("is.", t(1.2), t(1.6)),
)


def spoken(attempt: int = 1) -> list[Event]:
    silence = np.zeros(0, np.int16)
    return [
        Speech(t=t(1.9), attempt=attempt, pcm=silence, words=WORDS[:2]),
        Speech(t=t(1.95), attempt=attempt, pcm=silence, words=WORDS[2:], last=True),
    ]


def told(rows: list[Row]) -> list[list[Any]]:
    return [word for _, kind, payload in rows if kind == "agent_text" for word in payload["words"]]


def test_words_are_told_as_they_are_heard() -> None:
    rows = made(
        commit(1.8),
        *spoken(),
        PlayoutStarted(t=t(2.0), attempt=1, delay=t(0.05)),
        Heard(t=t(2.26), attempt=1, text="Lake"),
        Heard(t=t(2.76), attempt=1, text="Lake Baikal"),
        PlayoutEnded(t=t(3.7), attempt=1, heard="Lake Baikal it is."),
    )
    assert (2.0, "response_start", {"id": 1, "turn": 1, "path": "slow", "reason": "words"}) in rows
    assert [(at, len(payload["words"])) for at, kind, payload in rows if kind == "agent_text"] == [
        (2.26, 1),
        (2.76, 1),
        (3.7, 2),
    ]
    assert told(rows) == [
        ["Lake", 2.05, 2.45],
        ["Baikal", 2.45, 3.05],
        ["it", 3.05, 3.25],
        ["is.", 3.25, 3.65],
    ]


def test_words_that_were_cut_off_are_not_told() -> None:
    rows = made(
        *spoken(),
        PlayoutStarted(t=t(2.0), attempt=1),
        PlayoutEnded(t=t(2.7), attempt=1, heard="Lake Baikal", interrupted=True),
    )
    assert [word[0] for word in told(rows)] == ["Lake", "Baikal"]
    assert rows[-1] == (2.7, "playout_flush", {"id": 1, "heard": "Lake Baikal"})


def test_a_voice_that_was_held_up_says_the_rest_later() -> None:
    rows = made(
        *spoken(),
        PlayoutStarted(t=t(2.0), attempt=1),
        Heard(t=t(2.21), attempt=1, text="Lake"),
        Heard(t=t(3.2), attempt=1, text="Lake Baikal"),  # half a second later than its time
        PlayoutEnded(t=t(4.2), attempt=1, heard="Lake Baikal it is."),
    )
    starts = [round(word[1], 3) for word in told(rows)]
    assert starts == [2.0, 2.9, 3.5, 3.7]


def test_times_can_be_moved_to_the_scenarios() -> None:
    rows = made(VoiceStarted(t=t(1.1), onset=t(1.0)), shift=-0.5)
    assert rows == [(0.6, "vad", {"voice": True, "at": 0.5})]
    own = to_records([VoiceStarted(t=t(1.1), onset=t(1.0))], -0.5)[0]
    assert (own.t, own.source, own.type) == (pytest.approx(0.6), "session", "VoiceStarted")
    assert own.payload == {"onset": 48_000}


def test_records_are_in_the_order_of_time() -> None:
    late = [VoiceStopped(t=t(2), end=0), VoiceStarted(t=t(1), onset=0)]
    assert [record.t for record in to_records(late)] == [1.0, 1.0, 2.0, 2.0]
