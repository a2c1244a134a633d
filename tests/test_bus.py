"""The bus without a broker: topics, the outbox, what is told and what is taken."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.bus.config import BusError, MqttSection
from duplex.bus.messages import (
    ControlError,
    Say,
    Set,
    ToolResult,
    call_payload,
    kind_of,
    payload_of,
    read_control,
)
from duplex.bus.outbox import Message, Outbox
from duplex.bus.topics import Topics
from duplex.dialogue.events import Commit, Transcript, UserAudio
from tools_rag.tools.remote import Told


def test_topics_are_what_the_documentation_says() -> None:
    topics = Topics("home/duplex", "lakes")
    assert topics.online == "home/duplex/lakes/online"
    assert topics.state("a1") == "home/duplex/lakes/sessions/a1/state"
    assert topics.event("a1", "commit") == "home/duplex/lakes/sessions/a1/events/commit"
    assert topics.call("a1", "open_door") == "home/duplex/lakes/sessions/a1/calls/open_door"
    assert topics.controls == "home/duplex/lakes/sessions/+/control/+"


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("d/lakes/sessions/a1/control/say", ("a1", "say")),
        ("d/lakes/sessions/a1/control/say/more", None),
        ("d/lakes/sessions/a1/events/say", None),
        ("d/lakes/sessions//control/say", None),
        ("d/lakes/sessions/a+/control/say", None),
        ("d/other/sessions/a1/control/say", None),
        ("", None),
    ],
)
def test_a_control_topic_names_its_session_and_its_kind(topic: str, expected: tuple[str, str] | None) -> None:
    assert Topics("d", "lakes").control(topic) == expected


def event(n: int) -> Message:
    return Message("events", str(n).encode())


def drain(box: Outbox) -> list[Message]:
    sent = []
    while (waiting := box.peek()) is not None:
        sent.append(waiting[1])
        box.sent(waiting[0])
    return sent


def test_the_oldest_events_go_first_and_states_last() -> None:
    box = Outbox(3)
    state = Message("state", b"started", True)
    for message in (state, event(1), event(2), event(3), event(4)):
        box.put(message)
    assert drain(box) == [state, event(3), event(4)]
    assert box.dropped == 2


def test_only_the_latest_state_of_a_topic_waits_and_it_waits_in_its_turn() -> None:
    box = Outbox(5)
    for message in (Message("s", b"started", True), event(1), Message("s", b"", True)):
        box.put(message)
    assert drain(box) == [event(1), Message("s", b"", True)]


def test_what_is_withdrawn_is_not_sent() -> None:
    box = Outbox(5)
    for message in (event(1), event(2), event(1)):
        box.put(message)
    box.withdraw(event(1))
    box.withdraw(event(7))
    assert drain(box) == [event(2)]


def test_what_is_replaced_while_it_is_being_sent_is_sent_again() -> None:
    box = Outbox(5)
    box.put(Message("s", b"one", True))
    number, first = box.peek() or (0, event(0))
    box.put(Message("s", b"two", True))
    box.sent(number)
    assert first.payload == b"one"
    assert drain(box) == [Message("s", b"two", True)]


@given(st.integers(1, 8), st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_it_never_grows_and_the_last_state_survives_events(size: int, puts: list[tuple[str, bool]]) -> None:
    box = Outbox(size)
    for n, (topic, retain) in enumerate(puts):
        box.put(Message(topic, str(n).encode(), retain))
        assert len(box) <= size
    states = {topic: n for n, (topic, retain) in enumerate(puts) if retain}
    left = drain(box)
    assert [int(each.payload) for each in left] == sorted(int(each.payload) for each in left)
    if len(states) <= size:
        assert {each.topic: int(each.payload) for each in left if each.retain} == states


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("say", b'{"text": "Hello"}', Say(text="Hello")),
        ("set", b'{"name": "room", "value": "12"}', Set(name="room", value="12")),
        ("say", b"{}", "text: Field required"),
        ("say", b'{"text": ""}', "text: "),
        ("say", b'{"text": "x", "loud": true}', "loud: Extra inputs"),
        ("say", json.dumps({"text": "x" * 1_001}).encode(), "text: "),
        ("say", b"x" * 20_000, "over 16384 bytes"),
        ("say", b"[1]", "Input should be an object"),
        ("say", b"\xff\xfe", "Invalid JSON"),
        ("set", b'{"name": "Room 1", "value": ""}', "name: "),
        ("end", b'{"reason": "Because!"}', "reason: "),
        ("shout", b"{}", "there is no control shout; there are say, end, set, tool_result"),
        (
            "tool_result",
            b'{"call": "door-1", "result": {"at": 3}}',
            ToolResult(call="door-1", result={"at": 3}),
        ),
        ("tool_result", b'{"call": "door-1", "result": null}', ToolResult(call="door-1", result=None)),
        ("tool_result", b'{"call": "door-1", "error": "jammed"}', ToolResult(call="door-1", error="jammed")),
        ("tool_result", b'{"call": "door-1"}', "Value error, give just one of result, error and progress"),
        (
            "tool_result",
            b'{"call": "door-1", "result": 1, "progress": "half"}',
            "Value error, give just one of result, error and progress",
        ),
        ("tool_result", b'{"call": "door-1", "error": null}', "error: "),
        ("tool_result", b'{"call": "door-1", "progress": ""}', "progress: "),
        ("tool_result", b'{"call": "Door 1!", "result": 1}', "call: "),
        ("tool_result", b'{"result": 1}', "call: Field required"),
        ("tool_result", b'{"call": "d", "result": ' + b"[" * 9_000 + b"]" * 6_000 + b"}", "Invalid JSON"),
    ],
)
def test_control_is_validated_and_bounded(kind: str, payload: bytes, expected: object) -> None:
    if not isinstance(expected, str):
        assert read_control(kind, payload) == expected
        return
    with pytest.raises(ControlError) as caught:
        read_control(kind, payload)
    assert str(caught.value).startswith(expected)


def test_what_is_said_is_told_only_if_it_was_asked_for() -> None:
    said = Transcript(t=48_000, turn=1, text="my number is 12", stable=2, final=True, attempt=1)
    assert kind_of(said) == "transcript"
    assert "12" not in payload_of(said, words=False).decode()
    assert json.loads(payload_of(said, words=True))["text"] == "my number is 12"
    assert json.loads(payload_of(said, words=False))["t"] == 1.0
    greeting = Commit(t=0, attempt=0, turn=0, end=0, reason="greeting", text="Hi Ann")
    assert b"Ann" not in payload_of(greeting, words=False)
    assert kind_of(UserAudio(t=0, pcm=None)) is None  # type: ignore[arg-type]


def test_a_call_is_told_with_its_arguments_and_writes_with_their_key() -> None:
    read = Told("door-1", "door", {"which": "front"}, timeout=2.5)
    assert json.loads(call_payload(read)) == {
        "call": "door-1",
        "arguments": {"which": "front"},
        "timeout": 2.5,
    }
    write = Told("door-2", "door", {}, key="s1-1", timeout=2.5)
    assert json.loads(call_payload(write))["key"] == "s1-1"
    assert json.loads(call_payload(Told("door-2", "door", {}, given_up=True))) == {
        "call": "door-2",
        "given_up": True,
    }


def test_secrets_come_from_the_environment() -> None:
    section = MqttSection(host="b", username_env="U", password_env="P")
    broker = section.resolve({"U": "ann", "P": "open sesame"})
    assert (broker.username, broker.password) == ("ann", "open sesame")
    assert "sesame" not in repr(broker)
    with pytest.raises(BusError, match="the environment variable P is not set"):
        section.resolve({"U": "ann"})
