"""Section C: the panel of tau-voice, with its windows: yields within 2.0 s, false stops within 1.0 s."""

from __future__ import annotations

from collections.abc import Mapping

from duplex.evals.metrics.fdb15 import FALSE_STOP, YIELD, fell_silent, starts, stop_at
from duplex.evals.metrics.spans import at
from duplex.evals.metrics.tally import Tally
from duplex.evals.metrics.view import OWN, View
from duplex.evals.record import Placed

FEWEST = 10
"""Events of each kind below which selectivity is not shown."""
_SENT_BACK = 2.0
"""Seconds after an event's onset within which speaking is an answer to it."""
_KINDS = ("s_bc", "s_vt", "s_nd")


def kind_of(placed: Placed) -> str:
    """What the user says to the agent is BC, noises are VT (tau-voice: vocal tics), speech not for the agent ND."""
    item = placed.item
    if item.kind == "noise":
        return "s_vt"
    return "s_bc" if item.kind in OWN and item.addressed_to == "agent" else "s_nd"


def selectivity(pooled: Mapping[str, tuple[float, float]]) -> float | None:
    """The mean of S_BC, S_VT and S_ND, each as (events borne, events); None where one has fewer than 10 events."""
    if any(pooled.get(kind, (0, 0))[1] < FEWEST for kind in _KINDS):
        return None
    return sum(pooled[kind][0] / pooled[kind][1] for kind in _KINDS) / len(_KINDS)


def answered(view: View, placed: Placed, within: float = _SENT_BACK) -> bool:
    """Whether the agent, within so many seconds of an event's onset, begins a response that no turn is due.

    `within` may also reach past the event's end: `false_response` asks that of a window.
    """
    onset = starts(placed)
    return bool(responses_between(view, onset, onset + within))


def responses_between(view: View, start: float, end: float) -> list[float]:
    """Onsets of responses in a window, other than those to a turn of the user that has ended."""
    due = {
        answer for turn in view.due if (answer := view.answer(turn)) is not None and answer.start >= turn.end
    }
    opening = _opening(view)
    return [
        each.start
        for each in view.utterances
        if each.asked and start <= each.start < end and each not in due and each.start != opening
    ]


def _opening(view: View) -> float | None:
    """The onset of what the scenario makes the agent say: no response, where no id says so."""
    opening = view.scenario.agent.opening
    if opening is None or not opening.text or not view.utterances or view.utterances[0].id is not None:
        return None
    return view.utterances[0].start


def measure(view: View, tally: Tally) -> None:
    """Section C of one replay."""
    for turn in view.due:
        answer = view.answer(turn)
        tally.add("r_r", answer is not None)
        if answer is not None:
            tally.add("l_r", max(0.0, answer.start - turn.end))
    onsets = [each.start for each in view.utterances if each.asked]
    speech = [span for turn in view.turns for span in turn.speech]
    tally.ratio("i_a", sum(1 for onset in onsets if at(speech, onset)), len(view.turns))
    for onset in view.claimed:
        stop = stop_at(view, onset)
        if stop is not None:
            tally.add("r_y", stop - onset <= YIELD)
            if stop - onset <= YIELD:
                tally.add("l_y", stop - onset)
    for placed in view.asides:
        stopped = fell_silent(view, starts(placed), FALSE_STOP)
        wrong = answered(view, placed) if stopped is None else stopped
        tally.add(kind_of(placed), not wrong)
        if stopped is None or view.has_ids:
            end = (placed.speech[-1][1] if placed.speech else placed.end) + _SENT_BACK
            tally.add("false_response", bool(responses_between(view, starts(placed), end)))
    if view.scenario.task == "silence":
        tally.add("false_response", bool(responses_between(view, 0.0, view.end)))
