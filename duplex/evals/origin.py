"""Where figures come from: the commit of the code and the machine's processor, as far as they can be told."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import duplex


def commit() -> str | None:
    """The commit that the code is at, with `+` where files were changed since; None where it is no checkout."""
    folder = Path(duplex.__file__).resolve().parent
    at = _git(folder, "rev-parse", "--short=10", "HEAD")
    if not at or _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None  # a package that lies inside somebody else's repository
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return at + ("+" if changed else "")


def machine() -> dict[str, Any]:
    """The system, its processor and how many cores may be used."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": cores,
        "python": platform.python_version(),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        made = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return made.stdout.strip() if made.returncode == 0 else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
