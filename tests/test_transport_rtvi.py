import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.dialogue import events as ev
from duplex.graph.event import Event
from duplex.transport import rtvi

START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def told(*events: Event) -> list[dict[str, Any]]:
    outgoing = rtvi.Outgoing(START)
    messages = [message for event in events for message in outgoing.on(event)]
    assert all(message["label"] == "rtvi-ai" for message in messages)
    return messages


def short(messages: list[dict[str, Any]]) -> list[str]:
    """`kind`, with `text` and `final` or status where there are any."""
    out = []
    for message in messages:
        data = message.get("data", {})
        mark = {True: "!", False: "?"}.get(data.get("final"), data.get("spoken_status", ""))
        out.append(" ".join(part for part in (message["type"], data.get("text", ""), mark) if part))
    return out


def partial(text: str, t: int = 0) -> ev.Transcript:
    return ev.Transcript(t=t, turn=1, text=text)


def final(text: str, attempt: int) -> ev.Transcript:
    return ev.Transcript(t=0, turn=1, text=text, final=True, attempt=attempt)


def commit(attempt: int) -> ev.Commit:
    return ev.Commit(t=0, attempt=attempt, turn=1, end=0, reason="words")


TURN = ev.TurnStarted(t=0, turn=1, onset=0)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [TURN, partial("how"), partial("how deep"), final("How deep?", 1), commit(1)],
            [
                "user-started-speaking",
                "user-transcription how ?",
                "user-transcription how deep ?",
                "user-transcription How deep? ?",
                "user-transcription How deep? !",
                "user-stopped-speaking",
            ],
        ),
        # A guess that is taken back is never shown as said.
        (
            [TURN, final("How.", 1), ev.Resumed(t=0, attempt=1), final("How deep?", 2), commit(2)],
            [
                "user-started-speaking",
                "user-transcription How. ?",
                "user-transcription How deep? ?",
                "user-transcription How deep? !",
                "user-stopped-speaking",
            ],
        ),
        # The words may come after the decision.
        (
            [TURN, commit(1), final("Yes.", 1)],
            ["user-started-speaking", "user-stopped-speaking", "user-transcription Yes. !"],
        ),
        ([TURN, ev.Discarded(t=0, attempt=1, turn=1)], ["user-started-speaking", "user-stopped-speaking"]),
        ([partial("")], []),
        # A greeting has no user's turn to end.
        (
            [
                commit(0),
                ev.ReplyText(t=0, attempt=0, text="Hello there.", last=True),
                ev.PlayoutStarted(t=0, attempt=0),
            ],
            ["bot-started-speaking"],
        ),
        (
            [
                ev.ReplyText(t=0, attempt=1, text="It is deep. "),
                ev.ReplyText(t=0, attempt=1, text="Very.", last=True),
                ev.PlayoutStarted(t=0, attempt=1),
                ev.Heard(t=0, attempt=1, text="It is"),
                ev.PlayoutEnded(t=0, attempt=1, heard="It is deep.", interrupted=True),
            ],
            [
                "bot-started-speaking",
                "bot-output It is in-progress",
                "bot-interrupted",
                "bot-output It is deep. completed",
                "bot-transcription It is deep.",
                "bot-stopped-speaking",
            ],
        ),
        (
            [ev.PlayoutEnded(t=0, attempt=1, heard="", interrupted=True)],
            ["bot-interrupted", "bot-stopped-speaking"],
        ),
        ([ev.VoiceStarted(t=0, onset=0), ev.Duck(t=0, attempt=1)], []),
    ],
)
def test_what_a_client_is_told(events: list[Event], expected: list[str]) -> None:
    assert short(told(*events)) == expected


def test_errors_and_times() -> None:
    assert told(ev.AgentError(t=0, message="no voice")) == [
        {"label": "rtvi-ai", "type": "error", "data": {"error": "no voice", "fatal": False}}
    ]
    (message,) = told(partial("hi", t=48_000 * 3 // 2))
    assert message["data"]["timestamp"] == "2030-01-02T03:04:06.500+00:00"


def test_progress_splits_the_reply() -> None:
    messages = told(ev.ReplyText(t=0, attempt=4, text="It is deep."), ev.Heard(t=0, attempt=4, text="It is"))
    assert messages[0]["data"]["spoken_progress"] == {"accumulated_text": "It is", "remaining_text": "deep."}
    assert messages[0]["data"]["segment_id"] == 4


def client(kind: str, **data: object) -> str:
    return json.dumps({"label": "rtvi-ai", "type": kind, "id": "7", "data": data})


@pytest.mark.parametrize(
    "text",
    [
        "ping: 1795230997270",
        '{"type":"signalling","message":{"type":"trackStatus","receiver_index":0,"enabled":true}}',
    ],
)
def test_what_wants_no_answer(text: str) -> None:
    assert rtvi.parse(text) is None


def test_messages_that_are_understood() -> None:
    ready = rtvi.parse(client("client-ready", version="2.1.0", about={}))
    assert ready is not None
    assert (ready.type, ready.id) == ("client-ready", "7")
    typed = rtvi.parse(client("send-text", content="Hello", options={"run_immediately": True}))
    assert typed is not None
    assert rtvi.typed_text(typed) == "Hello"
    assert rtvi.bot_ready("7")["data"]["version"].startswith("2.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\x00\x01", "binary"),
        ("x" * 20_000, "over the limit"),
        ("", "not an RTVI message"),
        ("not json", "not an RTVI message"),
        ("[]", "not an RTVI message"),
        ("[" * 10_000, "not an RTVI message"),
        ('{"label":"other","type":"x"}', "label"),
        ('{"label":"rtvi-ai"}', "type"),
        ('{"label":"rtvi-ai","type":5}', "type"),
        ('{"label":"rtvi-ai","type":"send-text","data":[]}', "data"),
        (json.dumps({"label": "rtvi-ai", "type": "y" * 100}), "type"),
    ],
)
def test_bad_messages_say_why(text: str | bytes, reason: str) -> None:
    with pytest.raises(rtvi.BadMessage, match=reason):
        rtvi.parse(text)


@pytest.mark.parametrize("data", [{}, {"content": ""}, {"content": 5}, {"content": "x" * 5000}])
def test_bad_typed_text(data: dict[str, object]) -> None:
    incoming = rtvi.parse(client("send-text", **data))
    assert incoming is not None
    with pytest.raises(rtvi.BadMessage, match="content") as caught:
        rtvi.typed_text(incoming)
    assert caught.value.id == "7"


@given(st.one_of(st.text(), st.binary()))
def test_anything_is_parsed_or_refused(text: str | bytes) -> None:
    with suppress(rtvi.BadMessage):
        rtvi.parse(text)
