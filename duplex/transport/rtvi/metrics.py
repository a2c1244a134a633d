"""How long each stage of a turn took, as RTVI's `metrics`. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from duplex.dialogue.events import (
    Eager,
    PlayoutEnded,
    PlayoutStarted,
    ReplyText,
    Speech,
    ToolEnded,
    ToolStarted,
    Transcript,
)
from duplex.graph.event import Event, to_seconds
from duplex.transport.rtvi.messages import Message, message

KEPT = 8
"""Attempts that are remembered."""


@dataclass(slots=True)
class _Stages:
    """When the stages of one attempt were reached, in ticks.

    Attributes:
        end: the user's last sound.
        since: what the next stage has to wait for: the words, then each tool's end.
        text: the first words of the answer, to be spoken.
        told: what was sent already.
    """

    end: int
    eager: int
    since: int
    text: int | None = None
    voiced: bool = False
    characters: int = 0
    tools: dict[str, int] = field(default_factory=dict)
    values: dict[tuple[str, str], float] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)

    def note(self, kind: str, processor: str, ticks: int) -> None:
        """Keep a duration; a tool that is used twice counts twice."""
        key = (kind, processor)
        self.values[key] = round(self.values.get(key, 0.0) + to_seconds(ticks), 4)


class Metrics:
    """`on(event) -> messages`: one when a reply begins to be heard, one with the rest at its end.

    `ttfb` and `processing` are seconds. Processors: `asr` (the last words), each tool by its name, `llm` (from
    words and tools to the answer), `tts` (from text to audio), and `turn`: from the user's last sound to the
    agent's first, the sum of all and of the wait for the turn's end. `characters` are those given to `tts`.
    """

    def __init__(self) -> None:
        self._attempts: dict[int, _Stages] = {}

    def on(self, event: Event) -> list[Message]:
        """Take what happened."""
        match event:
            case Eager():
                self._attempts[event.attempt] = _Stages(event.end, event.t, event.t)
                while len(self._attempts) > KEPT:
                    self._attempts.pop(min(self._attempts))
            case (
                Transcript(final=True)
                | ToolStarted()
                | ToolEnded()
                | ReplyText()
                | Speech()
                | PlayoutStarted()
                | PlayoutEnded()
            ) if (stages := self._attempts.get(event.attempt)) is not None:
                return self._stage(stages, event)
        return []

    def _stage(self, stages: _Stages, event: Event) -> list[Message]:
        match event:
            case Transcript():
                stages.note("processing", "asr", event.t - stages.eager)
                stages.since = event.t
            case ToolStarted():
                stages.tools[event.call] = event.t
            case ToolEnded() if event.call in stages.tools:
                stages.note("processing", event.name, event.t - stages.tools.pop(event.call))
                stages.since = event.t
            case ReplyText():
                _text(stages, event)
            case Speech():
                _speech(stages, event)
            case PlayoutStarted():
                stages.note("ttfb", "turn", event.t - stages.end)
                return _report(stages)
            case PlayoutEnded():
                return _report(stages)
        return []


def _text(stages: _Stages, event: ReplyText) -> None:
    if stages.text is None:
        stages.text = event.t
        stages.note("ttfb", "llm", event.t - stages.since)
    stages.characters += len(event.text)
    if event.last:
        stages.note("processing", "llm", event.t - stages.since)


def _speech(stages: _Stages, event: Speech) -> None:
    if stages.text is None:
        return
    if not stages.voiced:
        stages.voiced = True
        stages.note("ttfb", "tts", event.t - stages.text)
    if event.last:
        stages.note("processing", "tts", event.t - stages.text)
        stages.values["characters", "tts"] = stages.characters


def _report(stages: _Stages) -> list[Message]:
    """What was not told yet."""
    data: dict[str, list[dict[str, str | float]]] = {}
    for key, value in stages.values.items():
        if key not in stages.told:
            data.setdefault(key[0], []).append({"processor": key[1], "value": value})
    stages.told |= stages.values.keys()
    return [message("metrics", data)] if data else []
