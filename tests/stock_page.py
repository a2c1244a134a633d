"""The stock Pipecat client from npm, bundled into a page of another site, and a hand on that page."""

from __future__ import annotations

import functools
import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from platformdirs import user_cache_path

if TYPE_CHECKING:
    from playwright.sync_api import Page

PACKAGES = ("@pipecat-ai/client-js@1.13.1", "@pipecat-ai/small-webrtc-transport@1.10.8", "esbuild@0.28.2")
SCRIPT = Path(__file__).with_name("browser_stock.js")
AUDIBLE = 0.005
"""Root mean square of a frame in which the agent speaks; its pauses have none at all."""


@pytest.fixture(scope="module")
def bundle() -> Path:
    """A folder with the page and the client, made with the packages of npm, which are kept in the user's cache."""
    folder = user_cache_path("duplex") / "test-npm" / "_".join(PACKAGES).replace("/", "-")
    if not (folder / "node_modules" / ".bin" / "esbuild").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
        try:
            done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=180)
        except subprocess.TimeoutExpired:
            pytest.skip("npm: the registry cannot be reached")
        if done.returncode:
            pytest.skip(f"npm cannot install the stock client: {done.stderr.strip()[-300:]}")
    page = folder / "page"
    page.mkdir(exist_ok=True)
    (folder / SCRIPT.name).write_text(SCRIPT.read_text())
    command = [
        "node_modules/.bin/esbuild",
        SCRIPT.name,
        "--bundle",
        "--format=iife",
        "--outfile=page/stock.js",
    ]
    subprocess.run([*command, "--log-level=error"], cwd=folder, check=True, timeout=60)
    (page / "index.html").write_text('<!doctype html><script src="stock.js"></script>')
    return page


@pytest.fixture(scope="module")
def site(bundle: Path) -> Iterator[str]:
    """Another site than the agent's, with the page."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    handler = functools.partial(Quiet, directory=bundle)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Talk:
    """A page with the client in it."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(site)
        page.evaluate("globalThis.stock = new Stock()")

    def run(self, script: str, *arguments: object) -> Any:
        """The value of an expression over `stock`, awaited."""
        return self.page.evaluate(f"async ([a, b]) => ({script})", [*arguments, None, None][:2])

    def wait(self, condition: str, seconds: float = 20) -> None:
        """Until an expression over `stock` holds."""
        self.page.wait_for_function(f"() => ({condition})", timeout=seconds * 1000)

    def wait_message(self, kind: str, count: int = 1, seconds: float = 20) -> None:
        """Until so many messages of this kind have come."""
        self.wait(f"stock.messages.filter((m) => m.type === {kind!r}).length >= {count}", seconds)

    @property
    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate("stock.messages")
        return found

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.messages if each["type"] == kind]

    def events(self, name: str) -> list[Any]:
        found: list[Any] = self.page.evaluate("stock.events")
        return [each["value"] for each in found if each["name"] == name]

    def kinds(self, since: float = 0) -> list[str]:
        return [each["type"] for each in self.messages if each["at"] >= since]

    def audible(self, since: float, until: float) -> bool:
        """Whether the agent was heard at any moment between, in the page's milliseconds."""
        levels = self.page.evaluate("stock.levels")
        return any(level > AUDIBLE for at, level in levels if since <= at <= until)
