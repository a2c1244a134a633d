"""Who is at the other end of the sockets that a loop waits on: another process or thread, or the loop itself.

Virtual time has to know: an answer from outside takes real time, one from a task on the same loop takes none.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

Name = Any
"""A socket's address, whatever its family."""


class Peers:
    """The stream connections among the watched file descriptors."""

    def __init__(self) -> None:
        self._connections: dict[int, Name] = {}
        """Descriptor → its peer's name; None while it is connecting."""
        self._ours: set[Name] = set()
        """The names of all sockets that were ever watched here."""
        self._idle: set[int] = set()

    def add(self, fd: int) -> None:
        """A descriptor is watched, or watched for something else."""
        self.remove(fd)
        ends = _ends(fd)
        if ends is not None:
            name, peer = ends
            self._ours.add(name)
            self._connections[fd] = peer

    def remove(self, fd: int) -> None:
        """A descriptor is watched no more."""
        self._connections.pop(fd, None)
        self._idle.discard(fd)

    def outside(self) -> bool:
        """Whether any connection waits for somebody who is not on this loop."""
        return any(fd not in self._idle and peer not in self._ours for fd, peer in self._connections.items())

    def inside(self) -> bool:
        """Whether any connection waits for a socket of this loop."""
        return any(peer in self._ours for peer in self._connections.values())

    def give_up(self) -> None:
        """All connections were silent for long: take them for idle until they are watched anew."""
        self._idle.update(self._connections)


def _ends(fd: int) -> tuple[Name, Name] | None:
    """The own and the peer's name of a stream connection, the peer's None while it is being made; None for
    whatever else the descriptor is."""
    try:
        sock = socket.socket(fileno=fd)
    except OSError:
        return None  # a pipe, or another file that is no socket
    try:
        if sock.type != socket.SOCK_STREAM or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return None
        if sock.family == socket.AF_UNIX:
            return _unix_ends(sock)
        try:
            return sock.getsockname(), sock.getpeername()
        except OSError:
            return sock.getsockname(), None
    finally:
        sock.detach()


def _unix_ends(sock: socket.socket) -> tuple[Name, Name] | None:
    """Unix sockets have no names to compare, but Linux tells the peer's process: our own is not outside."""
    if not hasattr(socket, "SO_PEERCRED"):
        return "unix", "elsewhere"
    try:
        pid, _, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except OSError:
        return None
    return None if pid == os.getpid() else ("unix", pid)
