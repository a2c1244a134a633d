"""Tools by voice: which one is meant, what it needs, what to ask, when it may be called. Pure.

`advance(tools, state, text)` gives the next state and one act. Nothing is kept elsewhere: whoever carries out the act
takes the new state when the turn is committed, and drops it where the turn was a wrong guess (a frame of GUS, Bobrow
et al. 1977, advanced as a transaction). An act that writes is called at most once for its intent number; the same
words in the same turn, which may come again when a caller goes on after all, never make a second intent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from duplex.dialogue.consent import answer_of, corrected_answer, free_answer, without_cancelled
from tools_rag.tools.arguments import missing
from tools_rag.tools.moments import format_of
from tools_rag.tools.spoken import Listener, resolved
from tools_rag.tools.templates import filled
from tools_rag.tools.wanted import Cues, is_question, only_asks

NEEDED = 2.0
"""Least score of `Cues` at which a tool is meant."""
CANCELLED = "All right, I've left that."
WHAT_ELSE = "What should I change?"
PARDON = "Sorry, I didn't get that."
SHORT = 5
"""Words up to which what follows a question is an answer to it, understood or not."""
MAX_ASKED = 3
"""A question is put so often; then the task is given up."""


@dataclass(frozen=True, slots=True)
class SpokenTool:
    """A tool as a conversation sees it.

    Attributes:
        name: of the tool.
        parameters: JSON Schema of its arguments, an object.
        effect: what a call does.
        confirm: the question before it is called, with `{arguments}`; empty for none.
        questions: by argument, what to ask for it.
        listener: finds its arguments in words.
        cues: says how much it is meant by words.
    """

    name: str
    parameters: Mapping[str, Any]
    effect: Literal["read", "write"]
    confirm: str
    questions: Mapping[str, str]
    listener: Listener
    cues: Cues


@dataclass(frozen=True, slots=True)
class Made:
    """A write that was called: `after` names what the caller had last heard then."""

    tool: str
    values: Mapping[str, Any]
    intent: int
    after: int


@dataclass(frozen=True, slots=True)
class Task:
    """Where a conversation stands: the tool that is prepared, if any, and what is known for it."""

    tool: str = ""
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    asked: str = ""
    confirming: bool = False
    tries: int = 0
    intent: int = 0
    made: Made | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """No tool is meant; `then` is asked again after whatever else is answered."""

    then: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """Say this; `lacks` names the argument that it asks for."""

    text: str
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """Call the tool; `intent` numbers writes."""

    tool: str
    values: Mapping[str, Any]
    intent: int = 0


@dataclass(frozen=True, slots=True)
class Again:
    """This was just done, in this very turn: tell of it once more, and do nothing."""

    made: Made


@dataclass(frozen=True, slots=True)
class Cancel:
    """The caller wants it no more: what is under way, or was being prepared."""


Act = Pass | Say | Use | Again | Cancel


def advance(
    tools: Sequence[SpokenTool],
    state: Task,
    text: str,
    after: int = 0,
    given: Mapping[str, Any] | None = None,
    near: str = "",
) -> tuple[Task, Act]:
    """The next state, and what to do.

    Args:
        tools: the agent's.
        state: the last committed one.
        text: the words of the whole turn.
        after: names what the caller heard last, so that the same turn is known where it comes again.
        given: arguments that were found in these words by other means.
        near: the tool that these words are near to, where they use none of its own; a write is then asked for first.
    """
    wanted, was_cancelled = without_cancelled(text)
    if was_cancelled and not _meant(tools, wanted):
        called_off = bool(state.tool) or _meant(tools, text) is not None or not wanted
        return (
            (replace(state, tool="", asked="", confirming=False), Cancel()) if called_off else (state, Pass())
        )
    if was_cancelled:
        state = replace(state, tool="", asked="", confirming=False)
    current = next((tool for tool in tools if tool.name == state.tool), None)
    if current is None:
        return _begin(tools, state, wanted, after, given or {}, near)
    return _go_on(tools, current, state, wanted, after, given or {})


def _meant(tools: Sequence[SpokenTool], text: str) -> SpokenTool | None:
    """The tool that is meant most, where one is meant at all."""
    scored = [(tool.cues.score(text, len(tool.listener.find(text))), tool) for tool in tools]
    best = max(scored, key=lambda each: each[0], default=None)
    return best[1] if best and best[0] >= NEEDED else None


def _near(tools: Sequence[SpokenTool], text: str, name: str) -> SpokenTool | None:
    """The tool of this name, but none that writes where the words only ask or agree."""
    tool = next((tool for tool in tools if tool.name == name), None)
    idle = tool is not None and tool.effect == "write" and (only_asks(text) or answer_of(text) is not None)
    return None if idle else tool


def _begin(
    tools: Sequence[SpokenTool], state: Task, text: str, after: int, given: Mapping[str, Any], near: str = ""
) -> tuple[Task, Act]:
    said = _meant(tools, text)
    tool = said or _near(tools, text, near)
    made = state.made if state.made and state.made.after == after else None
    if tool is None:
        agrees = made is not None and answer_of(text) == "yes"
        return (state, Again(made)) if made and agrees else (state, Pass())
    values = _merged({}, {**tool.listener.find(text), **given})
    begun = replace(state, tool=tool.name, values=values, asked="", confirming=False, tries=0)
    if made and made.tool == tool.name and dict(made.values) == values:
        return state, Again(made)
    return _next(tool, begun, after, sure=said is not None and not (made and made.tool == tool.name))


def _go_on(
    tools: Sequence[SpokenTool],
    tool: SpokenTool,
    state: Task,
    text: str,
    after: int,
    given: Mapping[str, Any],
) -> tuple[Task, Act]:
    """A task is under way: an argument, a yes or a no, another task, or something else altogether."""
    found = {**tool.listener.find(text, state.asked), **given}
    said = answer_of(text)
    other = _meant(tools, text)
    if other is not None and other is not tool and not found:
        return _begin(tools, replace(state, tool=""), text, after, given)
    if state.confirming and only_asks(text):  # about what was read back, which stays as it is
        return state, Pass(_question(tool, state))
    if state.asked and not found and (value := _answered(tool, state.asked, text)) is not None:
        found = {state.asked: value}
    if state.confirming and not found:
        found = _corrected(tool, text)
    changed = {name: value for name, value in found.items() if state.values.get(name) != value}
    if state.confirming and said == "yes" and not changed:
        return _use(tool, state, after)
    if changed or (found and not state.confirming):
        updated = replace(state, values=_merged(state.values, found), confirming=False, tries=0)
        return _next(tool, updated, after, sure=not state.confirming)
    if state.confirming and said == "no":
        return replace(state, confirming=False, asked="", tries=0), Say(WHAT_ELSE)
    if not state.confirming and not state.asked and said in ("no", "yes"):
        return _next(tool, state, after, sure=False)  # "what should I change?" - "nothing"
    if said is not None:
        return _once_more(tool, state, "")
    if state.asked and len(text.split()) <= SHORT and not is_question(text):
        return _once_more(tool, state, PARDON)
    return state, Pass(_question(tool, state))


def _next(tool: SpokenTool, state: Task, after: int, sure: bool) -> tuple[Task, Act]:
    """Ask for what is missing, one thing at a time; then for a yes, where one is needed; then call."""
    state = replace(state, values=_merged(_only(tool), state.values))
    lacking = missing(tool.parameters, state.values)
    if lacking:
        return replace(state, asked=lacking[0], confirming=False), Say(tool.questions[lacking[0]], lacking[0])
    if tool.confirm or (tool.effect == "write" and not sure):
        asking = replace(state, asked="", confirming=True, tries=0)
        return asking, Say(_question(tool, asking))
    return _use(tool, state, after)


def _use(tool: SpokenTool, state: Task, after: int) -> tuple[Task, Act]:
    values = MappingProxyType({name: value for name, value in state.values.items() if value is not None})
    over = replace(state, tool="", values=MappingProxyType({}), asked="", confirming=False, tries=0)
    if tool.effect == "read":
        return over, Use(tool.name, values)
    intent = state.intent + 1
    made = Made(tool.name, values, intent, after)
    return replace(over, intent=intent, made=made), Use(tool.name, values, intent)


def _once_more(tool: SpokenTool, state: Task, pardon: str) -> tuple[Task, Act]:
    """An answer that fits nothing: ask again, but not for ever."""
    if state.tries + 1 >= MAX_ASKED:
        return replace(state, tool="", asked="", confirming=False, tries=0), Cancel()
    question = f"{pardon} {_question(tool, state)}".strip()
    return replace(state, tries=state.tries + 1), Say(question, state.asked)


def _question(tool: SpokenTool, state: Task) -> str:
    if state.asked:
        return tool.questions[state.asked]
    default = "Shall I do that?"
    return (
        (filled(tool.confirm, tool.listener.aloud(state.values)) or default)
        if state.confirming
        else WHAT_ELSE
    )


def _only(tool: SpokenTool) -> dict[str, Any]:
    """Needed arguments that can have one value alone: nobody is asked for them."""
    found = {}
    for name in tool.parameters.get("required", ()):
        part = resolved(tool.parameters, tool.parameters.get("properties", {}).get(name, {}))
        values = [part["const"]] if "const" in part else part.get("enum", ())
        if len(values) == 1:
            found[name] = values[0]
    return found


def _merged(known: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**known, **found}.items() if value is not None}


def _corrected(tool: SpokenTool, text: str) -> dict[str, Any]:
    """What the words put in place of the tool's free text, where it has just one."""
    free = [name for name in tool.parameters.get("properties", {}) if is_free(tool, name)]
    value = corrected_answer(text, _length(tool, free[0])) if len(free) == 1 else None
    return {} if value is None else {free[0]: value}


def is_free(tool: SpokenTool, name: str) -> bool:
    """Whether an argument is any text at all."""
    part = resolved(tool.parameters, tool.parameters["properties"].get(name, {}))
    return part.get("type") == "string" and not {"enum", "pattern"} & part.keys() and not format_of(part)


def _length(tool: SpokenTool, name: str) -> int:
    return int(resolved(tool.parameters, tool.parameters["properties"][name]).get("maxLength", 200))


def _answered(tool: SpokenTool, name: str, text: str) -> Any:
    """The answer to a question for free text or for a yes: the words themselves, without what leads up to them."""
    part = resolved(tool.parameters, tool.parameters["properties"][name])
    if part.get("type") == "boolean":
        return {"yes": True, "no": False}.get(answer_of(text) or "")
    if not is_free(tool, name):
        return None
    value = free_answer(text, _length(tool, name))
    return value if value and len(value) >= part.get("minLength", 0) else None
