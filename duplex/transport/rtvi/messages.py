"""RTVI messages as they stand on the wire: the protocol of Pipecat's clients.

Clients drop what does not carry the label, and take an `id` only where it answers one of theirs.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

LABEL = "rtvi-ai"
VERSION = "2.1.0"
MAJOR = 2

Message = dict[str, Any]


def message(kind: str, data: Message | None = None, id: str | None = None) -> Message:
    """An RTVI message."""
    out: Message = {"label": LABEL, "type": kind}
    if id is not None:
        out["id"] = id
    if data is not None:
        out["data"] = data
    return out


def bot_ready(id: str) -> Message:
    """The answer to `client-ready`, which the client's `connect()` waits for, without a limit."""
    about = {"library": "duplex-voice", "library_version": version("duplex-voice")}
    capabilities = {
        "audio_in": True,
        "audio_out": True,
        "video_in": False,
        "screen_in": False,
        "video_out": False,
        "metrics": True,
    }
    return message("bot-ready", {"version": VERSION, "about": about, "capabilities": capabilities}, id)


def error_response(id: str, reason: str) -> Message:
    """The answer to a message that cannot be served."""
    return message("error-response", {"error": reason}, id)


def server_response(id: str, t: str, d: Message) -> Message:
    """The answer to the `client-message` of kind `t`."""
    return message("server-response", {"t": t, "d": d}, id)


def server_message(data: Message) -> Message:
    """What RTVI has no message for."""
    return message("server-message", data)


PEER_LEFT: Message = {"type": "signalling", "message": {"type": "peerLeft"}}
"""Sent before the server ends a call; without it a client tries to reconnect."""
