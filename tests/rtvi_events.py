"""Session events in a few words each, and what a client is told of them in short lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from duplex.dialogue import events as ev
from duplex.graph.event import Event
from duplex.transport.rtvi.outgoing import Outgoing

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
        if data.get("kind") == "ending":
            out.append(f"server-message ending {data['reason']}")
            continue
        about = data.get("text") or data.get("tool_call_id") or data.get("function_name") or data.get("error")
        mark = mark or ("cancelled" if data.get("cancelled") else data.get("result", ""))
        out.append(" ".join(part for part in (message["type"], about, mark) if part))
    return out


def partial(text: str, t: int = 0) -> ev.Transcript:
    return ev.Transcript(t=t, turn=1, text=text)


def final(text: str, attempt: int) -> ev.Transcript:
    return ev.Transcript(t=0, turn=1, text=text, final=True, attempt=attempt)


def commit(attempt: int, reason: str = "words", text: str = "") -> ev.Commit:
    return ev.Commit(t=0, attempt=attempt, turn=1, end=0, reason=reason, text=text)


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
