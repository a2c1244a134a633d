"""What the page of a recorded call shows, as plain data: pure functions from audio and events to JSON's own types.

Two clocks meet here. The recording runs on the caller's; the session's events count ticks since the session began.
Everything that leaves this module is in seconds on the caller's clock, so that the page only draws.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from duplex.bench.conversation import Exchange
from duplex.evals.embed import PEAKS_A_SECOND, peaks
from duplex.graph import TICKS
from duplex.transport.webrtc.caller import RATE

Pcm = NDArray[np.int16]
LogEvent = Mapping[str, Any]

MARKS = ("Eager", "Resumed", "Commit", "Discarded", "Duck", "Unduck", "Yield")
"""Turn-taking decisions that are drawn on the time axis."""
CORE_FRAME = 0.08
"""Seconds that a frame of the core's tells of."""
SOON = 0.5
"""P(the user is done within 640 ms) from which that is drawn."""
_MOMENTS = ("end", "onset")
"""Fields that hold a moment of the session's clock."""
_LEFT_OUT = ("at", "edge", "t", "type", *_MOMENTS)


def prepare(
    recording: tuple[Pcm, Pcm],
    turns: Sequence[Exchange],
    events: Sequence[LogEvent],
    offset: float | None,
    title: str,
) -> dict[str, Any]:
    """All that the page needs.

    Args:
        recording: the user's and the agent's channel, int16 [n] at 16 kHz on the caller's clock.
        turns: what was asked and what came of it.
        events: the session's log, times in ticks.
        offset: seconds to add to the session's times; None if unknown, and then nothing of the log is drawn on
            the time axis, since it would stand in the wrong place.
    """
    user, agent = recording
    duration = max(len(user), len(agent), RATE // 10) / RATE  # an axis needs a length
    placed = events if offset is not None else []
    shift = offset or 0.0
    return {
        "title": title,
        "duration": duration,
        "facts": facts(turns, duration),
        "rate": PEAKS_A_SECOND,
        "peaks": {"user": peaks(user), "agent": peaks(agent)},
        "medians": stage_medians(turns),
        "turns": [_turn(number, turn) for number, turn in enumerate(turns, start=1)],
        "voice": voice_spans(placed, shift, duration),
        "core": core_spans(placed, shift),
        "replies": replies(placed, shift, duration),
        "marks": [mark(event, shift) for event in placed if is_mark(event)],
        "events": [event_row(event, shift) for event in events],
        "matched": offset is not None,
    }


def facts(turns: Sequence[Exchange], duration: float) -> dict[str, Any]:
    """The figures of the header; `latency` is the median in seconds, None if nothing was ever heard."""
    latencies = [turn.latency for turn in turns if turn.latency is not None]
    return {
        "turns": len(turns),
        "right": sum(turn.right for turn in turns),
        "latency": statistics.median(latencies) if latencies else None,
        "duration": duration,
    }


def stage_medians(turns: Sequence[Exchange]) -> dict[str, float]:
    """The median time of each stage, over the turns that reached it."""
    reached = [_stages(turn) for turn in turns]
    names = {name for each in reached for name in each}
    return {name: statistics.median(each[name] for each in reached if name in each) for name in sorted(names)}


def seconds(ticks: object, shift: float) -> float:
    """A moment of the session's clock in seconds on the caller's."""
    return round(int(str(ticks)) / TICKS + shift, 4)


def voice_spans(events: Iterable[LogEvent], shift: float, duration: float) -> list[tuple[float, float]]:
    """Where the agent's detector believed the user to speak; a voice that never stopped lasts to the end."""
    spans: list[tuple[float, float]] = []
    onset: float | None = None
    for event in events:
        if event["type"] == "VoiceStarted" and onset is None:
            onset = seconds(event["onset"], shift)
        elif event["type"] == "VoiceStopped" and onset is not None:
            spans.append((onset, seconds(event["end"], shift)))
            onset = None
    return spans if onset is None else [*spans, (onset, duration)]


def core_spans(events: Iterable[LogEvent], shift: float) -> list[tuple[float, float, str, float]]:
    """What the duplex core says: from, to, its state, and its greatest P(the user is done within 640 ms) in it.

    Where it only listens, nothing; but `soon` where it takes the end to be near.
    """
    spans: list[tuple[float, float, str, float]] = []
    for event in events:
        if event["type"] != "CoreFrame":
            continue
        end, soon, state = seconds(event["t"], shift), float(event["soon"]), str(event["state"])
        if state == "listen":
            state = "soon" if soon >= SOON else ""
        start = round(end - CORE_FRAME, 4)
        if spans and spans[-1][2] == state and start - spans[-1][1] < CORE_FRAME / 2:
            spans[-1] = (spans[-1][0], end, state, max(soon, spans[-1][3]))
        elif state:
            spans.append((start, end, state, soon))
    return spans


def replies(events: Sequence[LogEvent], shift: float, duration: float) -> list[dict[str, Any]]:
    """Each reply that was played: when, and its words with whether they were heard before it ended or was cut."""
    found = []
    for begun in (event for event in events if event["type"] == "PlayoutStarted"):
        mine = [event for event in events if event.get("attempt") == begun["attempt"]]
        start = seconds(begun["t"], shift)
        ended = next((event for event in mine if event["type"] == "PlayoutEnded"), None)
        texts = [str(event["text"]) for event in mine if event["type"] == "Heard"]
        heard = str(ended["heard"]) if ended else texts[-1] if texts else ""
        spoken = [word for event in mine if event["type"] == "Speech" for word in event["words"]]
        count = len(heard.split())
        found.append(
            {
                "start": start,
                "end": seconds(ended["t"], shift) if ended else duration,
                "text": heard,
                "cut": bool(ended and ended["interrupted"]),
                "words": [
                    [word["text"], seconds(word["start"], start), seconds(word["end"], start), place < count]
                    for place, word in enumerate(spoken)
                ],
            }
        )
    return found


def is_mark(event: LogEvent) -> bool:
    """Whether it is a decision about turns; what is said unasked needs none."""
    return event["type"] in MARKS and event.get("reason") not in ("greeting", "announcement", "resumption")


def mark(event: LogEvent, shift: float) -> dict[str, Any]:
    """A decision on the time axis: when it was made, what it was, and why if it says so."""
    return {"t": seconds(event["t"], shift), "kind": event["type"], "reason": str(event.get("reason", ""))}


def event_row(event: LogEvent, shift: float) -> tuple[float, str, str]:
    """Time, type, and the rest in one readable line: audio by its length, words by their text."""
    said = [f"{key} {seconds(event[key], shift):.3f} s" for key in _MOMENTS if key in event]
    for key in sorted(event.keys() - set(_LEFT_OUT)):
        value = event[key]
        if key == "pcm":
            said.append(f"{value['shape'][0]:,} samples")
        elif key == "words":
            said.append("words " + " ".join(str(word["text"]) for word in value))
        elif value not in (None, "", [], ()):
            said.append(f"{key} {_plain(value)}")
    return seconds(event["t"], shift), str(event["type"]), " · ".join(said)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _stages(turn: Exchange) -> dict[str, float]:
    reached = {name: round(at, 4) for name, at in turn.stages.items()}
    if turn.latency is not None:
        reached["Audible"] = round(turn.latency, 4)
    return reached


def _turn(number: int, turn: Exchange) -> dict[str, Any]:
    return {
        "number": number,
        "asked": turn.question.text,
        "heard": turn.heard,
        "answer": turn.answer,
        "right": turn.right,
        "latency": turn.latency,
        "start": turn.said.start,
        "end": turn.said.end,
        "stages": _stages(turn),
    }
