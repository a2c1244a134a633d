"""An agent file from disk to a checked specification, or every fault in it with its line.

The file may come from anywhere, so it is bounded before it is read, parsed without object tags, and refused where
one key stands twice. Faults are told as `file:line: key: what is wrong`, with the nearest key that exists.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from duplex.agent.spec import AgentSpec
from duplex.resources import ResourceError, agent_path

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
"""YAML nodes after aliases are followed: a few nested aliases can stand for billions."""

Path_ = tuple[str | int, ...]


class AgentFileError(Exception):
    """An agent file cannot be used; the text has a line for each fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        line: where in the file, counted from 1.
        key: the key's path, such as `turns.silence_ms`; empty for the whole file.
        message: what is wrong and, where known, what to write.
    """

    line: int
    key: str
    message: str


def find_agent(name: str) -> Path:
    """The file that a name or a path on the command line means.

    Raises:
        AgentFileError: there is no such file and no such shipped agent.
    """
    path = Path(name)
    if path.is_dir():
        path = path / "agent.yaml"
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml") or os.sep in name:
        raise AgentFileError(f"{name}: no such file")
    try:
        return agent_path(name)
    except ResourceError as error:
        raise AgentFileError(str(error)) from error


def load_agent(path: str | Path) -> AgentSpec:
    """The agent in `path` (a file, a folder with agent.yaml, or a shipped agent's name), with absolute paths.

    Raises:
        AgentFileError: with every fault, a line each.
    """
    file = find_agent(str(path))
    spec, faults = check_agent(file)
    if spec is None or faults:
        raise AgentFileError("\n".join(describe(file, fault) for fault in faults))
    return spec


def describe(file: Path, fault: Fault) -> str:
    """`file:line: key: message`."""
    return (
        f"{file}:{fault.line}: {fault.key}: {fault.message}"
        if fault.key
        else f"{file}:{fault.line}: {fault.message}"
    )


def check_agent(file: Path) -> tuple[AgentSpec | None, list[Fault]]:
    """The specification, or the faults that keep it from being one."""
    try:
        text = _read(file)
        data, lines = _parse(text)
    except _Bad as bad:
        return None, [bad.fault]
    try:
        spec = AgentSpec.model_validate(data)
    except ValidationError as error:
        faults = [_fault(dict(detail), lines) for detail in error.errors(include_url=False)]
        return None, sorted(faults, key=lambda fault: fault.line)
    return _resolve(spec, file.resolve().parent, lines)


class _Bad(Exception):
    def __init__(self, line: int, message: str, key: str = "") -> None:
        super().__init__(message)
        self.fault = Fault(line, key, message)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _Bad(1, f"cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise _Bad(
            1, f"over {MAX_BYTES // 1024} KiB; an agent file is a few lines, its knowledge is a folder"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Bad(1, f"not UTF-8 text (byte {error.start})") from error


def _parse(text: str) -> tuple[Any, dict[Path_, int]]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise _Bad(mark.line + 1 if mark else 1, f"not YAML: {problem}") from error
    except RecursionError as error:
        raise _Bad(1, "nested too deeply") from error
    if not isinstance(root, yaml.MappingNode):
        raise _Bad(1, "an agent file is a list of `key: value` lines")
    lines: dict[Path_, int] = {(): 1}
    _walk(root, (), lines, [0])
    try:
        return yaml.safe_load(text), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _Bad(
            mark.line + 1 if mark else 1, f"not plain YAML: {getattr(error, 'problem', error)}"
        ) from error


def _walk(node: yaml.Node, at: Path_, lines: dict[Path_, int], count: list[int]) -> None:
    """Note each key's line; refuse double keys and what aliases blow up."""
    count[0] += 1
    if count[0] > MAX_NODES or len(at) > 20:
        raise _Bad(node.start_mark.line + 1, "too large or nested too deeply once its aliases are followed")
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                raise _Bad(line, "this key stands twice", ".".join(map(str, (*at, name))))
            seen.add(name)
            lines[(*at, name)] = line
            _walk(value, (*at, name), lines, count)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*at, index)] = value.start_mark.line + 1
            _walk(value, (*at, index), lines, count)


def _fault(detail: dict[str, Any], lines: dict[Path_, int]) -> Fault:
    where: Path_ = tuple(detail["loc"])
    known = next(where[:size] for size in range(len(where), -1, -1) if where[:size] in lines)
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = f"unknown key{_nearest(where)}"
    elif detail["type"] == "missing":
        message = "this key is needed"
    elif detail["type"] == "string_pattern_mismatch" and where[-1] == "key_env":
        message = (
            "name the environment variable that holds the key, such as OPENAI_API_KEY; never the key itself"
        )
    return Fault(lines[known], ".".join(map(str, where)), message)


def _nearest(where: Path_) -> str:
    keys = _keys(where[:-1])
    close = difflib.get_close_matches(str(where[-1]), keys, 1, 0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; the keys here are {', '.join(sorted(keys))}" if keys else ""


def _keys(where: Path_) -> list[str]:
    """The keys that may stand at a path."""
    model: type[BaseModel] | None = AgentSpec
    for part in where:
        fields = {field.alias or name: field for name, field in model.model_fields.items()} if model else {}
        field = fields.get(str(part))
        model = _model(field.annotation) if field else None
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _model(annotation: Any) -> type[BaseModel] | None:
    options = (annotation, *get_args(annotation))
    return next((kind for kind in options if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _resolve(spec: AgentSpec, folder: Path, lines: dict[Path_, int]) -> tuple[AgentSpec | None, list[Fault]]:
    """Make paths absolute, relative to the file's folder, and see that they are there."""
    faults: list[Fault] = []

    def place(path: Path, where: Path_, is_folder: bool) -> Path:
        full = (folder / path.expanduser()).resolve()
        if not (full.is_dir() if is_folder else full.is_file()):
            line = next(lines[where[:size]] for size in range(len(where), -1, -1) if where[:size] in lines)
            faults.append(
                Fault(line, ".".join(map(str, where)), f"no {'folder' if is_folder else 'file'} at {full}")
            )
        return full

    changes: dict[str, Any] = {}
    if spec.knowledge:
        at = place(spec.knowledge.folder, ("knowledge", "folder"), True)
        changes["knowledge"] = spec.knowledge.model_copy(update={"folder": at})
    if spec.asr.sherpa:
        at = place(spec.asr.sherpa.folder, ("asr", "sherpa", "folder"), True)
        changes["asr"] = spec.asr.model_copy(
            update={"sherpa": spec.asr.sherpa.model_copy(update={"folder": at})}
        )
    if spec.llm.llamacpp:
        at = place(spec.llm.llamacpp.file, ("llm", "llamacpp", "file"), False)
        changes["llm"] = spec.llm.model_copy(
            update={"llamacpp": spec.llm.llamacpp.model_copy(update={"file": at})}
        )
    return spec.model_copy(update=changes), faults
