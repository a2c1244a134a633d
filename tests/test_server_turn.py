"""Calls through a real TURN server: Debian's coturn on 127.0.0.1."""

import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy
from test_server_reconnect import on_the_phone
from webrtc_phone import Phone

from duplex.transport.webrtc.ice import GATHER_SECONDS, Ice, Turn, _ice_transports

pytestmark = pytest.mark.skipif(
    shutil.which("turnserver") is None, reason="no turnserver here: apt-get install coturn"
)
SECRET, USER, PASSWORD = "north wind", "ann", "open sesame"


def free_port() -> int:
    """One that is free for both UDP and TCP, and none that the system gives to the next socket."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Coturn:
    """A running TURN server that knows one secret or one user."""

    def __init__(self, port: int, log: Path, secret: bool) -> None:
        self.port, self._log, self.secret = port, log, secret

    @property
    def log(self) -> str:
        return self._log.read_text()

    def login(self, transport: str = "udp", secret: str = SECRET, password: str = PASSWORD) -> Turn:
        url = f"turn:127.0.0.1:{self.port}?transport={transport}"
        return Turn(url, secret=secret) if self.secret else Turn(url, USER, password)

    def answers(self) -> bool:
        """Whether a STUN binding request is answered."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.1)
            try:
                probe.connect(("127.0.0.1", self.port))
                probe.send(bytes.fromhex("000100002112a442") + b"twelve bytes")
                return bool(probe.recv(200))
            except OSError:
                time.sleep(0.05)
                return False


@pytest.fixture(params=["secret", "user"])
def coturn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Coturn]:
    server = Coturn(free_port(), tmp_path / "turn.log", request.param == "secret")
    options = {
        "listening-ip": "127.0.0.1",
        "relay-ip": "127.0.0.1",
        "listening-port": server.port,
        "realm": "test",
        "log-file": tmp_path / "turn.log",
        "pidfile": tmp_path / "pid",
        "userdb": tmp_path / "db",
    }
    if server.secret:
        options["static-auth-secret"] = SECRET
    else:
        options["user"] = f"{USER}:{PASSWORD}"
    flags = ["no-cli", "no-tls", "no-dtls", "allow-loopback-peers", "simple-log", "verbose"]
    flags.append("use-auth-secret" if server.secret else "lt-cred-mech")
    command = ["turnserver", "-n", *(f"--{flag}" for flag in flags)]
    command += [f"--{name}={value}" for name, value in options.items()]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            if not any(server.answers() for _ in range(100)):
                pytest.fail("turnserver does not answer: " + server.log)
            yield server
        finally:
            process.kill()


def paths(pc: Any) -> set[tuple[str, str]]:
    """The types of the candidates over which a peer connection runs, here and there."""
    pairs = [pair for ice in _ice_transports(pc) for pair in ice.iceGatherer._connection._nominated.values()]
    return {(pair.local_candidate.type, pair.remote_candidate.type) for pair in pairs}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_goes_through_the_relay_alone(coturn: Coturn, transport: str) -> None:
    async def test(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = phone.leg()
        answer = (await phone.post(await leg.offer())).json()
        assert set(re.findall(r"a=candidate:.* typ (\S+)", answer["sdp"])) == {"relay"}
        # What is relayed does not name the machine behind it.
        assert "raddr 0.0.0.0" in answer["sdp"]
        await leg.accept(answer)
        await leg.up()
        await leg.hears()
        assert paths(leg.pc) == {("host", "relay")}
        assert peers[0].pushed > 0
        (call,) = sessions._calls
        (connection,) = call._connections.values()
        assert {here for here, _ in paths(connection._pc)} == {"relay"}
        # A caller who comes back is relayed too.
        new = await phone.call(instead_of=leg)
        await new.hears()
        assert paths(new.pc) == {("host", "relay")}

    on_the_phone(test, ice=Ice(relay_only=True, turn=coturn.login(transport)))
    assert coturn.log.count("ALLOCATE processed, success") == 2
    # Both allocations were given back, not left to expire.
    assert coturn.log.count("refreshed, realm=<test>") >= 2
    assert SECRET not in coturn.log


def test_callers_use_the_credentials_they_are_given(coturn: Coturn) -> None:
    async def test(phone: Phone, peers: list[Any], sessions: Any) -> None:
        given = (await phone.http.post("/start", json={})).json()
        if not coturn.secret:  # a user's own password is given to nobody
            assert "iceConfig" not in given
            return
        servers = [RTCIceServer(**each) for each in given["iceConfig"]["iceServers"]]
        relayed = RTCConfiguration(iceServers=servers, iceTransportPolicy=RTCIceTransportPolicy.RELAY)
        leg = await phone.call(loopback=False, config=relayed)
        await leg.hears()
        assert {here for here, _ in paths(leg.pc)} == {"relay"}

    on_the_phone(test, ice=Ice(loopback=True, turn=coturn.login()))


def test_wrong_credentials_are_told_and_do_no_harm(coturn: Coturn, caplog: pytest.LogCaptureFixture) -> None:
    async def test(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = await phone.call()
        await leg.hears()
        assert paths(leg.pc) == {("host", "host")}

    on_the_phone(test, ice=Ice(loopback=True, turn=coturn.login(secret="south", password="closed barley")))
    assert f"turn:127.0.0.1:{coturn.port}?transport=udp gave no relay address" in caplog.text
    assert "closed barley" not in caplog.text


def test_a_turn_server_that_is_down(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody answers there: the answer waits a bounded time, and the call is made without."""

    async def test(phone: Phone, peers: list[Any], sessions: Any) -> None:
        began = anyio.current_time()
        leg = await phone.call()
        assert anyio.current_time() - began < GATHER_SECONDS + 2
        await leg.hears()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        url = f"turn:127.0.0.1:{deaf.getsockname()[1]}"
        on_the_phone(test, ice=Ice(loopback=True, turn=Turn(url, secret=SECRET)))
    assert "gave no relay address" in caplog.text
