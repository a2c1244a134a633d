"""What the responder asks of an agent: sentences to say, and the tools that it uses for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, Self, runtime_checkable

from duplex.dialogue.history import History
from tools_rag.tools.remote import RemoteCalls


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
    lasts: bool = False
    """It goes on where the answer that began it is dropped; whoever carries it out reports its end."""


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


@dataclass(frozen=True, slots=True, eq=False)
class UntilCommitted:
    """Nothing more is asked of the answer until the user has finished for sure: what comes then may have effects."""


Report = Callable[[ToolCall | ToolResult | ToolCancelled], None]
"""Is told of tools that are used before there is an answer to be used for."""


Part = Sentence | ToolCall | ToolResult | UntilCommitted
"""What an answer is made of."""


class Answerer(Protocol):
    """What an agent knows and how it says it."""

    def conversation(self, report: Report) -> AbstractAsyncContextManager[Answerer]:
        """What answers in one conversation, for as long as that lasts.

        Args:
            report: is told of what is looked up while the user still speaks.
        """

    def answer(self, text: str, history: History) -> AsyncIterator[Part]:
        """From the user's words and what was said before to the sentences of the answer.

        Between them, the tools that are used for it: those without a result when it ends were cancelled.
        """

    async def prepare(self, text: str, history: History) -> None:
        """Get ready for an answer to words of which more may follow: nothing of it is ever said."""


@runtime_checkable
class PerSession(Protocol):
    """An answerer that wants to know in which session it answers."""

    def in_session(self, id: str, variables: Mapping[str, str], remote: RemoteCalls) -> Answerer:
        """The answerer of one session.

        Args:
            id: the session's.
            variables: what is known of it from outside; they change while it lasts.
            remote: its calls of tools that others carry out.
        """


class SameForAll:
    """An answerer that keeps nothing of a conversation."""

    @asynccontextmanager
    async def conversation(self, report: Report) -> AsyncIterator[Self]:
        """Itself."""
        yield self
