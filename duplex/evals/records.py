"""From what a session tells to what metrics read: the event names of SCENARIO_FORMAT, beside the session's own.

All times in payloads are seconds of the scenario, like `Record.t`; only a session's own events (source `session`) keep
their ticks. What each type holds:

    frame_in        {frames, dbfs}: a second of the user's audio as the agent took it (one record for 50 frames)
    vad             {voice, at}: the agent's detector; `at` is where it puts the edge
    asr_partial     {turn, text, stable}: `stable` words will not change
    asr_final       {turn, attempt, text}
    eot_decision    {turn, attempt, reason, p, end}: the agent takes the turn for ended; `end` is where it puts the end
    tool_call       {id, attempt, name, query, args}
    tool_result     {id, name, query, docs, text}: `docs` in the order in which they were found
    tool_cancel     {id, name, query}
    tool_commit     {id, name, query, args, docs}: the turn has ended and its answer rests on this call
    response_start  {id, turn, path, reason}: the first sample leaves; `path` is fast or slow
    agent_text      {id, words}: [word, start, end] of words that were heard
    playout_flush   {id, heard}: the rest of the response is dropped
    agent_audio     {edge}: onset or offset of audible speech
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from duplex.dialogue.events import (
    Commit,
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
from duplex.evals.record import Record
from duplex.graph import Event, to_seconds
from duplex.graph.log import line

UNASKED = ("greeting", "announcement", "resumption")
"""Reasons of what is said without a turn of the user before it."""
_LATE = 0.06
"""Seconds; a word that is heard later than this after its time was held up, and all after it too."""


def to_records(events: Iterable[Event], shift: float = 0.0) -> list[Record]:
    """Records of a session's events, in the order of their times.

    Args:
        events: as `Side.subscribe` gives them.
        shift: seconds to add to the session's times to get the scenario's.
    """
    maker = _Maker(shift)
    records = [record for event in events for record in maker.on(event)]
    return sorted(records, key=lambda record: record.t)


class _Maker:
    """Takes events one by one; some records need what came before."""

    def __init__(self, shift: float) -> None:
        self._shift = shift
        self._p: dict[int, float] = {}
        self._commits: dict[int, Commit] = {}
        self._calls: dict[str, ToolStarted] = {}
        self._docs: dict[str, tuple[str, ...]] = {}
        """What each call found."""
        self._rests_on: dict[int, list[str]] = {}
        """The calls that an attempt rests on which is not committed yet."""
        self._replies: dict[int, _Reply] = {}

    def on(self, event: Event) -> list[Record]:
        """The records of one event."""
        entry = json.loads(line("", 0, event))
        own = {key: value for key, value in entry.items() if key not in ("edge", "at", "type", "t")}
        t = self._at(event.t)
        made = self._made(event)
        return [
            Record(t, "session", type(event).__name__, own),
            *(Record(t, "agent", *each) for each in made),
        ]

    def _at(self, ticks: int) -> float:
        return to_seconds(ticks) + self._shift

    def _made(self, event: Event) -> list[tuple[str, Mapping[str, Any]]]:
        match event:
            case VoiceStarted():
                return [("vad", {"voice": True, "at": self._at(event.onset)})]
            case VoiceStopped():
                return [("vad", {"voice": False, "at": self._at(event.end)})]
            case Transcript(final=True):
                return [("asr_final", {"turn": event.turn, "attempt": event.attempt, "text": event.text})]
            case Transcript():
                return [("asr_partial", {"turn": event.turn, "text": event.text, "stable": event.stable})]
            case EndProbability():
                self._p[event.attempt] = event.p
            case Commit():
                return self._commit(event)
            case ToolStarted():
                self._calls[event.call] = event
                used = {"attempt": event.attempt, "args": dict(event.arguments)}
                return [("tool_call", self._call(event.call) | used)]
            case ToolEnded():
                return self._ended(event)
            case ToolUsed():
                return self._tool_used(event)
            case Speech() | PlayoutStarted() | Heard() | PlayoutEnded():
                return self._playout(event)
        return []

    def _commit(self, event: Commit) -> list[tuple[str, Mapping[str, Any]]]:
        self._commits[event.attempt] = event
        if event.reason in UNASKED:
            return []
        decision = {
            "turn": event.turn,
            "attempt": event.attempt,
            "reason": event.reason,
            "p": self._p.get(event.attempt),
            "end": self._at(event.end),
        }
        kept = [self._kept(call) for call in self._rests_on.pop(event.attempt, [])]
        return [("eot_decision", decision), *kept]

    def _call(self, call: str) -> dict[str, Any]:
        started = self._calls.get(call)
        name, arguments = (started.name, started.arguments) if started else ("", {})
        return {"id": call, "name": name, "query": arguments.get("query", "")}

    def _kept(self, call: str) -> tuple[str, Mapping[str, Any]]:
        started = self._calls.get(call)
        args = dict(started.arguments) if started else {}
        return "tool_commit", self._call(call) | {"args": args, "docs": list(self._docs.get(call, ()))}

    def _ended(self, event: ToolEnded) -> list[tuple[str, Mapping[str, Any]]]:
        if event.cancelled:
            return [("tool_cancel", self._call(event.call))]
        self._docs[event.call] = event.sources
        return [("tool_result", self._call(event.call) | {"docs": list(event.sources), "text": event.result})]

    def _tool_used(self, event: ToolUsed) -> list[tuple[str, Mapping[str, Any]]]:
        if event.attempt in self._commits:
            return [self._kept(event.call)]
        self._rests_on.setdefault(event.attempt, []).append(event.call)
        return []

    def _playout(
        self, event: Speech | PlayoutStarted | Heard | PlayoutEnded
    ) -> list[tuple[str, Mapping[str, Any]]]:
        reply = self._replies.setdefault(event.attempt, _Reply())
        match event:
            case Speech():
                reply.words += event.words
            case PlayoutStarted():
                reply.zero = self._at(event.t + event.delay)
                reply.words += event.words
                commit = self._commits.get(event.attempt)
                turn, reason = (commit.turn, commit.reason) if commit else (0, "")
                return [
                    (
                        "response_start",
                        {"id": event.attempt, "turn": turn, "path": "slow", "reason": reason},
                    )
                ]
            case Heard():
                return self._words(event, reply.heard(event.text, self._at(event.t)))
            case PlayoutEnded():
                said = self._words(event, reply.heard(event.heard, None))
                flushed = ("playout_flush", {"id": event.attempt, "heard": event.heard})
                return [*said, flushed] if event.interrupted else said
        return []

    @staticmethod
    def _words(
        event: Heard | PlayoutEnded, words: list[tuple[str, float, float]]
    ) -> list[tuple[str, Mapping[str, Any]]]:
        rows = [[text, round(start, 4), round(end, 4)] for text, start, end in words]
        return [("agent_text", {"id": event.attempt, "words": rows})] if rows else []


class _Reply:
    """One response and how far it was heard."""

    def __init__(self) -> None:
        self.words: list[SpokenWord] = []
        self.zero = 0.0
        """When its first sample is heard, were it never held up, in seconds of the scenario."""
        self._told = 0

    def heard(self, text: str, t: float | None) -> list[tuple[str, float, float]]:
        """The words that are new in `text`, the reply so far; `t` is when the first of them was half heard."""
        fresh = self.words[self._told : len(text.split())]
        if fresh and t is not None:
            held_up = t - self.zero - to_seconds(fresh[0].start + fresh[0].end) / 2
            self.zero += held_up if held_up > _LATE else 0.0
        self._told += len(fresh)
        return [
            (word.text, self.zero + to_seconds(word.start), self.zero + to_seconds(word.end))
            for word in fresh
        ]
