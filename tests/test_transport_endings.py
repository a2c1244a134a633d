"""Calls that end otherwise than by a goodbye, or never begin."""

import re
import subprocess
import sys
from typing import Any

import aioice.ice
import anyio
import pytest
from test_transport_call import decoder_threads, no_session_left
from transport_peers import BasePeer, EchoPeer

from duplex.server.app import create_app
from duplex.server.serve import serving
from duplex.transport.webrtc.caller import Caller
from duplex.transport.webrtc.errors import CallError

CALLER = """
import anyio, sys
from duplex.transport.webrtc.caller import Caller
async def main():
    async with Caller(sys.argv[1], loopback=True) as call:
        await call.connect()
        print("up", flush=True)
        await anyio.sleep_forever()
anyio.run(main)
"""


def test_a_caller_who_vanishes_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process says no goodbye; ICE consent notices (30 s by default, shortened here)."""
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.2)
    peers: list[BasePeer] = []

    def new() -> BasePeer:
        peers.append(EchoPeer())
        return peers[-1]

    async def main() -> None:
        app = create_app(new, loopback=True, reconnect_timeout=1)
        async with serving(app) as url:
            command = [sys.executable, "-c", CALLER, url]
            process = await anyio.open_process(command, stdout=subprocess.PIPE)
            assert process.stdout is not None
            assert (await process.stdout.receive()).strip() == b"up"
            assert len(app.state.sessions) == 1
            assert peers[0].running
            process.kill()
            await process.aclose()
            await no_session_left(app.state.sessions, within=15)
            assert not peers[0].running

    anyio.run(main)
    assert decoder_threads() == 0


def test_unreachable_and_refusing_servers_are_named() -> None:
    async def main() -> None:
        async with Caller("http://127.0.0.1:9", loopback=True) as call:
            with pytest.raises(CallError, match=r"127\.0\.0\.1:9/api/offer cannot be reached"):
                await call.connect()
        loading, silent = (
            create_app(BasePeer, lambda: False),
            create_app(BasePeer, loopback=True, connect_timeout=0.2),
        )
        async with serving(loading) as url, Caller(url, loopback=True) as call:
            with pytest.raises(CallError, match="503 the models are still loading"):
                await call.connect()
        # The server answers, but no check of the caller's gets through.
        async with serving(silent) as url, Caller(url, loopback=True) as call:
            post = call._post_offer

            async def spoilt(timeout: float) -> dict[str, Any]:
                answer = await post(timeout)
                return {**answer, "sdp": re.sub(r"a=ice-pwd:\S+", "a=ice-pwd:" + "x" * 22, answer["sdp"])}

            call._post_offer = spoilt
            with pytest.raises(CallError, match="no connection"):
                await call.connect(1.0)
            await no_session_left(silent.state.sessions)

    anyio.run(main)


def test_stopping_the_server_ends_its_calls() -> None:
    peers: list[BasePeer] = []

    def new() -> BasePeer:
        peers.append(BasePeer())
        return peers[-1]

    async def main() -> None:
        async with serving(create_app(new, loopback=True)) as url:
            caller = Caller(url, loopback=True)
            async with caller as call:
                await call.connect()
                break_at = call.now
            assert break_at > 0
        assert not peers[0].running

    anyio.run(main)
