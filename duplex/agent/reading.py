"""A tool's text, read by the language model as it comes: most of it is computed when the answer is asked for.

The text stands before the question in the prompt. A part that goes on is appended to it, and only that part is
computed; where one takes the place of another, what the two have in common at their beginning stays (the append and
update modes of Stream2LLM, by the common prefix that a cache slot keeps).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import anyio

from duplex.llm.grounded import Answer, GroundedAnswerer
from duplex.llm.types import LLMError, Message
from tools_rag.tools.parts import grown
from tools_rag.tools.spoken import in_name
from tools_rag.tools.types import Part, ToolSpec
from tools_rag.types import Passage

logger = logging.getLogger(__name__)

MAX_READ = 2_000
"""Characters of a reply: with the rest of the prompt they fit into a slot of 1,024 tokens."""


class Reading:
    """One call's text, and what was asked of it.

    Args:
        answerer: reads, and answers.
        spec: the tool.
        values: the call's arguments, which the text need not repeat.
        before: the turns before the question. They stay as they were when the call began, and so does the prompt.
    """

    def __init__(
        self,
        answerer: GroundedAnswerer,
        spec: ToolSpec,
        values: Mapping[str, Any],
        before: Sequence[Message],
    ) -> None:
        self._answerer, self._before = answerer, tuple(before)
        self._name = spec.name
        self._title = " ".join([in_name(spec.name), *map(str, values.values())])
        self._text = ""
        self._asked = ""
        self._news = anyio.Event()
        self._scope = anyio.CancelScope()

    def ask(self, question: str) -> None:
        """What the caller has asked so far."""
        self._asked = question
        self._news.set()

    def take(self, part: Part) -> None:
        """What the tool has given."""
        self._text = grown(self._text, part)
        self._news.set()

    async def run(self) -> None:
        """Let the model read what is there, each time that there is more, until `stop`."""
        read = ("", "")
        with self._scope:
            while True:
                await self._news.wait()
                self._news = anyio.Event()
                if not self._text or read == (self._text, self._asked):
                    continue
                read = self._text, self._asked
                try:
                    await self._answerer.prepare(self._asked, [self._passage()], self._before)
                except LLMError as error:  # it was only a head start
                    logger.warning("a tool's text could not be read in advance: %s", error)
                    return

    def stop(self) -> None:
        """Read no more in advance."""
        self._scope.cancel()

    async def answer(self) -> Answer:
        """The answer to what was asked, from all that came. Raises LLMError."""
        self.stop()
        return await self._answerer.answer(self._asked, [self._passage()], self._before)

    def _passage(self) -> Passage:
        return Passage(self._text[:MAX_READ], self._name, self._title, 1.0)
