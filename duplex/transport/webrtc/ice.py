"""Candidates: which addresses are offered, through which servers, and which of the other side's are worth a try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy

LOOPBACK = "127.0.0.1"
MDNS_LINE = re.compile(r"^a=candidate:\S+ \d+ \S+ \d+ \S+\.local \S.*\r?\n?", re.MULTILINE | re.IGNORECASE)
GATHER_SECONDS = 3
"""How long an answer waits for the STUN and TURN servers (aioice: 5); the answer must hold all candidates."""
CREDENTIAL_HOURS = 24
"""How long made credentials are good for: longer than any call, which goes on using them."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A TURN server, and how to log in: a user of it, or its shared secret. The secrets stand in no `repr`.

    Attributes:
        url: `turn:host:3478?transport=udp`.
        username, password: of a long-term user.
        secret: from which credentials are made that expire (coturn's `static-auth-secret`).
    """

    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)

    def credentials(self, now: datetime) -> tuple[str, str]:
        """User and password from `now` on; made of the secret as in draft-uberti-behave-turn-rest-00."""
        if not self.secret:
            return self.username, self.password
        user = f"{int((now + timedelta(hours=CREDENTIAL_HOURS)).timestamp())}:duplex"
        made = hmac.digest(self.secret.encode(), user.encode(), hashlib.sha1)
        return user, base64.b64encode(made).decode()


@dataclass(frozen=True, slots=True)
class Ice:
    """How connections are sought.

    Attributes:
        loopback: offer 127.0.0.1 alone, for tests and machines without another interface.
        relay_only: offer the TURN server's address alone, hiding this machine's own.
        stun: a STUN server, `stun:host:3478`.
        turn: a TURN server; aioice uses one.
    """

    loopback: bool = False
    relay_only: bool = False
    stun: str | None = None
    turn: Turn | None = None

    def configuration(self, now: datetime) -> RTCConfiguration:
        """For a peer connection made `now`."""
        servers = [RTCIceServer(urls=self.stun)] if self.stun else []
        if self.turn:
            user, password = self.turn.credentials(now)
            servers.append(RTCIceServer(urls=self.turn.url, username=user, credential=password))
        policy = RTCIceTransportPolicy.RELAY if self.relay_only else RTCIceTransportPolicy.ALL
        return RTCConfiguration(iceServers=servers, iceTransportPolicy=policy)

    def for_clients(self, now: datetime) -> list[dict[str, str]]:
        """The `iceServers` of a browser's peer connection; TURN only with credentials that expire."""
        servers = [{"urls": self.stun}] if self.stun else []
        if self.turn and self.turn.secret:
            user, password = self.turn.credentials(now)
            servers.append({"urls": self.turn.url, "username": user, "credential": password})
        return servers


def drop_mdns_candidates(sdp: str) -> str:
    """`sdp` without candidates named `*.local`.

    A page without microphone permission offers only those, and trying to resolve them costs a second; the
    browser's own checks reach us anyway.
    """
    return MDNS_LINE.sub("", sdp)


def is_mdns(candidate: str) -> bool:
    """Whether a trickled candidate line names a `*.local` host."""
    fields = candidate.split()
    return len(fields) > 4 and fields[4].lower().endswith(".local")


def _ice_transports(pc: Any) -> list[Any]:
    """The ICE transports of an aiortc peer connection; one, where its media are bundled."""

    def owned() -> Iterator[Any]:
        for transceiver in pc.getTransceivers():
            yield transceiver.receiver.transport.transport
        if pc.sctp is not None:
            yield pc.sctp.transport.transport

    return list({id(each): each for each in owned()}.values())


def limit_gathering(pc: Any, *, loopback: bool = False) -> None:
    """Bound the time in which candidates are gathered; with `loopback`, offer 127.0.0.1, which aioice leaves out.

    Call it before `setLocalDescription`, which gathers.
    """
    for transport in _ice_transports(pc):
        connection = transport.iceGatherer._connection
        gather = connection.get_component_candidates

        async def within_limits(component: int, addresses: list[str], gather: Any = gather) -> Any:
            own = [LOOPBACK] if loopback else addresses
            return await gather(component=component, addresses=own, timeout=GATHER_SECONDS)

        connection.get_component_candidates = within_limits


def only_loopback(pc: Any) -> None:
    """Make an aiortc peer connection offer 127.0.0.1 alone, which aioice otherwise leaves out."""
    limit_gathering(pc, loopback=True)


class Arrivals:
    """Counts what comes over a peer connection, and keeps out what would end it."""

    def __init__(self, pc: Any) -> None:
        """Call it between `setRemoteDescription` and `setLocalDescription`: transports are bundled by then.

        An empty datagram, which anybody can send to an open port, makes aiortc's reader fail and close the call.
        """
        self.packets = 0
        for transport in _ice_transports(pc):
            transport._recv = self._counted(transport._recv)

    def _counted(self, recv: Any) -> Any:
        async def counted() -> bytes:
            while True:
                data: bytes = await recv()
                if data:
                    self.packets += 1
                    return data

        return counted
