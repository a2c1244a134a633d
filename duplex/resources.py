"""Where the shipped data lies: agents and configuration files.

A wheel carries them inside the package (`duplex/_data`, put there by the build); an editable install reads
them from the repository beside the package. This module is the only one that knows the difference.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


class ResourceError(FileNotFoundError):
    """Shipped data that is not there; the message names what is."""

    def __str__(self) -> str:  # FileNotFoundError would print the errno form
        return str(self.args[0])


def _data_root() -> Path:
    wheel = _PACKAGE / "_data"
    return wheel if wheel.is_dir() else _PACKAGE.parent


def _kind_dir(kind: str) -> Path:
    folder = _data_root() / kind
    if not folder.is_dir():
        raise ResourceError(f"no {kind}/ in {_data_root()}: this installation of duplex-voice is incomplete")
    return folder


def _listed(names: list[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def agents_dir() -> Path:
    """The folder of the shipped agents; each is a folder with an `agent.yaml`."""
    return _kind_dir("agents")


def agent_path(name: str) -> Path:
    """The YAML file of a shipped agent, `agents/NAME/agent.yaml`.

    Raises:
        ResourceError: there is no such agent; the message lists those that exist.
    """
    folder = agents_dir()
    names = [path.parent.name for path in folder.glob("*/agent.yaml")]
    if name not in names:
        raise ResourceError(f"no shipped agent '{name}'; there are: {_listed(names)}")
    return folder / name / "agent.yaml"


def config_path(name: str) -> Path:
    """A shipped configuration file, for example `config_path("models.yaml")`.

    Raises:
        ResourceError: there is no such file; the message lists those that exist.
    """
    folder = _kind_dir("configs")
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    if name not in names:
        raise ResourceError(f"no shipped configuration '{name}'; there are: {_listed(names)}")
    return folder / name
