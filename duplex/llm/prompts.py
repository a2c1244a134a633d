"""What a language model is shown to answer from. Pure functions.

The evidence stands before the question, so that it can be read while the question is still being asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from duplex.llm.select import MAX_PASSAGE, PassageLike
from duplex.llm.types import Message

SHOWN = 3
"""Passages that a chat model is shown."""
_TURNS = 6
"""Messages of the conversation before."""
_EXAMPLES = """\
Passage: The Albion Theatre was built by Edwin Frost in 1902.
Question: Who built the Albion Theatre?
Answer: The Albion Theatre was built by Edwin Frost.

Passage: Honey keeps for many years, because it holds very little water.
Question: Why does honey keep so long?
Answer: Honey keeps for many years because it holds very little water.

Passage: The market is held in Bell Square on Saturdays from seven until noon.
Question: When is the market?
Answer: The market is held on Saturdays from seven until noon.

"""
_SYSTEM = (
    "You are speaking on the phone. Answer the question in one short sentence, with facts from the passages only, "
    "without lists or symbols. If the passages do not have the answer, say exactly: {unknown}"
)


def completion(evidence: str, asked: str | None = None, begun: str = "") -> str:
    """For a base model: three examples and one sentence; without a question, all that comes before it."""
    head = f"{_EXAMPLES}Passage: {evidence}\nQuestion:"
    return head if asked is None else f"{head} {asked}\nAnswer: {begun}".rstrip()


def chat(
    unknown: str,
    passages: Sequence[PassageLike],
    history: Sequence[Message] = (),
    asked: str | None = None,
    begun: str = "",
) -> tuple[Message, ...]:
    """For a model that follows instructions: whole passages and the conversation; the question as in `completion`.

    Args:
        unknown: what to say where the passages do not have the answer.
        passages: the first `SHOWN` are.
        history: the turns before, oldest first.
        asked: the question.
        begun: words of the answer that were said already.
    """
    shown = "\n\n".join(f"{p.title}: {p.text[:MAX_PASSAGE]}" for p in passages[:SHOWN])
    question = "" if asked is None else f"\n\nQuestion: {asked}"
    begins = f"\n\nBegin your answer with exactly these words: {begun}" if begun else ""
    system = Message("system", _SYSTEM.format(unknown=unknown))
    return (system, *history[-_TURNS:], Message("user", f"Passages:\n{shown}{question}{begins}"))
