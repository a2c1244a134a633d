"""A dialogue as a picture: both channels, the words, and the labels below them, to see whether they sit right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asr.types import SAMPLE_RATE
from duplex.audio.pcm import Pcm
from duplex.core.streams.dialogue import Dialogue
from duplex.core.streams.layout import FRAME_SECONDS, OVERLAPS, STATES, UNKNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#dddddd", "#2a9d55", "#e9b949", "#8e5bd0", "#d1495b", "#3b82c4", "#7d8597")
_UNASKED = "#ffffff"
_SECONDS = 15.0


def draw(dialogue: Dialogue, file: Path, start: float = 0.0, seconds: float = 60.0) -> None:
    """Write a PNG or SVG of a part of a dialogue, 15 s a row.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Rectangle

    rows = max(1, int(np.ceil(min(seconds, dialogue.frames * FRAME_SECONDS - start) / _SECONDS)))
    figure, axes = pyplot.subplots(rows, 1, figsize=(20, 4.2 * rows), squeeze=False)
    for row, axis in enumerate(axes[:, 0]):
        _row(axis, dialogue, start + row * _SECONDS)
    handles = [Rectangle((0, 0), 1, 1, color=colour) for colour in _COLOURS]
    figure.legend(
        handles,
        [f"{s} / {o}" for s, o in zip(STATES, (*OVERLAPS, ""), strict=True)],
        ncol=7,
        loc="upper center",
    )
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(file, dpi=60)
    pyplot.close(figure)


def _row(axis: Axes, dialogue: Dialogue, start: float) -> None:
    end = start + _SECONDS
    axis.set_xlim(start, end)
    axis.set_ylim(-6.2, 5.2)
    axis.set_yticks(
        [4, 2, 0, -1, -2, -3, -4], ["user", "agent", "state", "overlap", "vad", "end in", "complete"]
    )
    for pcm, height in ((dialogue.user_pcm, 4.0), (dialogue.agent_pcm, 2.0)):
        _wave(axis, pcm, height, start, end)
    for words, height in ((dialogue.user_words, 4.75), (dialogue.agent_words, 2.75)):
        for word in words:
            if start <= word.start < end:
                axis.text(word.start, height, word.text, fontsize=8, rotation=20)
    labels = dialogue.labels
    first, last = round(start / FRAME_SECONDS), min(dialogue.frames, round(end / FRAME_SECONDS))
    for at in range(first, last):
        left = at * FRAME_SECONDS
        _box(axis, left, 0.0, _UNASKED if labels.state[at] == UNKNOWN else _COLOURS[labels.state[at]])
        _box(axis, left, -1.0, _UNASKED if labels.overlap[at] == UNKNOWN else _COLOURS[labels.overlap[at]])
        for speaker in (0, 1):
            if labels.vad[at, speaker]:
                axis.plot(
                    (left, left + FRAME_SECONDS), (-1.9 - 0.25 * speaker,) * 2, color="black", linewidth=3
                )
        if labels.end_in[at] != UNKNOWN:
            axis.plot(left + 0.04, -3.3 + 0.6 * min(1.0, labels.end_in[at] / 32), "k.", markersize=3)
        if labels.complete[at] != UNKNOWN:
            _box(axis, left, -4.0, ("#d1495b", "#2a9d55")[labels.complete[at]])
    for number, heard in enumerate(dialogue.heard):
        if start <= heard.t < end:
            tail = " ".join(heard.words[-3:]) or "(new turn)"
            axis.text(heard.t, -4.9 - 0.4 * (number % 4), f"{tail} [{heard.stable}]", fontsize=6)


def _wave(axis: Axes, pcm: Pcm, height: float, start: float, end: float) -> None:
    cut = pcm[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)].astype(np.float64) / 32_768
    hop = SAMPLE_RATE // 100
    peaks: Any = np.abs(cut[: len(cut) // hop * hop].reshape(-1, hop)).max(axis=1)
    level = np.clip(1 + 20 * np.log10(np.maximum(peaks, 1e-4)) / 60, 0, 1) * 0.7
    time = start + np.arange(len(level)) / 100
    axis.fill_between(time, height - level, height + level, color="#4a6fa5", linewidth=0)


def _box(axis: Axes, left: float, height: float, colour: str) -> None:
    axis.barh(height, FRAME_SECONDS, 0.7, left, color=colour, linewidth=0)
