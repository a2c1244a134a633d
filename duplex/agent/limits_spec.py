"""The `limits` of an agent file: when a session ends by itself, and what the agent says then."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from duplex.agent.schema import Section

_LEAST = 5.0
"""Seconds below which a limit leaves no time to speak; `true` is 1 to YAML's readers, and not meant."""


def _never_or_enough(seconds: float) -> float:
    if 0 < seconds < _LEAST:
        raise ValueError(f"{seconds:g} s is too short: at least {_LEAST:g}, or 0 for never")
    return seconds


Seconds = Annotated[float, Field(ge=0, le=86_400)]
Limit = Annotated[Seconds, AfterValidator(_never_or_enough)]
Line = Annotated[str, Field(min_length=1, max_length=400)]


class LimitTexts(Section):
    """What the agent says of a session's end."""

    question: Line = Field("Are you still there?", description="Asked of a caller who is silent.")
    warning: Line = Field("Our time is nearly up.", description="Said before the longest session ends.")
    limit: Line = Field("Our time is up. Goodbye.", description="Ends the longest session.")
    idle: Line = Field("I will hang up now. Goodbye.", description="Ends one in which nobody speaks.")
    drain: Line = Field(
        "I have to go now, please call again in a minute. Goodbye.",
        description="Ends one because the server stops.",
    )
    other: Line = Field("Goodbye.", description="Ends one for any other reason.")


class LimitsSection(Section):
    """How long a session may last and how long it may be silent, and what the agent says then."""

    longest: Limit = Field(1_800, description="Seconds of the longest session; 0 for no limit.")
    warning: Seconds = Field(30, description="Seconds before its end at which that is said; 0 for never.")
    idle: Limit = Field(120, description="Seconds without a word before the agent asks; 0 for never.")
    patience: float = Field(15, ge=1, le=3_600, description="Seconds that it then waits before it hangs up.")
    grace: Seconds = Field(30, description="Seconds that the goodbye waits for whoever is speaking.")
    texts: LimitTexts = Field(default_factory=lambda: LimitTexts(), description="What it says.")

    @model_validator(mode="after")
    def _warned_in_time(self) -> Self:
        if 0 < self.longest <= self.warning:
            raise ValueError(f"warning ({self.warning:g} s) must be less than longest ({self.longest:g} s)")
        return self
