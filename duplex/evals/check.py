"""Whether scenarios can be run: their clips, texts, tools, moments and windows, before any agent is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from duplex.evals.catalogue import MEANINGS
from duplex.evals.clips import locate
from duplex.evals.metrics.view import View
from duplex.evals.prepare import Prepared, prepare
from duplex.evals.record import Placed, Replay
from duplex.evals.scenario import After, Item, Scenario, ScenarioError
from duplex.evals.spoken import RATE, spans_of
from duplex.evals.suite import Case
from duplex.evals.timeline import Player
from duplex.evals.words import PACE, as_words

_SLACK = 0.05  # seconds by which a span may go over its clip's end: files are cut to whole frames
_PROMPT = 1.0  # seconds after which a usual agent answers


@dataclass(frozen=True, slots=True)
class Checked:
    """A scenario's file and what is wrong with it."""

    id: str
    file: Path
    faults: tuple[str, ...]


def check(case: Case, data: Path | None = None) -> Checked:
    """Look at one scenario. Computes: its speech is made, if it never was.

    Args:
        case: as it was read.
        data: where clips and corpora lie; by default the scenario's folder and those above it.
    """
    if case.scenario is None:
        return Checked(case.id, case.file, (case.error,))
    folder = data or case.file.parent
    try:
        prepared = prepare(case.scenario, folder)
        Player(prepared.scenario, prepared.audio)
        if "text" in case.scenario.lanes:
            as_words(case.scenario)
    except ScenarioError as error:
        return Checked(case.id, case.file, (str(error),))
    faults = (*_tools(case.scenario, folder), *_audio(prepared), *_moments(prepared.scenario))
    return Checked(case.id, case.file, faults)


def _tools(scenario: Scenario, folder: Path) -> Iterator[str]:
    for tool in scenario.tools:
        try:
            if tool.corpus is not None:
                locate(tool.corpus, folder)
        except ScenarioError as error:
            yield f"tools: {tool.name}: {error}"


def _audio(prepared: Prepared) -> Iterator[str]:
    """What is wrong with what is played."""
    for item in prepared.scenario.timeline:
        pcm = prepared.audio[item.id]
        seconds = len(pcm) / RATE
        if item.kind not in ("silence", "pause") and not spans_of(pcm):
            yield f"{item.id}: nothing can be heard in it"
        ends = [end for _, end in item.speech] + [end for _, _, end in item.words]
        if ends and max(ends) > seconds + _SLACK:
            yield f"{item.id}: its speech goes on to {max(ends):g} s, but it ends at {seconds:g} s"


def _moments(scenario: Scenario) -> Iterator[str]:
    """What is wrong with when things happen, if an agent answers as a usual one does."""
    placed = usual_course(scenario)
    for item in scenario.timeline:
        start = next((each.start for each in placed if each.item.id == item.id), None)
        if start is None:
            yield f"{item.id}: at: its moment never comes"
        elif start >= scenario.duration:
            yield f"{item.id}: at: it would begin at {start:.1f} s, but the scenario ends at {scenario.duration:g} s"
    view = View(Replay(scenario, "", "virtual", "zero", placed=placed))
    pauses = {f"each pause in {item.id}{of}" for item in scenario.timeline for of in ("", ".speech")}
    for number, wanted in enumerate(scenario.expect):
        where = f"expect.{number}: {wanted.metric}"
        if wanted.metric not in MEANINGS:
            yield f"{where}: no metric is called so"
        if wanted.window.start not in pauses and not view.windows(wanted.window):
            yield f"{where}: the window from {wanted.window.start!r} to {wanted.window.end!r} is no span of time"


def usual_course(scenario: Scenario) -> list[Placed]:
    """The timeline as it comes about with an agent that says its opening, or else answers what it heard last. Pure."""
    opening = scenario.agent.opening
    placed: list[Placed] = []
    waiting = list(scenario.timeline)
    while waiting:
        heard = placed[-1].end + _PROMPT if placed else None
        agent = opening.at if opening else heard
        said = len(opening.text.split()) * PACE if opening else 2.0
        times = [(_due(item, placed, agent, said), item) for item in waiting]
        due = [(at, item) for at, item in times if at is not None]
        if not due:
            break
        at, item = min(due, key=lambda each: each[0])
        seconds = item.dur or 0.0
        placed.append(Placed(item, max(at, 0.0), max(at, 0.0) + seconds))
        waiting.remove(item)
    return placed


def _due(item: Item, placed: Sequence[Placed], agent: float | None, said: float) -> float | None:
    if not isinstance(item.at, After):
        return item.at
    owner, _, edge = item.at.after.rpartition(".")
    if owner == "agent":
        moment = agent if agent is None or edge == "speech_start" else agent + said
    else:
        moment = _edge(next((each for each in placed if each.item.id == owner), None), edge)
    return None if moment is None else moment + item.at.offset


def _edge(placed: Placed | None, edge: str) -> float | None:
    if placed is None:
        return None
    spans = placed.speech if edge.startswith("speech") else ()
    spans = spans or ((placed.start, placed.end),)
    return spans[0][0] if edge.endswith("start") else spans[-1][1]
