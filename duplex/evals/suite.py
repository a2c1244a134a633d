"""Which scenarios a run is made of: a folder's, a file's, or a shipped suite's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import yaml

from duplex.evals.scenario import MAX_BYTES, Lane, Scenario, ScenarioError, load_scenario
from duplex.resources import ResourceError, config_path

SUFFIXES = (".yaml", ".yml", ".json")
_FORMAT = "duplex-scenario/"


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario's file, and what stands in it.

    Attributes:
        id: the scenario's, or the file's name where it cannot be read.
        file: where it stands.
        scenario: None where it cannot be used.
        error: why not.
    """

    id: str
    file: Path
    scenario: Scenario | None
    error: str = ""


def find_suite(name: str) -> Path:
    """The folder or file that a name on the command line means: a path, or a shipped suite.

    Raises:
        ScenarioError: there is neither.
    """
    path = Path(name)
    if path.exists():
        return path
    shipped = _shipped()
    if name in shipped:
        return shipped[name]
    there = ", ".join(sorted(shipped)) or "none"
    raise ScenarioError(f"{name}: no such folder or file, and no such shipped suite; there are: {there}")


def _shipped() -> dict[str, Path]:
    try:
        folder = config_path("costs.yaml").parent / "suites"
    except ResourceError:
        return {}
    return {path.name: path for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else {}


def read_suite(path: Path, lane: Lane, only: str = "*") -> tuple[list[Case], list[Case]]:
    """The scenarios to run, in the order of their ids, and those that are not for this lane.

    Args:
        path: a folder, which is searched through, or a file. Files of a folder that name no scenario format are passed
            over: gates and notes may lie beside scenarios.
        lane: of the run.
        only: a pattern of ids such as `pause_*`, or of tasks.

    Raises:
        ScenarioError: there is no scenario, or two have one id.
    """
    files = sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES) if path.is_dir() else [path]
    cases = [_case(file) for file in files if path.is_file() or _is_scenario(file)]
    if not cases:
        raise ScenarioError(
            f"{path}: there is no scenario in it (a YAML or JSON file with `schema: {_FORMAT}1`)"
        )
    _refuse_doubles(cases)
    wanted = [case for case in cases if _matches(case, only)]
    if not wanted:
        raise ScenarioError(f"{path}: none of its {len(cases)} scenarios matches {only!r}")
    runs = [case for case in wanted if case.scenario is None or lane in case.scenario.lanes]
    others = [case for case in wanted if case not in runs]
    return sorted(runs, key=lambda case: case.id), others


def _case(file: Path) -> Case:
    try:
        scenario = load_scenario(file)
    except ScenarioError as error:
        return Case(file.stem, file, None, str(error))
    if not scenario.id.strip("."):  # it names a folder
        return Case(file.stem, file, None, f"{file}: id: {scenario.id!r} names no scenario")
    return Case(scenario.id, file, scenario)


def _is_scenario(file: Path) -> bool:
    """Whether the file says that it is one; so does one that is no YAML, since it may be meant to be."""
    try:
        if file.stat().st_size > MAX_BYTES:
            return False
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return True
    return isinstance(raw, dict) and str(raw.get("schema", "")).startswith(_FORMAT)


def _matches(case: Case, only: str) -> bool:
    return fnmatch(case.id, only) or (case.scenario is not None and fnmatch(case.scenario.task, only))


def _refuse_doubles(cases: Iterable[Case]) -> None:
    seen: dict[str, Path] = {}
    for case in cases:
        if case.id in seen:
            raise ScenarioError(f"{case.file}: the id {case.id!r} is also in {seen[case.id]}; rename one")
        seen[case.id] = case.file
