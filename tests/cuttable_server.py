"""A server of one humming peer whose network can be cut: SIGUSR1 cuts what is up, SIGUSR2 asks for a new offer."""

import asyncio
import logging
import signal
import sys
from typing import Any

import anyio
from test_server_reconnect import HummingPeer

from duplex.dialogue import events as ev
from duplex.server.app import create_app
from duplex.server.serve import run, serving
from duplex.transport.webrtc.ice import _ice_transports

peers: list[HummingPeer] = []


def new_peer() -> HummingPeer:
    peers.append(HummingPeer())
    return peers[-1]


def cut(sessions: Any) -> None:
    for connection in (each for call in sessions._calls for each in call._connections.values()):
        for ice in _ice_transports(connection._pc):
            for protocol in ice.iceGatherer._connection._protocols:
                protocol.transport.sendto = lambda *_: None
                protocol.datagram_received = lambda *_: None


def renegotiate(sessions: Any) -> None:
    for call in sessions._calls:
        call._channel.send({"type": "signalling", "message": {"type": "renegotiate"}})


async def main(stop: anyio.Event) -> None:
    app = create_app(new_peer, origins=sys.argv[1:])
    async with serving(app) as url:
        loop, sessions = asyncio.get_running_loop(), app.state.sessions
        loop.add_signal_handler(signal.SIGUSR1, cut, sessions)
        loop.add_signal_handler(signal.SIGUSR2, renegotiate, sessions)
        print("open", url, flush=True)
        told = 0
        while not stop.is_set():
            await anyio.sleep(0.5)
            for peer in peers:
                peer.tell(ev.AgentError(t=0, message=str(told)))
                told += 1
        print(f"{len(peers)} peers", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run(main)
