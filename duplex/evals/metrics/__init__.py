"""Every metric of SCENARIO_FORMAT.md, sections A to H, as pure functions; `measure` applies them to a replay.

`measure(replay)` gives a flat dict. What could not be measured is absent, never 0. Each metric `X` that may occur
several times in one scenario, or is a share, comes as three numbers:

    X        the scenario's own value: X.sum / X.n
    X.sum    numerator: the sum of the observations; for a share, how many were so
    X.n      denominator: how many there were (for ratios of sums, such as savings: the sum below the line)

so a report pools scenarios as sum(X.sum) / sum(X.n), and takes P50, P90 and the bootstrap over the scenarios' X.
Seconds, unless the name ends in _ms. "+" after a name: it has .sum and .n; a name without it is one number alone.

A  tor_fdb+                 took the turn, by the official rule; pause_handling, backchannel: whole recording [0/1]
   tor_pause_window+        true pauses (>= 0.1 s) in which the agent began to speak / pauses
   response_latency+        official: max(0, first agent word - end of turn), over turns with tor_fdb = 1 alone
   fto+                     floor transfer offset: unclipped, over all turns that were answered
   no_response+             turns without an answer / turns
   tor_bc, tor_bc_fdb       the agent's segments are more than backchannels: any of them (ours), the last one (official)
   bc_frequency+            segments <= 3 s / seconds of the recording;  bc_frequency_fdb+ the script's own count
   bc_jsd                   Jensen-Shannon distance to the human distribution; 1 without a backchannel
   post_interrupt_relevance+  slot values or content words of the interruption that the answer holds / all of them
B  stop_latency_fdb+        |U' and A'| per overlap;  response_latency_fdb15+ next A' onset - U' end
   stop_latency+            ours: interruption's onset -> silent, over those yielded to within 2.0 s (= l_y)
   tail_audio_ms+           sound of the interrupted response after the onset, all interruptions
   behaviour_respond+ behaviour_resume+ behaviour_uncertain+ behaviour_unknown+   after an overlap, by response ids
   behaviour_wanted+        the one that the scenario's task wants
   false_stop+              non-claiming events at which the agent fell silent / events while it spoke
   false_flush+             of these, how often the response was given up, not only at a pause of its own (ours)
   false_response+          non-claiming events, or stretches of silence, that the agent answered / all
C  r_r+ l_r+ r_y+ l_y+      tau-voice: responded, response latency, yielded, yield latency
   i_a+                     onsets of the agent while the user speaks / turns of the user
   s_bc+ s_vt+ s_nd+        events borne without an error / events: backchannels, noises, speech to others
                            (selectivity = mean of the pooled three, only where each .n >= 10: `tau.selectivity`)
D  tool_tp, tool_fp, tool_fn  tool names expected and called; pooled F1: `fdb3.f1`;  tool_f1 the scenario's
   argument_accuracy+ pass_at_1+ first_response_latency+ interruption_rate+ tool_call_latency+ task_completion+
   filler_rate+ rollback+ forbidden_commit+
E  tool_lead+ tool_lead_positive+ tool_latency_perceived+ endpoint_delay+ first_token_latency+
   tool_calls+ wasted_calls+ waste_rate+ cancelled_calls+ parallel_calls (most at once)
   crag_score+ (1, 0, -1) crag_accurate+ crag_missing+ crag_hallucination+
   with the paired open-book run: tool_latency_open_book+ tool_saved+ tool_savings+ (sum of saved / sum of T_o)
   tool_helped+ fidelity+ stale_answer+;  streaming.oracle gives oracle_lead+ efficiency+ (sum of leads / oracle leads)
F  fast_first_audio+ slow_first_audio+ seam_gap_ms+ seam_overlap+ fast_share+ (words) fast_abort+
G  eot_delay+ (decision - end of turn; = endpoint_delay)  eot_cutoff+ (pauses decided in / pauses)
H  wer+ (errors / words) emission_latency+ first_correct_latency+ ne+ upwr+
-  late_frames, echo_floor_ms, missed_items

"expect" is a list, one for each expectation of the scenario: {metric, behaviour, ok, value, note}. `ok` is None where
it could not be measured (`value` None) or the scenario names no bound to judge by (`value` stands).
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from duplex.evals.metrics import asr, endpointing, fdb1, fdb3, fdb15, handoff, streaming, tau
from duplex.evals.metrics.expect import verdicts
from duplex.evals.metrics.spans import Spans, Word
from duplex.evals.metrics.tally import Tally
from duplex.evals.metrics.view import View
from duplex.evals.record import Replay

DATA_ENV = "DUPLEX_EVALDATA"
"""Names the folder of evaluation data; from it comes the human distribution that `bc_jsd` is measured against."""
logger = logging.getLogger(__name__)


def measure(
    replay: Replay,
    words: Sequence[Word] | None = None,
    open_book: Replay | None = None,
    distributions: Mapping[str, Sequence[float]] | None = None,
    voiced: Spans | None = None,
) -> dict[str, Any]:
    """All metrics that apply to a replay: the flat dict that this module's docstring lists, and "expect".

    Args:
        replay: in the text lane there is no audio: the agent's words stand for it.
        words: the agent's, where its log holds none; without either, spans of sound are counted.
        open_book: the paired run that calls tools only at the endpoint.
        distributions: human backchannels by sample; default: those of the folder that DUPLEX_EVALDATA names.
        voiced: where the agent speaks, by a voice detector; default: where it is audible.
    """
    view, tally = View(replay, words, voiced), Tally()
    if distributions is None:
        distributions = read_distributions(os.environ.get(DATA_ENV, ""))
    fdb1.measure(view, tally, distributions)
    fdb15.measure(view, tally)
    tau.measure(view, tally)
    fdb3.measure(view, tally)
    streaming.measure(view, tally, View(open_book) if open_book is not None else None)
    handoff.measure(view, tally)
    endpointing.measure(view, tally)
    asr.measure(view, tally)
    tally.put("late_frames", replay.late_frames)
    tally.put("missed_items", len(replay.missed))
    tally.put("echo_floor_ms", None if replay.echo_floor is None else 1000 * replay.echo_floor)
    flat = tally.flat()
    return {**flat, "expect": verdicts(view, flat)}


@lru_cache(maxsize=4)
def read_distributions(folder: str) -> dict[str, list[float]] | None:
    """The human distributions of backchannels in a folder of evaluation data; None where there are none."""
    path = Path(folder) / "nc_fdb_v1_examples" / "icc_gt_distribution.json"
    if not folder or not path.is_file():
        return None
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        found = {str(key): [float(each) for each in row] for key, row in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        logger.warning("%s cannot be read (%s): bc_jsd is left out", path, error)
        return None
    return found or None
