"""Which tool a caller means who uses none of its words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from duplex.agent.equipping import Equipped
from duplex.llm.select import Embed
from tools_rag.embed import Vectors
from tools_rag.tools.meaning import nearest


class ToolChoice:
    """Chooses by meaning. Safe for many sessions: descriptions are read once.

    Args:
        embed: gives vectors.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[str, Vectors] = {}

    async def tool(self, said: str, tools: Sequence[Equipped]) -> str:
        """The name of the tool that these words mean, or nothing."""
        there = [each for each in tools if each.there]
        if not there or not said.strip():
            return ""
        described = [each.tool.spec.description for each in there]
        new = [text for text in dict.fromkeys(described) if text not in self._known]
        made = await self._embed([said, *new], False)
        self._known |= dict(zip(new, made[1:], strict=True))
        place = nearest(made[0], np.stack([self._known[text] for text in described]))
        return "" if place is None else there[place].spoken.name
