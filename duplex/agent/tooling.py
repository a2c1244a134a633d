"""Answers by tools: what an agent with tools brings to each of its conversations."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType

from duplex.agent.answering import Sentence
from duplex.agent.calls import Calls
from duplex.agent.choosing import ToolChoice
from duplex.agent.conversing import Conversation
from duplex.agent.equipping import Equipped
from duplex.agent.extracting import FreeText
from duplex.dialogue.history import History
from duplex.llm.grounded import GroundedAnswerer
from duplex.llm.smalltalk import small_talk
from duplex.nodes.answerer import Answerer, Part, Report, SameForAll
from tools_rag.tools.remote import RemoteCalls, current_calls
from tools_rag.tools.session import current_session

logger = logging.getLogger(__name__)


class Unknown(SameForAll):
    """Small talk, and that it knows no more: what is said beside tools where there is no knowledge."""

    def __init__(self, unknown: str) -> None:
        self._unknown = unknown

    async def prepare(self, text: str, history: History) -> None:
        """Nothing."""

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence]:
        """One sentence."""
        yield Sentence(small_talk(text) or self._unknown)


class FromTools:
    """Answers by tools where one is meant, and as `otherwise` does where none is.

    Args:
        tools: what it may use; it may change while a conversation is on.
        otherwise: what answers where no tool is meant.
        free: reads free text from the words; without it, the caller is asked for each.
        session: the session's id.
        about: the session's variables.
        remote: the session's calls of tools that others carry out.
        choice: knows a tool by what is said where its words are not used.
        grounded: answers from the text of tools that have one; without it, their text is read out.
    """

    def __init__(
        self,
        tools: Sequence[Equipped],
        otherwise: Answerer,
        free: FreeText | None = None,
        session: str = "",
        about: Mapping[str, str] = MappingProxyType({}),
        remote: RemoteCalls | None = None,
        choice: ToolChoice | None = None,
        grounded: GroundedAnswerer | None = None,
    ) -> None:
        self._tools, self._otherwise, self._free, self._choice = tools, otherwise, free, choice
        self._grounded = grounded
        self._session, self._about, self._remote = session, about, remote

    def in_session(
        self, id: str, variables: Mapping[str, str], remote: RemoteCalls | None = None
    ) -> FromTools:
        """See `PerSession`."""
        return FromTools(
            self._tools, self._otherwise, self._free, id, variables, remote, self._choice, self._grounded
        )

    @asynccontextmanager
    async def conversation(self, report: Report) -> AsyncIterator[Answerer]:
        """One that remembers what is being ordered, and what was."""
        token, other = current_session.set(self._about), current_calls.set(self._remote)
        calls = Calls(self._session, report)
        try:
            async with self._otherwise.conversation(report) as otherwise, calls.running():
                yield Conversation(self._tools, otherwise, calls, self._free, self._choice, self._grounded)
        finally:
            current_session.reset(token)
            current_calls.reset(other)

    async def prepare(self, text: str, history: History) -> None:
        """Outside a conversation there is nothing to prepare."""

    def answer(self, text: str, history: History) -> AsyncIterator[Part]:
        """Raises RuntimeError: a tool is used in a conversation."""
        raise RuntimeError("no conversation is on")
