"""Section D: tool use as in FDB-v3. Arguments are compared after normalising, where the official score asks GPT-4o."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from duplex.evals.metrics.normal import holds, normal
from duplex.evals.metrics.spans import Word
from duplex.evals.metrics.tally import Tally
from duplex.evals.metrics.view import Turn, View
from duplex.evals.scenario import ToolCall


def names(expected: Sequence[ToolCall], actual: Sequence[ToolCall]) -> tuple[int, int, int]:
    """Tool names that were expected and called, called alone, and expected alone; each call counts once."""
    want, have = Counter(call.name for call in expected), Counter(call.name for call in actual)
    both = sum((want & have).values())
    return both, have.total() - both, want.total() - both


def f1(tp: float, fp: float, fn: float) -> float | None:
    """2 tp / (2 tp + fp + fn); None where nothing was expected and nothing called."""
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None


def same_arguments(expected: ToolCall, actual: ToolCall) -> bool:
    """The same tool and, brought to one form, the same arguments; empty ones are as if they were not given."""

    def form(call: ToolCall) -> dict[str, str]:
        return {key: normal(value) for key, value in call.args.items() if value not in (None, "", [], {})}

    return expected.name == actual.name and form(expected) == form(actual)


def arguments(expected: Sequence[ToolCall], actual: Sequence[ToolCall]) -> tuple[int, int]:
    """Calls with right arguments, and calls whose tool was expected and called: each is compared with the next free."""
    free, right, compared = list(actual), 0, 0
    for want in expected:
        same = next((call for call in free if same_arguments(want, call)), None)
        named = next((call for call in free if call.name == want.name), None)
        if named is None:
            continue
        free.remove(same or named)
        compared, right = compared + 1, right + (same is not None)
    return right, compared


def pass_at_1(expected: Sequence[ToolCall], actual: Sequence[ToolCall]) -> bool:
    """No call is missing, none is extra, and all arguments are right."""
    return len(expected) == len(actual) and arguments(expected, actual) == (len(expected), len(expected))


def sentences(words: Sequence[Word]) -> list[tuple[str, float]]:
    """What was said, cut at . ! and ?, each sentence with its start."""
    found: list[list[Word]] = [[]]
    for word in words:
        found[-1].append(word)
        if re.search(r"[.!?][\"')]*$", word[0]):
            found.append([])
    return [(" ".join(word[0] for word in each), each[0][1]) for each in found if each]


def fact_at(words: Sequence[Word], facts: Sequence[str]) -> int | None:
    """Which sentence, from 0, is the first that holds a key fact; None where none does."""
    said = sentences(words)
    return next((at for at, (text, _) in enumerate(said) if any(holds(text, fact) for fact in facts)), None)


def calls_of(view: View, kind: str, start: float = 0.0, end: float = float("inf")) -> list[ToolCall]:
    """The calls of a kind of record in a window."""
    return [
        ToolCall(name=str(record.payload.get("name", "")), args=dict(record.payload.get("args") or {}))
        for record in view.replay.of(kind)
        if start <= record.t < end
    ]


def first_call(view: View, turn: Turn) -> float | None:
    """t_first_call - t_eos: negative where it was issued before the user had ended."""
    issued = [record.t for record in view.replay.of("tool_call") if turn.start <= record.t < turn.until]
    return issued[0] - turn.end if issued else None


def first_response(view: View, turn: Turn) -> float | None:
    """The agent's first onset in a turn - t_eos; negative where it cut in."""
    said = view.answers(turn)
    return said[0].start - turn.end if said else None


def measure(view: View, tally: Tally) -> None:
    """Section D of one replay; only where the scenario names tool calls, and the first three for no other."""
    scenario = view.scenario
    if scenario.tool_calls is None and scenario.task not in ("disfluent_tool", "tool_streaming"):
        return
    for turn in view.due:
        response = first_response(view, turn)
        tally.add("first_response_latency", response)
        if response is not None:
            tally.add("interruption_rate", response < 0)
        tally.add("tool_call_latency", first_call(view, turn))
        _completion(view, turn, tally)
    committed = calls_of(view, "tool_commit")
    if scenario.tool_calls is not None:
        _calls(scenario.tool_calls, committed, tally)
    if scenario.forbidden_calls:
        broken = any(same_arguments(bad, call) for bad in scenario.forbidden_calls for call in committed)
        tally.add("forbidden_commit", broken)
        if scenario.tool_calls is not None:
            tally.add("rollback", pass_at_1(scenario.tool_calls, committed))


def _calls(expected: Sequence[ToolCall], committed: Sequence[ToolCall], tally: Tally) -> None:
    tp, fp, fn = names(expected, committed)
    tally.put("tool_tp", tp)
    tally.put("tool_fp", fp)
    tally.put("tool_fn", fn)
    tally.put("tool_f1", f1(tp, fp, fn))
    tally.ratio("argument_accuracy", *arguments(expected, committed))
    tally.add("pass_at_1", pass_at_1(expected, committed))


def _completion(view: View, turn: Turn, tally: Tally) -> None:
    facts = view.scenario.answer.gold if view.scenario.answer else ()
    words = view.reply(turn)
    if not facts or not words:
        return
    which = fact_at(words, facts)
    tally.add("filler_rate", which != 0)
    if which is not None:
        tally.add("task_completion", sentences(words)[which][1] - turn.end)
