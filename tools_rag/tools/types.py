"""What a tool is: a name, a JSON Schema of its arguments, whether it changes something, and a call that can fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Effect = Literal["read", "write"]
Failure = Literal["arguments", "refused", "timeout", "failed", "reply"]
"""The arguments are wrong; the call is not allowed; no answer in time; an error came back; the answer is no answer."""
Progress = Callable[[str], None]
"""Is told how far a long call is, in words."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a result that comes in parts: it goes on from those before it, or `replaces` them."""

    text: str
    replaces: bool = False


Parts = Callable[[Part], None]
"""Is told of each part as it comes."""


def no_progress(words: str) -> None:
    """For who does not tell how far it is."""


def no_parts(part: Part) -> None:
    """For who waits for the whole."""


MAX_REPLY = 64 * 1024
"""Bytes of a reply that are read; a longer one is refused, since half a document is worse than none."""
MAX_TEXT = 4_000
"""Characters of a reply that reach a language model."""


class ToolError(Exception):
    """A call that came to nothing. The text is for logs and models; it names no secret.

    Attributes:
        kind: what went wrong.
    """

    def __init__(self, kind: Failure, message: str) -> None:
        super().__init__(message)
        self.kind: Failure = kind


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model and a builder see it.

    Attributes:
        name: how it is called, `[a-z][a-z0-9_]*`.
        description: what it does, in a sentence.
        parameters: JSON Schema of its arguments, an object.
        effect: `write` changes something in the world: called once, after the user has finished, never on a guess.
        confirm: the user is asked first.
        timeout: seconds until a call is given up.
        say: what the agent says of the result, with `{fields}` of the reply and the arguments; empty for the reply.
        answer: the result is a text that what the user asked is answered from; it may come in parts.
    """

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    effect: Effect = "read"
    confirm: bool = False
    timeout: float = 10.0
    say: str = ""
    answer: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: `text` for people and models, `data` where it was JSON. It is data, whatever it says."""

    text: str
    data: Any = None


class Tool(Protocol):
    """Something that can be called."""

    @property
    def spec(self) -> ToolSpec: ...

    async def call(
        self,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        progress: Progress = no_progress,
        parts: Parts = no_parts,
    ) -> Reply:
        """Do it; cancelling the task cancels the call.

        Args:
            arguments: what `spec.parameters` asks for.
            key: names this intent: a write that comes twice with one key must be done once (idempotency key).
            progress: is told how far it is.
            parts: is told of the reply's text as it comes, where it comes in parts; the reply has it whole.

        Raises:
            ToolError: it came to nothing.
        """
        ...


def reply_of(data: Any) -> Reply:
    """A parsed reply as one: text is itself, the rest its JSON, cut to what a model can read."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return Reply(text[:MAX_TEXT], None if isinstance(data, str) else data)
