"""The `relay` of an agent file: whether it begins to speak before it knows its answer, and what that may cost."""

from __future__ import annotations

from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from duplex.agent.schema import Section


class RelaySection(Section):
    """The fast path. `relay: on` and `relay: off` are short for it as it is and for nothing of it."""

    enabled: bool = Field(False, description="Begin to speak before the answer is known.")
    silence_ms: int | None = Field(
        None,
        ge=60,
        le=3_000,
        description="Silence after which it may begin; by default two thirds of what the turns' profile asks for.",
    )
    sure: float = Field(
        0.9, ge=0, le=1, description="Least P(end | words of the quick recogniser) at which it may begin."
    )
    keep: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Least probability that the answer can go on from what is said; by default the verifier's own.",
    )
    openers: bool = Field(True, description="Say a word such as “Well,” where it knows nothing better.")
    tokens: int = Field(
        20_000, ge=0, le=10_000_000, description="Tokens for drafts in a session; 0 for any number."
    )
    speech: float = Field(
        600, ge=0, le=86_400, description="Seconds of speech made in advance in a session; 0 for any number."
    )

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Any) -> Any:
        """`on` and `off` are booleans to YAML's readers; settings that are given are meant to count."""
        if isinstance(data, bool):
            return {"enabled": data}
        return {"enabled": True, **data} if isinstance(data, dict) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        place = handler.resolve_ref_schema(schema)
        long = dict(place)
        place.clear()
        place.update({"title": long.get("title"), "anyOf": [{"type": "boolean"}, long]})
        return schema
