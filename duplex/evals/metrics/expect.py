"""What a scenario expects of the agent, judged: a verdict and the value for each expectation.

A metric is looked up in its window here; one that needs no window of its own takes its value over the whole replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from duplex.evals.catalogue import MEANINGS
from duplex.evals.metrics import fdb15, tau
from duplex.evals.metrics.fdb1 import latency, took
from duplex.evals.metrics.streaming import calls_of
from duplex.evals.metrics.view import Turn, View
from duplex.evals.scenario import Expectation, Span

RELEVANT = 0.5
"""Share of an interruption's values that an answer has to hold to count as one to it."""
_NO_WINDOW = "the window never came about"
_SHOULD_NOT = ("hold", "continue", "ignore", "backchannel_ok", "resume", "no_call")


@dataclass(frozen=True, slots=True)
class Found:
    """A value in a window. `happened`: of an event, whether it did, where that is not the value's own sign."""

    value: float | None
    note: str = ""
    happened: bool | None = None


def verdicts(view: View, flat: Mapping[str, float]) -> list[dict[str, Any]]:
    """{metric, behaviour, ok, value, note} for each expectation, in the scenario's order."""
    return [_verdict(view, each, flat) for each in view.scenario.expect]


def _verdict(view: View, wanted: Expectation, flat: Mapping[str, float]) -> dict[str, Any]:
    found = _found(view, wanted, flat)
    ok = _judged(wanted, found)
    return {
        "metric": wanted.metric,
        "behaviour": wanted.behaviour,
        "ok": ok,
        "value": None if found.value is None else round(float(found.value), 6),
        "note": found.note or ("no bound is named" if ok is None and found.value is not None else ""),
    }


def _found(view: View, wanted: Expectation, flat: Mapping[str, float]) -> Found:
    windows = view.windows(wanted.window)
    if wanted.metric in IN_WINDOW:
        return IN_WINDOW[wanted.metric](view, windows) if windows else Found(None, _NO_WINDOW)
    if wanted.metric in flat:
        return Found(flat[wanted.metric])
    known = wanted.metric in MEANINGS
    return Found(None, "it could not be measured here" if known else f"no metric is called {wanted.metric!r}")


def _judged(wanted: Expectation, found: Found) -> bool | None:
    """A bound first; then what the behaviour asks; then what the metric itself says is good."""
    if found.value is None:
        return found.happened if found.happened is False else None
    if wanted.max_s is not None:
        return found.value <= wanted.max_s + 1e-9 and found.happened is not False
    if wanted.metric in _GOOD and (wanted.behaviour is None or wanted.behaviour in _AS_IS):
        return _GOOD[wanted.metric](found.value)
    if wanted.metric in _EVENTS:
        return (found.value == 0) if wanted.behaviour in _SHOULD_NOT else (found.value > 0)
    if wanted.behaviour in ("take_turn", "stop", "call_tool", "respond"):
        return found.happened is not False
    if wanted.behaviour == "no_call":
        return not found.value
    return None


_AS_IS = ("respond", "call_tool", "no_call")
_GOOD: dict[str, Callable[[float], bool]] = {
    "pass_at_1": lambda value: value == 1,
    "crag_score": lambda value: value > 0,
    "post_interrupt_relevance": lambda value: value >= RELEVANT,
    "tool_lead": lambda value: value > 0,
    "rollback": lambda value: value == 1,
    "forbidden_commit": lambda value: value == 0,
    "fidelity": lambda value: value == 1,
    "behaviour_wanted": lambda value: value == 1,
    "r_r": lambda value: value == 1,
    "r_y": lambda value: value == 1,
    "interruption_rate": lambda value: value == 0,
    "i_a": lambda value: value == 0,
    "eot_cutoff": lambda value: value == 0,
    "no_response": lambda value: value == 0,
}
_EVENTS = (
    "tor_fdb", "tor_pause_window", "tor_bc", "tor_bc_fdb", "false_stop", "false_flush", "false_response",
    "interruption_rate", "no_response", "i_a", "eot_cutoff", "forbidden_commit",
)  # fmt: skip
"""Values that say how often something happened."""


def _tor(view: View, windows: list[Span]) -> Found:
    taken = [took(view, start, end) for start, end in windows]
    return Found(sum(taken) / len(taken))


def _tor_pause(view: View, windows: list[Span]) -> Found:
    onsets = [each.start for each in view.utterances if each.asked]
    entered = [any(start <= onset < end for onset in onsets) for start, end in windows]
    return Found(sum(entered) / len(entered))


def _stop(view: View, windows: list[Span]) -> Found:
    start, end = windows[0]
    stop = fdb15.stop_at(view, start)
    if stop is None:
        return Found(None, "the agent was not speaking")
    return Found(stop - start, "" if stop <= end else "it did not stop in the window", stop <= end)


def _false_stop(view: View, windows: list[Span]) -> Found:
    start, end = windows[0]
    stopped = fdb15.fell_silent(view, start, min(fdb15.FALSE_STOP, end - start))
    return Found(None, "the agent was not speaking") if stopped is None else Found(stopped)


def _false_response(view: View, windows: list[Span]) -> Found:
    start, end = windows[0]
    if view.speaking(start) and not view.has_ids:
        return Found(None, "it was speaking, and what it says next cannot be told from a response")
    return Found(bool(tau.responses_between(view, start, end)))


def _response(view: View, windows: list[Span]) -> Found:
    """The answer to the turn that ends where the window begins; without such a turn, the first response in it."""
    start, end = windows[0]
    turn = _turn_at(view, start)
    answer = view.answer(turn) if turn is not None else None
    if turn is None:
        answer = next((each for each in view.utterances if each.asked and start <= each.start < end), None)
    if answer is None or answer.start >= end:
        return Found(None, "no response", False)
    return Found(latency(answer.start, start if turn is None else turn.end))


def _turn_at(view: View, end: float) -> Turn | None:
    return next((turn for turn in view.turns if turn.ended and abs(turn.speech[-1][1] - end) < 0.1), None)


def _calls(view: View, windows: list[Span]) -> Found:
    """The last call that was committed, or else the first: issued within the window at all?"""
    start, end = windows[0]
    turn = next((each for each in reversed(view.due) if each.start < end), None)
    calls = calls_of(view, turn) if turn is not None else []
    if turn is None or not calls:
        return Found(None, "no call", False)
    used = [call for call in calls if call.committed is not None]
    if not used:
        return Found(None, "no call was committed", False)
    return Found(turn.end - used[-1].issued, happened=start <= used[-1].issued < end)


IN_WINDOW: dict[str, Callable[[View, list[Span]], Found]] = {
    "tor_fdb": _tor,
    "tor_pause_window": _tor_pause,
    "stop_latency": _stop,
    "false_stop": _false_stop,
    "false_response": _false_response,
    "response_latency": _response,
    "tool_lead": _calls,
}
