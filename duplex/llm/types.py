"""What a language model is to the rest of the project: one streaming protocol for local and remote models."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One completion.

    Attributes:
        prompt: raw text for a base model, or messages for a chat model.
        max_tokens: the most tokens to generate.
        stop: generation ends before any of these strings; they are not returned.
        temperature: 0 decodes greedily and is reproducible.
        slot: the reserved cache slot to use, by name; requests in one slot share their common prefix, and no
            other slot evicts it. None takes any free slot.
        top_logprobs: how many alternatives to return per token where the backend offers them; 0 for none.
        early: it may turn out to be unneeded, so everything else goes first.
        schema: the JSON Schema that the text must meet, as JSON; backends without grammars pass over it.
    """

    prompt: str | tuple[Message, ...]
    max_tokens: int = 128
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    slot: str | None = None
    top_logprobs: int = 0
    early: bool = False
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of generated text.

    Attributes:
        text: the piece; it may be empty when a multi-byte character is not complete.
        logprob: natural logarithm of its probability, or None where the backend gives none.
        top: the alternatives as (text, logprob), most likely first; empty unless asked for.
    """

    text: str
    logprob: float | None = None
    top: tuple[tuple[str, float], ...] = field(default=())


class LLM(Protocol):
    """A loaded or remote language model, shared by all sessions."""

    def stream(self, request: Request) -> AsyncGenerator[Token, None]:
        """Generate. Closing the generator, or cancelling the task that reads it, stops the model's work.

        Raises:
            LLMError: the backend failed; the message says what to do.
        """

    async def aclose(self) -> None:
        """Release the model."""


class LLMError(Exception):
    """A language model could not answer; the text says which one, why, and what to do."""
