"""`duplex bench start`: how long a user waits for help texts, for the page and for warm models, and what it weighs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from duplex.bench.measure import Measure, of_quantile
from duplex.bench.served import serve

COMMAND = "duplex bench start --json FILE"
RUNS = 10


def run() -> list[Measure]:
    """Time `duplex --help`, the page and warm models of the agent `lakes`."""
    helps = [_help() for _ in range(RUNS)]
    ready, resident = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(3):
            with serve("lakes", Path(folder)) as served:
                ready.append(served.ready_seconds)
                resident = served.resident_mb()
        pages = [_page(Path(folder)) for _ in range(3)]
    return [
        of_quantile("start.help_s", helps, "s", COMMAND),
        of_quantile("start.page_s", pages, "s", COMMAND),
        of_quantile("start.ready_s", ready, "s", COMMAND),
        Measure("start.resident_mb", round(resident), "MB", 1, None, COMMAND),
    ]


def _help() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "duplex", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _page(folder: Path) -> float:
    """Seconds until the server answers at all, models or not."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "duplex", "serve", "lakes", "--port", "0", "--record", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line[line.index("http://") :].split()[0]
        while not _answers(url):
            time.sleep(0.01)
        taken = time.perf_counter() - began
        process.terminate()
    return taken


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
