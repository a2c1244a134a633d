"""A real server in a process of its own, for the demo and the benches: what a user would have started by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_LIMIT = 120.0
"""Seconds: the first run builds the index and derived model files."""


class ServerFailed(Exception):
    """The server did not come up; the text holds its last lines."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running server.

    Attributes:
        url: its root, without a trailing slash.
        pid: its process.
        record: the folder in which it leaves `<session>/events.jsonl`.
        ready_seconds: from the start of the process until `/ready` said yes.
    """

    url: str
    pid: int
    record: Path
    ready_seconds: float

    def resident_mb(self) -> float:
        """Resident memory of the server process, in MB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise ServerFailed("the server is gone")

    def cpu_seconds(self) -> float:
        """CPU time that the server process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def events(self, session: str | None = None) -> list[dict[str, object]]:
        """The events of a session, by default of the last one."""
        logs = sorted(
            self.record.glob(f"{session or '*'}/events.jsonl"), key=lambda path: path.stat().st_mtime
        )
        if not logs:
            return []
        return [json.loads(line) for line in logs[-1].read_text().splitlines()]


@contextmanager
def serve(agent: str, record: Path, *options: str, log: Path | None = None) -> Iterator[Served]:
    """Start `duplex serve` on a free port, wait until its models are warm, and stop it at the end.

    Raises:
        ServerFailed: it ended, or was not ready within two minutes.
    """
    record.mkdir(parents=True, exist_ok=True)
    options = ("--port", "0", "--record", str(record), *options)
    with started(["-m", "duplex", "serve", agent, *options], record, log) as served:
        yield served


@contextmanager
def started(arguments: Sequence[str], record: Path, log: Path | None = None) -> Iterator[Served]:
    """Run Python with these arguments, as a server that prints its address, while the block lasts.

    Raises:
        ServerFailed: it ended, or was not ready within two minutes.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    tail: deque[str] = deque(maxlen=20)
    urls: list[str] = []
    reader = threading.Thread(target=_read, args=(process, tail, urls, log), daemon=True)
    reader.start()
    try:
        yield _wait_ready(process, urls, tail, began, record)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)
        if process.stdout is not None:
            process.stdout.close()


def _read(process: subprocess.Popen[str], tail: deque[str], urls: list[str], log: Path | None) -> None:
    assert process.stdout is not None
    with open(log or os.devnull, "w", encoding="utf-8") as sink:
        for line in process.stdout:
            tail.append(line.rstrip())
            sink.write(line)
            sink.flush()
            if not urls and (at := line.find("http://")) >= 0:
                urls.append(line[at:].split()[0].rstrip("/"))


def _wait_ready(
    process: subprocess.Popen[str], urls: list[str], tail: deque[str], began: float, record: Path
) -> Served:
    while time.perf_counter() - began < READY_LIMIT:
        if process.poll() is not None:
            raise ServerFailed("the server ended at once:\n" + "\n".join(tail))
        if urls and _ready(urls[0]):
            return Served(urls[0], process.pid, record, time.perf_counter() - began)
        time.sleep(0.02)
    raise ServerFailed(f"the server was not ready after {READY_LIMIT:.0f} s:\n" + "\n".join(tail))


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
