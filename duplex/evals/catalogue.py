"""What each metric means to a reader: its name, unit, section, and which way is better. Formulas: `metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["s", "ms", "share", "number", "score"]
Better = Literal["low", "high"]

SECTIONS = {
    "A": "Full-Duplex-Bench v1",
    "B": "Full-Duplex-Bench v1.5: overlaps",
    "C": "τ-voice panel",
    "D": "Full-Duplex-Bench v3: tools",
    "E": "Streaming tool calls",
    "F": "Fast to slow handoff",
    "G": "Endpointing",
    "H": "Streaming recognition",
    "-": "The replay itself",
}
"""Of SCENARIO_FORMAT."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a metric is read.

    Attributes:
        label: its name for people.
        unit: of its value.
        better: which way; None where neither is, or it depends on the task.
        section: a key of SECTIONS.
        by_task: which way is better where the task decides.
    """

    label: str
    unit: Unit
    better: Better | None
    section: str
    by_task: Mapping[str, Better] = field(default_factory=dict)

    def better_in(self, task: str) -> Better | None:
        """Which way is better in this task; `all` for tasks taken together."""
        return self.by_task.get(task, self.better)


_TAKES_TURN: Mapping[str, Better] = {
    "pause_handling": "low",
    "backchannel": "low",
    "smooth_turn_taking": "high",
    "user_interruption": "high",
}
_RESPOND: Mapping[str, Better] = {
    "user_interruption": "high",
    "user_backchannel": "low",
    "talking_to_other": "low",
    "background_speech": "low",
}
_RESUME: Mapping[str, Better] = {task: "low" if way == "high" else "high" for task, way in _RESPOND.items()}


def _rows(section: str, unit: Unit, better: Better | None, **labels: str) -> dict[str, Meaning]:
    return {name: Meaning(label, unit, better, section) for name, label in labels.items()}


MEANINGS: dict[str, Meaning] = {
    "tor_fdb": Meaning("Takeover rate (official rule)", "share", None, "A", _TAKES_TURN),
    **_rows("A", "share", "low", tor_pause_window="Starts to speak in a true pause", no_response="No response"),
    **_rows("A", "s", "low", response_latency="Response latency (official)"),
    **_rows("A", "s", None, fto="Floor transfer offset"),
    **_rows("A", "share", "low", tor_bc="More than a backchannel", tor_bc_fdb="Takeover rate (official script)"),
    **_rows("A", "number", "high", bc_frequency="Backchannels a second"),
    **_rows("A", "number", "high", bc_frequency_fdb="Backchannel frequency (official script)"),
    **_rows("A", "number", "low", bc_jsd="Jensen-Shannon distance of backchannels"),
    **_rows("A", "share", "high", post_interrupt_relevance="Takes up what interrupted it"),
    "stop_latency_fdb": Meaning("Stop latency (official)", "s", None, "B", {"user_interruption": "low"}),
    **_rows("B", "s", "low", response_latency_fdb15="Response latency after an overlap"),
    **_rows("B", "s", "low", stop_latency="Stop latency"),
    **_rows("B", "ms", "low", tail_audio_ms="Sound after the interruption"),
    "behaviour_respond": Meaning("Responds to an overlap", "share", None, "B", _RESPOND),
    "behaviour_resume": Meaning("Goes on after an overlap", "share", None, "B", _RESUME),
    **_rows("B", "share", None, behaviour_uncertain="Asks to repeat after an overlap"),
    **_rows("B", "share", None, behaviour_unknown="Neither after an overlap"),
    **_rows("B", "share", "high", behaviour_wanted="Does what the overlap wants"),
    **_rows("B", "share", "low", false_stop="Stops for what is no interruption"),
    **_rows("B", "share", "low", false_flush="Gives a response up for what is no interruption"),
    **_rows("B", "share", "low", false_response="Answers what asks for nothing"),
    **_rows("C", "share", "high", r_r="R_R: responds", r_y="R_Y: yields"),
    **_rows("C", "s", "low", l_r="L_R: response latency", l_y="L_Y: yield latency"),
    **_rows("C", "share", "low", i_a="I_A: interrupts the user"),
    **_rows("C", "share", "high", s_bc="S_BC: bears backchannels", s_vt="S_VT: bears coughs and noises"),
    **_rows("C", "share", "high", s_nd="S_ND: bears speech to others"),
    **_rows("D", "number", None, tool_tp="Calls expected and made"),
    **_rows("D", "number", "low", tool_fp="Calls made, not expected", tool_fn="Calls expected, not made"),
    **_rows("D", "share", "high", tool_f1="Tool F1 of a scenario", argument_accuracy="Argument accuracy"),
    **_rows("D", "share", "high", pass_at_1="Pass@1", rollback="Rollback after a self-correction"),
    **_rows("D", "s", "low", first_response_latency="First response", tool_call_latency="Tool-call latency"),
    **_rows("D", "s", "low", task_completion="Task completion"),
    **_rows("D", "share", "low", interruption_rate="Interrupts the request"),
    **_rows("D", "share", None, filler_rate="Replies that open with a filler"),
    **_rows("D", "share", "low", forbidden_commit="Commits a forbidden call"),
    **_rows("E", "s", "high", tool_lead="Lead of the call", tool_saved="Saved by calling early"),
    **_rows("E", "share", "high", tool_lead_positive="Called before the user ended"),
    **_rows("E", "s", "low", tool_latency_perceived="Perceived tool latency T_s"),
    **_rows("E", "s", None, tool_latency_open_book="Open-book tool latency T_o"),
    **_rows("E", "share", "high", tool_savings="Tool latency saved", tool_helped="Calls that saved time"),
    **_rows("E", "s", "low", endpoint_delay="Endpoint delay", first_token_latency="First-token latency"),
    **_rows("E", "number", None, tool_calls="Calls a question", parallel_calls="Most calls at once"),
    **_rows("E", "number", None, cancelled_calls="Cancelled in flight"),
    **_rows("E", "number", "low", wasted_calls="Wasted calls a question"),
    **_rows("E", "share", "low", waste_rate="Wasted calls", stale_answer="Stale answers"),
    **_rows("E", "share", "high", fidelity="Fidelity: same documents as the full question"),
    **_rows("E", "s", None, oracle_lead="Oracle lead"),
    **_rows("E", "share", "high", efficiency="Lead of what was possible"),
    **_rows("E", "score", "high", crag_score="Truthfulness"),
    **_rows("E", "share", "high", crag_accurate="Accurate"),
    **_rows("E", "share", "low", crag_missing="Missing", crag_hallucination="Hallucination"),
    **_rows("F", "s", "low", fast_first_audio="First fast audio", slow_first_audio="First slow audio"),
    **_rows("F", "ms", None, seam_gap_ms="Gap at the seam"),
    **_rows("F", "share", "low", seam_overlap="Overlap at the seam", fast_abort="Fast prefix dropped"),
    **_rows("F", "share", None, fast_share="Words from the fast path"),
    **_rows("G", "s", "low", eot_delay="End of turn to decision"),
    **_rows("G", "share", "low", eot_cutoff="Pauses cut into"),
    **_rows("H", "share", "low", wer="Word error rate", upwr="Changed partial words"),
    **_rows("H", "s", "low", emission_latency="Word emission latency", first_correct_latency="First correct partial"),
    **_rows("H", "number", "low", ne="Normalised erasure"),
    **_rows("-", "number", "low", late_frames="Late frames", missed_items="Items whose moment never came"),
    **_rows("-", "ms", None, echo_floor_ms="Echo floor"),
}  # fmt: skip


def meaning(name: str) -> Meaning:
    """Of any metric; one that is not in the catalogue is a plain number, in milliseconds if its name says so."""
    unit: Unit = (
        "ms" if name.endswith("_ms") else "s" if name.endswith(("_s", "_latency", "_delay")) else "number"
    )
    return MEANINGS.get(name) or Meaning(name, unit, None, "-")
