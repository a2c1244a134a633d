"""One scenario of the format `duplex-scenario/1`: what the user's side does, when, and what is expected of the agent.

Times are seconds. The truth about who spoke when is the scenario's, never the system's own voice detection.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Task = Literal[
    "pause_handling",
    "smooth_turn_taking",
    "backchannel",
    "user_interruption",
    "user_backchannel",
    "talking_to_other",
    "background_speech",
    "noise_burst",
    "silence",
    "false_endpoint_recovery",
    "tool_streaming",
    "disfluent_tool",
    "channel_impairment",
    "multi_turn",
]
Lane = Literal["virtual", "webrtc", "text"]
Kind = Literal[
    "user_speech",
    "backchannel",
    "interruption",
    "side_talk",
    "background_speech",
    "noise",
    "silence",
    "pause",
]
Sound = Literal["door", "cough", "keyboard", "dishes", "phone", "music", "fan", "rain"]
Behaviour = Literal[
    "hold",
    "take_turn",
    "stop",
    "continue",
    "backchannel_ok",
    "ignore",
    "resume",
    "respond",
    "call_tool",
    "no_call",
]
Seconds = Annotated[float, Field(ge=0, le=3_600, allow_inf_nan=False)]
Offset = Annotated[float, Field(ge=-3_600, le=3_600, allow_inf_nan=False)]
Span = tuple[Seconds, Seconds]
MAX_BYTES = 2**20
"""Of a scenario's file."""


class ScenarioError(Exception):
    """A scenario or one of its clips cannot be used; the message says which file, which key and why."""


class _Part(BaseModel):
    """Whatever else stands in a part of a scenario is let be: other tools put their own keys there."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


class Audio(_Part):
    """How the frames are cut."""

    rate: int = Field(default=16_000, ge=8_000, le=48_000)
    frame_ms: float = Field(default=20, gt=0, le=100)


class Opening(_Part):
    """What the agent has to say, unasked, from `at` on: it has the floor then."""

    text: str = Field(default="", max_length=4_000)
    at: Seconds = 0.5


class Role(_Part):
    """What the scenario asks of the agent itself."""

    opening: Opening | None = None
    system: str = Field(default="", max_length=8_000)


class Latency(_Part):
    """How long a tool takes: `fixed` (p50), `lognormal` (p50, p90) or a `trace` (values in turn); seeded."""

    dist: Literal["fixed", "lognormal", "trace"] = "fixed"
    p50: Seconds = 0.0
    p90: Seconds | None = None
    seed: int = 0
    values: tuple[Seconds, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Latency:
        if self.dist == "trace" and not self.values:
            raise ValueError("a trace needs values")
        if self.dist == "lognormal" and not 0 < self.p50 <= (self.p90 or 0):
            raise ValueError("lognormal needs p50 > 0 and p90 >= p50")
        return self


class Tool(_Part):
    """A tool that the agent has in this scenario."""

    name: str
    corpus: str | None = None
    latency: Latency = Latency()
    fail: Literal["none", "timeout", "error", "empty"] = "none"


class Channel(_Part):
    """What the network does, and the agent's echo in the user's channel (dB; None for none)."""

    loss: float = Field(default=0.0, ge=0, le=1)
    jitter_ms: float = Field(default=0.0, ge=0, le=5_000)
    rtt_ms: float = Field(default=0.0, ge=0, le=10_000)
    echo_db: float | None = Field(default=None, le=20)


class After(_Part):
    """A time that follows from what happens: `<item>.start|end|speech_start|speech_end` or `agent.speech_start|end`.

    `nth` counts the agent's spans from 1; `require` holds the item back until the agent is (not) speaking.
    """

    after: str
    offset: Offset = 0.0
    nth: int = Field(default=1, ge=1)
    require: Literal["agent_speaking", "agent_silent"] | None = None


class Item(_Part):
    """One thing on the user's channel. `speech` and `words` are relative to the item's own start.

    What is heard is a clip, a text that is spoken on this machine, or a sound that code makes.
    """

    id: str
    kind: Kind
    at: Seconds | After
    clip: str | None = None
    tts: dict[str, Any] | None = None
    sound: Sound | None = None
    text: str = Field(default="", max_length=10_000)
    words: tuple[tuple[str, Seconds, Seconds], ...] = ()
    speech: tuple[Span, ...] = ()
    dur: Seconds | None = None
    gain_db: float = Field(default=0.0, ge=-120, le=60)
    snr_db: float | None = Field(default=None, ge=-60, le=120)
    addressed_to: Literal["agent", "other", "none"] = "agent"
    claims_floor: bool = True
    ends_turn: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> Item:
        spans = [*self.speech, *((start, end) for _, start, end in self.words)]
        if any(end < start for start, end in spans):
            raise ValueError(f"{self.id}: a span ends before it starts")
        return self


class Window(_Part):
    """From and to: seconds, `end`, or `<item>.start|end|speech_start|speech_end`, with `+` or `-` seconds."""

    start: Seconds | str = Field(alias="from")
    end: Seconds | str = Field(alias="to")


class Expectation(_Part):
    """What a metric is to show in a window."""

    metric: str
    window: Window
    behaviour: Behaviour | None = None
    max_s: float | None = None
    note: str = ""


class Answer(_Part):
    """The right answer."""

    gold: tuple[str, ...] = ()
    kind: Literal["answer", "false_premise", "no_answer"] = "answer"
    supporting_docs: tuple[str, ...] = ()


class ToolCall(_Part):
    """A call of a tool: its name and arguments."""

    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class Scenario(BaseModel):
    """A scenario; unknown keys at its top are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    format: Literal["duplex-scenario/1"] = Field(alias="schema")
    id: str = Field(min_length=1, max_length=200, pattern=r"^[\w.\-]+$")
    task: Task
    title: str = ""
    licence: str = ""
    seed: int = 0
    duration: Annotated[float, Field(gt=0, le=3_600, allow_inf_nan=False)]
    audio: Audio = Audio()
    lanes: tuple[Lane, ...] = ("virtual",)
    agent: Role = Role()
    tools: tuple[Tool, ...] = ()
    channel: Channel = Channel()
    timeline: tuple[Item, ...]
    expect: tuple[Expectation, ...]
    answer: Answer | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    forbidden_calls: tuple[ToolCall, ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Scenario:
        ids = [item.id for item in self.timeline]
        twice = {each for each in ids if ids.count(each) > 1}
        if twice:
            raise ValueError(f"timeline: two items are called {sorted(twice)[0]}")
        return self


def load_scenario(path: Path) -> Scenario:
    """Read a scenario from YAML or JSON.

    Raises:
        ScenarioError: it cannot be read, or something in it is wrong; names the file and the key.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ScenarioError(f"{path}: larger than {MAX_BYTES // 2**20} MiB, which no scenario is")
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Scenario.model_validate(raw)
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: is no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"]) or "the whole"
        raise ScenarioError(f"{path}: {where}: {first['msg']}") from error


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema of a scenario's file, for editors and other tools; `configs/evals` ships it."""
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "duplex-scenario/1"}
    return {**Scenario.model_json_schema(by_alias=True), **title}
