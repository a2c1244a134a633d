"""The duplex core in a session: what is loaded for the mode that an agent file asks for, and how it is wired.

How far the core is relied on stands beside its weights (`configs/core/reliance.json`), and is chosen on validation
dialogues by `python -m duplex.bench.core_fit`. Without these files, or with ones that cannot be used, the floor's own
rules decide alone.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from duplex.agent.spec import CoreMode
from duplex.core.runtime import DuplexCore
from duplex.core.streams.layout import FRAME_SAMPLES
from duplex.dialogue.anticipation import SIGNS, Anticipated, Anticipation, CoreFrame, Reliance, Sure
from duplex.dialogue.events import (
    Commit,
    Discarded,
    Duck,
    Eager,
    EndProbability,
    OverlapClass,
    OverlapKind,
    PlayoutEnded,
    Resumed,
    ToolEnded,
    ToolStarted,
    Transcript,
    TurnStarted,
    Unduck,
    UserAudio,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.graph import Event, Graph, In, Lanes, MachineNode, Out
from duplex.nodes.core import Listener
from duplex.resources import config_path

logger = logging.getLogger(__name__)

RELIANCE = "reliance.json"
"""The file beside the weights that it was chosen for."""
_DECISIONS = (TurnStarted, Eager, Resumed, Commit, Discarded, Duck, Unduck, Yield)


@dataclass(frozen=True, slots=True)
class Controller:
    """A core, and how far it is relied on."""

    core: DuplexCore
    reliance: Reliance


def load_controller(mode: CoreMode, folder: Path | None = None) -> Controller | None:
    """The core for a mode, warm; None where it is off, or cannot be had: the log then says why.

    Args:
        mode: what it is to decide with.
        folder: of an exported core with its reliance; by default the shipped one.
    """
    if mode == "off":
        return None
    try:
        folder = folder or config_path("core/frame.onnx").parent
        reliance = load_reliance(folder / RELIANCE)
        core = DuplexCore(folder)
        silent = np.zeros(FRAME_SAMPLES, np.int16)
        core.session().offer(silent, silent)
        core.step()
    except (OSError, ValueError) as error:
        logger.warning("without the core, by the rules alone: %s", error)
        return None
    return Controller(core, limited(reliance, mode))


def limited(reliance: Reliance, mode: CoreMode) -> Reliance:
    """What a mode takes of it."""
    match mode:
        case "voices":
            return replace(reliance, weights=None, eager=None)
        case "ends":
            return Reliance(weights=reliance.weights, eager=reliance.eager)
        case "off":
            return Reliance()
    return reliance


def load_reliance(path: Path) -> Reliance:
    """Read what `save_reliance` wrote.

    Raises:
        OSError: there is no such file.
        ValueError: it is none.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["reliance"]
        weights = told["weights"] and tuple(map(_number, told["weights"]))
        if weights and len(weights) != len(SIGNS):
            raise ValueError(f"there are {len(weights)} weights, not {len(SIGNS)}")
        overlaps = {_kind(kind): _sure(given) for kind, given in told["overlaps"].items()}
        again, ignore = told["again"] and _sure(told["again"]), told["ignore"]
        eager = told.get("eager")  # a file from before it was asked has none
        return Reliance(
            weights or None,
            overlaps,
            again or None,
            None if ignore is None else _number(ignore),
            eager and _sure(eager),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} does not say how far the core is relied on: {error}") from error


def save_reliance(path: Path, reliance: Reliance, told: Mapping[str, Any]) -> None:
    """Write JSON: the reliance, and beside it what else is to be known of it."""
    plain = asdict(reliance)
    path.write_text(json.dumps({"reliance": plain, **told}, indent=2) + "\n", encoding="utf-8")


def _sure(given: Mapping[str, Any]) -> Sure:
    return Sure(_number(given["p"]), int(_number(given["frames"])))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)


def _kind(name: str) -> OverlapKind:
    kinds: dict[str, OverlapKind] = {kind: kind for kind in get_args(OverlapKind)}
    return kinds[name]


@dataclass(frozen=True, slots=True)
class Ports:
    """What core and controller are joined to.

    Attributes:
        audio, voice, words, ends, played, decided, tools: where these come from: the user's audio, his voice's
            beginnings and ends, his words, P(end | words), what was played, what the floor decided, what tools do.
        floor, scribe: where what they tell goes.
        drafts: where drafts come from, if the agent makes any.
    """

    audio: Out[Any]
    voice: Out[Any]
    words: Out[Any]
    ends: Out[Any]
    played: Out[Any]
    decided: Out[Any]
    tools: Out[Any]
    floor: In[Any]
    scribe: In[Any]
    drafts: tuple[Out[Any], ...]


def join(
    graph: Graph, controller: Controller | None, lanes: Lanes, ports: Ports, max_age: int
) -> Listener | None:
    """Put the core between P(end | words) and the floor; without one, the floor is told what the words say.

    Args:
        graph: the session's.
        controller: the core, if there is one.
        lanes: where it runs.
        ports: their neighbours.
        max_age: ticks that audio waits at most.
    """
    if controller is None:
        graph.connect(ports.ends, ports.floor, only=EndProbability, feedback=True, capacity=256)
        graph.connect(ports.ends, ports.scribe, only=EndProbability, capacity=256)
        return None
    listener = Listener(controller.core, lanes)
    told: tuple[type[Event], ...] = (CoreFrame, EndProbability, Transcript, VoiceStarted, VoiceStopped)
    machine = MachineNode(
        Anticipation(controller.reliance),
        "controller",
        takes=(*told, *_DECISIONS, PlayoutEnded),
        gives=(EndProbability, OverlapClass, Anticipated),
    )
    graph.connect(ports.audio, listener.events, only=UserAudio, capacity=100, max_age=max_age)
    graph.connect(ports.decided, listener.events, only=(TurnStarted, Duck), capacity=256)
    graph.connect(ports.words, listener.events)
    graph.connect(ports.played, listener.events, capacity=256)
    graph.connect(ports.tools, listener.events, only=(ToolStarted, ToolEnded), capacity=256)
    for source in ports.drafts:
        graph.connect(source, listener.events, capacity=256)
    for source in (listener.frames, ports.voice, ports.words):
        graph.connect(source, machine.events, only=Transcript if source is ports.words else (), capacity=256)
    graph.connect(ports.ends, machine.events, only=EndProbability, capacity=256)
    graph.connect(ports.decided, machine.events, only=_DECISIONS, capacity=256)
    graph.connect(ports.played, machine.events, only=PlayoutEnded, capacity=256)
    graph.connect(machine.actions, ports.floor, feedback=True, capacity=256)
    for source in (machine.actions, listener.frames):
        graph.connect(source, ports.scribe, capacity=256)
    return listener
