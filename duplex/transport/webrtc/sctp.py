"""What aiortc's SCTP association knows and does not tell: what is on its way, and what a client makes us keep.

All names that begin with an underscore are private to aiortc 1.16.0; the tests of reconnects and of floods fail when
they change.
"""

from __future__ import annotations

from typing import Any

from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    WEBRTC_STRING,
    tsn_plus_one,
)

MAX_PIECES = 4_096
"""Pieces of unfinished messages a client may make us keep; its window of 1 MiB holds 900 full ones."""


def idle(sctp: Any) -> bool:
    """Whether all that was sent has been acknowledged."""
    return not (sctp._data_channel_queue or sctp._outbound_queue or sctp._sent_queue)


def undelivered(sctp: Any) -> list[str]:
    """The text messages that the other side has not acknowledged, oldest first, also once the association is over."""
    texts, parts = list[str](), list[Any]()
    for piece in (*sctp._sent_queue, *sctp._outbound_queue):
        if piece.flags & SCTP_DATA_FIRST_FRAG:
            parts = []
        elif not parts or piece.tsn != tsn_plus_one(parts[-1].tsn):
            continue  # the rest of a message of which a part came through
        if not piece._acked and piece.protocol == WEBRTC_STRING:
            parts.append(piece)
            if piece.flags & SCTP_DATA_LAST_FRAG:
                texts.append(b"".join(each.user_data for each in parts).decode())
    waiting = (data for _, protocol, data in sctp._data_channel_queue if protocol == WEBRTC_STRING)
    return texts + [data.decode() for data in waiting]


def overfull(sctp: Any) -> bool:
    """Whether the other side sends more unfinished messages than its window allows."""
    pieces = sum(len(stream.reassembly) for stream in sctp._inbound_streams.values())
    return pieces > MAX_PIECES or sctp._advertised_rwnd < 0
