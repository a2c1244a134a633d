"""Candidates: which addresses are offered, and which of the other side's are worth a try."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

LOOPBACK = "127.0.0.1"
MDNS_LINE = re.compile(r"^a=candidate:\S+ \d+ \S+ \d+ \S+\.local \S.*\r?\n?", re.MULTILINE | re.IGNORECASE)


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


def _ice_connections(pc: Any) -> Iterator[Any]:
    owners = [transceiver.receiver for transceiver in pc.getTransceivers()]
    if pc.sctp is not None:
        owners.append(pc.sctp)
    for owner in owners:
        yield owner.transport.transport.iceGatherer._connection


def only_loopback(pc: Any) -> None:
    """Make an aiortc peer connection offer 127.0.0.1 alone, which aioice otherwise leaves out.

    For tests and machines with no other interface. Call it before `setLocalDescription`, which gathers.
    """
    for connection in {id(each): each for each in _ice_connections(pc)}.values():
        gather = connection.get_component_candidates

        async def gather_loopback(component: int, addresses: list[str], gather: Any = gather) -> Any:
            return await gather(component=component, addresses=[LOOPBACK])

        connection.get_component_candidates = gather_loopback
