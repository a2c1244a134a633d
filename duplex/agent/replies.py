"""What a tool gave, as a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping

from duplex.agent.calls import Call
from tools_rag.tools.spoken import spoken_values
from tools_rag.tools.templates import filled, plain
from tools_rag.tools.types import Reply

_SENTENCES = 2
"""Of a reply for which there is no template, so many sentences are spoken."""


def spoken_reply(reply: Reply, call: Call) -> str:
    """A reply as a sentence: the template's, or its own first words where it is a text."""
    spec = call.tool.spec
    if spec.say:
        data = reply.data if isinstance(reply.data, Mapping) else {}
        if said := filled(
            spec.say,
            {**spoken_values(spec.parameters, call.values), "reply": reply.text if not data else "", **data},
        ):
            return said
    if reply.data is None and reply.text.strip():
        return " ".join(re.split(r"(?<=[.!?])\s+", plain(reply.text))[:_SENTENCES])
    if isinstance(reply.data, Mapping):
        simple = {name: v for name, v in reply.data.items() if isinstance(v, str | int | float | bool)}
        if len(simple) == len(reply.data) == 1:
            return plain(str(next(iter(simple.values()))))
        if simple and not call.writes:
            told = (f"{str(name).replace('_', ' ')}: {plain(str(value))}" for name, value in simple.items())
            return ", ".join(list(told)[:4]) + "."
    return "That's done." if call.writes else "I found nothing that I could read out."


def still(call: Call) -> str:
    """That it takes longer; with the tool's own words for how far it is, where it has some."""
    return f"Still working on it: {plain(call.progress)[:80]}." if call.progress else "Still working on it."
