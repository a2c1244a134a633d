"""A run: scenarios against a contender, one after the other or in several processes, kept as each is done."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from duplex import __version__
from duplex.agent.loader import load_agent
from duplex.evals.baselines import PREFIX, Baseline, baseline
from duplex.evals.contender import AgentContender
from duplex.evals.job import Done, Job, Make, Options, failed, kept, key_of, patience, start_jobs, write
from duplex.evals.origin import commit, machine
from duplex.evals.report import write_report
from duplex.evals.scenario import Lane
from duplex.evals.suite import Case, read_suite
from duplex.evals.workers import Failed, work
from duplex.graph import perf_seconds

_LEFT = ("metrics.json", "replay.json", "events.jsonl", "dialogue.wav")
"""What a scenario's folder holds."""


class RunError(Exception):
    """A run cannot be made as it was asked for; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run came to.

    Attributes:
        done: its scenarios, in the order in which they were done; those of an earlier run first.
        others: ids of scenarios that are not for this lane.
        wall: seconds that it took, loading included.
    """

    done: tuple[Done, ...]
    others: tuple[str, ...]
    wall: float

    @property
    def failed(self) -> list[Done]:
        """Those that could not be run to their end."""
        return [each for each in self.done if each.error]


Watch = Callable[[Done, int], None]
"""Is told of each scenario as it is done, and how many there are."""


def agent(name: str, lane: Lane) -> tuple[Make, str]:
    """The contender that an agent's name or file, or `baseline:...`, means in a lane, and its identity.

    Raises:
        AgentFileError: there is none, or it has faults.
        RunError: there is no such baseline.
    """
    if name.startswith(PREFIX):
        try:
            return partial(Baseline, baseline(name, lane).kind, lane), name
        except ValueError as error:
            raise RunError(str(error)) from error
    spec = load_agent(name)
    return partial(AgentContender, spec, lane), spec.model_dump_json()


def run_suite(make: Make, identity: str, options: Options, watch: Watch = lambda done, of: None) -> Ran:
    """Run a suite and leave `OUT/<id>/...`, `OUT/run.json`, and a summary and report of all that `OUT` holds.

    What an earlier run did with the same scenario, contender and options is kept. Each result is written when it is
    there, so whoever stops a run (KeyboardInterrupt passes through) loses only what was under way.

    Args:
        make: the contender, in each process.
        identity: all that the contender's answers depend on.
        options: see there.
        watch: is told of each scenario.

    Raises:
        RunError: options that contradict each other, or a folder that cannot be used.
        ScenarioError: there is nothing to run.
        WorkerError: the contender cannot be loaded.
    """
    options = _checked(options)
    cases, others = read_suite(options.suite, options.lane, options.only)
    earlier = _take(options, identity)
    start = perf_seconds()
    done: list[Done] = []

    def tell(one: Done) -> None:
        done.append(one)
        watch(one, len(cases))

    todo: list[Job] = []
    for case in cases:
        job = Job(case, key_of(case, identity, options))
        before = None if options.fresh else kept(options.out / case.id, job.key)
        if before is None:
            todo.append(job)
        else:
            tell(before)
    try:
        for job, result in work(partial(start_jobs, make, options), todo, options.jobs, patience):
            tell(failed(job, result.why, options) if isinstance(result, Failed) else result)
    finally:
        ran = Ran(tuple(done), tuple(case.id for case in others), perf_seconds() - start)
        write(options.out / "run.json", _head(identity, options) | _rest(ran, cases, options, earlier))
    write_report(options.out)
    return ran


def _checked(options: Options) -> Options:
    if options.lane == "webrtc":
        options = replace(options, compute="real")
    if options.jobs > 1 and options.compute in ("measured", "real"):
        raise RunError(
            f"--jobs {options.jobs} would falsify what computing is measured to cost, since processes slow each other "
            "down: use --jobs 1, or --compute fixed or zero"
        )
    return options


def _take(options: Options, identity: str) -> list[dict[str, Any]]:
    """Make the folder, or go on in one that holds the same run: what was run there before.

    Another run is only replaced where that was asked for.
    """
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        before = json.loads((options.out / "run.json").read_text(encoding="utf-8"))
        rows: list[dict[str, Any]] = before["runs"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RunError(f"{options.out}: cannot be used: {error}") from error
    differs = [name for name, value in _head(identity, options).items() if before.get(name) != value]
    if not differs:
        return rows
    if not options.fresh:
        raise RunError(
            f"{options.out} holds a run with another {' and '.join(differs)}: "
            "give another --out, or --fresh to replace it"
        )
    for row in rows:
        folder = options.out / Path(str(row["id"])).name
        with contextlib.suppress(OSError):
            for name in _LEFT:
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
    return []


def _head(identity: str, options: Options) -> dict[str, Any]:
    """What all scenarios of a run have in common."""
    contender = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return {"contender": contender, "lane": options.lane, "compute": options.compute}


def _rest(ran: Ran, cases: list[Case], options: Options, earlier: list[dict[str, Any]]) -> dict[str, Any]:
    fresh = [each for each in ran.done if not each.kept]
    ids = {each.id for each in ran.done}
    return {
        "suite": str(options.suite),
        "only": options.only,
        "jobs": options.jobs,
        "scenarios": len(cases),
        "done": len(ran.done),
        "failed": {each.id: each.error for each in ran.failed},
        "not_for_this_lane": list(ran.others),
        "seconds": round(sum(each.seconds for each in fresh), 2),
        "wall": round(ran.wall, 2),
        "version": __version__,
        "commit": commit(),
        "machine": machine(),
        "runs": [*(row for row in earlier if row["id"] not in ids), *(asdict(each) for each in ran.done)],
    }
