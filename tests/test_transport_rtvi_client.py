"""What a client may send, what it brings about, and what is refused with which reason."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex import __version__
from duplex.transport.rtvi.client import Act, Client, Delay, HangUp, Now, Say
from duplex.transport.rtvi.incoming import MAX_DEPTH, MAX_MESSAGE, BadMessage, depth, parse
from duplex.transport.rtvi.messages import Message

NOW = Now(server=5000.5, session=1200.25)


def client() -> Client:
    return Client(datetime(2030, 1, 2, tzinfo=UTC))


def text(kind: str, data: object = None, **more: object) -> str:
    return json.dumps({"label": "rtvi-ai", "type": kind, "id": "7", "data": data, **more})


def asks(t: str, d: object = None) -> str:
    return text("client-message", {"t": t, "d": d})


def served(message: str | bytes) -> list[Message | Act]:
    return client().on_message(message, NOW)


def refusal(message: str | bytes) -> tuple[str, str]:
    """The id and the reason of the one refusal."""
    (only,) = served(message)
    assert isinstance(only, dict)
    assert only["type"] == "error-response"
    return only["id"], only["data"]["error"]


def test_a_stock_client_is_greeted() -> None:
    about = {"library": "@pipecat-ai/client-js", "platform_details": {"browser": {"name": "Chrome"}}}
    (ready,) = served(text("client-ready", {"version": "2.1.0", "about": about}))
    assert ready == {
        "label": "rtvi-ai",
        "type": "bot-ready",
        "id": "7",
        "data": {
            "version": "2.1.0",
            "about": {"library": "duplex-voice", "library_version": __version__},
            "capabilities": {
                "audio_in": True,
                "audio_out": True,
                "video_in": False,
                "screen_in": False,
                "video_out": False,
                "metrics": True,
            },
        },
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"version": "1.2.0"}, "version '1.2.0'"),
        ({"version": "3.0.0"}, "version '3.0.0'"),
        ({"version": "20.0.0"}, "version '20.0.0'"),
        ({"version": "x" * 500}, "version 'xxx"),
        ({"version": 2}, "no version"),
        ({}, "no version"),
        (None, "no version"),
        ([], "no version"),
        ({"version": "", "about": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {}}}}}}}}}}, "no version"),
    ],
)
def test_a_foreign_client_is_warned_and_greeted_all_the_same(data: object, said: str) -> None:
    warning, ready = served(text("client-ready", data))
    assert isinstance(warning, dict)
    assert isinstance(ready, dict)
    assert (warning["type"], warning["id"], ready["type"]) == ("error-response", "7", "bot-ready")
    assert said in warning["data"]["error"]
    assert len(warning["data"]["error"]) < 200


@pytest.mark.parametrize(
    ("message", "acts"),
    [
        (text("send-text", {"content": "Hello"}), [Say("Hello")]),
        (text("send-text", {"content": "Hello", "options": {}}), [Say("Hello")]),
        (
            text(
                "send-text", {"content": "Hi", "options": {"run_immediately": True, "audio_response": True}}
            ),
            [Say("Hi")],
        ),
        (
            text("send-text", {"content": "I am in Turku.", "options": {"run_immediately": False}}),
            [Say("I am in Turku.", answer=False)],
        ),
        (text("disconnect-bot", {}), [HangUp()]),
        (text("disconnect-bot"), [HangUp()]),
        ("ping: 1795230997270", []),
        ("ping:", []),
        (json.dumps({"type": "signalling", "message": {"type": "renegotiate"}}), []),
        (json.dumps({"type": "signalling", "message": "hello"}), []),
        (json.dumps({"type": "signalling"}), []),
    ],
)
def test_messages_that_are_understood(message: str, acts: list[Act]) -> None:
    assert served(message) == acts


def test_client_messages_are_answered() -> None:
    (clock,) = served(asks("clock", {"at": 1795230997270.5}))
    assert clock == {
        "label": "rtvi-ai",
        "type": "server-response",
        "id": "7",
        "data": {
            "t": "clock",
            "d": {"at": 1795230997270.5, "received": 5000.5, "sent": 5000.5, "session_ms": 1200.25},
        },
    }
    answer, delay = served(asks("playout", {"delay_ms": 85}))
    assert isinstance(answer, dict)
    assert answer["data"] == {"t": "playout", "d": {"delay_ms": 85}}
    assert delay == Delay(85)


def test_the_microphones_state_is_noted() -> None:
    told = client()

    def status(index: object, enabled: object) -> str:
        message = {"type": "trackStatus", "receiver_index": index, "enabled": enabled}
        return json.dumps({"type": "signalling", "message": message})

    states = []
    for index, enabled in [(0, True), (1, False), (0, False), ("0", True), (0, "yes"), (99, True), (0, True)]:
        assert told.on_message(status(index, enabled), NOW) == []
        states.append(told.muted)
    assert states == [False, False, True, True, True, True, False]


def nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(levels - 1):
        data = {"a": data}
    return data


@pytest.mark.parametrize(
    ("message", "id", "reason"),
    [
        (b"\x00\x01", "", "binary"),
        ("x" * (MAX_MESSAGE + 1), "", "over the limit"),
        (text("send-text", {"content": "x" * MAX_MESSAGE}), "", "over the limit"),
        ("", "", "not an RTVI message"),
        ("not json", "", "not an RTVI message"),
        ("[]", "", "not an RTVI message"),
        ("[" * 10_000, "", "not an RTVI message"),
        ('{"label":"rtvi-ai","type":"x","id":"\\ud800"}', "", "not an RTVI message"),
        (json.dumps({"label": "other", "type": "x"}), "", "label"),
        (json.dumps({"label": "rtvi-ai"}), "", "type"),
        (json.dumps({"label": "rtvi-ai", "type": 5}), "", "type"),
        (text("y" * 100), "", "type"),
        (text("dance"), "7", "unknown message type 'dance'"),
        (text("ui-event", {"event": "click"}), "7", "unknown message type 'ui-event'"),
        (text("dance", nested(MAX_DEPTH + 1)), "7", "deeper"),
        (asks("clock", nested(MAX_DEPTH)), "7", "deeper"),
        (text("send-text"), "7", "send-text: content"),
        (text("send-text", []), "7", "send-text: data"),
        (text("send-text", "hello"), "7", "send-text: data"),
        (text("send-text", {"content": ""}), "7", "send-text: content"),
        (text("send-text", {"content": 5}), "7", "send-text: content"),
        (text("send-text", {"content": "x" * 5000}), "7", "send-text: content"),
        (text("send-text", {"content": "x", "options": 5}), "7", "send-text: options"),
        (
            text("send-text", {"content": "x", "options": {"run_immediately": "no"}}),
            "7",
            "options.run_immediately",
        ),
        (text("send-text", {"content": "x", "options": {"audio_response": False}}), "7", "aloud"),
        (text("dtmf", {"buttons": ["1", "*"]}), "7", "takes no keys"),
        (text("dtmf", {"buttons": ["A"]}), "7", "dtmf: buttons.0"),
        (text("dtmf", {"buttons": []}), "7", "dtmf: buttons"),
        (text("dtmf", {"buttons": ["1"] * 100}), "7", "dtmf: buttons"),
        (text("dtmf", {"button": "1"}), "7", "dtmf: buttons"),
        (text("client-message"), "7", "client-message: t"),
        (text("client-message", {"t": 5}), "7", "client-message: t"),
        (asks("dance"), "7", "unknown client-message 'dance'"),
        (asks("events"), "7", "client-message events: on"),
        (asks("events", {"on": "yes"}), "7", "client-message events: on"),
        (asks("clock", {"at": "now"}), "7", "client-message clock: at"),
        (asks("clock", {"at": float("nan")}), "7", "clock: at"),
        (asks("clock", {"at": 1e300}), "7", "clock: at"),
        (asks("clock", {"at": True}), "7", "clock: at"),
        (asks("playout", {"delay_ms": -1}), "7", "playout: delay_ms"),
        (asks("playout", {"delay_ms": 1001}), "7", "playout: delay_ms"),
        (asks("playout", {"delay_ms": float("inf")}), "7", "playout: delay_ms"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(message: str | bytes, id: str, reason: str) -> None:
    came, why = refusal(message)
    assert came == id
    assert reason in why
    assert len(why) < 300, "a refusal repeats no more than a little of what came"


def test_depth_counts_what_lies_inside_each_other() -> None:
    assert [depth(each) for each in (5, None, "[[", [], {}, [1, [2]], {"a": [{}]})] == [0, 0, 0, 1, 1, 2, 3]
    assert depth(nested(50)) == 50


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(
    ["client-ready", "send-text", "dtmf", "client-message", "disconnect-bot", "signalling", "x"]
)
MESSAGES = st.one_of(
    st.text(),
    st.binary(),
    st.builds(lambda kind, data: text(kind, data), KINDS, JSON),
    st.builds(asks, st.sampled_from(["events", "clock", "playout", "x"]), JSON),
    st.builds(lambda message: json.dumps({"type": "signalling", "message": message}), JSON),
)


@given(MESSAGES)
def test_whatever_comes_is_served_or_refused_and_the_answer_can_be_sent(message: str | bytes) -> None:
    for outcome in served(message):
        if isinstance(outcome, dict):
            wire = json.dumps(outcome, ensure_ascii=False, allow_nan=False).encode()
            assert json.loads(wire) == outcome


@given(st.text(alphabet=st.characters()) | st.binary())
def test_parsing_raises_nothing_but_its_own_error(message: str | bytes) -> None:
    with suppress(BadMessage):
        parse(message)
