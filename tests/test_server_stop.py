"""How a server comes to its end: no new calls, those under way end their turn, and a signal too many hurts nothing."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx
import pytest
from test_server_reconnect import LEFT, HummingPeer, on_the_phone, parked, settled
from test_transport_offer import OFFER
from webrtc_phone import Phone

from duplex.server.link import Pulse

BODY = {"sdp": OFFER, "type": "offer"}


class PolitePeer(HummingPeer):
    """Needs half a second to come to its end."""

    def end(self, reason: str) -> None:
        super().end(reason)
        asyncio.get_running_loop().call_later(0.5, self.over.set)


def test_calls_end_their_turn_and_new_ones_are_refused() -> None:
    async def test(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = await phone.call()
        await leg.hears()
        await phone.post(BODY)  # one that never gets through
        assert len(sessions) == 2
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sessions.drain, 8)
            await anyio.sleep(0.1)
            assert [each.ended for each in peers] == [["drain"], []]
            for answer in (await phone.post(BODY), await phone.http.post("/start", json={})):
                assert answer.status_code == 503
                assert answer.headers["retry-after"].isdigit()
                assert "shutting down" in answer.json()["error"]
            assert (await phone.http.get("/ready")).status_code == 503
            assert (await phone.http.get("/health")).status_code == 200
            # Its own callers may still come back.
            leg = await phone.call(instead_of=leg)
        assert anyio.current_time() - began < 4
        assert leg.messages[-1] == LEFT
        assert len(sessions) == 0

    on_the_phone(test, PolitePeer)


def test_a_limit_is_set_to_those_who_go_on() -> None:
    async def test(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = await phone.call()
        await leg.hears()
        began = anyio.current_time()
        await sessions.drain(0.5)
        assert 0.4 < anyio.current_time() - began < 2
        assert (peers[0].ended, peers[0].running) == (["drain"], True)

    on_the_phone(test)


def test_nobody_waits_for_a_caller_who_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pulse, "RATED", 0.5)
    monkeypatch.setattr(Pulse, "SILENCE", 0.8)

    async def test(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = await phone.call()
        await settled(leg)
        with leg.cut():
            await parked(peers[0])
            with anyio.fail_after(2):
                await sessions.drain(30)
        assert (peers[0].ended, peers[0].running) == ([], False)

    on_the_phone(test)


SERVE = """
import sys; sys.path.insert(0, sys.argv[1])
import logging; logging.basicConfig(level=logging.ERROR)
from duplex.server.app import create_app
from duplex.server.serve import run, serving
from test_server_stop import PolitePeer
from test_server_reconnect import HummingPeer
peer, limit = {"polite": PolitePeer, "deaf": HummingPeer}[sys.argv[2]], float(sys.argv[3])
async def main(stop):
    app = create_app(peer, loopback=True)
    async with serving(app) as url:
        print("open", url, flush=True)
        await stop.wait()
        print("draining", flush=True)
        await app.state.sessions.drain(limit)
run(main)
"""


@contextmanager
def server(peer: str = "polite", limit: float = 30) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its URL."""
    command = [sys.executable, "-W", "error", "-c", SERVE, os.path.dirname(__file__), peer, str(limit)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()[1]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("offered", [False, True])
def test_one_signal_ends_an_idle_server_cleanly(number: int, offered: bool) -> None:
    with server() as (process, url):
        if offered:
            assert httpx.post(f"{url}/api/offer", json=BODY, trust_env=False).status_code == 200
        else:
            assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "draining\nstopped\n", "")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=2)


def test_a_call_ends_its_turn_after_sigterm() -> None:
    async def talk(process: subprocess.Popen[str], url: str) -> None:
        async with Phone(url) as phone:
            leg = await phone.call()
            await leg.hears()
            process.send_signal(signal.SIGTERM)
            await anyio.sleep(0.3)
            assert (await phone.post(BODY)).status_code == 503
            await leg.told("signalling")
            assert leg.messages[-1] == LEFT

    with server() as (process, url):
        anyio.run(talk, process, url)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "draining\nstopped\n", "")


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.3])
def test_a_second_signal_ends_it_at_once(pause: float) -> None:
    """Wherever the second one falls, nothing is left in the log."""

    async def talk(process: subprocess.Popen[str], url: str) -> None:
        async with Phone(url) as phone:
            leg = await phone.call()
            await leg.hears()
            process.send_signal(signal.SIGINT)
            await anyio.sleep(0.3)
            process.send_signal(signal.SIGINT)
            await leg.told("signalling")
            await anyio.sleep(pause)

    with server("deaf") as (process, url):
        anyio.run(talk, process, url)
        out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (0, "draining\nstopped\n", "")


@pytest.mark.parametrize("pause", [0.0, 0.02, 0.1, 0.2, 0.3])
def test_impatience_leaves_no_trace(pause: float) -> None:
    """Signal after signal, from the first moment to the last."""
    with server("deaf") as (process, url):
        assert httpx.post(f"{url}/api/offer", json=BODY, trust_env=False).status_code == 200
        for _ in range(5):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(pause)
            except subprocess.TimeoutExpired:
                continue
        _, err = process.communicate(timeout=5)
    assert err == ""
    # By itself, by our hand, or by the signal where Python was done with it.
    assert process.returncode in (0, 130, -signal.SIGINT)
