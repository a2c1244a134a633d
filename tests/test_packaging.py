"""The wheel and the editable install both find their data, from any folder.

The fresh environments borrow this one's dependencies through a .pth file, so that next to nothing is fetched.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by this environment's hatchling."""
    out = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(ROOT))
    (built,) = out.glob("*.whl")
    return built


def _pip(*arguments: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr


def _fresh(folder: Path) -> Path:
    """An environment without this package; returns its python."""
    venv.create(folder, with_pip=False, symlinks=True)
    purelib = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    # Only the folder is borrowed: .pth files in it (this repository's own editable install) are not followed.
    (purelib / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def _duplex(python: Path, folder: Path, *arguments: str) -> str:
    """Run the environment's `duplex` outside the repository."""
    folder.mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.check_output(
        [python.parent / "duplex", *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stderr=subprocess.STDOUT,
    )


def test_the_wheel_holds_data_and_page_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for needed in (
        "duplex/_data/agents/lakes/agent.yaml",
        "duplex/_data/agents/lakes/knowledge/baikal.md",
        "duplex/_data/configs/models.yaml",
        "duplex/server/page/index.html",
        "duplex/evals/report/page/index.html",
        "duplex/_data/configs/suites/everyday/pause_handling/pause_one_long.yaml",
        "duplex/cli.py",
        "asr/__init__.py",
        "tts/__init__.py",
        "tools_rag/__init__.py",
    ):
        assert needed in names
    page = {path.name for path in (ROOT / "duplex/server/page").rglob("*") if path.is_file()}
    assert {Path(name).name for name in names if name.startswith("duplex/server/page/")} == page
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"duplex", "asr", "tts", "tools_rag"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".wav"))]
    weights = {name for name in names if name.endswith((".onnx", ".npz"))}
    assert weights == {
        f"duplex/_data/configs/core/{name}" for name in ("frame.onnx", "words.onnx", "words.npz")
    }
    assert wheel.stat().st_size < 16_000_000


def test_installed_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    python = _fresh(tmp_path / "env")
    _pip("--python", str(python), "install", "--no-deps", str(wheel))
    told = _duplex(python, tmp_path / "elsewhere", "check", "lakes")
    assert told.endswith("OK, the agent 'lakes'\n")
    assert told.startswith(str(tmp_path / "env")), "its own data, not the repository's"
    assert "silero-vad" in _duplex(python, tmp_path / "elsewhere", "models", "list")


def test_installed_editable(tmp_path: Path) -> None:
    python = _fresh(tmp_path / "env")
    # Built apart, as a user's pip does: an editable build needs more than the build system that is installed here.
    _pip("--python", str(python), "install", "--no-deps", "--editable", str(ROOT))
    told = _duplex(python, tmp_path / "elsewhere", "check", "lakes")
    assert told == f"{ROOT / 'agents/lakes/agent.yaml'}: OK, the agent 'lakes'\n"
