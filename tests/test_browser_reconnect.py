"""The stock Pipecat client whose network breaks, and which is asked to negotiate anew: its session goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_fixtures import chromium, needs, needs_browser
from stock_page import Talk, bundle, site

__all__ = ["bundle", "site"]
pytestmark = [needs_browser, needs("node", "npm")]


@pytest.fixture
def cuttable(site: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server whose network can be cut, and its URL."""
    command = [sys.executable, str(Path(__file__).with_name("cuttable_server.py")), site]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()[1]
        finally:
            process.kill()


def sessions(url: str) -> int:
    with urllib.request.urlopen(f"{url}/health", timeout=5) as reply:
        return int(json.loads(reply.read())["sessions"])


PACKETS = """(async () => [...(await stock.transport.pc.getStats()).values()]
    .filter((s) => s.type === 'inbound-rtp').reduce((sum, s) => sum + s.packetsReceived, 0))()"""


def test_its_session_goes_on(cuttable: tuple[subprocess.Popen[str], str], site: str) -> None:
    process, url = cuttable
    with chromium() as browser:
        page = browser.new_page()
        offers: list[Any] = []
        page.on("request", lambda request: request.method == "POST" and offers.append(request.post_data_json))
        talk = Talk(page, site)
        talk.run("await stock.connect(a)", f"{url}/api/offer")
        talk.wait_message("error", 2)  # the server tells one of these every half second, numbered

        def audio_flows() -> bool:
            before = talk.run(PACKETS)
            page.wait_for_timeout(500)
            return bool(talk.run(PACKETS) > before)

        # Asked for a new offer, it makes one on the same connection.
        process.send_signal(signal.SIGUSR2)
        page.wait_for_timeout(1500)
        assert [each["restart_pc"] for each in offers] == [False, False]
        assert offers[0]["pc_id"] is None
        assert talk.run("stock.transport.pc.connectionState") == "connected"
        assert audio_flows()

        # The network breaks: it comes back by itself on a new connection.
        process.send_signal(signal.SIGUSR1)
        page.wait_for_timeout(4000)
        silent = len(talk.of("error"))
        assert sessions(url) == 1
        talk.wait_message("error", silent + 10, 40)
        assert (offers[2]["pc_id"], offers[2]["restart_pc"]) == (offers[1]["pc_id"], True)
        assert audio_flows()
        assert len(talk.of("bot-ready")) == 1
        assert not talk.events("botDisconnected")
        assert sessions(url) == 1
        # It has missed nothing: neither what was said while it was away, nor before that was noticed.
        told = [int(each["data"]["error"]) for each in talk.of("error")]
        assert list(dict.fromkeys(told)) == list(range(told[-1] + 1))
        assert len(told) <= told[-1] + 3

        talk.run("await stock.client.disconnect()")
        page.wait_for_timeout(1000)
        assert sessions(url) == 0
        assert talk.faults == []
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert out.split() == ["1", "peers", "stopped"]
    assert "Traceback" not in err
    assert err.count("the session waits") == 1
    assert err.count("the caller left") == 1
