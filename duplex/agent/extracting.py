"""Free text for arguments, read from what was said by the language model, and kept only where the caller said it.

Where the model takes a grammar it can write nothing but the arguments (constrained decoding); what it then makes up is
known by its words, which the caller did not say.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any

import anyio

from duplex.dialogue.slots import SpokenTool, is_free
from duplex.llm.types import LLM, LLMError, Message, Request
from tools_rag.tools.said import words_of
from tools_rag.tools.spoken import in_name

logger = logging.getLogger(__name__)

PATIENCE = 2.5
"""Seconds; asking the caller is quicker than a model that takes longer."""
_MAX_SAID, _MAX_VALUE = 400, 80
_EXAMPLES = """\
Said: I need to send a parcel to Jane Doe in York.
Tool: send a parcel. Fields: recipient, town.
JSON: {"recipient": "Jane Doe", "town": "York"}

Said: Could you put a reminder in for me to water the plants?
Tool: add a reminder. Fields: note.
JSON: {"note": "water the plants"}

Said: I'd like to make a complaint.
Tool: file a complaint. Fields: about.
JSON: {"about": ""}

"""


class FreeText:
    """Reads arguments that are free text.

    Args:
        llm: the model, with a slot "answer" where it has slots.
        chat: it follows instructions; else it goes on from examples.
        patience: seconds that it is given.
    """

    def __init__(self, llm: LLM, chat: bool, patience: float = PATIENCE) -> None:
        self._llm, self._chat, self._patience = llm, chat, patience

    async def warm(self) -> None:
        """Let a local model read the examples and its first grammar, so that no caller pays for it (seconds)."""
        if not self._chat:
            schema = json.dumps({"type": "object", "properties": {"note": {"type": "string"}}})
            request = Request(f"{_EXAMPLES}Said:", 4, slot="answer", schema=schema)
            async with contextlib.aclosing(self._llm.stream(request)) as tokens:
                async for _ in tokens:
                    pass

    async def read(self, said: str, tool: SpokenTool, known: Mapping[str, Any]) -> dict[str, str]:
        """The tool's required free texts that are not known and that these words name; empty where there is none."""
        names = [
            name for name in tool.parameters.get("required", ()) if name not in known and is_free(tool, name)
        ]
        if not names or len(words_of(said).plain) < 2:
            return {}
        text = ""
        try:
            with anyio.move_on_after(self._patience):
                async with contextlib.aclosing(self._llm.stream(self._request(said, tool, names))) as tokens:
                    async for token in tokens:
                        text += token.text
        except LLMError as error:
            logger.warning("no arguments from the model: %s", error)
        return {
            name: value
            for name, value in _parsed(text).items()
            if name in names and _was_said(value, said, tool)
        }

    def _request(self, said: str, tool: SpokenTool, names: list[str]) -> Request:
        fields = {name: {"type": "string", "maxLength": _MAX_VALUE} for name in names}
        schema = {"type": "object", "properties": fields, "required": names, "additionalProperties": False}
        prompt = (
            f"{_EXAMPLES}Said: {' '.join(said.split())[:_MAX_SAID]}\n"
            f"Tool: {in_name(tool.name)}. Fields: {', '.join(names)}.\nJSON:"
        )
        asked = (Message("user", prompt),) if self._chat else prompt
        return Request(asked, max_tokens=24 * len(names) + 8, slot="answer", schema=json.dumps(schema))


def _parsed(text: str) -> dict[str, str]:
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        return {}
    return {str(name): value for name, value in found.items() if isinstance(value, str)} if start >= 0 else {}


def _was_said(value: str, said: str, tool: SpokenTool) -> bool:
    """The words stand in what was said, in this order and together, and are more than the tool's own name."""
    words = words_of(value).plain
    own = {*words_of(in_name(tool.name)).plain, "a", "an", "the"}
    return (
        bool(words)
        and not set(words) <= own
        and f" {' '.join(words)} " in f" {' '.join(words_of(said).plain)} "
    )
