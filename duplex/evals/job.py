"""One scenario of a run, in the process that runs it: replayed, measured and kept."""

from __future__ import annotations

import hashlib
import json
import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from duplex import __version__
from duplex.evals.clips import locate
from duplex.evals.drivers.making import told
from duplex.evals.drivers.text import replay_text
from duplex.evals.drivers.virtual import replay_virtual
from duplex.evals.metrics import measure
from duplex.evals.prepare import Prepared, prepare
from duplex.evals.record import Compute, Replay
from duplex.evals.scenario import Lane, Scenario, ScenarioError
from duplex.evals.side import Contender
from duplex.evals.suite import Case
from duplex.evals.words import as_words
from duplex.graph import perf_seconds
from duplex.models.store import write_atomically
from duplex.transport.costs import read_costs

_FORMAT = 1
"""Of what a run leaves; another makes all scenarios anew."""
Make = Callable[[], Contender]
"""Gives a contender that is not loaded; picklable."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a suite is run.

    Attributes:
        suite: its folder or file.
        out: where a folder for each scenario is made.
        lane: how the audio goes.
        compute: what computing costs in virtual time; the webrtc lane is always `real`.
        data: where clips and corpora lie; by default each scenario's folder and those above it.
        jobs: processes at a time.
        only: a pattern of ids or tasks.
        fresh: do again what was done.
    """

    suite: Path
    out: Path
    lane: Lane = "virtual"
    compute: Compute = "measured"
    data: Path | None = None
    jobs: int = 1
    only: str = "*"
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A scenario that was run.

    Attributes:
        id: the scenario's.
        error: why it failed; empty where it did not.
        seconds: of the scenario.
        wall: seconds that it took, preparing and measuring included.
        memory: MB that its process had in memory then.
        kept: it was done by an earlier run.
    """

    id: str
    error: str = ""
    seconds: float = 0.0
    wall: float = 0.0
    memory: float = 0.0
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A scenario to be run; `key` stands for all that its result depends on."""

    case: Case
    key: str


def patience(job: Job) -> float:
    """Seconds of wall time: a scenario takes about its own length at most, and once to speak its texts."""
    return 300.0 + 20 * (job.case.scenario.duration if job.case.scenario else 0)


def start_jobs(make: Make, options: Options) -> Callable[[Job], Done]:
    """Load the contender; what does the jobs."""
    contender = make()
    anyio.run(contender.load)
    costs = read_costs() if options.compute == "fixed" else None
    return partial(_do, contender, options, costs)


def _do(contender: Contender, options: Options, costs: dict[str, float] | None, job: Job) -> Done:
    start = perf_seconds()
    replay = _replay(contender, options, costs, job.case)
    if replay is None:
        return failed(job, job.case.error, options)
    folder = options.out / job.case.id
    replay.save(folder)
    measured: dict[str, Any] = {}
    error = replay.error
    if not error:
        try:
            measured = measure(replay)
        except Exception as fault:
            error = f"it was run, but not measured: {told(fault)}"
    done = Done(job.case.id, error, replay.seconds, perf_seconds() - start, _memory())
    _keep(folder, job, done, replay.lane, replay.compute, measured)
    return done


def _replay(
    contender: Contender, options: Options, costs: dict[str, float] | None, case: Case
) -> Replay | None:
    """The replay, with an error where it failed; None where the scenario cannot even be read."""
    if case.scenario is None:
        return None
    folder = options.data or case.file.parent
    try:
        scenario = _with_corpora(case.scenario, folder)
        words = options.lane == "text"
        prepared = as_words(scenario) if words else prepare(scenario, folder, contender.voices)
    except ScenarioError as error:
        return Replay(case.scenario, contender.name, options.lane, options.compute, error=str(error))
    replay = _played(prepared, contender, options, costs)
    replay.scenario = replay.scenario.model_copy(update={"tools": case.scenario.tools})
    return replay


def _with_corpora(scenario: Scenario, folder: Path) -> Scenario:
    """The scenario with its corpora as they are found on this machine."""
    tools = [
        tool.model_copy(update={"corpus": str(locate(tool.corpus, folder).absolute())})
        if tool.corpus
        else tool
        for tool in scenario.tools
    ]
    return scenario.model_copy(update={"tools": tuple(tools)})


def _played(
    prepared: Prepared, contender: Contender, options: Options, costs: dict[str, float] | None
) -> Replay:
    if options.lane == "webrtc":
        from duplex.evals.drivers.webrtc import replay_webrtc

        return anyio.run(replay_webrtc, prepared, contender)
    assert options.compute != "real"
    play = replay_text if options.lane == "text" else replay_virtual
    return play(prepared, contender, options.compute, costs)


def _keep(folder: Path, job: Job, done: Done, lane: Lane, compute: Compute, measured: dict[str, Any]) -> None:
    """Write `metrics.json`: the last thing, so that where it is, the scenario was done."""
    metrics = {name: value for name, value in measured.items() if name != "expect"}
    head = {"id": done.id, "task": job.case.scenario.task if job.case.scenario else None, "lane": lane}
    rest = {"compute": compute, "error": done.error, "metrics": metrics, "expect": measured.get("expect", [])}
    run = {"key": job.key, "seconds": done.seconds, "wall": round(done.wall, 3), "memory_mb": done.memory}
    write(folder / "metrics.json", head | rest | {"run": run})


def failed(job: Job, why: str, options: Options) -> Done:
    """A scenario that left nothing: only its error is written."""
    done = Done(job.case.id, why)
    folder = options.out / job.case.id
    folder.mkdir(parents=True, exist_ok=True)
    _keep(folder, job, done, options.lane, options.compute, {})
    return done


def kept(folder: Path, key: str) -> Done | None:
    """What an earlier run left, if it was this one and nothing failed."""
    try:
        row = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        run = row["run"]
        if run["key"] != key or row["error"]:
            return None
        return Done(row["id"], "", run["seconds"], run["wall"], run["memory_mb"], kept=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def key_of(case: Case, identity: str, options: Options) -> str:
    """All that a scenario's result depends on."""
    scenario = case.scenario.model_dump_json() if case.scenario else str(case.file)
    files = sorted(_files(case.scenario, options.data or case.file.parent)) if case.scenario else []
    told_by = [_FORMAT, __version__, identity, options.lane, options.compute, scenario, files]
    return hashlib.sha256(json.dumps(told_by).encode()).hexdigest()[:24]


def _files(scenario: Scenario, folder: Path) -> Iterable[str]:
    """The scenario's clips and corpora as they are now; what is missing is told when it is needed."""
    names = [item.clip for item in scenario.timeline] + [tool.corpus for tool in scenario.tools]
    for name in filter(None, names):
        try:
            stat = locate(name, folder).stat()
        except (ScenarioError, OSError):
            yield f"{name} missing"
        else:
            yield f"{name} {stat.st_size} {stat.st_mtime_ns}"


def _memory() -> float:
    """What this process has in memory now, in MB; the most that it ever had where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return round(pages * resource.getpagesize() / 2**20, 1)
    except OSError:
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 1)  # macOS counts bytes


def write(path: Path, value: object) -> None:
    """Write JSON, whole or not at all."""
    write_atomically(path, (json.dumps(value, indent=1) + "\n").encode())
