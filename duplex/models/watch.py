"""How far a download is when somebody else's code does it: the size of what has appeared in a folder.

pip, npm and the hub's client each have their own bars, which differ between versions. A growing file does
not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PERIOD_S = 0.15


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below `folder`; files that vanish meanwhile count as nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                continue
    return total


@contextmanager
def watched(folder: Path, limit: int, on_bytes: Callable[[int], None]) -> Iterator[None]:
    """While the body runs, tell `on_bytes` from a thread what `folder` has grown by, up to `limit`."""
    stop = threading.Event()
    before = folder_bytes(folder)
    best = 0

    def follow() -> None:
        nonlocal best
        while not stop.wait(PERIOD_S):
            # pip copies a finished wheel before it deletes its own: never count past the end, never go back
            best = max(best, min(folder_bytes(folder) - before, limit))
            on_bytes(best)

    thread = threading.Thread(target=follow, name="download-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
