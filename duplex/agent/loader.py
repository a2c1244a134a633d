"""An agent file from disk to a checked specification, or every fault in it with its line.

Faults are told as `file:line: key: what is wrong`, with the nearest key that exists.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from duplex.agent.faults import Fault, describe, from_source, from_validation
from duplex.agent.schema import BASE
from duplex.agent.source import MAX_BYTES, MAX_NODES, SourceError, parse, read_text
from duplex.agent.spec import AgentSpec
from duplex.logs import hide
from duplex.resources import ResourceError, agent_path

__all__ = [
    "MAX_BYTES",
    "MAX_NODES",
    "AgentFileError",
    "Fault",
    "check_agent",
    "describe",
    "find_agent",
    "load_agent",
    "notes",
]


class AgentFileError(Exception):
    """An agent file cannot be used; the text has a line for each fault."""


def find_agent(name: str) -> Path:
    """The file that a name or a path on the command line means: a file, a folder with agent.yaml, a shipped agent.

    Raises:
        AgentFileError: there is no such file and no such shipped agent.
    """
    path = Path(name)
    if path.is_file():
        return path
    if (path / "agent.yaml").is_file():
        return path / "agent.yaml"
    if path.suffix in (".yaml", ".yml") or os.sep in name:
        raise AgentFileError(f"{name}: {'no agent.yaml in this folder' if path.is_dir() else 'no such file'}")
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
    if spec is None:
        raise AgentFileError("\n".join(describe(file, fault) for fault in faults))
    hide(os.environ.get(name, "") for name in spec.key_variables())
    return spec


def check_agent(file: Path) -> tuple[AgentSpec | None, list[Fault]]:
    """The specification, or the faults that keep it from being one."""
    try:
        data, lines = parse(read_text(file))
    except SourceError as error:
        return None, [from_source(error)]
    try:
        return AgentSpec.model_validate(data, context={BASE: file.resolve().parent}), []
    except ValidationError as error:
        return None, from_validation(error, lines)


def notes(spec: AgentSpec) -> list[str]:
    """What is right, but will not work here or does nothing; a line each."""
    unset = sorted({name for name in spec.key_variables() if not os.environ.get(name)})
    told = [f"the environment variable {name} is not set; the agent needs it to start" for name in unset]
    if spec.instructions and spec.knowledge:
        told.append("instructions have no effect beside knowledge: answers keep to the passages")
    return told
