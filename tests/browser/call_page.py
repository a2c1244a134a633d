"""The call page as a person uses it, and small servers for what needs no model."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOTS = Path(__file__).parents[2] / "out" / "browser"
WATCH = """
globalThis.connections = [];
globalThis.channels = [];
globalThis.deaf = new Set();
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); connections.push(this); }
  createDataChannel(...given) {
    const channel = super.createDataChannel(...given);
    const listen = channel.addEventListener.bind(channel);
    channel.addEventListener = (type, act) => listen(type, (event) => deaf.has(channel) || act(event));
    channels.push(channel);
    return channel;
  }
};
"""
"""Gives a test the page's connections, to measure them, and lets it make the page deaf to one."""
ENERGY = """async () => {
  const reports = await Promise.all(connections.map((each) => each.getStats()));
  const streams = reports.flatMap((report) => [...report.values()]).filter((each) => each.type === "inbound-rtp");
  return streams.reduce((sum, each) => sum + (each.totalAudioEnergy ?? 0), 0);
}"""
SILENT_SERVER = """
import sys, time; sys.path.insert(0, sys.argv[1])
import anyio
from duplex.server.app import create_app
from duplex.server.serve import run, serving
from transport_peers import BasePeer
settings = dict(max_sessions=1, title="small", connect_timeout=5.0)
lasts, warm_after, port = float(sys.argv[2]), time.monotonic() + float(sys.argv[3]), int(sys.argv[4])
class Peer(BasePeer):
    def pull(self):
        self.seconds += 0.02
        return super().pull()
    async def run(self):
        with anyio.move_on_after(lasts):
            await super().run()
async def main(stop):
    async with serving(create_app(Peer, lambda: time.monotonic() >= warm_after, **settings), port=port) as url:
        print("open", url, flush=True)
        await stop.wait()
run(main)
"""


class CallPage:
    """The call page, as a person uses it; `faults` holds what it reported to the console."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        page.add_init_script(WATCH)
        page.goto(url)
        page.wait_for_selector("#call")

    def status(self, text: str, seconds: float = 15) -> None:
        """Wait until the status says so; `text` is a regular expression."""
        self.page.wait_for_function(
            "(text) => new RegExp(text).test(document.getElementById('status').textContent)",
            arg=text,
            timeout=seconds * 1000,
        )

    def lines(self, who: str = "agent") -> list[str]:
        """The finished lines of a side."""
        found: list[str] = self.page.locator(f"#transcript .line.{who}[data-done=true] p").all_inner_texts()
        return found

    def said(self, who: str, text: str, seconds: float = 20) -> None:
        """Wait until a side has said something that matches `text`, a regular expression."""
        self.page.wait_for_function(
            """([who, text]) => [...document.querySelectorAll(`#transcript .line.${who}[data-done=true] p`)]
                .some((line) => new RegExp(text, "i").test(line.textContent))""",
            arg=[who, text],
            timeout=seconds * 1000,
        )

    def energy(self) -> float:
        """How much sound has come from the agent so far."""
        return float(self.page.evaluate(ENERGY))

    def fits(self) -> bool:
        """Whether nothing has to be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    def shot(self, name: str, full: bool = False) -> None:
        """A picture for people, in out/browser."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=full)


@contextmanager
def silent_server(lasts: float = 60.0, warm_after: float = 0.0, port: int = 0) -> Iterator[str]:
    """The URL of a server with one line, whose sessions say nothing and end after `lasts` seconds.

    It dies with the block, without a goodbye.

    Args:
        lasts: how long a session goes on.
        warm_after: seconds until calls are taken.
        port: where it listens; 0 is any free one.
    """
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", SILENT_SERVER, tests, str(lasts), str(warm_after), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[1]
        finally:
            process.kill()
