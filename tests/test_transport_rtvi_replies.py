"""What a client is told of the agent's side, as tables from events to messages, and what holds in any order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rtvi_events import (
    MADE,
    NEW,
    SPOKEN,
    TURN,
    commit,
    ended,
    final,
    found,
    heard,
    partial,
    reply,
    search,
    short,
    speech,
    started,
    told,
)

from duplex.dialogue import events as ev
from duplex.graph.event import Event
from duplex.transport.rtvi.replies import KEPT, MAX_HELD, Replies


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # The order is Pipecat's; nothing of an attempt is told before it is committed.
        (SPOKEN, []),
        ([*SPOKEN, commit(1)], MADE),
        ([commit(1), *SPOKEN], MADE),
        ([*SPOKEN, ev.Resumed(t=0, attempt=1), commit(2)], []),
        ([*SPOKEN, ev.Discarded(t=0, attempt=1, turn=1)], []),
        # An attempt that another one overtook is not told of at all.
        ([commit(2), *SPOKEN], []),
        # Heard to its end, word by word.
        (
            [
                *(commit(1), *SPOKEN, started(1)),
                *(heard(1, "It"), heard(1, "It is"), heard(1, "It is deep."), ended(1, "It is deep.")),
            ],
            [
                *(*MADE, *NEW),
                *("bot-output 1 It|is deep. in-progress", "bot-tts-text It"),
                *("bot-output 1 It is|deep. in-progress", "bot-tts-text is"),
                *("bot-output 1 It is deep.| completed", "bot-tts-text deep."),
                *("bot-transcription It is deep.", "bot-stopped-speaking"),
            ],
        ),
        # Cut off: what was not heard stays unspoken.
        (
            [commit(1), *SPOKEN, started(1), ev.Yield(t=0, attempt=1), TURN, ended(1, "It is", True)],
            [
                *(*MADE, *NEW, "user-started-speaking"),
                *("bot-output 1 It is|deep. in-progress", "bot-tts-text It is"),
                *("bot-interrupted", "bot-transcription It is", "bot-stopped-speaking"),
            ],
        ),
        (
            [commit(1), *SPOKEN, started(1), ended(1, "", True)],
            [*MADE, *NEW, "bot-interrupted", "bot-stopped-speaking"],
        ),
        # Cut off before anything was heard, in the middle of all: whatever began ends.
        (
            [
                *(commit(1), search(1), reply(1, "It"), speech(1, "It"), ev.Yield(t=0, attempt=1)),
                *(found(1, cancelled=True), reply(1, "is"), speech(1, "is"), reply(1, "", last=True)),
            ],
            [
                *("llm-function-call-started search", "llm-function-call-in-progress 1"),
                *("bot-llm-started", "bot-llm-text It", "bot-tts-started"),
                *("user-started-speaking", "bot-interrupted", "bot-llm-stopped", "bot-tts-stopped"),
                "llm-function-call-stopped 1 cancelled",
            ],
        ),
        # A tool of an attempt that was dropped before anybody knew of it.
        ([search(1), ev.Resumed(t=0, attempt=1), found(1, cancelled=True), commit(2)], []),
        # Several sentences, the second of which is written while the first is heard.
        (
            [
                *(commit(1), reply(1, "Yes."), started(1), reply(1, "It is.", last=True)),
                *(heard(1, "Yes. It"), ended(1, "Yes. It is.")),
            ],
            [
                *("bot-llm-started", "bot-llm-text Yes.", "bot-started-speaking", "bot-output 1 |Yes. new"),
                *("bot-llm-text It is.", "bot-output 2 |It is. new", "bot-llm-stopped"),
                *("bot-output 1 Yes.| completed", "bot-output 2 It|is. in-progress", "bot-tts-text Yes. It"),
                *("bot-output 2 It is.| completed", "bot-tts-text is."),
                *("bot-transcription Yes. It is.", "bot-stopped-speaking"),
            ],
        ),
        # A voice passes over what cannot be said.
        (
            [commit(1), reply(1, "😀 Yes — fine 😀"), started(1), heard(1, "Yes fine"), ended(1, "Yes fine")],
            [
                *("bot-llm-started", "bot-llm-text 😀 Yes — fine 😀"),
                *("bot-started-speaking", "bot-output 1 |😀 Yes — fine 😀 new"),
                *("bot-output 1 😀 Yes — fine|😀 in-progress", "bot-tts-text Yes fine"),
                *("bot-output 1 😀 Yes — fine 😀| completed", "bot-llm-stopped"),
                *("bot-transcription Yes fine", "bot-stopped-speaking"),
            ],
        ),
        # A greeting answers nobody, and nobody wrote it; so it is with an announcement.
        (
            [
                *(commit(0, "greeting", "Hello there."), speech(0, "Hello"), started(0), speech(0, "there.")),
                *(speech(0, last=True), heard(0, "Hello"), ended(0, "Hello there.")),
                *(commit(3, "announcement", "Goodbye."), speech(3, "Goodbye."), started(3), ended(3, "", True)),
            ],
            [
                *("bot-tts-started", "bot-started-speaking", "bot-output 1 |Hello there. new", "bot-tts-stopped"),
                *("bot-output 1 Hello|there. in-progress", "bot-tts-text Hello"),
                *("bot-output 1 Hello there.| completed", "bot-tts-text there."),
                *("bot-transcription Hello there.", "bot-stopped-speaking"),
                *("bot-tts-started", "bot-started-speaking", "bot-output 2 |Goodbye. new"),
                *("bot-interrupted", "bot-tts-stopped", "bot-stopped-speaking"),
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_client_is_told_of_the_agent(events: list[Event], expected: list[str]) -> None:
    assert short(told(*events)) == expected


def test_what_an_answer_rests_on_is_told_when_it_begins_to_be_heard() -> None:
    events = [commit(3), reply(3, "It is deep.", sources=("baikal.md#Depth",)), reply(3, "Sorry.")]
    assert not [each for each in told(*events) if each["type"] == "server-message"]
    (message,) = [each for each in told(*events, started(3)) if each["type"] == "server-message"]
    assert message["data"] == {
        "kind": "sources",
        "attempt": 3,
        "text": "It is deep.",
        "sources": ["baikal.md#Depth"],
    }


def test_what_a_function_call_carries() -> None:
    messages = {each["type"]: each["data"] for each in told(commit(1), search(1), found(1, "x" * 5000))}
    assert messages["llm-function-call-in-progress"] == {
        "tool_call_id": "1",
        "function_name": "search",
        "arguments": {"query": "depth"},
    }
    stopped = messages["llm-function-call-stopped"]
    assert (stopped["tool_call_id"], stopped["cancelled"], len(stopped["result"])) == ("1", False, 2000)


EVENTS = st.one_of(
    st.sampled_from([TURN, partial("a"), search(1), found(1), found(2, cancelled=True), search(2)]),
    st.builds(final, st.sampled_from(["", "a b"]), st.integers(1, 3)),
    st.builds(commit, st.integers(0, 3)),
    st.builds(lambda a: ev.Resumed(t=0, attempt=a), st.integers(1, 3)),
    st.builds(lambda a: ev.Yield(t=0, attempt=a), st.integers(0, 3)),
    st.builds(lambda a: ev.Discarded(t=0, attempt=a, turn=1), st.integers(1, 3)),
    st.builds(reply, st.integers(1, 3), st.sampled_from(["", "a b"]), st.booleans()),
    st.builds(lambda a, last: speech(a, "a", last=last), st.integers(0, 3), st.booleans()),
    st.builds(started, st.integers(0, 3)),
    st.builds(heard, st.integers(0, 3), st.sampled_from(["a", "a b", "a b c"])),
    st.builds(ended, st.integers(0, 3), st.sampled_from(["", "a b"]), st.booleans()),
)


@given(st.lists(EVENTS, max_size=60))
def test_whatever_happens_every_beginning_has_one_end(events: list[Event]) -> None:
    """In whatever order: LLM and TTS begin and end in turn, a call ends once, and only what a client knows of."""
    open_: dict[str, int] = {}
    calls: list[str] = []
    for message in told(*events):
        kind = message["type"]
        if kind == "llm-function-call-in-progress":
            calls.append(message["data"]["tool_call_id"])
        if kind == "llm-function-call-stopped":
            calls.remove(message["data"]["tool_call_id"])
        if kind in ("bot-llm-stopped", "bot-tts-stopped", "user-stopped-speaking"):
            name = kind.replace("stopped", "started")
            open_[name] = open_.get(name, 0) - 1
            assert open_[name] >= 0, (kind, events)
        if kind in ("bot-llm-started", "bot-tts-started", "user-started-speaking"):
            open_[kind] = open_.get(kind, 0) + 1


def test_what_is_held_back_and_remembered_is_bounded() -> None:
    replies = Replies()
    for _ in range(5000):
        assert replies.on(reply(1, "word ")) == []
    assert len(replies.on(commit(1))) == MAX_HELD
    for attempt in range(2, 1000):
        replies.on(reply(attempt, "word "))
    assert len(replies._replies) <= KEPT
