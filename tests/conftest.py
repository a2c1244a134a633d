"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_path() -> Callable[[str], Path]:
    """Where a model's files lie: `model_path("piper-joe")` is the folder in the model store."""

    def path(name: str) -> Path:
        return Path("/tmp/models") / name

    return path
