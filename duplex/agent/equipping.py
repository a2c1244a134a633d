"""A tool with what is said around it: how it is meant, what is asked for it, and of a tool that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duplex.agent.tools_shared import Spoken
from duplex.dialogue.slots import SpokenTool
from tools_rag.tools.moments import format_of
from tools_rag.tools.sayable import unsayable
from tools_rag.tools.spoken import Listener, in_name, resolved
from tools_rag.tools.types import Parts, Progress, Reply, Tool, ToolError, ToolSpec, no_parts, no_progress
from tools_rag.tools.wanted import Cues

_FEW = 4
"""So many values of an argument are named where it is asked for."""
_SYSTEM = "that system"
_MOMENTS = {"date": "On which day?", "time": "At what time?", "date-time": "On which day, and at what time?"}


@dataclass(frozen=True, slots=True)
class Equipped:
    """A tool with what an agent says around it.

    Attributes:
        tool: what is called.
        spoken: how it is meant, filled and confirmed.
        system: what stands behind it, as callers know it: "the ordering system".
        there: it can be called; else it stands for one whose server is away.
    """

    tool: Tool
    spoken: SpokenTool
    system: str = _SYSTEM
    there: bool = True


class AbsentTool:
    """Stands for a tool whose server is away, so that whoever asks for it is told."""

    def __init__(self, name: str) -> None:
        self.spec = ToolSpec(name, "")

    async def call(
        self,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        progress: Progress = no_progress,
        parts: Parts = no_parts,
    ) -> Reply:
        """Raises ToolError."""
        raise ToolError("failed", "its server is away")


def equipped(tool: Tool, said: Spoken) -> Equipped:
    """A tool with what is said around it.

    Raises:
        ValueError: a question would be answered by a write, or an argument that is needed cannot be said.
    """
    spec = tool.spec
    writes = spec.effect == "write"
    if writes and spec.answer:
        raise ValueError(f"{spec.name}: `answer` is for a tool that reads; say `effect: read` if it does")
    if why := unsayable(spec.parameters, needed_only=True):
        raise ValueError(f"{spec.name}: {why}")
    wanted = writes if said.confirm is None else said.confirm
    confirm = wanted if isinstance(wanted, str) else _confirmation(spec) if wanted else ""
    spoken = SpokenTool(
        name=spec.name,
        parameters=spec.parameters,
        effect=spec.effect,
        confirm=confirm,
        questions={name: said.ask.get(name) or _question(spec, name) for name in _names(spec)},
        listener=Listener(spec.parameters),
        cues=Cues(spec.name, spec.description, said.phrases, writes),
    )
    return Equipped(tool, spoken, said.system or _SYSTEM)


def absent(name: str, said: Spoken) -> Equipped:
    """What stands for a tool whose server is away: it is meant as the tool would be, and says that it cannot be had."""
    tool = AbsentTool(name)
    spec = tool.spec
    cues = Cues(name, "", said.phrases)
    spoken = SpokenTool(name, spec.parameters, spec.effect, "", {}, Listener(spec.parameters), cues)
    return Equipped(tool, spoken, said.system or _SYSTEM, there=False)


def _names(spec: ToolSpec) -> list[str]:
    return list(spec.parameters.get("properties", {}))


def _confirmation(spec: ToolSpec) -> str:
    given = "".join(f"[, {in_name(name)} {{{name}}}]" for name in _names(spec))
    return f"{spec.name.replace('_', ' ').capitalize()}{given}. Is that right?"


def _question(spec: ToolSpec, name: str) -> str:
    """What is asked where the builder says nothing."""
    part = resolved(spec.parameters, spec.parameters["properties"][name])
    about = in_name(name)
    if (values := part.get("enum")) and len(values) <= _FEW:
        *first, last = map(str, values)
        return f"Which {about} would you like: {', '.join(first)} or {last}?" if first else f"{last}?"
    if values:
        return f"Which {about} would you like?"
    if asked := _MOMENTS.get(format_of(part)):
        return asked
    if part.get("type") in ("integer", "number"):
        return f"What {about} shall it be?"
    return f"What is the {about}?"
