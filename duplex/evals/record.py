"""What a replay leaves: the one thing that every driver makes and every metric takes.

A folder holds it as `events.jsonl` (a record a line), `dialogue.wav` (left the user, right the agent as the client
heard it) and `replay.json` (what was placed when, and how it was run).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile

from duplex.audio.pcm import Pcm
from duplex.evals.scenario import Item, Lane, Scenario

RATE = 16_000
"""Of both channels of a replay."""
Compute = Literal["measured", "fixed", "zero", "real"]
"""What computing costs in the replay's time; `real` is a wall clock."""


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened: `t` in seconds of the scenario, who it came from, what it was.

    The types that SCENARIO_FORMAT names: frame_in, vad, asr_partial, asr_final, eot_decision, tool_call, tool_result,
    tool_cancel, tool_commit, response_start, agent_text, playout_flush, agent_audio. A session's own events keep
    their names beside them (source `session`).
    """

    t: float
    source: str
    type: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """An item of the timeline as it was really played, in seconds of the scenario."""

    item: Item
    start: float
    end: float

    @property
    def speech(self) -> tuple[tuple[float, float], ...]:
        """Its true spans of speech; the whole item where the scenario names none and it is someone's voice."""
        spans = self.item.speech
        if not spans and self.item.kind not in ("noise", "silence", "pause"):
            spans = ((0.0, self.end - self.start),)
        return tuple((self.start + start, self.start + end) for start, end in spans)

    @property
    def words(self) -> tuple[tuple[str, float, float], ...]:
        """Its words where they are known."""
        return tuple((word, self.start + start, self.start + end) for word, start, end in self.item.words)


@dataclass(slots=True)
class Replay:
    """A scenario that was run.

    Attributes:
        scenario: which.
        agent_name: against whom.
        lane: how the audio went.
        compute: what computing cost.
        placed: the timeline as it came about, in the order of starting.
        missed: ids of items whose moment never came.
        records: what happened, in the order of time.
        user, agent: int16 [n] at 16 kHz each, equally long; empty in the text lane.
        late_frames: frames that the agent was not ready for in time.
        echo_floor: seconds that an agent takes that only plays back what it hears; None where not measured.
        error: why it ended early; empty where it did not.
    """

    scenario: Scenario
    agent_name: str
    lane: Lane
    compute: Compute
    placed: list[Placed] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    user: Pcm = field(default_factory=lambda: np.zeros(0, np.int16))
    agent: Pcm = field(default_factory=lambda: np.zeros(0, np.int16))
    late_frames: int = 0
    echo_floor: float | None = None
    error: str = ""

    def of(self, *types: str) -> Iterator[Record]:
        """Its records of these types."""
        return (record for record in self.records if record.type in types)

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return len(self.agent) / RATE if len(self.agent) else self.scenario.duration

    def save(self, folder: Path) -> None:
        """Write it into a folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "events.jsonl").open("w", encoding="utf-8") as file:
            for record in self.records:
                row = {"t": round(record.t, 6), "source": record.source, "type": record.type}
                file.write(json.dumps(row | {"payload": dict(record.payload)}) + "\n")
        if len(self.agent):
            both = np.stack([self.user, self.agent], axis=1)
            soundfile.write(folder / "dialogue.wav", both, RATE, subtype="PCM_16")
        placed = [{"id": each.item.id, "start": each.start, "end": each.end} for each in self.placed]
        head = {
            "scenario": self.scenario.model_dump(mode="json", by_alias=True),
            "agent_name": self.agent_name,
            "lane": self.lane,
            "compute": self.compute,
            "placed": placed,
            "missed": self.missed,
            "late_frames": self.late_frames,
            "echo_floor": self.echo_floor,
            "error": self.error,
        }
        (folder / "replay.json").write_text(json.dumps(head, indent=1), encoding="utf-8")


def load_replay(folder: Path) -> Replay:
    """Read what `Replay.save` wrote.

    Raises:
        OSError, ValueError, KeyError: it is not such a folder.
    """
    head = json.loads((folder / "replay.json").read_text(encoding="utf-8"))
    scenario = Scenario.model_validate(head.pop("scenario"))
    items = {item.id: item for item in scenario.timeline}
    placed = [Placed(items[each["id"]], each["start"], each["end"]) for each in head.pop("placed")]
    with (folder / "events.jsonl").open(encoding="utf-8") as file:
        records = [Record(**json.loads(line)) for line in file]
    replay = Replay(scenario=scenario, placed=placed, records=records, **head)
    if (folder / "dialogue.wav").exists():
        both, _ = soundfile.read(folder / "dialogue.wav", dtype="int16")
        replay.user, replay.agent = both[:, 0].copy(), both[:, 1].copy()
    return replay
