"""A run's replays as folders of Full-Duplex-Bench, so that the official scripts can be run on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile

from duplex.audio.pcm import Pcm
from duplex.evals.metrics.spans import Word
from duplex.evals.metrics.view import Turn, View
from duplex.evals.record import RATE, Replay, load_replay
from duplex.evals.scenario import Task

OVERLAPS: tuple[Task, ...] = ("user_backchannel", "talking_to_other", "background_speech")
"""The tasks of v1.5 that v1 does not have."""


def export_run(run: Path, out: Path) -> dict[str, int]:
    """Write the replays of a run as OUT/<task>/<number>/; gives how many of each task.

    The official scripts want folders that are called by numbers; `scenario.json` in each tells which it is. Replays
    without audio, and of tasks that the benchmark does not have, are left out.

    Raises:
        OSError, ValueError, KeyError: a replay cannot be read, or its folder not be written.
    """
    counts: dict[str, int] = {}
    for folder in sorted(path.parent for path in run.glob("*/replay.json")):
        replay = load_replay(folder)
        task = replay.scenario.task
        files = marks(View(replay))
        if files is None or not len(replay.agent):
            continue
        counts[task] = counts.get(task, 0) + 1
        export(replay, files, out / task / str(counts[task]))
    return counts


def export(replay: Replay, files: dict[str, Any], folder: Path) -> None:
    """Write one sample: the audio of both, the agent's words, and the files that `marks` gives."""
    folder.mkdir(parents=True, exist_ok=True)
    _sound(folder / "input.wav", replay.user)
    _sound(folder / "output.wav", replay.agent)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def marks(view: View) -> dict[str, Any] | None:
    """The JSON files of a sample by name; None where the benchmark has no such task, or its event never came."""
    task = view.scenario.task
    files: dict[str, Any] = {
        "scenario.json": {"id": view.scenario.id, "agent": view.replay.agent_name},
        "output.json": _transcript(view.words),
    }
    if task == "backchannel":
        return files
    if task == "pause_handling":
        pauses = [pause for turn in view.turns for pause in turn.pauses]
        return files | {"pause.json": [{"text": "[PAUSE]", "timestamp": list(pause)} for pause in pauses]}
    if task == "smooth_turn_taking" and view.due:
        turn = view.due[-1]
        return files | {"turn_taking.json": [{"text": "[TURN-TAKING]", "timestamp": [turn.end, turn.until]}]}
    if task == "user_interruption":
        return _interrupted(view, files)
    if task in OVERLAPS and view.asides and view.asides[0].speech:
        placed = view.asides[0]
        spans = [placed.speech[0][0], placed.speech[-1][1]]
        texts = {"context_text": _before(view), "current_turn_text": placed.item.text}
        return files | {"metadata.json": texts | {"timestamps": spans}}
    return None


def _interrupted(view: View, files: dict[str, Any]) -> dict[str, Any] | None:
    turn = next((each for each in view.due if _is_interruption(each)), None)
    if turn is None:
        return None
    text = " ".join(placed.item.text for placed in turn.items)
    mark = {"context": _before(view), "interrupt": text, "timestamp": [turn.start, turn.end]}
    # The official transcript is of what follows the interruption: what was said before it is no answer to it.
    after = [word for word in view.words if word[1] >= turn.end]
    return files | {"interrupt.json": [mark], "output.json": _transcript(after)}


def _is_interruption(turn: Turn) -> bool:
    return any(placed.item.kind == "interruption" for placed in turn.items)


def _before(view: View) -> str:
    """What was said to the agent before; where it began unasked, what it had to say."""
    asked = [placed.item.text for placed in view.replay.placed if placed.item.kind == "user_speech"]
    opening = view.scenario.agent.opening
    return " ".join(asked) or (opening.text if opening else "")


def _transcript(words: Sequence[Word]) -> dict[str, Any]:
    return {
        "text": " ".join(text for text, _, _ in words),
        "chunks": [{"text": text, "timestamp": [start, end]} for text, start, end in words],
    }


def _sound(path: Path, pcm: Pcm) -> None:
    soundfile.write(str(path), pcm, RATE, subtype="PCM_16", format="WAV")
