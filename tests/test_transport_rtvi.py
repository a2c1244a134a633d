"""What a client is told of a session, as tables from events to messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.dialogue import events as ev
from duplex.graph.event import Event, to_ticks
from duplex.transport.rtvi.outgoing import Outgoing
from duplex.transport.rtvi.replies import KEPT, MAX_HELD, Replies

START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def told(*events: Event) -> list[dict[str, Any]]:
    outgoing = Outgoing(START)
    messages = [message for event in events for message in outgoing.on(event)]
    assert all(message["label"] == "rtvi-ai" for message in messages)
    return messages


def short(messages: list[dict[str, Any]]) -> list[str]:
    """`kind`, with what matters of its data; without metrics, which have a table of their own."""
    out = []
    for message in messages:
        data = message.get("data", {})
        if message["type"] == "metrics":
            continue
        if message["type"] == "bot-output":
            progress = data["spoken_progress"]
            said = f"{progress['accumulated_text']}|{progress['remaining_text']}"
            assert data["text"].split() == said.replace("|", " ").split()
            out.append(f"bot-output {data['segment_id']} {said} {data['spoken_status']}")
            continue
        mark = {True: "!", False: "?"}.get(data.get("final"), "")
        about = data.get("text") or data.get("tool_call_id") or data.get("function_name") or data.get("error")
        mark = mark or ("cancelled" if data.get("cancelled") else data.get("result", ""))
        out.append(" ".join(part for part in (message["type"], about, mark) if part))
    return out


def partial(text: str, t: int = 0) -> ev.Transcript:
    return ev.Transcript(t=t, turn=1, text=text)


def final(text: str, attempt: int) -> ev.Transcript:
    return ev.Transcript(t=0, turn=1, text=text, final=True, attempt=attempt)


def commit(attempt: int, reason: str = "words") -> ev.Commit:
    return ev.Commit(t=0, attempt=attempt, turn=1, end=0, reason=reason)


def reply(attempt: int, text: str, last: bool = False, sources: tuple[str, ...] = ()) -> ev.ReplyText:
    return ev.ReplyText(t=0, attempt=attempt, text=text, last=last, sources=sources)


def speech(attempt: int, *words: str, last: bool = False) -> ev.Speech:
    spoken = tuple(ev.SpokenWord(word, 0, 0) for word in words)
    return ev.Speech(t=0, attempt=attempt, pcm=None, words=spoken, last=last)  # type: ignore[arg-type]


def search(attempt: int) -> ev.ToolStarted:
    return ev.ToolStarted(t=0, attempt=attempt, call="1", name="search", arguments={"query": "depth"})


def found(attempt: int, result: str = "Baikal", cancelled: bool = False) -> ev.ToolEnded:
    return ev.ToolEnded(t=0, attempt=attempt, call="1", name="search", result=result, cancelled=cancelled)


def started(attempt: int) -> ev.PlayoutStarted:
    return ev.PlayoutStarted(t=0, attempt=attempt)


def heard(attempt: int, text: str) -> ev.Heard:
    return ev.Heard(t=0, attempt=attempt, text=text)


def ended(attempt: int, text: str, interrupted: bool = False) -> ev.PlayoutEnded:
    return ev.PlayoutEnded(t=0, attempt=attempt, heard=text, interrupted=interrupted)


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
                "user-llm-text How deep?",
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
                "user-llm-text How deep?",
                "user-stopped-speaking",
            ],
        ),
        # The words may come after the decision.
        (
            [TURN, commit(1), final("Yes.", 1)],
            [
                "user-started-speaking",
                "user-stopped-speaking",
                "user-transcription Yes. !",
                "user-llm-text Yes.",
            ],
        ),
        # A turn that goes on after its end was decided.
        (
            [TURN, final("How.", 1), commit(1), ev.Yield(t=0, attempt=1), ev.Resumed(t=0, attempt=1)],
            [
                "user-started-speaking",
                "user-transcription How. ?",
                "user-transcription How. !",
                "user-llm-text How.",
                "user-stopped-speaking",
                "user-started-speaking",
                "bot-interrupted",
            ],
        ),
        ([TURN, ev.Discarded(t=0, attempt=1, turn=1)], ["user-started-speaking", "user-stopped-speaking"]),
        ([partial("")], []),
        ([commit(1), final("", 1)], []),
        # Typing is not speaking, not even where it takes the floor.
        (
            [
                ev.TypedText(t=7, text="Hi"),
                ev.Yield(t=7, attempt=0),
                ev.TurnStarted(t=7, turn=1, onset=7),
                ev.Eager(t=7, attempt=1, turn=1, end=7, text="Hi"),
                commit(1, "typed"),
            ],
            ["user-llm-text Hi"],
        ),
        # Who speaks while somebody types speaks no longer: the typed turn replaces the spoken one.
        (
            [TURN, ev.TypedText(t=7, text="Hi"), ev.TurnStarted(t=7, turn=2, onset=7), commit(1, "typed")],
            ["user-started-speaking", "user-stopped-speaking", "user-llm-text Hi"],
        ),
        ([ev.VoiceStarted(t=0, onset=0), ev.Duck(t=0, attempt=1)], []),
        ([ev.AgentError(t=0, message="no voice")], ["error no voice"]),
    ],
)
def test_what_a_client_is_told_of_the_user(events: list[Event], expected: list[str]) -> None:
    assert short(told(*events)) == expected


SPOKEN = [
    *(search(1), found(1), reply(1, "It is deep. "), speech(1, "It", "is", "deep."), reply(1, "", last=True)),
    speech(1, last=True),
]
"""All that is made for an answer."""
MADE = [
    "llm-function-call-started search",
    "llm-function-call-in-progress 1",
    "llm-function-call-stopped 1 Baikal",
    "bot-llm-started",
    "bot-llm-text It is deep. ",
    "bot-tts-started",
    "bot-llm-stopped",
    "bot-tts-stopped",
]
NEW = ["bot-started-speaking", "bot-output 1 |It is deep. new"]


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
        # A greeting answers nobody, and nobody wrote it: its words are known from the voice.
        (
            [
                *(commit(0, "greeting"), speech(0, "Hello"), started(0), speech(0, "there."), speech(0, last=True)),
                *(heard(0, "Hello"), ended(0, "Hello there.")),
            ],
            [
                *("bot-tts-started", "bot-started-speaking", "bot-output 1 |Hello new", "bot-tts-stopped"),
                *("bot-output 1 Hello|there. in-progress", "bot-tts-text Hello"),
                *("bot-output 1 Hello there.| completed", "bot-tts-text there."),
                *("bot-transcription Hello there.", "bot-stopped-speaking"),
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_client_is_told_of_the_agent(events: list[Event], expected: list[str]) -> None:
    assert short(told(*events)) == expected


def test_a_whole_turn_comes_in_pipecats_order() -> None:
    greeting = [commit(0, "greeting"), speech(0, "Hello"), started(0)]
    barge = [ev.Yield(t=0, attempt=0), ended(0, "Hello", interrupted=True), TURN]
    turn = [partial("how"), final("How deep?", 1), *SPOKEN, commit(1), started(1), ended(1, "It is deep.")]
    events = [*greeting, *barge, *turn]
    kinds = [message["type"] for message in told(*events) if message["type"] != "metrics"]
    assert kinds == [
        *("bot-tts-started", "bot-started-speaking", "bot-output"),
        *("user-started-speaking", "bot-output", "bot-tts-text", "bot-interrupted", "bot-tts-stopped"),
        *("bot-transcription", "bot-stopped-speaking"),
        *("user-transcription", "user-transcription", "user-transcription"),
        *("user-llm-text", "user-stopped-speaking"),
        *(line.split()[0] for line in MADE),
        *("bot-started-speaking", "bot-output", "bot-output", "bot-tts-text"),
        *("bot-transcription", "bot-stopped-speaking"),
    ]


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


def test_times_are_those_of_the_wall_clock() -> None:
    (message,) = told(partial("hi", t=48_000 * 3 // 2))
    assert message["data"]["timestamp"] == "2030-01-02T03:04:06.500+00:00"
    assert told(ev.AgentError(t=0, message="no voice"))[0]["data"] == {"error": "no voice", "fatal": False}


def at(ms: float) -> int:
    return to_ticks(ms / 1000)


def test_metrics_are_the_differences_of_the_stages() -> None:
    messages = told(
        ev.Eager(t=at(1000), attempt=1, turn=1, end=at(900)),
        ev.Transcript(t=at(1100), turn=1, text="How deep?", final=True, attempt=1),
        ev.ToolStarted(t=at(1110), attempt=1, call="1", name="search"),
        ev.ToolEnded(t=at(1150), attempt=1, call="1", name="search"),
        ev.ReplyText(t=at(1250), attempt=1, text="It is deep."),
        commit(1),
        ev.Speech(t=at(1300), attempt=1, pcm=None),  # type: ignore[arg-type]
        ev.PlayoutStarted(t=at(1310), attempt=1),
        ev.ReplyText(t=at(1350), attempt=1, text="", last=True),
        ev.Speech(t=at(1400), attempt=1, pcm=None, last=True),  # type: ignore[arg-type]
        ev.PlayoutEnded(t=at(1800), attempt=1, heard="It is deep."),
    )
    first, rest = (each["data"] for each in messages if each["type"] == "metrics")

    def plain(data: dict[str, Any]) -> dict[str, dict[str, float]]:
        return {kind: {each["processor"]: each["value"] for each in data[kind]} for kind in data}

    assert plain(first) == {
        "processing": {"asr": 0.1, "search": 0.04},
        "ttfb": {"llm": 0.1, "tts": 0.05, "turn": 0.41},
    }
    assert plain(rest) == {"processing": {"llm": 0.2, "tts": 0.15}, "characters": {"tts": 11}}


def test_a_greeting_and_a_reply_that_is_over_have_no_metrics() -> None:
    events = [
        commit(0, "greeting"),
        speech(0, "Hello"),
        started(0),
        ended(0, "Hello"),
        started(5),
        ended(5, ""),
    ]
    assert not [each for each in told(*events) if each["type"] == "metrics"]


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
