"""Words on a word clock, without audio: what the agent does with them, when it calls its tools and what it answers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from duplex.evals.drivers.virtual import replay_virtual
from duplex.evals.prepare import Prepared
from duplex.evals.record import Replay
from duplex.evals.side import Contender
from duplex.graph.virtual import Mode

FREE = {"vad": 0.0, "asr.partial": 0.0, "asr.final": 0.0, "tts": 0.0}
"""What no model does here, in the table of fixed costs."""


def replay_text(
    prepared: Prepared,
    contender: Contender,
    compute: Mode = "measured",
    costs: Mapping[str, float] | None = None,
) -> Replay:
    """Replay a scenario of words; see `replay_virtual`.

    The times of the agent's audio are those of a voice that says 2.5 words a second from the moment on at which it has
    the first.

    Args:
        prepared: by `duplex.evals.words.as_words`.
        contender: made for this lane.
        compute: what computing costs in virtual time.
        costs: seconds by job name, for `fixed`.
    """
    free = None if costs is None else {**costs, **FREE}
    replay = replay_virtual(prepared, contender, compute, free, lane="text")
    replay.user = replay.agent = np.zeros(0, np.int16)
    replay.records = [record for record in replay.records if record.type != "frame_in"]
    return replay
