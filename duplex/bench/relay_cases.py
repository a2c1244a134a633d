"""Voices over the agent's speech: the scripted ones, and what each did to it. Both lanes of `duplex bench relay`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soxr
import yaml

from duplex.audio.detect import silent_from
from duplex.audio.pcm import Pcm
from duplex.bench.relay_sound import RATE, Spoken, begins, ducked_after, gains, held, words_in
from duplex.dialogue.events import AGENT_RATE, Commit, PlayoutEnded, PlayoutStarted, Speech, Yield
from duplex.evals.record import Placed, Replay
from duplex.evals.scenario import Scenario
from duplex.evals.suite import find_suite, read_suite
from duplex.graph import Event, to_seconds
from duplex.resources import config_path

TASKS = ("user_interruption", "user_backchannel", "talking_to_other", "noise_burst")
YIELD_WITHIN = 2.0
"""Seconds in which an interruption has to be given way to."""
AFTER = 1.0
"""Seconds after a voice in which what the agent says must not be disturbed by it."""
LEAST = 3.5
"""Seconds that a scenario goes on after its voice: an agent that stopped for nothing takes up what it was saying."""
PAUSE = 0.3
"""Seconds of silence that are within what is said."""
WORD = 0.4
"""Seconds of a spoken word, at most and as a mean."""

Kind = Literal["turn", "backchannel", "side", "noise", "false_start"]
_KINDS: dict[str, Kind] = {
    "interruptions": "turn",
    "backchannels": "backchannel",
    "side": "side",
    "noises": "noise",
    "false_starts": "false_start",
}
"""By the heading in the script, which begins the scenario's id."""
_BY_TASK: dict[str, Kind] = {"talking_to_other": "side", "noise_burst": "noise", "user_interruption": "turn"}


@dataclass(frozen=True, slots=True)
class Case:
    """A voice over the agent's speech, and what came of it.

    Attributes:
        id: the scenario's.
        kind: what the voice was.
        duck, stop: seconds from its onset until the agent was softer, and silent; None where it never was.
        yielded: the agent stopped in time.
        held: the agent went on as if nothing had been.
        resumed: it took up what it was saying; None where it had not stopped.
        words: of what was cut off, the words that the caller heard and those in the history; None where nothing was.
    """

    id: str
    kind: Kind
    duck: float | None
    stop: float | None
    yielded: bool
    held: bool
    resumed: bool | None
    words: tuple[int, int] | None


def scripted(name: str) -> list[Scenario]:
    """The scenarios of a script in configs/bench."""
    script = yaml.safe_load(config_path(f"bench/{name}").read_text(encoding="utf-8"))
    return [
        _scenario(f"{heading}_{number:02}", _KINDS[heading], line, number, script)
        for heading in _KINDS
        for number, line in enumerate(script.get(heading, ()))
    ]


def of_the_suite() -> list[tuple[Scenario, Path]]:
    """Those of `everyday` that are about voices over the agent's, with the folder of their clips."""
    suite = find_suite("everyday")
    return [
        (case.scenario, case.file.parent)
        for task in TASKS
        for case in read_suite(suite, "virtual", task)[0]
        if case.scenario is not None and case.scenario.agent.opening is not None
    ]


def _scenario(id: str, kind: Kind, line: Any, number: int, script: dict[str, Any]) -> Scenario:
    """A line of the script, over one of its openings."""
    offset = 1.5 + 0.37 * (number % 9)
    at = {"after": "agent.speech_start", "offset": offset, "require": "agent_speaking"}
    item: dict[str, Any] = {"id": "v1", "at": at, "claims_floor": kind == "turn"}
    if kind == "noise":
        sound, seconds = line
        item |= {"kind": "noise", "sound": sound, "dur": seconds}
    else:
        seconds = WORD * (1 + len(line.split()))
        said = {"text": line, "voice": script["voices"][number % len(script["voices"])]}
        item |= {"kind": "interruption" if kind == "turn" else "backchannel", "tts": said}
    if kind == "side":
        softer = script["softer"]
        item |= {"kind": "side_talk", "addressed_to": "other", "gain_db": softer[number % len(softer)]}
    openings = script["openings"]
    opening = {"text": openings[number % len(openings)].strip(), "at": 0.2}
    task = {"turn": "user_interruption", "side": "talking_to_other", "noise": "noise_burst"}
    head = {
        "schema": "duplex-scenario/1",
        "id": id,
        "task": task.get(kind, "user_backchannel"),
        "seed": number,
    }
    duration = 1.0 + offset + seconds + LEAST
    agent = {"opening": opening}
    return Scenario.model_validate(
        {**head, "duration": duration, "agent": agent, "timeline": [item], "expect": []}
    )


def judged(replay: Replay, events: list[Event], late: float = 0.0) -> Case | None:
    """What the first voice over the agent's opening did to it; None where there was none.

    Args:
        replay: the scenario that was run.
        events: of the session.
        late: seconds, at most, from a frame's leaving to its place in the recording.
    """
    started = next((event for event in events if isinstance(event, PlayoutStarted)), None)
    left = next((record.t for record in replay.of("PlayoutStarted")), None)
    if started is None or left is None or not replay.placed:
        return None
    shift = left - to_seconds(started.t)
    spoken = _spoken(events, started.attempt)
    start = begins(replay.agent, spoken, left, late)
    placed = replay.placed[0]  # a second one comes over an answer
    onset = placed.speech[0][0] if placed.speech else placed.start
    if not start < onset < start + len(spoken.pcm) / RATE - AFTER:
        return None
    gave_way = next((event for event in events if isinstance(event, Yield)), None)
    yielded = None if gave_way is None else to_seconds(gave_way.t) + shift
    stop = None if yielded is None else _stop(replay.agent, onset, yielded)
    resumed = any(isinstance(event, Commit) and event.reason == "resumption" for event in events)
    until = max([end for _, end in placed.speech] or [placed.end]) + AFTER
    return Case(
        replay.scenario.id,
        _kind(replay.scenario, placed),
        ducked_after(gains(replay.agent, spoken, start), onset - start),
        stop,
        stop is not None and stop <= YIELD_WITHIN,
        held(replay.agent, spoken, start, onset, min(until, start + len(spoken.pcm) / RATE)),
        None if yielded is None else resumed,
        None if yielded is None else _words(replay, events, spoken, start, yielded + 0.1 + start - left),
    )


def _stop(agent: Pcm, onset: float, yielded: float) -> float | None:
    """Seconds from the onset until the agent is silent; a pause of its own, before it gives way, is no silence."""
    silent = silent_from(agent, RATE, after_s=max(onset, yielded - PAUSE))
    return None if silent is None else silent - onset


def _kind(scenario: Scenario, placed: Placed) -> Kind:
    heading = scenario.id.rpartition("_")[0]
    return _KINDS.get(heading) or _BY_TASK.get(scenario.task, "backchannel")


def _spoken(events: list[Event], attempt: int) -> Spoken:
    """All that was synthesised for an attempt."""
    said = [event for event in events if isinstance(event, Speech) and event.attempt == attempt]
    pcm = np.concatenate([event.pcm for event in said]).astype(np.float32)
    resampled = np.clip(np.rint(soxr.resample(pcm, AGENT_RATE, RATE)), -32_768, 32_767).astype(np.int16)
    words = [word for event in said for word in event.words]
    return Spoken(resampled, tuple((w.text, to_seconds(w.start), to_seconds(w.end)) for w in words))


def _words(
    replay: Replay, events: list[Event], spoken: Spoken, start: float, cut: float
) -> tuple[int, int] | None:
    ended = next((event for event in events if isinstance(event, PlayoutEnded)), None)
    if ended is None or not ended.interrupted:
        return None
    return words_in(replay.agent, spoken, start, cut), len(ended.heard.split())
