"""What the responder asks of an agent: sentences to say, and the tools that it uses for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, Self

from duplex.dialogue.history import History


class Sentence(Protocol):
    """A piece of an answer that can be spoken, with where it came from."""

    @property
    def text(self) -> str: ...
    @property
    def sources(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, eq=False)
class ToolCall:
    """An answer needs a tool and begins to use it."""

    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a tool's use, in words fit to be shown, and where it was found."""

    call: ToolCall
    text: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCancelled:
    """A tool's use that nobody waits for any more, or that failed."""

    call: ToolCall


Report = Callable[[ToolCall | ToolResult | ToolCancelled], None]
"""Is told of tools that are used before there is an answer to be used for."""


class Answerer(Protocol):
    """What an agent knows and how it says it."""

    def conversation(self, report: Report) -> AbstractAsyncContextManager[Answerer]:
        """What answers in one conversation, for as long as that lasts.

        Args:
            report: is told of what is looked up while the user still speaks.
        """

    def answer(self, text: str, history: History) -> AsyncIterator[Sentence | ToolCall | ToolResult]:
        """From the user's words and what was said before to the sentences of the answer.

        Between them, the tools that are used for it: those without a result when it ends were cancelled.
        """

    async def prepare(self, text: str, history: History) -> None:
        """Get ready for an answer to words of which more may follow: nothing of it is ever said."""


class SameForAll:
    """An answerer that keeps nothing of a conversation."""

    @asynccontextmanager
    async def conversation(self, report: Report) -> AsyncIterator[Self]:
        """Itself."""
        yield self
