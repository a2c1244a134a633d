"""Tools that are meant by words which are not theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from duplex.agent.answering import Sentence
from duplex.agent.choosing import ToolChoice
from duplex.agent.equipping import absent, equipped
from duplex.agent.tooling import FromTools, Unknown
from duplex.agent.tools_shared import Spoken
from duplex.dialogue.history import History, Turn
from tools_rag import MiniLM
from tools_rag.tools.functions import FunctionTool
from tools_rag.tools.meaning import AHEAD, SURE, nearest

placed: list[str] = []


def book_taxi() -> str:
    """Order a taxi."""
    placed.append("taxi")
    return "It is on its way."


def opening_hours() -> str:
    """When the office is open."""
    return "From nine to five."


TOOLS = [
    equipped(FunctionTool(book_taxi, effect="write"), Spoken(confirm=False)),
    equipped(FunctionTool(opening_hours, effect="read"), Spoken()),
    absent("print_badge", Spoken(phrases=("badge",))),
]


@pytest.mark.parametrize(
    ("cosines", "place"),
    [
        ([SURE + 0.1, 0.0], 0),
        ([0.0, SURE + 0.1], 1),
        ([SURE - 0.01, 0.0], None),
        ([SURE + 0.1, SURE + 0.1 - AHEAD / 2], None),
        ([SURE + 0.1], 0),
    ],
)
def test_a_tool_is_near_where_it_is_nearer_than_the_next(cosines: Sequence[float], place: int | None) -> None:
    assert (
        nearest(np.array([1.0, 0.0], np.float32), np.array([[c, 0.0] for c in cosines], np.float32)) == place
    )


@pytest.mark.models
def test_words_that_are_no_tool_s_find_it_and_a_write_is_asked_for_first(
    model_path: Callable[[str], Path],
) -> None:
    minilm = MiniLM(model_path("minilm"))

    async def embed(texts: Sequence[str], early: bool) -> Any:
        return minilm.embed(texts)

    async def main() -> list[str]:
        said = []
        history = History()
        agent = FromTools(TOOLS, Unknown("I don't know."), choice=ToolChoice(embed)).in_session("s1", {})
        async with agent.conversation(lambda part: None) as conversation:
            for place, text in enumerate(
                (
                    "Until how late may people come in?",
                    "Can somebody drive me to the airport?",
                    "Yes, please.",
                    "How tall are giraffes?",
                    "Yes.",
                    "I need a badge.",
                )
            ):
                parts = [part async for part in conversation.answer(text, history)]
                said.append(" ".join(part.text for part in parts if isinstance(part, Sentence)))
                history.turns = (*history.turns, Turn("agent", said[-1], place))
        return said

    placed.clear()
    said = anyio.run(main)
    assert said == [
        "From nine to five.",
        "Shall I do that?",
        "It is on its way.",
        "I don't know.",
        "I don't know.",
        "I'm sorry, I can't reach that system right now.",
    ]
    assert placed == ["taxi"]
