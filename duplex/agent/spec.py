"""The agent file: everything a builder can say about an agent, each key with its meaning and its limits.

Unknown keys are errors, since a misspelt key that is silently ignored is the worst kind of documentation. A component
is written as its name, or as `name: {settings}` (the form pydantic-ai uses), so that the smallest agent is a few
lines and the largest still reads from top to bottom.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, HttpUrl, field_validator, model_validator

from duplex.agent.limits_spec import LimitsSection
from duplex.agent.relay_spec import RelaySection
from duplex.agent.schema import Component, File, Folder, Section, Short
from duplex.agent.tools_spec import ToolSection

ENV_NAME = r"^[A-Z][A-Z0-9_]{0,63}$"
Env = Annotated[
    str, Field(pattern=ENV_NAME, description="Name of the environment variable that holds the key.")
]


class Endpoint(Section):
    """An OpenAI-compatible endpoint."""

    base_url: HttpUrl = Field(description="Root of the API, such as https://api.openai.com/v1.")
    model: str = Field(min_length=1, max_length=200, description="The model's name at that endpoint.")
    key_env: Env | None = Field(None, description="Environment variable with the key; none for no key.")

    @field_validator("base_url")
    @classmethod
    def _no_secret(cls, url: HttpUrl) -> HttpUrl:
        """Addresses are logged and shown, so that nothing in one may be a secret."""
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("give the plain root of the API; keys belong in the environment (key_env)")
        return url


class WhisperSettings(Section):
    """Whisper on this machine."""

    partial: Literal["whisper-tiny.en", "whisper-base"] = Field(
        "whisper-tiny.en", description="Reads along while the user speaks."
    )
    final: Literal["whisper-tiny.en", "whisper-base"] = Field(
        "whisper-base", description="Reads the whole turn once it may have ended."
    )
    vocabulary: tuple[Annotated[str, Field(max_length=80)], ...] = Field(
        (), max_length=60, description="Names that callers say; by default the headings of the knowledge."
    )


class SherpaSettings(Section):
    """A sherpa-onnx streaming transducer."""

    folder: Folder = Field(description="Folder with encoder, decoder, joiner and tokens.")


class AsrSection(Component):
    """Recognition: exactly one of these."""

    whisper: WhisperSettings | None = Field(None, description="Whisper on this machine.")
    sherpa: SherpaSettings | None = Field(None, description="A streaming transducer of your own.")
    openai: Endpoint | None = Field(None, description="An OpenAI-compatible transcription endpoint.")


class PiperSettings(Section):
    """Piper on this machine: the fastest voice."""

    model: Literal["piper-joe"] = Field("piper-joe", description="The voice's name in the model store.")
    speed: float = Field(1.0, ge=0.5, le=2.0, description="1 is the voice's own pace.")


# fmt: off
KokoroVoice = Literal[
    "af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole",
    "af_nova", "af_river", "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric",
    "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck", "am_santa", "bf_alice",
    "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis",
]
# fmt: on


class KokoroSettings(Section):
    """Kokoro on this machine: the most natural voices, slower."""

    voice: KokoroVoice = Field("af_heart", description="a American, b British; f, m; the name.")
    speed: float = Field(1.0, ge=0.5, le=2.0, description="1 is the voice's own pace.")


class SpeechEndpoint(Endpoint):
    """An OpenAI-compatible speech endpoint."""

    voice: str = Field("alloy", max_length=100, description="The voice's name at that endpoint.")


class TtsSection(Component):
    """Speech: exactly one of these."""

    piper: PiperSettings | None = Field(None, description="Piper on this machine.")
    kokoro: KokoroSettings | None = Field(None, description="Kokoro on this machine.")
    openai: SpeechEndpoint | None = Field(None, description="An OpenAI-compatible speech endpoint.")


class LocalModel(Section):
    """A model from the store."""

    threads: int = Field(1, ge=1, le=64, description="Compute threads; one leaves the cores to the others.")
    context: int = Field(1024, ge=256, le=32_768, description="Tokens of each cache slot.")


class LlamaCppSettings(LocalModel):
    """A GGUF file of your own."""

    file: File = Field(description="The .gguf file.")
    chat: bool = Field(True, description="The model follows instructions; false for a base model.")


class LlmSection(Component):
    """The language model: exactly one of these."""

    gemma_3_270m: LocalModel | None = Field(
        None, alias="gemma-3-270m", description="Gemma 3 270M, the default."
    )
    smollm2_135m: LocalModel | None = Field(
        None,
        alias="smollm2-135m",
        description="SmolLM2 135M Instruct: smaller, Apache-2.0, less often right.",
    )
    llamacpp: LlamaCppSettings | None = Field(None, description="A GGUF file of your own.")
    openai: Endpoint | None = Field(None, description="An OpenAI-compatible endpoint.")


_MAX_ENTRIES = 10_000
"""Entries that are looked at for a first readable file."""


class KnowledgeSection(Short):
    """What the agent may answer from."""

    SHORT: ClassVar[str] = "folder"
    folder: Folder = Field(description="Folder of md, txt, html, pdf and jsonl files.")
    embedder: Literal["minilm", "wordllama"] = Field("minilm", description="How meaning is compared.")
    min_score: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Passages below this are no answer; by default the embedder's calibrated one.",
    )

    @field_validator("folder")
    @classmethod
    def _not_empty(cls, folder: Path) -> Path:
        """At least one file is there to read; what each holds is seen when the index is built."""
        from tools_rag.folder import SUFFIXES

        files = (name for _, _, names in os.walk(folder) for name in names)
        looked = [
            name.lower().endswith(SUFFIXES) for name, _ in zip(files, range(_MAX_ENTRIES), strict=False)
        ]
        if not any(looked) and len(looked) < _MAX_ENTRIES:
            raise ValueError(f"nothing to read in {folder}; put {', '.join(SUFFIXES)} files there")
        return folder


Profile = Literal["snappy", "balanced", "patient"]
CoreMode = Literal["off", "voices", "ends", "full"]
"""What the duplex core decides with the floor: nothing, whose a voice is and what it wants, when turns end, both."""


def _off(value: object) -> object:
    """To YAML 1.1 a bare `off` is false."""
    return "off" if value is False else value


class TurnsSection(Short):
    """How patient the agent is; what is not given comes from the profile."""

    SHORT: ClassVar[str] = "profile"
    profile: Profile = Field("balanced", description="Where the other values come from.")
    silence_ms: int | None = Field(
        None, ge=100, le=3_000, description="Shortest silence that may end a turn."
    )
    doubt_ms: int | None = Field(
        None, ge=100, le=5_000, description="Silence that ends a turn whose words may be all, but need not."
    )
    timeout_ms: int | None = Field(
        None, ge=300, le=10_000, description="Silence that ends a turn in any case."
    )
    sure: float | None = Field(
        None, ge=0, le=1, description="Least P(end | words) at which the shortest silence is enough."
    )
    threshold: float | None = Field(
        None, ge=0, le=1, description="Least P(end | words) at which doubt_ms are enough."
    )
    overlap: Literal["any", "words"] = Field(
        "words", description="What the agent stops for: any voice, or words that want the floor."
    )
    barge_in_ms: int | None = Field(
        None,
        ge=40,
        le=2_000,
        description="How long a voice must last over the agent's before it stops whatever its words: 640, 160 for any.",
    )
    core: Annotated[CoreMode, BeforeValidator(_off)] = Field(
        "voices",
        description="What the duplex core decides with: whose a voice is, when turns end, both, or nothing.",
    )
    backchannels: bool = Field(
        False,
        description="The agent says a short mm-hm in pauses in which the caller goes on; needs the core.",
    )

    @model_validator(mode="after")
    def _heard(self) -> TurnsSection:
        """Without the core nobody knows that the caller goes on."""
        if self.backchannels and self.core == "off":
            raise ValueError("backchannels need the core: leave core out, or let it be voices, ends or full")
        return self


class VadSection(Section):
    """When a sound counts as a voice."""

    threshold: float = Field(
        0.5, ge=0.2, le=0.9, description="P(voice) from which on; higher in noise, lower for quiet callers."
    )


class AgentSpec(Section):
    """An agent."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="Lower case; names the agent in logs and URLs."
    )
    instructions: str = Field("", max_length=8_000, description="Who the agent is and how it answers.")
    greeting: str = Field("", max_length=400, description="What it says first; nothing if empty.")
    unknown: str = Field(
        "I'm sorry, I don't know that.",
        min_length=1,
        max_length=400,
        description="Said where it has no answer.",
    )
    apology: str = Field(
        "Sorry, something went wrong. Please ask again.",
        min_length=1,
        max_length=400,
        description="Said where an answer failed.",
    )
    asr: AsrSection = Field(
        default_factory=lambda: AsrSection(whisper=WhisperSettings()), description="Recognition."
    )
    tts: TtsSection = Field(
        default_factory=lambda: TtsSection(piper=PiperSettings()), description="The voice."
    )
    llm: LlmSection = Field(
        default_factory=lambda: LlmSection.model_validate({"gemma-3-270m": {}}),
        description="The language model.",
    )
    knowledge: KnowledgeSection | None = Field(
        None, description="What it answers from; without it, the model alone."
    )
    tools: tuple[ToolSection, ...] = Field((), max_length=40, description="What it can look up and do.")
    vad: VadSection = Field(default_factory=lambda: VadSection(), description="Voice detection.")
    echo_cancellation: bool = Field(
        False, description="Take the agent's voice out of what the caller's microphone hears of it."
    )
    turns: TurnsSection = Field(default_factory=lambda: TurnsSection(), description="Turn-taking.")
    relay: RelaySection = Field(
        default_factory=lambda: RelaySection(enabled=False),
        description="Whether the agent begins to speak before it knows its answer.",
    )
    limits: LimitsSection = Field(
        default_factory=lambda: LimitsSection(), description="When a session ends by itself."
    )

    def key_variables(self) -> Iterator[str]:
        """The environment variables that hold the agent's keys."""
        for engine in (self.asr.openai, self.tts.openai, self.llm.openai):
            if engine is not None and engine.key_env is not None:
                yield engine.key_env
        for tool in self.tools:
            yield from tool.key_variables()
