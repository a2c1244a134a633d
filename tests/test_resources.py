"""Shipped data is found in an editable install and in an unpacked wheel, and its absence is said clearly."""

from __future__ import annotations

from pathlib import Path

import pytest

from duplex import resources


@pytest.fixture(params=["editable", "wheel"])
def install(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder with data beside it (a repository) or inside it (a wheel)."""
    package = tmp_path / "duplex"
    data = tmp_path if request.param == "editable" else package / "_data"
    (data / "agents" / "pond").mkdir(parents=True)
    (data / "agents" / "pond" / "agent.yaml").write_text("name: pond\n")
    (data / "agents" / "not-an-agent").mkdir()
    (data / "configs" / "sub").mkdir(parents=True)
    (data / "configs" / "models.yaml").write_text("{}\n")
    (data / "configs" / "sub" / "a.yaml").write_text("{}\n")
    package.mkdir(exist_ok=True)
    monkeypatch.setattr(resources, "_PACKAGE", package)
    return data


def test_paths(install: Path) -> None:
    assert resources.agents_dir() == install / "agents"
    assert resources.agent_path("pond") == install / "agents" / "pond" / "agent.yaml"
    assert resources.config_path("models.yaml") == install / "configs" / "models.yaml"
    assert resources.config_path("sub/a.yaml") == install / "configs" / "sub" / "a.yaml"


@pytest.mark.parametrize("name", ["lake", "../pond", "pond/agent.yaml", "", "not-an-agent"])
def test_unknown_agent_lists_what_exists(install: Path, name: str) -> None:
    with pytest.raises(resources.ResourceError, match=r"no shipped agent .*; there are: pond$"):
        resources.agent_path(name)


@pytest.mark.parametrize("name", ["model.yaml", "../agents/pond/agent.yaml", "/etc/passwd", "sub"])
def test_unknown_config_lists_what_exists(install: Path, name: str) -> None:
    with pytest.raises(resources.ResourceError, match=r"there are: models\.yaml, sub/a\.yaml$"):
        resources.config_path(name)


def test_incomplete_install_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "duplex")
    with pytest.raises(resources.ResourceError, match="incomplete"):
        resources.agents_dir()


def test_this_install_ships_the_manifest() -> None:
    assert resources.config_path("models.yaml").is_file()
