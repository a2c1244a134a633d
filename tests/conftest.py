"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_path() -> Callable[[str], Path]:
    """Where a model's files lie: `model_path("piper-joe")` is its folder in the store, pulled if it is missing."""
    from duplex.models import model_folder

    return model_folder
