"""What a client is told of a session, as tables from events to messages: the user's side, order, times."""

from __future__ import annotations

from typing import Any

import pytest
from rtvi_events import (
    MADE,
    SPOKEN,
    TURN,
    commit,
    ended,
    final,
    partial,
    short,
    speech,
    started,
    told,
)

from duplex.dialogue import events as ev
from duplex.graph.event import Event, to_ticks


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
        ([ev.SessionEnding(t=0, reason="idle")], ["server-message ending idle"]),
    ],
)
def test_what_a_client_is_told_of_the_user(events: list[Event], expected: list[str]) -> None:
    assert short(told(*events)) == expected


def test_a_whole_turn_comes_in_pipecats_order() -> None:
    greeting = [commit(0, "greeting", "Hello."), speech(0, "Hello."), started(0)]
    barge = [ev.Yield(t=0, attempt=0), ended(0, "Hello.", interrupted=True), TURN]
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
